"""Role checks for views. What a reader may see of a study's rows is decided in annotation.queries.

A refused route answers the 404 of a missing one, byte for byte: a reader must not learn from
the status which pages, runs or cases exist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from config.accounts.models import Role

if TYPE_CHECKING:  # rest_framework.views reads the settings that name this module
    from rest_framework.views import APIView


class Nobody(BasePermission):
    """The default: a view that names no permission is closed."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return False


class _HasRole(BasePermission):
    roles: frozenset[str] = frozenset()

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not request.user.is_authenticated:
            return False  # 403: the client shows the login page
        if request.user.role not in self.roles:
            raise Http404
        return True


class IsLead(_HasRole):
    roles = frozenset({Role.LEAD})


class IsReader(_HasRole):
    roles = frozenset({Role.OBSERVER, Role.ADJUDICATOR})


class IsObserver(_HasRole):
    roles = frozenset({Role.OBSERVER})


class IsSignedIn(_HasRole):
    roles = frozenset(Role.values)
