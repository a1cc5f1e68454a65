"""Whose labels train, and how many: the split stays, the training set changes, the test never does."""

from __future__ import annotations

import pytest

from modeling.manifest import ManifestError, parse_manifest, training_labels
from modeling.recipe import paper, recommended
from modeling.splits import SplitError
from modeling.training.folds import make_folds, make_members
from tests.modeling.tiny import manifest_of, patient_row


def read(reader: int, category: str, *, version: int = 1, kind: str = "read") -> dict:
    return {"reader": reader, "category": category, "version": version, "kind": kind}


def row(number: int, outcome: int, first: str, second: str, **changes) -> dict:
    readings = [read(9, second), read(4, first), read(2, "case", kind="adjudication")]
    labels = {"follow_up": {"readings": readings}}
    return patient_row(f"P{number:03d}", outcome, ["0.dcm"], labels=labels, **changes)


def manifest(rows: list[dict], **changes):
    return parse_manifest(manifest_of(rows) | changes)


@pytest.fixture
def study():
    # Observer 4 misses every third case, observer 9 sees cases where there are none.
    rows = [row(i, 1, "clean" if i % 3 == 0 else "case", "case") for i in range(12)]
    rows += [row(i, 0, "clean", "case" if i % 4 == 0 else "clean") for i in range(12, 40)]
    return manifest(rows)


def test_observers_are_told_apart_by_their_accounts_and_adjudication_is_no_read(study):
    assert study.patients[0].reads == ("clean", "case")
    assert training_labels(study, "final") == [1] * 12 + [0] * 28
    assert training_labels(study, "reader_1")[:4] == [0, 1, 1, 0]
    assert training_labels(study, "reader_2")[12:17] == [1, 0, 0, 0, 1]


def test_an_amended_read_counts_as_it_stands_last():
    labels = {"follow_up": {"readings": [read(4, "clean", version=2), read(4, "case"), read(9, "clean")]}}
    found = manifest([patient_row("P001", 0, ["0.dcm"], labels=labels)])
    assert found.patients[0].reads == ("clean", "clean")


def test_policy_rules_an_observers_intermediate_too():
    rows = [row(1, 0, "intermediate", "clean", follow_up_category="clean")]
    assert training_labels(manifest(rows), "reader_1") == [0]
    assert training_labels(manifest(rows, intermediate_policy="positive"), "reader_1") == [1]
    assert training_labels(manifest(rows, intermediate_policy="exclude"), "reader_1") == [None]


def test_a_label_set_without_reads_says_so():
    with pytest.raises(ManifestError, match="label_source=reader_1: this label set holds no reads"):
        training_labels(manifest([patient_row("P001", 0, ["0.dcm"])]), "reader_1")


@pytest.mark.parametrize("recipe", [paper(), recommended()])
@pytest.mark.parametrize("source", ["reader_1", "reader_2"])
def test_every_source_tests_the_same_patients(study, recipe, source):
    own = make_folds(study, recipe.with_overrides({"label_source": source}))
    final = make_folds(study, recipe)
    assert [fold.test for fold in own] == [fold.test for fold in final]
    assert [set(fold.train) for fold in own] == [set(fold.train) for fold in final]


def test_shares_are_nested_and_keep_both_outcomes(study):
    outcome = {patient.patient: patient.outcome for patient in study.patients}
    larger: set[str] | None = None
    for share in (1.0, 0.6, 0.3, 0.05):
        (fold,) = make_folds(study, paper().with_overrides({"train_share": share}))
        assert {outcome[name] for name in fold.train} == {0, 1}
        assert larger is None or set(fold.train) < larger
        larger = set(fold.train)
    members = make_members(study, [fold], paper())
    assert len(members[-1].train) == len(fold.train) == 2


def test_a_patient_without_the_observers_label_is_not_trained_on(study):
    rows = [row(i, 1, "case", "case") for i in range(6)]
    rows += [
        row(i, 0, "intermediate" if i % 2 else "clean", "clean", follow_up_category="clean")
        for i in range(6, 20)
    ]
    excluding = manifest(rows, intermediate_policy="exclude")
    (fold,) = make_folds(excluding, paper().with_overrides({"label_source": "reader_1"}))
    assert all(int(name[1:]) % 2 == 0 for name in fold.train if int(name[1:]) >= 6)
    assert any(int(name[1:]) % 2 for name in fold.test if int(name[1:]) >= 6)


def test_an_observer_who_saw_no_case_cannot_train():
    rows = [
        row(i, int(i < 4), "clean", "clean", follow_up_category="case" if i < 4 else "clean")
        for i in range(12)
    ]
    with pytest.raises(SplitError, match="no training patient of fold 0 has outcome 1"):
        make_folds(manifest(rows), paper().with_overrides({"label_source": "reader_1"}))
