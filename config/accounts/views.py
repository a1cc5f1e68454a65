"""Session login for the single-page app."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect, ensure_csrf_cookie
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.accounts.serializers import LoginIn, MeOut


def _me(user: AbstractBaseUser | AnonymousUser | None) -> dict[str, Any]:
    return MeOut({"user": user if user and user.is_authenticated else None}).data


@method_decorator([never_cache, ensure_csrf_cookie], name="dispatch")
class Me(APIView):
    permission_classes = [AllowAny]

    @extend_schema(responses=MeOut)
    def get(self, request: Request) -> Response:
        return Response(_me(request.user))


# SessionAuthentication checks CSRF only for requests that are already signed in; a login form
# needs the check too, or a stranger's page could sign a reader in as somebody else.
@method_decorator([never_cache, csrf_protect], name="dispatch")
class Login(APIView):
    permission_classes = [AllowAny]

    @extend_schema(request=LoginIn, responses={200: MeOut, 400: None})
    def post(self, request: Request) -> Response:
        form = LoginIn(data=request.data)
        form.is_valid(raise_exception=True)
        user = authenticate(request._request, **form.validated_data)
        if user is None:
            return Response(
                {"detail": "User name and password do not match, or the account is locked for a while."},
                status=status.HTTP_400_BAD_REQUEST,
            )
        login(request._request, user)
        return Response(_me(user))


@method_decorator(never_cache, name="dispatch")
class Logout(APIView):
    permission_classes = [AllowAny]

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        logout(request._request)
        response = Response(status=status.HTTP_204_NO_CONTENT)
        # One reader's images must not wait for the next at this desk. Not "storage": it would take with it
        # what this reader and others have only in this browser; the page removes what is to go.
        response["Clear-Site-Data"] = '"cache"'
        return response
