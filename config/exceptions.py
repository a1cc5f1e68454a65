"""Domain errors and how they leave the server."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from rest_framework import status
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_exception_handler


class RuleViolation(Exception):
    """A request that is well formed but breaks a rule of the study. Answers 409.

    Parameters
    ----------
    message
        What was refused, and why, in words a reader can act on.
    code
        Stable machine-readable key.
    extra
        Further JSON for the client, such as the newer draft in an edit conflict.
    """

    def __init__(self, message: str, code: str = "rule_violation", **extra: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.extra = extra


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    if isinstance(error, RuleViolation):
        return Response(
            {"detail": error.message, "code": error.code, **error.extra}, status=status.HTTP_409_CONFLICT
        )
    if isinstance(error, Http404):
        # Django's own message names the model that was looked for; refused and missing must look the same.
        error = Http404()
    return drf_exception_handler(error, context)
