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
from config.exceptions import RuleViolation
from modeling import runs, sending, snapshot, tasks
from modeling.models import LabelSet, Prediction, Run
from modeling.recipe import RecipeError
from modeling.results import Result
from modeling.runs import Claim, LostClaim
from tests.modeling.study import labelled

pytestmark = pytest.mark.django_db
State = Run.State


@pytest.fixture
def label_set(sent: list[int]) -> LabelSet:
    labelled([0, 1, 0, 1])
    return snapshot.freeze(by=None, start_run=False)


@pytest.fixture
def run(label_set: LabelSet) -> Run:
    return runs.create(label_set=label_set, profile="paper", by=None)


def claimed(run: Run) -> Claim:
    claim = runs.claim(run.pk)
    assert claim is not None
    return claim


def silence(run: Run) -> None:
    """The worker of this run reports no more, and its lease is over."""
    Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def age(run: Run, **fields: timedelta) -> None:
    Run.objects.filter(pk=run.pk).update(**{name: timezone.now() - past for name, past in fields.items()})


def fresh(run: Run) -> Run:
    run.refresh_from_db()
    return run


def result_of(run: Run) -> Result:
    content = {"environment": {"code_version": "abc123"}, "metrics": {"auc": None}}
    row = Prediction(
        run_id=run.pk, patient="p00", split="test", outcome=0, logit=-1.0, score=0.27, threshold=0.5
    )
    return Result(content, [row])


def publish(claim: Claim, run: Run) -> None:
    runs.publish(claim, path=f"{run.pk}/attempt-{claim.fence}", result=result_of(run))


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
    claim = claimed(run)
    fresh(run)
    assert claim == Claim(run.pk, 1)
    assert (run.state, run.fence, run.attempts) == (State.RUNNING, 1, 1)
    assert run.started_at is not None
    assert run.lease_until is not None
    assert 55 < (run.lease_until - timezone.now()).total_seconds() < 65


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
    Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() + timedelta(seconds=2))
    assert runs.heartbeat(claim, progress={"epoch": 3, "device": "CPU, 2 threads"}) is False
    fresh(run)
    assert run.lease_until is not None
    assert (run.lease_until - timezone.now()).total_seconds() > 55
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


# --- Cancelling, in every state


def test_cancel_queued(run: Run, lead: Any) -> None:
    assert runs.cancel(run=run, by=lead).state == State.CANCELLED
    assert fresh(run).finished_at is not None
    assert runs.claim(run.pk) is None
    assert AuditEvent.objects.get(verb="cancel_run").actor == lead


def test_cancel_running(run: Run, lead: Any) -> None:
    claim = claimed(run)
    assert runs.cancel(run=run, by=lead).state == State.RUNNING
    assert runs.heartbeat(claim) is True
    runs.end_cancelled(claim)
    assert fresh(run).state == State.CANCELLED


def test_cancel_running_whose_worker_is_gone(run: Run, lead: Any) -> None:
    claimed(run)
    runs.cancel(run=run, by=lead)
    silence(run)
    assert runs.claim(run.pk) is None
    assert sending.reconcile().cancelled == [run.pk]
    assert fresh(run).state == State.CANCELLED


def test_cancel_while_the_worker_gives_back(run: Run, lead: Any) -> None:
    claim = claimed(run)
    runs.cancel(run=run, by=lead)
    assert runs.give_back(claim, "killed") == State.CANCELLED
    assert fresh(run).finished_at is not None


@pytest.mark.parametrize("running", [False, True])
def test_cancelling_twice_is_cancelling_once(run: Run, lead: Any, running: bool) -> None:
    if running:
        claimed(run)
    first = runs.cancel(run=run, by=lead)
    assert runs.cancel(run=run, by=lead).state == first.state
    assert AuditEvent.objects.filter(verb="cancel_run").count() == 1


@pytest.mark.parametrize("end", ["failed", "succeeded"])
def test_cancel_ended(run: Run, lead: Any, end: str) -> None:
    claim = claimed(run)
    publish(claim, run) if end == "succeeded" else runs.fail(claim, "reason")
    with pytest.raises(RuleViolation, match=f"has {end}"):
        runs.cancel(run=run, by=lead)
    assert fresh(run).cancel_requested is False


def test_a_failure_that_came_before_the_cancelling_can_be_retried(run: Run, lead: Any) -> None:
    claim = claimed(run)
    runs.cancel(run=run, by=lead)
    runs.fail(claim, "reason")
    runs.retry(run=run, by=lead)
    assert (fresh(run).state, run.cancel_requested) == (State.QUEUED, False)
    assert runs.claim(run.pk) is not None


# --- Reconciling


def test_nothing_to_reconcile(run: Run, sent: list[int]) -> None:
    age(run, sent_at=timedelta(seconds=30))
    assert sending.reconcile() == sending.Reconciled([], [], [], [])
    assert sent == []


def test_a_crash_between_commit_and_send(run: Run, sent: list[int]) -> None:
    Run.objects.filter(pk=run.pk).update(sent_at=None)
    assert sending.reconcile().sent == []  # it may be about to be sent
    age(run, created_at=sending.UNSENT_AFTER + timedelta(seconds=1))
    assert sending.reconcile().sent == [run.pk]
    assert sending.reconcile().sent == []
    assert sent == [run.pk]


def test_a_message_that_got_lost(run: Run, sent: list[int]) -> None:
    age(run, sent_at=sending.RESEND_AFTER + timedelta(seconds=1), created_at=timedelta(hours=1))
    assert sending.reconcile().sent == [run.pk]
    assert sending.reconcile().sent == []
    assert sent == [run.pk]


def test_a_silent_worker(run: Run, sent: list[int], django_capture_on_commit_callbacks: Any) -> None:
    claimed(run)
    silence(run)
    with django_capture_on_commit_callbacks(execute=True):
        assert sending.reconcile().requeued == [run.pk]
    assert sent == [run.pk]
    assert (fresh(run).state, run.attempts, run.fence) == (State.QUEUED, 1, 2)


def test_a_live_worker_is_left_alone(run: Run) -> None:
    claimed(run)
    assert sending.reconcile().requeued == []
    assert fresh(run).state == State.RUNNING


def test_silent_for_the_third_time(run: Run) -> None:
    for _ in range(2):
        claimed(run)
        silence(run)
        sending.reconcile()
    claimed(run)
    silence(run)
    assert sending.reconcile().failed == [run.pk]
    assert fresh(run).state == State.FAILED
    assert "Started 3 times" in run.error


@pytest.mark.django_db(transaction=True)
def test_eight_reconcilers_at_once_take_a_run_back_once(run: Run) -> None:
    claimed(run)
    silence(run)
    start = threading.Barrier(8)

    def work(_: int) -> list[int]:
        try:
            start.wait(20)
            return sending.reconcile().requeued
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        taken = [ids for ids in pool.map(work, range(8)) if ids]
    assert taken == [[run.pk]]
    assert AuditEvent.objects.filter(verb="requeue_run").count() == 1
