"""A published run's trust report, asked for afterwards: its states, and who may change them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from annotation.models import AuditEvent
from config.exceptions import RuleViolation
from modeling import launch, queries, runs, sending, snapshot
from modeling.models import Run, TrustJob
from modeling.runs import LostClaim
from tests.modeling.study import labelled

pytestmark = pytest.mark.django_db
State = TrustJob.State


@pytest.fixture
def run(sent: list[int]) -> Run:
    labelled([0, 1] * 3)
    label_set = snapshot.freeze(by=None, start_run=False)
    run = runs.create(label_set=label_set, profile="paper", by=None, send=False)
    Run.objects.filter(pk=run.pk).update(state=State.SUCCEEDED, result={}, path=f"{run.pk}/attempt-1")
    queries.run_directory(run.pk).joinpath("attempt-1").mkdir(parents=True)
    run.refresh_from_db()
    return run


def job_of(run: Run) -> TrustJob:
    return TrustJob.objects.get(run=run)


def test_it_is_asked_for_once_at_a_time(
    run: Run, as_lead: APIClient, sent: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    url = f"/api/runs/{run.pk}/trust/"
    assert as_lead.get(url).json()["job"] is None
    with django_capture_on_commit_callbacks(execute=True):
        answer = as_lead.post(url)
    assert (answer.status_code, answer.json()["job"]["state"]) == (202, "queued")
    assert sent == [run.pk]
    again = as_lead.post(url)
    assert (again.status_code, again.json()["code"]) == (409, "trust_report_under_way")
    assert AuditEvent.objects.filter(verb="request_trust_report", object_id=str(run.pk)).count() == 1


def test_a_run_that_is_not_published_has_none(run: Run, as_lead: APIClient) -> None:
    Run.objects.filter(pk=run.pk).update(state=State.FAILED)
    assert as_lead.post(f"/api/runs/{run.pk}/trust/").status_code == 404
    with pytest.raises(RuleViolation, match="only a published one"):
        runs.request_trust(run=run, by=None)
    assert runs.claim(run.pk) is None


def test_one_worker_makes_it_and_says_how_far_it_is(run: Run, as_lead: APIClient) -> None:
    assert runs.claim(run.pk) is None, "nobody asked"
    runs.request_trust(run=run, by=None)
    # A run that was cancelled too late is published all the same.
    Run.objects.filter(pk=run.pk).update(cancel_requested=True)
    claim = runs.claim(run.pk)
    assert claim is not None
    assert claim.trust_id == job_of(run).pk
    assert runs.claim(run.pk) is None
    assert runs.heartbeat(claim, progress={"stage": "maps", "done": 0, "total": 3, "device": "GPU"}) is False
    job = as_lead.get(f"/api/runs/{run.pk}/trust/").json()["job"]
    assert (job["state"], job["device"], job["progress"]["stage"]) == ("running", "GPU", "maps")
    run.refresh_from_db()
    assert (run.state, run.progress) == ("succeeded", {})
    runs.finish_trust(claim)
    assert job_of(run).state == State.SUCCEEDED
    with pytest.raises(LostClaim):
        runs.finish_trust(claim)
    runs.request_trust(run=run, by=None)  # and again
    assert job_of(run).state == State.QUEUED


def test_a_silent_worker_loses_it_and_the_third_time_it_has_failed(run: Run, sent: list[int]) -> None:
    runs.request_trust(run=run, by=None)
    for attempt in (1, 2, 3):
        claim = runs.claim(run.pk)
        assert claim is not None
        TrustJob.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        done = sending.reconcile()
        assert (done.requeued, done.failed) == (([run.pk], []) if attempt < 3 else ([], [run.pk]))
        with pytest.raises(LostClaim):
            runs.finish_trust(claim)
    job = job_of(run)
    assert (job.state, job.attempts) == (State.FAILED, 3)
    assert "its worker was lost" in job.error
    run.refresh_from_db()
    assert run.state == State.SUCCEEDED, "what is published stays so"
    verbs = AuditEvent.objects.filter(object_id=str(run.pk)).values_list("verb", flat=True)
    assert {"requeue_trust_report", "fail_trust_report"} <= set(verbs)


def test_a_lost_message_is_sent_again(run: Run, sent: list[int]) -> None:
    runs.request_trust(run=run, by=None)
    assert sending.reconcile().sent == [run.pk]
    assert sending.reconcile().sent == []
    TrustJob.objects.update(sent_at=timezone.now() - sending.RESEND_AFTER - timedelta(seconds=1))
    assert sending.reconcile().sent == [run.pk]


def test_one_that_cannot_be_made_says_why(run: Run, as_lead: APIClient) -> None:
    """The trainer itself: a folder without a result."""
    runs.request_trust(run=run, by=None)
    assert launch.work_on(run.pk)
    job = as_lead.get(f"/api/runs/{run.pk}/trust/").json()["job"]
    assert job["state"] == "failed"
    assert "result.json" in job["error"]


@pytest.mark.parametrize(("ending", "number"), [("kill -9 $$", 9), ("exit 143", 15)])
def test_one_that_is_killed_or_stopped_is_tried_again(
    run: Run, monkeypatch: pytest.MonkeyPatch, ending: str, number: int
) -> None:
    monkeypatch.setattr(launch, "trust_command", lambda run, **_: ["bash", "-c", ending])
    runs.request_trust(run=run, by=None)
    for state in (State.QUEUED, State.QUEUED, State.FAILED):
        assert launch.work_on(run.pk)
        assert job_of(run).state == state
    assert f"signal {number}" in job_of(run).error


@pytest.mark.parametrize(("wanted", "full"), [("full", True), ("quick", False), ("none", False)])
def test_a_full_report_is_made_again_in_full(
    run: Run, monkeypatch: pytest.MonkeyPatch, wanted: str, full: bool
) -> None:
    Run.objects.filter(pk=run.pk).update(recipe=run.recipe | {"trust": wanted})
    asked: list[bool] = []

    def command(run: Run, *, full: bool = False) -> list[str]:
        asked.append(full)
        return ["true"]

    monkeypatch.setattr(launch, "trust_command", command)
    runs.request_trust(run=run, by=None)
    assert launch.work_on(run.pk)
    assert asked == [full]
