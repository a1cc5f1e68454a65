"""GET /healthz."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import queue_server

pytestmark = pytest.mark.django_db


def test_lost_queue_is_reported_and_not_fatal(client, settings, tmp_path: Path) -> None:
    settings.REDIS_URL = f"redis+socket://{tmp_path / 'nobody.sock'}"
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json()["database"] == "ok"
    assert answer.json()["queue"] != "ok"


def test_embedded_queue_answers(client, settings, tmp_path: Path) -> None:
    with queue_server.running(tmp_path) as url:
        settings.REDIS_URL = url
        assert client.get("/healthz").json() == {"status": "ok", "database": "ok", "queue": "ok"}
