"""Headers that hold for every answer of the API."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


class NoStore:
    """``Cache-Control: no-store`` on every /api/ and /dicom-web/ answer that does not say otherwise.

    A shared desk must not show one reader's JSON to the next; only image frames, which name their
    own rule, may stay in the browser's cache.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.path.startswith(("/api/", "/dicom-web/")) and not response.has_header("Cache-Control"):
            response["Cache-Control"] = "no-store"
        return response
