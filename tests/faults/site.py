"""One data folder with its database, queue and workers, all of them real."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis

from annotation.models import AuditEvent
from modeling import queries, runs, snapshot
from modeling.models import LabelSet, Run
from tests.modeling.study import imaged

ROOT = Path(__file__).resolve().parents[2]
LEASE = 3
#: An epoch of twelve patients takes some 0.3 s: long enough to be killed in, short enough to end.
TINY = ["depth=18", "grid=fit", "size=32", "amp=off", "checkpoint_seconds=0", "saliency=no", "onnx=no"]
PATIENTS = [0, 1] * 6


@dataclass
class Site:
    """One data folder with its database, queue and workers."""

    folder: Path
    database: str
    url: str = ""
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "ODONTOID_DATA_DIR": str(self.folder),
            "DATABASE_URL": f"sqlite://{self.database}",
            "REDIS_URL": self.url,
            "ODONTOID_RUN_LEASE_SECONDS": str(LEASE),
            "OMP_NUM_THREADS": "1",
        }

    def manage(self, *arguments: str) -> str:
        """Output of a management command, run as a web process would be: apart from the worker."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=240,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start_worker(self) -> subprocess.Popen[bytes]:
        """A trainer's worker, ready to take work."""
        log = self.folder / f"worker-{len(self.workers)}.log"
        command = [sys.executable, "-m", "celery", "-A", "config", "worker", "-Q", "gpu", "--pool", "solo"]
        with log.open("wb") as output:
            worker = subprocess.Popen(
                [*command, "--loglevel", "INFO", "-n", f"gpu{len(self.workers)}@%h"],
                cwd=ROOT, env=self.environment, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        self.workers.append(worker)
        wait_for(lambda: b" ready." in log.read_bytes(), "the worker is ready", log=log)
        return worker

    def launch(self, epochs: int, *settings: str) -> Run:
        """Queue a run of the one label set, as a web process would."""
        if not LabelSet.objects.exists():
            imaged(PATIENTS)
            snapshot.freeze(by=None, start_run=False)
        changed = (*TINY, f"epochs={epochs}", *settings)
        overrides = [word for setting in changed for word in ("--set", setting)]
        said = self.manage("train", "--profile", "paper", *overrides)
        return Run.objects.get(pk=int(said.split()[1]))

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url.replace("redis+socket", "unix"))


def wait_for(
    condition: Callable[[], Any], what: str, *, seconds: float = 180, log: Path | None = None
) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds} s for: {what}\n{log.read_text()[-3000:] if log else ''}")


def state_of(run: Run) -> str:
    run.refresh_from_db()
    return run.state


def checkpoints(run: Run) -> int:
    return queries.log_tail(run.pk).count('"event": "checkpoint"')


def trainers_of(run: Run) -> list[int]:
    """Ids of the processes that train this run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        out = f"{queries.run_directory(run.pk)}/".encode()
        if b"modeling.training" in words and any(word.startswith(out) for word in words):
            found.append(int(path.parent.name))
    return found


def attempts_kept(run: Run) -> int:
    return len(list(queries.run_directory(run.pk).glob("attempt-*")))


def assert_published_once(site: Site, run: Run) -> None:
    newest = site.folder / f"worker-{len(site.workers) - 1}.log"
    wait_for(lambda: state_of(run) not in runs.ACTIVE, "the run to end", log=newest)
    assert state_of(run) == Run.State.SUCCEEDED, run.error
    assert AuditEvent.objects.filter(verb="publish_run", object_id=str(run.pk)).count() == 1
    assert run.predictions.count() == len(PATIENTS)
    wait_for(lambda: attempts_kept(run) == 1, "the other attempts' files to go")
    wait_for(lambda: not trainers_of(run), "the trainer to be gone")
