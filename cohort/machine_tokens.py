"""Tokens by which a machine may send images: made and revoked with ``manage.py machine_token``.

A token opens the STOW-RS address and nothing else; it reads nothing. It goes into ``Authorization:
Bearer TOKEN``, or for senders that know only HTTP basic, into the password beside the token's name.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.db.models.functions import Now
from django.http import Http404
from django.utils.crypto import constant_time_compare
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import status
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from cohort.models import MachineToken
from config.exceptions import RuleViolation

PREFIX = "odo_"
#: ``last_used_at`` is a hint for the operator, not worth a write per request.
_USED_EVERY = timedelta(minutes=1)


def create(*, name: str) -> str:
    """Make a token; its secret is returned here and nowhere else.

    Raises
    ------
    RuleViolation
        If there is a token of this name, or it is no name.
    """
    name = name.strip()
    if not name or len(name) > 64 or ":" in name:
        raise RuleViolation("A token's name has 1 to 64 characters and no colon.", code="bad_name")
    if MachineToken.objects.filter(name=name).exists():
        raise RuleViolation(f"There is a token named {name}.", code="name_taken")
    secret = PREFIX + secrets.token_urlsafe(32)
    MachineToken.objects.create(name=name, digest=_digest(secret))
    return secret


def revoke(*, name: str) -> None:
    """End a token's right at once. RuleViolation if no valid token has this name."""
    if not MachineToken.objects.filter(name=name, revoked_at=None).update(revoked_at=Now()):
        raise RuleViolation(f"No valid token is named {name}.", code="no_token")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def find(secret: str, name: str | None = None) -> MachineToken | None:
    """The valid token with this secret (and name, where one is given)."""
    token = MachineToken.objects.filter(digest=_digest(secret), revoked_at=None).first()
    if token is None or (name is not None and not constant_time_compare(name, token.name)):
        return None
    stale = Q(last_used_at=None) | Q(last_used_at__lt=Now() - _USED_EVERY)
    MachineToken.objects.filter(stale, pk=token.pk).update(last_used_at=Now())
    return token


@dataclass(frozen=True)
class Machine:
    """What ``request.user`` is for a token: signed in, with no role."""

    name: str
    role: str = ""
    is_authenticated: bool = True
    is_active: bool = True


class NotAccepted(APIException):
    status_code = status.HTTP_401_UNAUTHORIZED
    default_detail = "The token is unknown or revoked."
    auth_header = 'Bearer realm="images", Basic realm="images"'


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Any, MachineToken] | None:
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        name = None
        if scheme.lower() == "bearer":
            secret = value.strip()
        elif scheme.lower() == "basic":
            try:
                name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                raise NotAccepted from None
        else:
            return None
        token = find(secret, name)
        if token is None:
            raise NotAccepted
        return Machine(token.name), token


class MaySendImages(BasePermission):
    """A machine with a token, or the lead."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            return False
        if not isinstance(request.auth, MachineToken) and not getattr(request.user, "is_lead", False):
            raise Http404
        return True


class TokenScheme(OpenApiAuthenticationExtension):
    """How the API's page describes the token."""

    target_class = TokenAuthentication
    name = "machineToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer"}
