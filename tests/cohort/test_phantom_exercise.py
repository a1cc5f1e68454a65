"""Phantoms to test readers with: the mix that no constant answer passes, and the same case every time."""

from __future__ import annotations

from collections import Counter

import pytest

from annotation.rubric import BY_KEY, classify
from cohort.phantom import exercise


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("block", [0, 7])
def test_the_mix_holds_in_every_block(seed: int, block: int) -> None:
    first = block * exercise.BLOCK
    plans = [exercise.plan_case((seed,), number) for number in range(first, first + exercise.BLOCK)]
    scans = [scan for plan in plans for scan in plan.scans]
    for finding in BY_KEY:
        counts = Counter(scan.anatomy.lesions.grades[finding] for scan in scans)
        assert max(counts.values()) <= exercise.COMMONEST * len(scans), finding
        assert min(counts.values()) >= 2, finding
    assert Counter(scan.category for scan in scans) == {"clean": 3, "intermediate": 3, "case": 6}
    for scan in scans:
        assert classify(scan.anatomy.lesions.grades) == scan.category
        assert abs(scan.anatomy.lesions.tip_below_mcrae) >= 2


def test_seed_and_number_determine_a_case() -> None:
    assert exercise.plan_case((3, 1), 8) == exercise.plan_case((3, 1), 8)
    others = [exercise.plan_case((3, 1), 9), exercise.plan_case((3, 0), 8), exercise.plan_case((4, 1), 8)]
    assert len({plan.patient_id for plan in others} | {exercise.plan_case((3, 1), 8).patient_id}) == 4


def test_one_neck_twice() -> None:
    first, second = exercise.plan_case((1,), 0).scans
    assert first.anatomy.with_lesions(second.anatomy.lesions) == second.anatomy
    assert first.on < second.on
