"""A real queue, a real worker, a real training – and what is killed under them.

The embedded Redis-protocol server on a unix socket, ``celery worker -Q gpu --pool=solo`` and its
trainer, with a database file of their own; nothing is put in anybody's place.
"""

from __future__ import annotations

import os
import signal
import time

import pytest

from modeling import queries, sending
from modeling.models import Run
from tests.faults.site import (
    LEASE,
    Site,
    assert_published_once,
    checkpoints,
    state_of,
    trainers_of,
    wait_for,
)

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]


def test_killed_worker_another_resumes_and_publishes_once(site: Site) -> None:
    worker = site.start_worker()
    run = site.launch(epochs=12)
    wait_for(lambda: checkpoints(run) >= 2, "two checkpoints")
    assert trainers_of(run)
    worker.kill()
    worker.wait()
    wait_for(lambda: not trainers_of(run), "the trainer to die with its worker")
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
