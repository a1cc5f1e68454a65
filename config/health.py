"""GET /healthz: is the server up, can it reach its database and its queue?"""

from __future__ import annotations

import redis
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, JsonResponse


def queue_client() -> redis.Redis:
    """A client of the Celery broker; Kombu's ``redis+socket`` scheme is ``unix`` to redis-py."""
    url = settings.REDIS_URL.replace("redis+socket://", "unix://", 1)
    return redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)


def healthz(request: HttpRequest) -> JsonResponse:
    """200 while the database answers; a lost queue is reported and degrades nothing but training."""
    checks = {}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        checks["database"] = "ok"
    except Exception as error:  # any driver's error: the check is whether it works
        checks["database"] = type(error).__name__
    try:
        queue_client().ping()
        checks["queue"] = "ok"
    except redis.RedisError as error:
        checks["queue"] = type(error).__name__
    healthy = checks["database"] == "ok"
    response = JsonResponse(
        {"status": "ok" if healthy else "failing", **checks}, status=200 if healthy else 503
    )
    response["Cache-Control"] = "no-store"
    return response
