"""Simulated readers: stated errors come out as stated, through the real verbs."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from annotation import audit, lead_agreement, rubric, simulation
from annotation.models import Case, Consensus, FinalLabel, Reading
from annotation.simulation import EXPERT, FLAWLESS, OBSERVER, ErrorRates
from cohort.models import Patient
from tests.annotation.conftest import GRADES

pytestmark = pytest.mark.django_db


def truth_of(cases: list[Case], seed: int = 0) -> dict[str, Any]:
    rng = random.Random(seed)
    return {
        case.patient.pseudonym: {
            "baseline": GRADES[rng.choice(["clean", "clean", "intermediate"])],
            "follow_up": GRADES[rng.choice(["clean", "intermediate", "case"])],
        }
        for case in cases
    }


def test_error_rates_come_out() -> None:
    rng = random.Random(1)
    rates = ErrorRates(pannus=0.3, vertical_translocation=0.1, dens_erosion=0, facet=0.05)
    n = 4000
    wrong: Counter[str] = Counter()
    for _ in range(n):
        seen = simulation.observe(GRADES["intermediate"], rates, rng)
        wrong.update(key for key in rubric.BY_KEY if seen[key] != GRADES["intermediate"][key])
        rubric.classify(seen)
    assert wrong["pannus"] / n == pytest.approx(0.3, abs=0.03)
    assert wrong["vertical_translocation"] / n == pytest.approx(0.1, abs=0.02)
    assert wrong["dens_erosion"] == 0
    assert wrong["facet_c0c1_left"] / n == pytest.approx(0.05, abs=0.015)
    assert wrong["facet_c0c1_right"] == 0, "what is not visible is seen by nobody"


@pytest.mark.parametrize("category", GRADES)
def test_contradicting_changes_the_category(category: str) -> None:
    assert rubric.classify(simulation.contradict(GRADES[category])) != category


def test_flawless_readers_agree_with_the_truth(study: Any, readers: dict[str, Any]) -> None:
    truth = truth_of(study(8))
    for name in ("observer_a", "observer_b"):
        assert simulation.read_as(readers[name], truth, rates=FLAWLESS) == 8
    for label in FinalLabel.objects.select_related("scan__case__patient"):
        assert label.grades == truth[label.scan.case.patient.pseudonym][label.scan.key]
    assert FinalLabel.objects.count() == 16
    assert Reading.objects.filter(state="signed").count() == 16
    assert not [*audit.broken_rows(), *audit.broken_seals()]


def test_whole_study_settles(study: Any, readers: dict[str, Any]) -> None:
    truth = truth_of(study(30, sham_share=0.3))
    for name in ("observer_a", "observer_b"):
        simulation.read_as(readers[name], truth, rates=OBSERVER, seed=2)
    held = simulation.meet(truth, seed=2)
    assert held["agreed"] + held["declined"] == Consensus.objects.count() > 3
    simulation.read_as(readers["neurosurgeon"], truth, rates=EXPERT, seed=2)
    assert set(Case.objects.values_list("state", flat=True)) == {"final"}
    assert FinalLabel.objects.count() == 60
    errors = {name: _errors(name, truth) for name in ("observer_a", "observer_b")}
    wrong = sum(
        label.category != rubric.classify(truth[label.scan.case.patient.pseudonym][label.scan.key])
        for label in FinalLabel.objects.select_related("scan__case__patient")
    )
    assert wrong < min(errors.values()), "settled labels are better than either observer's"
    assert lead_agreement.agreement_page()["n_cases"] == 30


def _errors(name: str, truth: dict[str, Any]) -> int:
    reads = Reading.objects.filter(assignment__reader__username=name).select_related(
        "assignment__case__patient"
    )
    return sum(
        category != rubric.classify(truth[read.assignment.case.patient.pseudonym][scan])
        for read in reads
        for scan, category in read.categories.items()
    )


def test_skipping_keeping_and_contradicting(study: Any, readers: dict[str, Any]) -> None:
    cases = study(6)
    truth = truth_of(cases)
    names = [case.patient.pseudonym for case in cases]
    a, b = readers["observer_a"], readers["observer_b"]
    assert simulation.read_as(a, truth, rates=FLAWLESS, skip=names[:2]) == 4
    assert simulation.read_as(a, truth, rates=FLAWLESS, only=names[:1]) == 1
    assert simulation.read_as(b, truth, rates=FLAWLESS, contradicting=names[2:4]) == 6
    states = {case.patient.pseudonym: case.state for case in Case.objects.select_related("patient")}
    assert [states[name] for name in names] == [
        "final",
        "awaiting_reads",
        "consensus",
        "consensus",
        "final",
        "final",
    ]


def test_same_seed_same_reads(study: Any, readers: dict[str, Any]) -> None:
    truth = truth_of(study(5))
    rates = ErrorRates(0.5, 0.5, 0.5, 0.5)
    simulation.read_as(readers["observer_a"], truth, rates=rates, seed=9)
    for read in Reading.objects.select_related("assignment__case__patient"):
        name = read.assignment.case.patient.pseudonym
        rng = random.Random(f"9/observer_a/{name}")
        for scan in read.assignment.case.scans.all():
            assert read.content[scan.key]["grades"] == simulation.observe(truth[name][scan.key], rates, rng)


def test_patients_are_not_read_by_simulation(study: Any, readers: dict[str, Any]) -> None:
    truth = truth_of(study(1))
    Patient.objects.update(phantom=False)
    with pytest.raises(ValueError, match="no phantom"):
        simulation.read_as(readers["observer_a"], truth)
    assert not Reading.objects.exists()


def test_missing_truth_is_named(study: Any, readers: dict[str, Any]) -> None:
    (case,) = study(1)
    with pytest.raises(ValueError, match=f"{case.patient.pseudonym}: no truth"):
        simulation.read_as(readers["observer_a"], {})


def test_truth_of_a_phantom_cohort(tmp_path: Any) -> None:
    """The generator's truth.json is understood, and every grade in it is of the rubric."""
    from cohort.phantom.cohort import write_cohort

    document = write_cohort(tmp_path / "cohort", 1, matrix=256, slices=13, leavers=False)
    (scans,) = simulation.known_truth(document, lambda identity: f"x{identity}").values()
    assert set(scans) == {"baseline", "follow_up"}
    for role, grades in scans.items():
        rubric.classify(grades)
        assert role
