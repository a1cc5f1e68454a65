"""Serves the built single-page app for every page route."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe


@require_safe
@ensure_csrf_cookie
def index(request: HttpRequest) -> HttpResponse:
    page = settings.FRONTEND_DIR / "index.html"
    try:
        html = page.read_bytes()
    except FileNotFoundError:
        return HttpResponse(
            "The front end is not built. Run `make build`, then start the server again.",
            status=503,
            content_type="text/plain",
        )
    response = HttpResponse(html)
    response["Cache-Control"] = "no-cache"  # names the hashed assets of the newest build
    return response
