"""A real queue, a real worker, a real training – and what is killed under them.

The embedded Redis-protocol server on a unix socket, ``celery worker -Q gpu --pool=solo`` and its
trainer, with a database file of their own; nothing is put in anybody's place.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import redis
from django.db import connection

from annotation.models import AuditEvent
from config import queue_server
from modeling import queries, runs, sending, snapshot
from modeling.models import Run
from tests.modeling.study import imaged

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]

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
            cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=60,
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

    def launch(self, epochs: int) -> Run:
        imaged(PATIENTS)
        snapshot.freeze(by=None, start_run=False)
        overrides = [word for setting in (*TINY, f"epochs={epochs}") for word in ("--set", setting)]
        said = self.manage("train", "--profile", "paper", *overrides)
        return Run.objects.get(pk=int(said.split()[1]))

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url.replace("redis+socket", "unix"))


def wait_for(condition: Callable[[], Any], what: str, *, seconds: float = 60, log: Path | None = None) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds} s for: {what}\n{log.read_text()[-3000:] if log else ''}")


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


def test_killed_worker_another_resumes_and_publishes_once(site: Site) -> None:
    worker = site.start_worker()
    run = site.launch(epochs=12)
    wait_for(lambda: checkpoints(run) >= 2, "two checkpoints")
    assert trainers_of(run)
    worker.kill()
    worker.wait()
    wait_for(lambda: not trainers_of(run), "the trainer to die with its worker", seconds=10)
    assert state_of(run) == Run.State.RUNNING  # nobody was left to say otherwise
    time.sleep(LEASE)
    site.start_worker()
    assert_published_once(site, run)
    assert (run.attempts, run.fence) == (2, 3)  # claimed, taken back, claimed
    first, second = (
        part.count('"event": "epoch"') for part in queries.log_tail(run.pk).split("== attempt 2")
    )
    assert second < 12, "the second attempt began with the first epoch again"
    assert first + second >= 12


def test_killed_trainer_is_started_again_and_a_stopped_worker_gives_back(site: Site) -> None:
    worker = site.start_worker()
    run = site.launch(epochs=400)
    wait_for(lambda: checkpoints(run) >= 1, "a checkpoint")
    for pid in trainers_of(run):
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: "== attempt 2" in queries.log_tail(run.pk), "a second attempt")
    wait_for(lambda: trainers_of(run), "its trainer")
    worker.terminate()
    wait_for(lambda: worker.poll() is not None, "the worker to end", log=site.folder / "worker-0.log")
    assert worker.returncode == 0
    assert (state_of(run), run.attempts) == (Run.State.QUEUED, 1)  # the kill counts, the stop does not
    assert trainers_of(run) == []


def test_a_queue_that_forgets_and_one_that_repeats(site: Site) -> None:
    run = site.launch(epochs=1)  # queued: nobody works yet
    client = site.client()
    assert client.llen("gpu") == 1
    client.flushall()
    Run.objects.filter(pk=run.pk).update(sent_at=None, created_at=run.created_at - 2 * sending.UNSENT_AFTER)
    again = f"from modeling.tasks import train_run; [train_run.apply_async(({run.pk},)) for _ in range(4)]"
    site.manage("shell", "-c", "from modeling import sending; sending.reconcile();" + again)
    assert client.llen("gpu") == 5
    site.start_worker()
    assert_published_once(site, run)
    wait_for(lambda: not client.llen("gpu") and not client.hlen("unacked"), "all five messages")
    assert state_of(run) == Run.State.SUCCEEDED
    assert (run.attempts, run.fence) == (1, 1)
