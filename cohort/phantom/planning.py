"""Plan a phantom patient: degeneration, follow-up, onset, and two scans that show what follows from them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

import numpy as np

from cohort.phantom import prognosis
from cohort.phantom.acquire import Acquisition, draw_acquisition
from cohort.phantom.anatomy import Anatomy, Category, Lesions, draw_lesions, make_patient

#: Baseline scans lie in the 2800 days from here.
FIRST_EXAM = date(2003, 1, 1)

Role = Literal["baseline", "follow_up"]


@dataclass(frozen=True, slots=True)
class Scan:
    """One planned scan: when, of what, and how it is acquired."""

    exam_id: str
    role: Role
    on: date
    category: Category
    anatomy: Anatomy
    acquisition: Acquisition
    seed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PhantomPatient:
    patient_id: str
    sex: str
    birth: date
    degeneration: float
    years: float
    hazard: float
    probability: float
    onset_years: float  # since baseline; beyond ``years``: not seen
    outcome: int | None  # None: already a case at baseline
    scans: tuple[Scan, Scan]


def plan_patient(
    patient_id: str,
    seed: tuple[int, ...],
    model: prognosis.Prognosis,
    *,
    baseline_case_share: float = 0.0,
    doubtful_share: float = 0.15,
    matrix: int | None = None,
    slices: int | None = None,
) -> PhantomPatient:
    """Draw one patient: degeneration, follow-up, onset, and both scans that show what follows from them."""
    rng = np.random.default_rng(seed)
    d = prognosis.draw_degeneration(rng)
    days = round(rng.uniform(*prognosis.FOLLOW_UP) * 365.25)
    years = days / 365.25
    hazard, probability = float(model.hazard(d)), float(model.probability(d, years))
    onset = float(rng.exponential(1 / hazard))
    first = FIRST_EXAM + timedelta(days=int(rng.integers(0, 2800)))
    birth = first - timedelta(days=int(rng.integers(24 * 365, 74 * 365)))
    sex = "F" if rng.uniform() < 0.72 else "M"

    started_as_case = bool(rng.uniform() < baseline_case_share)
    # Doubtful findings come and go and say nothing about the outcome.
    doubtful = rng.uniform(size=2) < doubtful_share
    before: Category = "case" if started_as_case else "intermediate" if doubtful[0] else "clean"
    after: Category = (
        "case" if started_as_case or onset <= years else "intermediate" if doubtful[1] else "clean"
    )
    anatomy = make_patient(rng, degeneration=d)
    tip = anatomy.lesions.tip_below_mcrae
    at_baseline = draw_lesions(rng, before, tip_below_mcrae=tip)
    drawn = draw_lesions(rng, after, tip_below_mcrae=tip)
    at_follow_up = _progressed(at_baseline, drawn) if started_as_case else drawn

    def scan(k: int, role: Role, on: date, category: Category, lesions: Lesions) -> Scan:
        acquisition = draw_acquisition(rng, matrix=matrix, slices=slices)
        exam_id = f"{patient_id}-E{k}"
        return Scan(exam_id, role, on, category, anatomy.with_lesions(lesions), acquisition, (*seed, k))

    scans = (
        scan(1, "baseline", first, before, at_baseline),
        scan(2, "follow_up", first + timedelta(days=days), after, at_follow_up),
    )
    outcome = None if started_as_case else int(after == "case")
    return PhantomPatient(patient_id, sex, birth, d, years, hazard, probability, onset, outcome, scans)


def _progressed(before: Lesions, after: Lesions) -> Lesions:
    """Lesions do not heal: the worse of the two, finding by finding."""
    a, b, c, d = map(max, before.blossoming, after.blossoming)
    return Lesions(
        pannus=max(before.pannus, after.pannus),
        pannus_signal=before.pannus_signal,
        erosion=max(before.erosion, after.erosion),
        tip_below_mcrae=min(before.tip_below_mcrae, after.tip_below_mcrae),
        blossoming=(a, b, c, d),
    )


def oracle(planned: list[PhantomPatient]) -> dict[str, Any]:
    """The best AUC to be had on these patients: of degeneration, and of the true probability."""
    eligible = [p for p in planned if p.outcome is not None]
    y = [bool(p.outcome) for p in eligible]
    return {
        "eligible": len(eligible),
        "positives": sum(y),
        "auc_degeneration": prognosis.auc(y, [p.degeneration for p in eligible]),
        "auc_probability": prognosis.auc(y, [p.probability for p in eligible]),
    }
