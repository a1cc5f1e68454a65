"""The published patient flow as a cohort: CSV files of 3,248 patients, each leaving by the rule it must.

Counts of Lebouille-Veldman et al., Brain and Spine 2025;5:104328, as far as they can be true: the chart
review's listed reasons are 43, where the text says 56, so 219 are included and not 220. Nobody real is in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from cohort.phantom import tables
from cohort.phantom.anatomy import Rng
from cohort.phantom.tables import Tables

#: Way out → patients. "deformity" leaves only once a final label says *case*; "included" stays.
WAYS: dict[str, int] = {
    "no_imaging": 236, "no_cervical_mri": 736,  # 3248 → 2276
    "single_mri": 1289, "short_interval": 684,  # → 303, all coded
    "no_sagittal_t2": 12,  # → 291
    "ra_refuted": 34, "no_adequate_follow_up": 7, "junction_surgery": 1, "odontoid_fracture": 1,  # → 248
    "deformity": 29,  # → 219
    "included": 219,
}  # fmt: skip
#: Patients who remain after each step once the 29 baseline scans are labelled.
REMAINING = (3248, 2276, 303, 303, 291, 248, 219, 219)
MIN_DAYS = 1000
_CHART = ("ra_refuted", "no_adequate_follow_up", "junction_surgery", "odontoid_fracture")


def write_funnel(directory: Path | str, *, seed: int = 0) -> dict[str, list[str]]:
    """Write the four CSV files and funnel.json, which names the patients of every way out.

    Returns
    -------
    dict
        Way out → patient ids, as funnel.json. The same seed writes the same bytes.

    Raises
    ------
    FileExistsError
        When the directory already holds a cohort.
    """
    target = Path(directory)
    if (target / "patients.csv").exists():
        raise FileExistsError(f"{target} already holds a cohort")
    target.mkdir(parents=True, exist_ok=True)
    # Shuffled, so that nothing about a patient's number or place in the file tells how they leave.
    ways = np.random.default_rng((seed, 0)).permutation([way for way, n in WAYS.items() for _ in range(n)])
    written = tables.empty_tables()
    named: dict[str, list[str]] = {way: [] for way in WAYS}
    for k, way in enumerate(map(str, ways)):
        patient_id = f"F{k + 1:05d}"
        named[way].append(patient_id)
        _add(written, np.random.default_rng((seed, 1, k)), patient_id, way)
    tables.write_tables(target, written)
    (target / "funnel.json").write_text(json.dumps(named, indent=1) + "\n", encoding="utf-8")
    return named


def _add(written: Tables, rng: Rng, patient_id: str, way: str) -> None:
    first = date(2002, 1, 1) + timedelta(days=int(rng.integers(0, 3000)))
    birth = first - timedelta(days=int(rng.integers(25 * 365, 80 * 365)))
    tables.add_patient(
        written, rng, patient_id, sex="F" if rng.uniform() < 0.85 else "M", birth=birth, baseline=first
    )
    # Some who leave early would fail a later step too; only the first counts.
    early = way in ("no_imaging", "no_cervical_mri", "single_mri", "short_interval")
    coded = not early or rng.uniform() < 0.9
    tables.add_codes(written, rng, patient_id, first, tables.RA_CODES if coded else tables.OTHER_CODES)
    exams = list(_exams(rng, way, first))
    for number, (on, modality, part, flag) in enumerate(exams, 1):
        tables.add_exam(
            written,
            patient_id,
            f"{patient_id}-E{number}",
            on,
            modality=modality,
            body_part=part,
            sagittal_t2=flag,
        )
    if way in _CHART:
        tables.add_review(written, patient_id, exams[-1][0] + timedelta(days=40), way)
    elif not early and way != "no_sagittal_t2":
        tables.add_review(written, patient_id, exams[-1][0] + timedelta(days=40))


def _exams(rng: Rng, way: str, first: date) -> Iterator[tuple[date, str, str, bool | None]]:
    """Date, modality, body part and whether sagittal T2 is said to be there."""
    if way == "no_imaging":
        return
    if way == "no_cervical_mri":
        yield (
            first,
            *(("MR", "LSPINE", None), ("CT", "CSPINE", False), ("MR", "BRAIN", None))[rng.integers(3)],
        )
        return
    yield first, "MR", "CSPINE", way != "no_sagittal_t2"
    if way == "single_mri":
        if rng.uniform() < 0.3:  # a later scan that is no cervical MRI does not count
            yield first + timedelta(days=2000), "CT", "CSPINE", False
        return
    if way == "short_interval":
        # One in ten at the very limit.
        days = MIN_DAYS - 1 if rng.uniform() < 0.1 else int(rng.integers(20, MIN_DAYS))
        yield first + timedelta(days=days), "MR", "CSPINE", True
        return
    days = MIN_DAYS if rng.uniform() < 0.1 else int(rng.integers(MIN_DAYS, 5000))
    if rng.uniform() < 0.4:
        yield first + timedelta(days=days // 2), "MR", "CSPINE", True
    yield first + timedelta(days=days), "MR", "CSPINE", True
