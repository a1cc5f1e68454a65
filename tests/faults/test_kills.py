"""Random ``kill -9`` of workers and trainers: no run is lost, none is published twice, none changes.

``ODONTOID_KILLS=50`` asks for more than the few that every test run can afford.
"""

from __future__ import annotations

import os
import random
import signal
import time

import pytest

from annotation.models import AuditEvent
from config import queue_server
from modeling import queries, runs
from modeling.models import Run
from tests.faults.site import PATIENTS, Site, checkpoints, state_of, trainers_of, wait_for

KILLS = int(os.environ.get("ODONTOID_KILLS", "2"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(900 + 30 * KILLS),
]
FOLDED = (
    "split=kfold", "folds=2", "inner_folds=0", "threshold_rule=train", "calibration=none",
)  # fmt: skip


def reconcile(site: Site) -> None:
    """What beat does every 30 s."""
    site.manage("shell", "-c", "from modeling import sending; sending.reconcile()")


def test_random_kills(site: Site) -> None:
    rng = random.Random(KILLS)
    site.start_worker()
    waiting = [site.launch(4)]
    if KILLS >= 10:
        waiting += [site.launch(4), site.launch(2, *FOLDED)]
    kills = {"worker": 0, "trainer": 0}
    retried = 0
    while sum(kills.values()) < KILLS:
        if all(state_of(run) == Run.State.SUCCEEDED for run in waiting):
            waiting.append(site.launch(rng.choice((2, 4))))
        time.sleep(rng.uniform(0, 3))
        trainers = [pid for run in waiting for pid in trainers_of(run)]
        if trainers and rng.random() < 0.5:
            os.kill(rng.choice(trainers), signal.SIGKILL)
            kills["trainer"] += 1
        else:
            site.workers[-1].kill()
            site.workers[-1].wait()
            kills["worker"] += 1
            site.start_worker()  # which takes back what has fallen silent
        for run in waiting:
            if state_of(run) == Run.State.FAILED:
                # Three lost attempts are an honest end; the run is there, says why, and can go on.
                assert "killed" in run.error or "Started 3 times" in run.error, run.error
                runs.retry(run=run, by=None)
                retried += 1
    deadline = time.monotonic() + 400 + 5 * KILLS
    # Not only while one is active: a kill's third lost attempt may be found here, when the rest is done.
    while any(state_of(run) != Run.State.SUCCEEDED for run in waiting) and time.monotonic() < deadline:
        reconcile(site)
        for run in waiting:
            if state_of(run) == Run.State.FAILED:
                runs.retry(run=run, by=None)
                retried += 1
        time.sleep(1)
    print(f"{kills} kills, {len(waiting)} runs, {retried} retries after three lost attempts")
    assert [state_of(run) for run in waiting] == [Run.State.SUCCEEDED] * len(waiting)
    scores: dict[str, list[tuple[str, str, float]]] = {}
    for run in waiting:
        assert AuditEvent.objects.filter(verb="publish_run", object_id=str(run.pk)).count() == 1
        folds = 1 + bool(run.parts.count())
        assert run.predictions.count() == len(PATIENTS) * folds
        wait_for(lambda run=run: not trainers_of(run), "its trainer to be gone")  # type: ignore[misc]
        rows = sorted(run.predictions.values_list("patient", "split", "score"))
        # Same recipe, same seed: whatever was killed, the same scores to the last bit.
        assert rows == scores.setdefault(str(run.recipe), rows)


def test_a_queue_that_dies_and_forgets_under_a_running_training(site: Site) -> None:
    site.start_worker()
    run = site.launch(epochs=20)
    wait_for(lambda: checkpoints(run) >= 1, "a checkpoint")
    client = site.client()
    client.flushall()
    server = client.info("server")["process_id"]
    os.kill(server, signal.SIGKILL)
    wait_for(lambda: state_of(run) not in runs.ACTIVE, "the training to end without a queue")
    assert (state_of(run), run.error, run.attempts) == (Run.State.SUCCEEDED, "", 1)
    with queue_server.running(site.folder / "queue"):
        # The next run goes through the queue that came back, to the same worker or to its successor.
        second = site.launch(epochs=1)

        def ended() -> bool:
            if site.workers[-1].poll() is not None:
                site.start_worker()
            return state_of(second) not in runs.ACTIVE

        wait_for(ended, "the next run")
        assert state_of(second) == Run.State.SUCCEEDED
    for one in (run, second):
        assert AuditEvent.objects.filter(verb="publish_run", object_id=str(one.pk)).count() == 1
    assert queries.published_file(run, "result.json").is_file()
