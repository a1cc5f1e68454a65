"""The life of a run's row: one claim at a time, one end, whatever messages and workers do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from annotation.models import AuditEvent
from modeling import runs, sending, tasks
from modeling.models import LabelSet, Prediction, Run
from modeling.recipe import RecipeError
from modeling.results import Result
from modeling.runs import Claim, LostClaim
from tests.modeling.run_rows import age, claimed, fresh, publish, result_of, silence

pytestmark = pytest.mark.django_db
State = Run.State


# --- Creating


def test_the_whole_recipe_is_stored(label_set: LabelSet, lead: Any) -> None:
    run = runs.create(label_set=label_set, profile="paper", overrides=["epochs=3"], seed=11, by=lead)
    assert run.recipe["epochs"] == 3
    assert run.recipe["lr"] == 1e-4
    assert run.seed == run.recipe["seed"] == 11
    assert (run.state, run.created_by) == (State.QUEUED, lead)
    assert AuditEvent.objects.get(verb="create_run").detail["label_set"] == label_set.hash


@pytest.mark.parametrize(
    ("profile", "overrides"),
    [("paper", ["epoch=3"]), ("paper", {"epochs": "3"}), ("paper", ["epochs=0"]), ("best", [])],
)
def test_a_wrong_recipe_creates_nothing(label_set: LabelSet, profile: str, overrides: Any) -> None:
    with pytest.raises(RecipeError):
        runs.create(label_set=label_set, profile=profile, overrides=overrides, by=None)
    assert not Run.objects.exists()


def test_the_id_is_sent_after_the_commit(
    label_set: LabelSet, sent: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        run = runs.create(label_set=label_set, profile="paper", by=None)
        assert sent == []
    assert sent == [run.pk]
    assert fresh(run).sent_at is not None


def test_a_queue_that_is_down_loses_nothing(
    label_set: LabelSet, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    from kombu.exceptions import OperationalError

    def down(*_: Any, **__: Any) -> None:
        raise OperationalError("No such file or directory")

    with monkeypatch.context() as patch:
        patch.setattr(tasks.train_run, "apply_async", down)
        with django_capture_on_commit_callbacks(execute=True):
            run = runs.create(label_set=label_set, profile="paper", by=None)
    assert (fresh(run).state, run.sent_at) == (State.QUEUED, None)
    age(run, created_at=sending.UNSENT_AFTER * 2)
    assert sending.reconcile().sent == [run.pk]


# --- Claiming


def test_a_claim_starts_the_run(run: Run) -> None:
    before = timezone.now()
    claim = claimed(run)
    after = timezone.now()
    fresh(run)
    assert claim == Claim(run.pk, 1)
    assert (run.state, run.fence, run.attempts) == (State.RUNNING, 1, 1)
    assert run.started_at is not None
    assert run.lease_until is not None
    assert (run.lease_until - before).total_seconds() > 55
    assert (run.lease_until - after).total_seconds() < 65


def test_a_running_run_cannot_be_claimed(run: Run) -> None:
    claimed(run)
    assert [runs.claim(run.pk) for _ in range(5)] == [None] * 5
    assert fresh(run).attempts == 1


def test_a_run_whose_worker_fell_silent_can(run: Run) -> None:
    first = claimed(run)
    started = fresh(run).started_at
    silence(run)
    second = claimed(run)
    assert second.fence == first.fence + 1
    assert (fresh(run).attempts, run.started_at) == (2, started)


def test_no_fourth_attempt(run: Run) -> None:
    for _ in range(runs.MAX_ATTEMPTS):
        claimed(run)
        silence(run)
    assert runs.claim(run.pk) is None


def test_an_unknown_run_is_nothing_to_claim(db: None) -> None:
    assert runs.claim(999) is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("silent", [False, True], ids=["queued", "silent"])
def test_of_sixteen_workers_at_once_one_gets_it(run: Run, silent: bool) -> None:
    if silent:
        claimed(run)
        silence(run)
    before = fresh(run).attempts
    workers = 16
    start = threading.Barrier(workers)

    def work(_: int) -> Claim | None:
        try:
            start.wait(20)
            return runs.claim(run.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(workers) as pool:
        claims = [claim for claim in pool.map(work, range(workers)) if claim is not None]
    assert len(claims) == 1
    fresh(run)
    assert (run.fence, run.attempts) == (claims[0].fence, before + 1)


# --- The fence


def stale_claim(run: Run) -> Claim:
    """A claim that somebody else's has overtaken."""
    old = claimed(run)
    silence(run)
    claimed(run)
    return old


