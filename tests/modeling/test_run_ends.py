"""Cancelling a run in every state, and taking back what fell silent or was never sent."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from annotation.models import AuditEvent
from config.exceptions import RuleViolation
from modeling import runs, sending
from modeling.models import Run
from tests.modeling.run_rows import age, claimed, fresh, publish, silence

pytestmark = pytest.mark.django_db
State = Run.State


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
