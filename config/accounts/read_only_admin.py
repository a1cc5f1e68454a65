"""The admin's pages of study data: read-only, and for a study lead who is also staff.

An operator (staff without that role) sees none of it. Corrections go through the verbs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest

if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[Any]
else:
    _Admin = admin.ModelAdmin


class LeadReadsOnly(_Admin):
    def _is_lead(self, request: HttpRequest) -> bool:
        return bool(getattr(request.user, "is_lead", False))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._is_lead(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._is_lead(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