STALE_WRITES: dict[str, Callable[[Claim, Run], Any]] = {
    "heartbeat": lambda claim, run: runs.heartbeat(claim, progress={"epoch": 99}),
    "publish": publish,
    "fail": lambda claim, run: runs.fail(claim, "late"),
    "end_cancelled": lambda claim, run: runs.end_cancelled(claim),
    "give_back": lambda claim, run: runs.give_back(claim, "late"),
}


@contextmanager
def unchanged(run: Run) -> Iterator[None]:
    before = Run.objects.values().get(pk=run.pk), AuditEvent.objects.count()
    yield
    assert (Run.objects.values().get(pk=run.pk), AuditEvent.objects.count()) == before
    assert not Prediction.objects.exists()


@pytest.mark.parametrize("write", STALE_WRITES)
def test_an_overtaken_worker_writes_nothing(run: Run, write: str) -> None:
    old = stale_claim(run)
    with unchanged(run), pytest.raises(LostClaim), transaction.atomic():
        STALE_WRITES[write](old, run)


@pytest.mark.parametrize("write", STALE_WRITES)
def test_nobody_writes_to_a_run_that_was_taken_back(run: Run, write: str) -> None:
    old = claimed(run)
    silence(run)
    assert sending.reconcile().requeued == [run.pk]
    with unchanged(run), pytest.raises(LostClaim), transaction.atomic():
        STALE_WRITES[write](old, run)


@pytest.mark.parametrize("write", [name for name in STALE_WRITES if name != "publish"])
def test_nobody_writes_to_a_run_that_has_ended(run: Run, write: str) -> None:
    claim = claimed(run)
    runs.fail(claim, "the reason")
    with unchanged(run), pytest.raises(LostClaim), transaction.atomic():
        STALE_WRITES[write](claim, run)


# --- Heartbeat


def test_a_heartbeat_renews_the_lease_and_reports(run: Run) -> None:
    claim = claimed(run)
    before = timezone.now()
    Run.objects.filter(pk=run.pk).update(lease_until=before + timedelta(seconds=2))
    assert runs.heartbeat(claim, progress={"epoch": 3, "device": "CPU, 2 threads"}) is False
    fresh(run)
    assert run.lease_until is not None
    assert (run.lease_until - before).total_seconds() > 55
    assert (run.progress["epoch"], run.device) == (3, "CPU, 2 threads")


def test_a_late_heartbeat_keeps_a_run_nobody_took(run: Run) -> None:
    claim = claimed(run)
    silence(run)
    runs.heartbeat(claim)
    assert runs.claim(run.pk) is None


# --- Ends


def test_publishing_writes_everything_once(run: Run) -> None:
    claim = claimed(run)
    publish(claim, run)
    for _ in range(5):
        with pytest.raises(LostClaim), transaction.atomic():
            publish(claim, run)
    fresh(run)
    assert (run.state, run.path, run.code_version) == (State.SUCCEEDED, f"{run.pk}/attempt-1", "abc123")
    assert run.finished_at is not None
    assert run.lease_until is None
    assert Prediction.objects.get().run == run
    assert AuditEvent.objects.filter(verb="publish_run").count() == 1


def test_predictions_and_result_are_published_together_or_not_at_all(run: Run) -> None:
    claim = claimed(run)
    twice = Result(result_of(run).content, [*result_of(run).predictions, *result_of(run).predictions])
    with pytest.raises(Exception, match=r"(?i)unique"), transaction.atomic():
        runs.publish(claim, path="1/attempt-1", result=twice)
    assert (fresh(run).state, run.result, run.path) == (State.RUNNING, None, "")


def test_a_failure_keeps_its_reason(run: Run) -> None:
    runs.fail(claimed(run), "patient p00: no such file")
    assert (fresh(run).state, run.error) == (State.FAILED, "patient p00: no such file")


def test_given_back_it_is_queued_and_sent(
    run: Run, sent: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    claim = claimed(run)
    with django_capture_on_commit_callbacks(execute=True):
        assert runs.give_back(claim, "killed") == State.QUEUED
    assert sent == [run.pk]
    assert (fresh(run).state, run.attempts, run.lease_until) == (State.QUEUED, 1, None)


def test_given_back_three_times_it_fails_with_the_last_reason(run: Run) -> None:
    for _ in range(2):
        assert runs.give_back(claimed(run), "killed") == State.QUEUED
    assert runs.give_back(claimed(run), "killed") == State.FAILED
    assert fresh(run).error == "killed (attempt 3 of 3)"


def test_a_worker_that_is_stopped_costs_no_attempt(run: Run) -> None:
    for _ in range(10):
        runs.give_back(claimed(run), "stopped", counts=False)
    assert (fresh(run).state, run.attempts, run.fence) == (State.QUEUED, 0, 10)
