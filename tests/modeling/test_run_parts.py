"""The folds of a cross-validated run as jobs of their own, and what joins them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from annotation.models import AuditEvent
from config.exceptions import RuleViolation
from modeling import launch, queries, runs, sending, snapshot, tasks
from modeling.models import LabelSet, Run, RunPart
from modeling.runs import Claim, LostClaim
from modeling.training.__main__ import main
from tests.modeling.study import imaged, labelled

pytestmark = pytest.mark.django_db
State = Run.State
FOLDS = {"folds": 3, "repeats": 1}


@pytest.fixture
def label_set(sent: list[int]) -> LabelSet:
    labelled([0, 1] * 3)
    return snapshot.freeze(by=None, start_run=False)


@pytest.fixture
def run(label_set: LabelSet, sent: list[int], django_capture_on_commit_callbacks: Any) -> Run:
    with django_capture_on_commit_callbacks(execute=True):
        return runs.create(label_set=label_set, profile="recommended", overrides=FOLDS, by=None)


def claimed(run: Run) -> Claim:
    claim = runs.claim(run.pk)
    assert claim is not None
    return claim


def states(run: Run) -> list[str]:
    run.refresh_from_db()
    return [run.state, *run.parts.values_list("state", flat=True)]


def silence(claim: Claim) -> None:
    assert claim.part_id is not None
    RunPart.objects.filter(pk=claim.part_id).update(lease_until=timezone.now() - timedelta(seconds=1))


def finish(claim: Claim) -> None:
    runs.finish_part(claim, path=f"{claim.run_id}/parts/{claim.part_id}/attempt-{claim.fence}")


def test_every_fold_is_a_message(run: Run, sent: list[int]) -> None:
    assert sent == [run.pk] * 3
    assert [part.key for part in run.parts.all()] == ["r0-f0", "r0-f1", "r0-f2"]
    assert not run.parts.filter(sent_at=None).exists()


def test_a_holdout_is_one_job(label_set: LabelSet) -> None:
    run = runs.create(label_set=label_set, profile="paper", by=None)
    assert not run.parts.exists()
    assert claimed(run).part_id is None


def test_workers_take_one_fold_each_and_the_last_sends_the_run(
    run: Run, sent: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    claims = [claimed(run) for _ in range(3)]
    assert len({claim.part_id for claim in claims}) == 3
    assert runs.claim(run.pk) is None
    assert states(run) == ["running"] * 4
    finish(claims[1])
    finish(claims[0])
    assert runs.claim(run.pk) is None  # nothing is joined before all are there
    sent.clear()
    with django_capture_on_commit_callbacks(execute=True):
        finish(claims[2])
    assert sent == [run.pk]
    assert states(run) == ["queued", *["succeeded"] * 3]
    assert claimed(run) == Claim(run.pk, 1)
    assert states(run)[0] == "running"


def test_a_heartbeat_reports_the_fold_and_the_run(run: Run) -> None:
    first, second = claimed(run), claimed(run)
    assert runs.heartbeat(first, progress={"fold": 0, "epoch": 3, "device": "GPU 0"}) is False
    runs.heartbeat(second, progress={"fold": 1, "epoch": 1, "device": "GPU 1"})
    assert [part.progress.get("epoch") for part in run.parts.all()] == [3, 1, None]
    run.refresh_from_db()
    assert (run.progress["fold"], run.device) == (1, "GPU 1")


def test_a_lost_fold_alone_is_taken_up_again(
    run: Run, sent: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    kept, lost = claimed(run), claimed(run)
    silence(lost)
    sent.clear()
    with django_capture_on_commit_callbacks(execute=True):
        assert sending.reconcile().requeued == [run.pk]
    assert sent == [run.pk]
    assert states(run) == ["running", "running", "queued", "queued"]
    for write in (
        runs.heartbeat,
        finish,
        lambda c: runs.fail(c, "late"),
        lambda c: runs.give_back(c, "late"),
    ):
        with pytest.raises(LostClaim):
            write(lost)
    assert runs.heartbeat(kept) is False
    again = claimed(run)
    assert (again.part_id, again.fence) == (lost.part_id, lost.fence + 2)


def test_a_fold_that_fails_leaves_the_others_to_end_and_is_repeated_alone(run: Run, lead: Any) -> None:
    first, second, third = claimed(run), claimed(run), claimed(run)
    runs.fail(second, "Out of memory with batch_size=16")
    assert states(run) == ["running", "running", "failed", "running"]
    finish(first)
    finish(third)
    assert states(run) == ["failed", "succeeded", "failed", "succeeded"]
    assert "Fold 2 of repeat 1: Out of memory" in run.error
    assert "2 of 3 folds are finished" in run.error
    runs.retry(run=run, by=lead)
    assert states(run) == ["queued", "succeeded", "queued", "succeeded"]
    assert run.error == ""
    again = claimed(run)
    assert again.part_id == second.part_id
    finish(again)
    assert states(run)[0] == "queued"
    assert AuditEvent.objects.filter(verb="retry_run", object_id=str(run.pk)).count() == 1


def test_three_attempts_a_fold(run: Run) -> None:
    for _ in range(2):
        claim = claimed(run)
        assert runs.give_back(claim, "The trainer was killed.") == State.QUEUED
    assert runs.give_back(claimed(run), "The trainer was killed.") == State.FAILED
    assert states(run) == ["running", "failed", "queued", "queued"]
    assert "attempt 3 of 3" in run.parts.get(fold=0).error


@pytest.mark.parametrize("started", [0, 1, 3])
def test_cancelling_ends_every_part(run: Run, started: int, lead: Any) -> None:
    claims = [claimed(run) for _ in range(started)]
    runs.cancel(run=run, by=lead)
    assert runs.claim(run.pk) is None
    expected = "running" if started else "cancelled"
    assert states(run) == [expected, *["running"] * started, *["cancelled"] * (3 - started)]
    for claim in claims:
        assert runs.heartbeat(claim) is True
        runs.end_cancelled(claim)
    assert states(run) == ["cancelled"] * 4


def test_cancelling_with_one_part_lost_and_one_done(run: Run, lead: Any) -> None:
    done, lost = claimed(run), claimed(run)
    finish(done)
    runs.cancel(run=run, by=lead)
    silence(lost)
    assert sending.reconcile().cancelled == [run.pk]
    assert states(run) == ["cancelled", "succeeded", "cancelled", "cancelled"]


def test_only_a_failed_run_is_retried(run: Run, lead: Any) -> None:
    with pytest.raises(RuleViolation, match="is queued; only a failed one"):
        runs.retry(run=run, by=lead)


def test_lost_messages_are_sent_again_one_a_fold(run: Run, sent: list[int]) -> None:
    claimed(run)
    past = timezone.now() - sending.RESEND_AFTER - timedelta(seconds=1)
    run.parts.update(sent_at=past)
    sent.clear()
    assert sending.reconcile().sent == [run.pk] * 2
    assert sent == [run.pk] * 2
    assert sending.reconcile().sent == []


def test_the_api_shows_each_fold(run: Run, as_lead: APIClient, django_assert_num_queries: Any) -> None:
    claim = claimed(run)
    runs.heartbeat(claim, progress={"fold": 0, "epoch": 3, "device": "GPU 0"})
    finish(claim)
    body = as_lead.get(f"/api/runs/{run.pk}/").json()
    assert [part["state"] for part in body["parts"]] == ["succeeded", "queued", "queued"]
    assert body["parts"][0]["progress"]["epoch"] == 3
    row = as_lead.get("/api/runs/").json()[0]
    assert (row["parts_done"], row["parts_total"]) == (1, 3)
    log = queries.log_path(run.pk, "r0-f1")
    log.parent.mkdir(parents=True)
    log.write_text("fold two\n")
    assert as_lead.get(f"/api/runs/{run.pk}/log/?part=r0-f1").json() == "fold two\n"
    assert as_lead.get(f"/api/runs/{run.pk}/log/?part=../../x").status_code == 400
    assert as_lead.post(f"/api/runs/{run.pk}/retry/").status_code == 409


@pytest.mark.django_db(transaction=True)
def test_of_eight_workers_each_gets_another_fold(sent: list[int]) -> None:
    labelled([0, 1] * 3)
    label_set = snapshot.freeze(by=None, start_run=False)
    run = runs.create(label_set=label_set, profile="recommended", overrides=FOLDS, by=None)

    def take(_: int) -> Claim | None:
        try:
            return runs.claim(run.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        claims = [claim for claim in pool.map(take, range(8)) if claim]
    assert len({claim.part_id for claim in claims}) == len(claims) == 3


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_real_folds_joined_equal_one_process_bit_for_bit(
    sent: list[int], tmp_path: Any, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    # Threads divide a sum, so its last bit depends on their number: one here, as in this process.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    imaged([0, 1] * 6, size=32)
    label_set = snapshot.freeze(by=None, start_run=False)
    tiny = {
        "folds": 2, "repeats": 1, "inner_folds": 0, "threshold_rule": "train", "calibration": "none",
        "depth": 18, "size": 32, "epochs": 1, "batch_size": 4, "amp": "off", "saliency": False,
    }  # fmt: skip
    run = runs.create(label_set=label_set, profile="recommended", overrides=tiny, by=None)
    # The second fold's trainer dies in its first attempt: that fold alone is done again.
    real = launch.command
    died: list[Any] = []

    def command(run: Run, out: Any, part: RunPart | None = None) -> list[str]:
        if part is not None and part.fold == 1 and not died:
            died.append(out)
            return ["bash", "-c", "kill -9 $$"]
        return real(run, out, part)

    monkeypatch.setattr(launch, "command", command)
    for _ in range(4):  # two folds, one of them twice, and the joining
        tasks.train_run(run.pk)
    run.refresh_from_db()
    assert (run.state, run.error) == (State.SUCCEEDED, "")
    assert list(run.parts.values_list("attempts", flat=True)) == [1, 2]
    assert run.predictions.filter(split="test").count() == 12
    files = {path.name for path in queries.published_file(run, "").iterdir()}
    assert {"weights-fold0.safetensors", "weights-fold1.safetensors"} <= files
    assert not (queries.run_directory(run.pk) / "parts").exists()

    # The same manifest and recipe by one process that does it all.
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps(run.recipe))
    out = tmp_path / "whole"
    arguments = ["--manifest", str(queries.manifest_path(label_set)), "--recipe", str(recipe)]
    arguments += [
        "--images",
        str(settings.IMAGE_STORE_DIR),
        "--out",
        str(out),
        "--cache",
        str(settings.PLANES_DIR),
    ]
    import torch

    assert main(arguments) == 0
    torch.use_deterministic_algorithms(False)
    published = queries.published_file(run, "predictions.csv").read_bytes()
    assert (out / "predictions.csv").read_bytes() == published
