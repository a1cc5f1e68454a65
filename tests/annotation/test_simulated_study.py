"""A simulated study's statistics come to their known true values."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command

from annotation import rubric, simulated_study, simulation, workflow
from annotation.simulated_study import KINDS, RATES


@pytest.mark.parametrize("kind", ["clean", "doubtful pannus", "translocation"])
def test_chances_add_up_to_what_readers_do(kind: str) -> None:
    grades, rng, n = KINDS[kind].grades, random.Random(1), 20_000
    expected = simulated_study.seen(grades, RATES["observer_b"])
    assert expected.sum() == pytest.approx(1)
    given = [
        rubric.CATEGORIES.index(rubric.classify(simulation.observe(grades, RATES["observer_b"], rng)))
        for _ in range(n)
    ]
    assert np.bincount(given, minlength=3) / n == pytest.approx(expected, abs=0.012)


def test_true_values_against_drawing_categories() -> None:
    """The closed forms equal what a hundred thousand cases drawn by their chances give."""
    rng, n = np.random.default_rng(7), 100_000
    kinds = list(KINDS)
    reads: dict[str, Any] = {reader: np.zeros((n, 2), dtype=int) for reader in RATES}
    for column in (0, 1):
        true = rng.choice(len(kinds), size=n, p=[KINDS[kind].share[column] for kind in kinds])
        for reader, rates in RATES.items():
            chances = np.array([simulated_study.seen(KINDS[kind].grades, rates) for kind in kinds])
            reads[reader][:, column] = (rng.random(n)[:, None] > chances.cumsum(axis=1)[true]).sum(axis=1)
    a, b, c = (reads[reader] for reader in RATES)
    alike = (a == b).all(axis=1)
    referred = ~alike & (rng.random(n) < 1 - simulated_study.AGREE_SHARE)
    truth = simulated_study.truths()
    assert truth["percent agreement"] == pytest.approx((a == b).mean(), abs=0.005)
    assert truth["adjudication rate"] == pytest.approx(referred.mean(), abs=0.005)
    for name, mine in (("observer_a", a), ("observer_b", b)):
        lost = referred & (mine != c).any(axis=1)
        assert truth[f"disagreement index, {name}"] == pytest.approx(lost.mean(), abs=0.005)
    assert truth["tie-breaker bias, changed"] == pytest.approx((c != a)[alike].mean(), abs=0.005)
    assert truth["tie-breaker bias, shift"] == pytest.approx((c - a)[alike].mean(), abs=0.005)


@pytest.mark.django_db
def test_a_study_finds_the_truth() -> None:
    """Eighty patients through the real verbs: every statistic's interval holds its true value."""
    readers = simulated_study.make_readers()
    truth = simulated_study.make_patients(80, seed=3)
    terms = {"sham_share": 0.5, "washout_reads": 5, "reread_share": 0.2, "plan_seed": 3, "sham_seed": 3}
    workflow.freeze_charter(by=None, changes=terms)
    workflow.open_reading(by=None)
    outcome = simulated_study.run(truth, readers=readers, seed=3)
    assert len(outcome.rows) == 11
    assert [row for row in outcome.rows if not row.inside] == []
    assert outcome.labels_are_better
    call_command("verify_plan")
    call_command("verify_audit")


@pytest.mark.slow
def test_command(capsys: Any) -> None:
    call_command("simulate_study", "--patients", "40")
    out = capsys.readouterr().out
    assert "adjudication rate" in out
    assert "error of final label" in out
