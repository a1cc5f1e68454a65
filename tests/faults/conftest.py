"""A real queue and real workers, with a database file of their own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from config import queue_server
from tests.faults.site import LEASE, Site


@pytest.fixture
def site(settings: Any) -> Iterator[Site]:
    settings.RUN_LEASE_SECONDS = LEASE
    # pytest's own temporary directories are too long for a socket's path.
    with tempfile.TemporaryDirectory(prefix="odf") as name:
        folder = Path(name)
        for setting, sub in (
            ("IMAGE_STORE_DIR", "images"),
            ("RUNS_DIR", "runs"),
            ("LABEL_SETS_DIR", "label_sets"),
            ("PLANES_DIR", "planes"),
        ):
            setattr(settings, setting, folder / sub)
        database = str(connection.settings_dict["NAME"])
        assert connection.vendor == "sqlite", "the workers open the test's database by its file"
        here = Site(folder, database)
        with queue_server.running(folder / "queue") as here.url:
            try:
                yield here
            finally:
                for worker in here.workers:
                    worker.kill()
                    worker.wait()
