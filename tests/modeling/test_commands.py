"""freeze_labels, train, show_run: what they print and what they refuse."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from modeling import launch, runs, snapshot
from modeling.management.commands import train
from modeling.models import LabelSet, Run
from tests.modeling.study import imaged, labelled

pytestmark = pytest.mark.django_db
TINY = ["depth=18", "grid=fit", "size=32", "epochs=1", "amp=off", "trust=none", "onnx=no"]


@pytest.fixture(autouse=True)
def a_queue_answers(sent: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "_queue_answers", lambda: True)


@pytest.fixture
def label_set() -> LabelSet:
    labelled([0, 1, 0])
    return snapshot.freeze(by=None, start_run=False)


def output(*arguments: Any, **options: Any) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=io.StringIO(), **options)
    return out.getvalue()


def test_freeze_prints_hash_and_run() -> None:
    labelled([0, 1, 0])
    said = output("freeze_labels", "--name", "March")
    label_set, run = LabelSet.objects.get(), Run.objects.get()
    assert label_set.name == "March"
    assert said.splitlines() == [
        f"label set {label_set.pk} {label_set.hash}",
        "3 patients, 1 of them cases",
        f"run {run.pk}",
    ]


def test_freeze_as_json_without_a_run() -> None:
    labelled([0, 1, 0])
    said = json.loads(output("freeze_labels", "--no-run", "--format", "json"))
    assert said["label_set"]["hash"] == LabelSet.objects.get().hash
    assert (said["label_set"]["patients"], said["run"]) == (3, None)


def test_freeze_refuses_in_words() -> None:
    with pytest.raises(CommandError, match="reading has not started"):
        output("freeze_labels")


def test_train_queues(label_set: LabelSet) -> None:
    said = output("train", "--profile", "recommended", "--set", "epochs=9", "--seed", "3")
    run = Run.objects.get()
    assert said == f"run {run.pk}\n"
    assert (run.state, run.profile, run.seed, run.recipe["epochs"]) == ("queued", "recommended", 3, 9)


def test_train_takes_the_label_set_by_id_or_hash(label_set: LabelSet) -> None:
    other = LabelSet.objects.create(hash="f" * 64, path="x", charter_version=1, patients=1, positives=1)
    for wanted in (str(label_set.pk), label_set.hash[:10]):
        output("train", "--label-set", wanted)
        assert Run.objects.latest("pk").label_set == label_set
    output("train")
    assert Run.objects.latest("pk").label_set == other


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--set", "epoch=9"], "unknown setting"),
        (["--set", "epochs"], "not key=value"),
        (["--set", "epochs=many"], "not a whole number"),
        (["--label-set", "0000"], "no label set 0000"),
        (["--label-set", "9" * 30], "no label set 9"),
        (["--label-set", ""], "--label-set is empty"),
        (["--label-set", " "], "--label-set is empty"),
    ],
)
def test_train_refuses_in_words(label_set: LabelSet, arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        output("train", *arguments)
    assert not Run.objects.exists()


def test_a_start_that_two_hashes_share_names_both(label_set: LabelSet) -> None:
    one, two = (
        LabelSet.objects.create(
            hash=f"ab{c}" + "0" * 61, path="x", charter_version=1, patients=1, positives=1
        )
        for c in "cd"
    )
    with pytest.raises(CommandError, match=rf"start with ab: {two.pk} \(abd.*, {one.pk} \(abc"):
        output("train", "--label-set", "ab")
    output("train", "--label-set", "ABC")
    assert Run.objects.get().label_set == one


def test_train_without_a_label_set() -> None:
    with pytest.raises(CommandError, match="freeze_labels"):
        output("train")


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_train_where_no_queue_answers(monkeypatch: pytest.MonkeyPatch, sent: list[int]) -> None:
    monkeypatch.setattr(train, "_queue_answers", lambda: False)
    imaged([0, 1] * 4)
    snapshot.freeze(by=None, start_run=False)
    settings = [word for setting in TINY for word in ("--set", setting)]
    said = output("train", *settings)
    run = Run.objects.get()
    assert said.splitlines() == [f"run {run.pk}", f"run {run.pk} succeeded"]
    assert sent == []
    text = output("show_run", run.pk)
    assert f"run {run.pk}: succeeded" in text
    assert "sensitivity" in text
    assert "AUC" in text
    shown = json.loads(output("show_run", run.pk, "--format", "json"))
    assert shown["result"] == run.result
    assert shown["auc"] == shown["result"]["metrics"]["auc"]


def test_train_that_fails_exits_with_the_reason(label_set: LabelSet, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(run_id: int) -> bool:
        claim = runs.claim(run_id)
        assert claim is not None
        runs.fail(claim, "patient p00: no such file")
        return True

    monkeypatch.setattr(launch, "work_on", fail)
    with pytest.raises(CommandError, match="patient p00: no such file"):
        output("train", "--foreground")


@pytest.mark.parametrize("end", ["succeeded", "failed"])
def test_train_here_waits_for_the_folds_that_a_worker_has_and_ends_as_the_run_does(
    label_set: LabelSet, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """The reconciler sends folds that have waited long; the command said 'run 1 was running' and failed."""

    def first_fold(run_id: int) -> bool:
        taken = Run.objects.filter(pk=run_id, state="queued").update(state="running")
        return taken == 1

    ends: list[dict[str, Any]] = [
        {"attempts": 1},
        {"state": end, "result": {}, "path": "1/attempt-1", "error": "" if end == "succeeded" else "lost"},
    ]
    monkeypatch.setattr(launch, "work_on", first_fold)
    monkeypatch.setattr(train.time, "sleep", lambda _: Run.objects.update(**ends.pop(0)))
    if end == "failed":
        with pytest.raises(CommandError, match="lost"):
            output("train", "--foreground", "--profile", "recommended")
    else:
        assert output("train", "--foreground", "--profile", "recommended").endswith("succeeded\n")
    assert ends == []


def test_show_run_that_waits(label_set: LabelSet) -> None:
    run = runs.create(label_set=label_set, profile="paper", by=None)
    assert output("show_run", run.pk).splitlines() == [
        f"run {run.pk}: queued, profile paper, seed 0, attempt 0",
        f"label set {label_set.pk}: {label_set.hash}",
    ]
    assert json.loads(output("show_run", run.pk, "--format", "json"))["state"] == "queued"


def test_show_run_that_is_not_there() -> None:
    with pytest.raises(CommandError, match="no run 7"):
        output("show_run", 7)
