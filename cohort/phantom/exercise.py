"""Phantom cases to test readers with, mixed so that no constant answer comes near the truth.

A cohort shows what a hospital sees: most scans are clean, and who calls everything clean agrees with the
truth most of the time. Here no grade of a finding is the right one in more than two scans of three.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from cohort.phantom.acquire import draw_acquisition
from cohort.phantom.anatomy import FACETS, Category, Lesions, Rng, make_patient
from cohort.phantom.planning import PhantomPatient, Role, Scan

#: Cases within which the mix holds; a test of readers takes whole blocks.
BLOCK = 6
#: The most that always giving one grade of a finding can reach in whole blocks.
COMMONEST = 2 / 3
#: As the usual sagittal T2 series; the 17 slices show the facet joints.
MATRIX, SLICES = 320, 17
#: Categories of a block's scans: half of them cases, since only cases have most of the lesions.
_MIX: tuple[Category, ...] = ("clean",) * 3 + ("intermediate",) * 3 + ("case",) * 6
#: Finding → number of its grades.
_STEPS = {"pannus": 3, "vertical_translocation": 2, "dens_erosion": 3, **dict.fromkeys(FACETS, 2)}
Grades = dict[str, int]
_ROLES: tuple[Role, Role] = ("baseline", "follow_up")
_FIRST = date(2010, 3, 1)


def plan_case(
    seed: tuple[int, ...], number: int, *, matrix: int = MATRIX, slices: int = SLICES
) -> PhantomPatient:
    """Draw one case, a neck with two scans whose lesions know nothing of each other.

    Parameters
    ----------
    seed : tuple of int
        Which series of cases it belongs to.
    number : int
        Its place in the series, from 0. The mix holds within each ``BLOCK`` from a multiple of it.

    Returns
    -------
    PhantomPatient
        Without a prognosis: outcome None, risk 0. The same arguments give the same case.
    """
    block, place = divmod(number, BLOCK)
    mixed = _block(np.random.default_rng((*seed, block, 0)))
    rng = np.random.default_rng((*seed, number, 1))
    name = f"EXERCISE-{'-'.join(map(str, seed))}-{number}"
    anatomy = make_patient(rng)
    scans = []
    for k, role in enumerate(_ROLES):
        grades, category = mixed[2 * place + k]
        on = _FIRST + timedelta(days=k * 2000)
        acquisition = draw_acquisition(rng, matrix=matrix, slices=slices)
        exam, seeds = f"{name}-E{k + 1}", (*seed, number, 2 + k)
        neck = anatomy.with_lesions(_lesions(rng, grades))
        scans.append(Scan(exam, role, on, category, neck, acquisition, seeds))
    return PhantomPatient(
        patient_id=name, sex="O", birth=date(1950, 1, 2), degeneration=anatomy.degeneration,
        years=2000 / 365.25, hazard=0.0, probability=0.0, onset_years=float("inf"), outcome=None,
        scans=(scans[0], scans[1]),
    )  # fmt: skip


def _block(rng: Rng) -> list[tuple[Grades, Category]]:
    """Grades and category of each scan of a block, drawn until the mix holds."""
    while True:
        scans = [(_grades(rng, _MIX[k]), _MIX[k]) for k in rng.permutation(len(_MIX))]
        counts = [[sum(g[key] == step for g, _ in scans) for step in range(n)] for key, n in _STEPS.items()]
        if all(max(found) <= COMMONEST * len(scans) and min(found) >= 2 for found in counts):
            return scans


def _grades(rng: Rng, category: Category) -> Grades:
    """Grades that make up a category; each lesion of a case is there or not by itself."""
    found: Grades = dict.fromkeys(_STEPS, 0)
    if category == "clean":
        return found
    doubtful = int(rng.integers(1, 4))  # pannus, erosion, or both
    found |= {"pannus": doubtful & 1, "dens_erosion": doubtful >> 1}
    if category == "case":
        there = [key for key in _STEPS if rng.uniform() < 0.6] or ["pannus"]
        found |= {key: _STEPS[key] - 1 for key in there}
    return found


def _lesions(rng: Rng, grades: Grades) -> Lesions:
    """Lesions of these grades, sized as in a cohort, but the dens tip never within 2 mm of McRae's line."""
    a, b, c, d = (float(rng.uniform(0.65, 1.0)) if grades[key] else 0.0 for key in FACETS)
    return Lesions(
        pannus=(0.0, float(rng.uniform(1.6, 2.6)), float(rng.uniform(4.5, 9.5)))[grades["pannus"]],
        pannus_signal=float(rng.uniform(0.45, 0.75)),
        erosion=(0.0, float(rng.uniform(0.7, 1.1)), float(rng.uniform(1.9, 3.0)))[grades["dens_erosion"]],
        tip_below_mcrae=float(rng.uniform(2.0, 9.0)) * (-1 if grades["vertical_translocation"] else 1),
        blossoming=(a, b, c, d),
    )
