"""Comparators learn what their columns hold, on training patients only."""

from __future__ import annotations

import numpy as np
import pytest

from modeling.comparators import COMPARATORS, fit_scores
from modeling.manifest import parse_manifest
from modeling.metrics import auc_delong
from tests.modeling.tiny import manifest_of, patient_row


def patients(n: int = 120):
    rng = np.random.default_rng(0)
    rows = []
    for i in range(n):
        outcome = int(rng.random() < 0.4)
        row = patient_row(f"P{i}", outcome, ["a.dcm"])
        row["follow_up_years"] = 3 + 2 * outcome + rng.random() * 3
        row["covariates"] |= {
            "age": 40 + 20 * outcome + rng.normal() * 8,
            "rf": None if i % 3 else bool(outcome),
        }
        row["baseline_category"] = "intermediate" if rng.random() < 0.2 + 0.6 * outcome else "clean"
        rows.append(row)
    return parse_manifest(manifest_of(rows)).patients


def test_prevalence_is_that_of_the_training_patients():
    everyone = patients()
    train, test = everyone[:80], everyone[80:]
    fitted, unseen = fit_scores("prevalence", train, test)
    assert set(fitted) == set(unseen) == {np.mean([p.outcome for p in train])}


@pytest.mark.parametrize("name", [name for name in COMPARATORS if name != "prevalence"])
def test_comparators_find_a_signal_in_their_columns(name):
    everyone = patients()
    train, test = everyone[:80], everyone[80:]
    _, unseen = fit_scores(name, train, test)
    assert auc_delong([p.outcome for p in test], unseen)[0] > 0.65


def test_a_patient_with_every_covariate_unknown_still_gets_a_score():
    everyone = patients()
    row = patient_row("X1", 0, ["a.dcm"], covariates={})
    row["series"]["uid"] = row["series"]["content_hash"] = "x"
    stranger = parse_manifest(manifest_of([row])).patients
    _, unseen = fit_scores("clinical", everyone, stranger)
    assert 0 < unseen[0] < 1


def test_training_scores_do_not_depend_on_the_test_patients():
    everyone = patients()
    fitted, _ = fit_scores("clinical", everyone[:80], everyone[80:])
    alone, none = fit_scores("clinical", everyone[:80], [])
    assert np.array_equal(fitted, alone)
    assert none.size == 0
