"""Freezing: who is in, what is written of them, what is refused."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from typing import Any

import pytest

from annotation import charter
from annotation.models import AuditEvent, FinalLabel
from cohort.models import Exclusion
from config.exceptions import RuleViolation
from modeling import queries, snapshot
from modeling.manifest import load_manifest
from modeling.models import LabelSet, Run
from tests.modeling.study import label, labelled, make_patient, make_series

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_is_sent(sent: list[int]) -> None:
    pass


def refusal(**kwargs: Any) -> RuleViolation:
    with pytest.raises(RuleViolation) as caught:
        snapshot.freeze(by=None, **kwargs)
    return caught.value


def rows(label_set: LabelSet) -> dict[str, dict[str, Any]]:
    return {row["patient"]: row for row in queries.manifest(label_set)["patients"]}


def test_one_row_says_all_of_a_patient(observer_a: Any, observer_b: Any) -> None:
    case = make_patient("zz", files=["0.dcm", "1.dcm", "2.dcm"])
    label(case, "intermediate", "case", readers=[observer_a, observer_b], how="consensus")
    label(make_patient("aa"), "clean", "clean")
    label_set = snapshot.freeze(by=None)
    assert list(rows(label_set)) == ["aa", "zz"]
    row = rows(label_set)["zz"]
    ids = {one.scan.key: one.pk for one in FinalLabel.objects.filter(scan__case__patient=case)}
    assert row["outcome"] == 1
    assert row["baseline_category"] == "intermediate"
    assert row["follow_up_category"] == "case"
    assert row["provenance"] == "consensus"
    assert row["follow_up_years"] == round(1826 / 365.25, 6)
    assert row["covariates"] == {
        "age": round(18263 / 365.25, 6),  # 1954-05-06 to 2004-05-06
        "sex": "F",
        "rf": True,
        "anti_ccp": None,
        "disease_years": round(1461 / 365.25, 6),
    }
    assert row["series"]["uid"] == case.scan_pair.baseline.series_uid
    assert row["series"]["files"] == ["0.dcm", "1.dcm", "2.dcm"]
    assert {key: one["id"] for key, one in row["labels"].items()} == ids
    readings = row["labels"]["follow_up"]["readings"]
    assert [one["reader"] for one in readings] == [observer_a.pk, observer_b.pk]
    assert {one["category"] for one in readings} == {"case"}
    assert (label_set.patients, label_set.positives) == (2, 1)


def test_the_file_is_what_the_hash_names_and_the_trainer_reads_it() -> None:
    labelled([0, 1])
    label_set = snapshot.freeze(by=None)
    path = queries.manifest_path(label_set)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == label_set.hash
    assert path.name == f"{label_set.hash}.json"
    assert load_manifest(path).sha256 == label_set.hash
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_freezing_again_gives_the_same_set_and_no_second_run(lead: Any) -> None:
    labelled([0, 1])
    first = snapshot.freeze(by=lead, name="first")
    assert snapshot.freeze(by=lead, name="again") == first
    assert LabelSet.objects.get().name == "first"
    assert Run.objects.count() == 1
    assert AuditEvent.objects.filter(verb="freeze_labels").count() == 1


def test_another_label_makes_another_set() -> None:
    labelled([0, 1])
    first = snapshot.freeze(by=None)
    label(make_patient("p99"), "clean", "clean")
    assert snapshot.freeze(by=None) != first


def test_freezing_queues_the_default_recipe(
    settings: Any, sent: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    settings.DEFAULT_PROFILE, settings.DEFAULT_OVERRIDES = "recommended", ["depth=18", "epochs=7"]
    labelled([0, 1])
    with django_capture_on_commit_callbacks(execute=True):
        label_set = snapshot.freeze(by=None)
        assert sent == []  # a worker must not see the id before the row
    run = label_set.runs.get()
    assert sent == [run.pk] * run.parts.count()  # one message a fold
    assert run.parts.count() == run.recipe["folds"] * run.recipe["repeats"]
    assert (run.state, run.profile, run.recipe["depth"], run.recipe["epochs"]) == (
        "queued",
        "recommended",
        18,
        7,
    )
    run.refresh_from_db()
    assert run.sent_at is not None


def test_freezing_without_a_run() -> None:
    labelled([0, 1])
    snapshot.freeze(by=None, start_run=False)
    assert not Run.objects.exists()


def test_a_default_recipe_that_is_none_is_refused_before_anything_is_frozen(settings: Any) -> None:
    settings.DEFAULT_OVERRIDES = ["dept=18"]
    labelled([0, 1])
    assert refusal().code == "bad_default_recipe"
    assert not LabelSet.objects.exists()


def test_the_audit_row_carries_hash_and_person(lead: Any) -> None:
    labelled([0, 1])
    label_set = snapshot.freeze(by=lead)
    event = AuditEvent.objects.get(verb="freeze_labels")
    assert (event.actor, event.object_id) == (lead, str(label_set.pk))
    assert event.detail["hash"] == label_set.hash


# --- Who is left out


def test_left_out_are_baseline_cases_excluded_and_half_labelled_patients() -> None:
    labelled([0, 1])
    label(make_patient("base"), "case", "case")
    label(make_patient("half"), "clean", None)
    make_patient("unread")
    gone = make_patient("gone")
    label(gone, "clean", "case")
    Exclusion.objects.create(
        patient=gone, step="chart_review", reason="ra_refuted", source="chart_review", leaving=True
    )
    assert list(rows(snapshot.freeze(by=None))) == ["p00", "p01"]


def test_a_label_of_a_replaced_series_does_not_count() -> None:
    labelled([0, 1])
    moved = make_patient("moved")
    label(moved, "clean", "case")
    pair = moved.scan_pair
    exam = pair.baseline.exam
    assert exam is not None
    pair.baseline = make_series(exam, files=["x.dcm"])
    pair.save()
    assert "moved" not in rows(snapshot.freeze(by=None))
    label(moved, "clean", None)  # the series that now stands for the patient is read
    row = rows(snapshot.freeze(by=None, start_run=False))["moved"]
    assert row["series"]["files"] == ["x.dcm"]
    assert (row["outcome"], row["provenance"]) == (1, "concordant")  # the follow-up's stands


def test_of_two_labels_of_a_series_the_newer_counts() -> None:
    patient, *_ = labelled([0, 1, 0])
    label(patient, "intermediate", "case", how="adjudicated")
    row = rows(snapshot.freeze(by=None))["p00"]
    assert (row["baseline_category"], row["outcome"], row["provenance"]) == ("intermediate", 1, "adjudicated")


@pytest.mark.parametrize(("policy", "outcomes"), [("negative", [0, 1, 0]), ("positive", [0, 1, 1])])
def test_policy_for_an_intermediate_follow_up(policy: str, outcomes: list[int]) -> None:
    charter.freeze(by=None, changes={"intermediate_policy": policy}, reason="test")
    labelled([0, 1])
    label(make_patient("q"), "clean", "intermediate")
    label_set = snapshot.freeze(by=None)
    assert [row["outcome"] for row in rows(label_set).values()] == outcomes
    assert queries.manifest(label_set)["intermediate_policy"] == policy


def test_policy_exclude_leaves_intermediate_follow_ups_out() -> None:
    charter.freeze(by=None, changes={"intermediate_policy": "exclude"}, reason="test")
    labelled([0, 1])
    label(make_patient("q"), "clean", "intermediate")
    assert list(rows(snapshot.freeze(by=None))) == ["p00", "p01"]


# --- What is refused


def test_before_reading_starts() -> None:
    assert refusal().code == "no_charter"


def test_nothing_labelled() -> None:
    charter.freeze(by=None, reason="Reading starts")
    make_patient("p00")
    error = refusal()
    assert error.code == "no_labels"
    assert "1 eligible patients still wait" in error.message


@pytest.mark.parametrize("outcome", [0, 1])
def test_one_outcome_only(outcome: int) -> None:
    labelled([outcome] * 3)
    error = refusal()
    assert error.code == "one_outcome"
    assert "All 3" in error.message


def test_phantoms_and_patients_never_share_a_set() -> None:
    labelled([0, 1])
    label(make_patient("real", phantom=False), "clean", "clean")
    error = refusal()
    assert error.code == "phantoms_and_patients"
    assert "2 phantoms and 1 patients" in error.message
    assert not LabelSet.objects.exists()


@pytest.mark.parametrize("days", [0, -30])
def test_a_follow_up_that_is_not_later_names_the_patient(days: int) -> None:
    labelled([0, 1])
    label(make_patient("back", days_apart=days), "clean", "clean")
    error = refusal()
    assert (error.code, error.extra["patient"]) == ("bad_interval", "back")


# --- The file afterwards


def test_a_changed_file_is_noticed() -> None:
    labelled([0, 1])
    label_set = snapshot.freeze(by=None)
    path = queries.manifest_path(label_set)
    content = json.loads(path.read_bytes())
    content["patients"][0]["outcome"] = 1
    path.write_text(json.dumps(content))
    with pytest.raises(queries.ManifestDamaged, match="not what was frozen"):
        queries.manifest(label_set)


def test_freezing_again_heals_a_lost_file() -> None:
    labelled([0, 1])
    label_set = snapshot.freeze(by=None)
    queries.manifest_path(label_set).unlink()
    with pytest.raises(queries.ManifestDamaged, match="cannot be read"):
        queries.manifest(label_set)
    assert snapshot.freeze(by=None) == label_set
    assert queries.manifest(label_set)["patients"]


def test_a_patient_who_cannot_be_trained_on_is_named() -> None:
    label(make_patient("p00", birth_date=date(2010, 1, 1)), "clean", "case")
    label(make_patient("p01"), "clean", "clean")
    with pytest.raises(RuleViolation, match=r"patient p00: age -5.\d+ is not within 0 to 120 years"):
        snapshot.freeze(by=None, start_run=False)
