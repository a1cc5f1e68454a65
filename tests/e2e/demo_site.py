"""A running demo for the browser: one already served (``ODONTOID_E2E_URL``), or one started here."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
#: Enough patients for both outcomes in both splits, small enough to be ready in a minute.
PATIENTS = 24
OVERRIDES = "depth=18,grid=fit,size=64,epochs=2"
START_TIMEOUT = 1200.0
#: Where a server keeps the key that it drew for itself.
PSEUDONYM_KEY = "odontoid_pseudonym_key.txt"


@dataclass(frozen=True)
class Site:
    url: str
    #: None when somebody else runs the server.
    process: subprocess.Popen[str] | None = None
    data_dir: Path | None = None


@contextmanager
def running(data_dir: Path, patients: int = PATIENTS, overrides: str = OVERRIDES) -> Iterator[Site]:
    """Serve a demo under ``data_dir``; on leaving, Ctrl-C it and insist that nothing stays behind."""
    external = os.environ.get("ODONTOID_E2E_URL")
    if external:
        known = os.environ.get("ODONTOID_E2E_DATA_DIR")
        yield Site(external.rstrip("/") + "/", data_dir=Path(known) if known else None)
        return
    with serving(data_dir, "demo", "--patients", str(patients), ODONTOID_DEFAULT_OVERRIDES=overrides) as site:
        yield site


def environment(data_dir: Path, **more: str) -> dict[str, str]:
    """This process's environment with a data directory, and so a database, of its own; pseudonyms, and with
    them folds and splits, are the same each time."""
    (data_dir / PSEUDONYM_KEY).write_text("a key for tests only", encoding="ascii")
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    return {
        **kept,
        "ODONTOID_DATA_DIR": str(data_dir),
        "PYTHONUNBUFFERED": "1",
        # Other tests run beside this: two threads waiting for each other are slower than one.
        "OMP_NUM_THREADS": "1",
        **more,
    }


@contextmanager
def serving(data_dir: Path, *command: str, port: int | None = None, **variables: str) -> Iterator[Site]:
    """``manage.py COMMAND`` on a port, by default a free one, until the block ends; so must every child."""
    port = port or free_port()
    log = data_dir / "demo.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", *command, "--port", str(port)],
            cwd=ROOT,
            env=environment(data_dir, **variables),
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + START_TIMEOUT
        while not re.search(r"http://127\.0\.0\.1:\d+/", log.read_text()):
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the server did not start:\n{log.read_text()[-4000:]}")
            time.sleep(0.3)
        yield Site(f"http://127.0.0.1:{port}/", process, data_dir)
    finally:
        _stop(process, log)


def kill(site: Site) -> None:
    """Kill -9 the server with all its children, as a power cut would; what it wrote is what there is."""
    assert site.process is not None, "somebody else's server"
    parent = psutil.Process(site.process.pid)
    everybody = [parent, *parent.children(recursive=True)]
    for process in everybody:
        with suppress(psutil.NoSuchProcess):  # the queue ends by itself when its owner does
            process.kill()
    site.process.wait()
    psutil.wait_procs(everybody, timeout=60)


def _stop(process: subprocess.Popen[str], log: Path) -> None:
    """Ctrl-C, as a terminal sends it: to the whole foreground group. Every child must end with it."""
    if process.poll() is not None:
        return
    children = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(120)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise AssertionError(f"the demo did not stop on Ctrl-C:\n{log.read_text()[-4000:]}") from None
    _, left = psutil.wait_procs(children, timeout=60)
    names = [" ".join(child.cmdline()) for child in left]
    for child in left:
        child.kill()
    assert not names, f"the demo left behind: {names}"
