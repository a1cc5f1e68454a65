"""Runs the whole application on one machine: queue, web server, workers.

Meant for the default start and for the browser tests. In production each of these is a service
of its own (docker/compose.yml); this module is then not used.
"""

from __future__ import annotations

import os
import shlex
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from multiprocessing import Event as process_event
from pathlib import Path

from django.conf import settings
from honcho.manager import Manager
from honcho.printer import Printer

from config import queue_server

_PYTHON = sys.executable
START_TIMEOUT = 120.0


def commands(host: str, port: int) -> dict[str, list[str]]:
    """Name → argument list of each child process."""
    celery = [_PYTHON, "-m", "celery", "-A", "config", "worker", "--loglevel", "INFO"]
    children = {
        "web": [
            *(_PYTHON, "-m", "gunicorn", "config.wsgi", "--bind", f"{host}:{port}"),
            # Threads, because a page of thirty frames waits for the disk more than for Python.
            *("--worker-class", "gthread", "--workers", "2", "--threads", "8", "--timeout", "120"),
            *("--graceful-timeout", "3", "--preload"),  # loaded once, for both workers
        ],
        "worker": [*celery, "-Q", "default", "--concurrency", "1", "-n", "default@%h", "--beat"],
        "trainer": [*celery, "-Q", "gpu", "--pool", "solo", "-n", "gpu@%h"],
    }
    if settings.REDIS_URL.endswith(str(settings.BROKER_SOCKET)):
        children = {"queue": queue_server.command(settings.BROKER_SOCKET.parent), **children}
    return children


def serve(host: str, port: int, on_ready: Callable[[str], None]) -> int:
    """Start every child, call ``on_ready(url)`` once /healthz answers, stop all on Ctrl-C.

    Each child's output goes to ``var/logs/<name>.log``. If one child ends, the others are stopped
    and its exit status is returned.
    """
    url = f"http://{host}:{port}/"
    logs = settings.DATA_DIR / "logs"
    logs.mkdir(exist_ok=True)
    settings.BROKER_SOCKET.parent.mkdir(exist_ok=True)
    manager = Manager(Printer(sys.stdout, colour=False, prefix=False))
    # Celery's warm shutdown on SIGTERM is the right one: the trainer's task sees it, writes a checkpoint
    # and gives the run back. A cold one sleeps through the time that is left before SIGKILL.
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    for name, command in commands(host, port).items():
        log = shlex.quote(str(logs / f"{name}.log"))
        manager.add_process(
            name, f"exec {shlex.join(command)} >>{log} 2>&1", env=environment, cwd=str(settings.BASE_DIR)
        )
    stopped = process_event()
    watcher = threading.Thread(target=_announce, args=(url, logs, on_ready, stopped.is_set), daemon=True)
    watcher.start()
    manager.loop()
    stopped.set()
    watcher.join(2)
    return int(manager.returncode or 0)


def _announce(url: str, logs: Path, on_ready: Callable[[str], None], stopped: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and not stopped():
        try:
            with urllib.request.urlopen(url + "healthz", timeout=5) as response:
                if response.status == 200:
                    on_ready(url)
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    if not stopped():
        print(f"The server did not answer within {START_TIMEOUT:.0f} s; see {logs}/web.log", flush=True)
