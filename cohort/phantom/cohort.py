"""A whole phantom study: patients with a planted prognosis, CSV exports, DICOM series and the truth."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from cohort.phantom import prognosis, tables
from cohort.phantom.acquire import geometry_of, render
from cohort.phantom.dicom import Identity, write_series
from cohort.phantom.observe import landmarks, observed_grades
from cohort.phantom.planning import PhantomPatient, Scan, oracle, plan_patient


def write_cohort(
    directory: Path | str,
    patients: int = 60,
    *,
    seed: int = 0,
    matrix: int | None = None,
    slices: int | None = None,
    positive_share: float = 0.2,
    signal: float = prognosis.STRONG,
    baseline_case_share: float = 0.0,
    doubtful_share: float = 0.15,
    leavers: bool = True,
    processes: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Write patients.csv, diagnoses.csv, exams.csv, chart_review.csv, ``dicom/`` and truth.json.

    Parameters
    ----------
    directory : path
        Created when missing; must hold no cohort yet.
    patients : int
        Patients with a baseline and a follow-up series, ids PH0001, PH0002, …
    matrix, slices : int, optional
        Fix what otherwise varies from series to series (256–512; 13, 15 or 17).
    positive_share : float
        Expected share with onset by follow-up; the realised one varies binomially.
    signal : float
        Slope b of the log hazard on degeneration; 0 plants nothing, 8 gives an oracle AUC of about .95.
    baseline_case_share, doubtful_share : float
        Expected share of patients already a case at baseline, and of scans with doubtful findings only.
    leavers : bool
        Add about 30 % more patients, without images, who leave the flow by one rule each.
    progress : callable(done, total), optional
        Called after each patient.

    Returns
    -------
    dict
        What truth.json holds. The same arguments write the same bytes.

    Raises
    ------
    ValueError
        On impossible shares or counts.
    FileExistsError
        When the directory already holds a cohort.
    """
    if not 1 <= patients <= 7000:
        raise ValueError(f"patients must be 1 to 7000, not {patients}")
    for name, share in (("baseline_case_share", baseline_case_share), ("doubtful_share", doubtful_share)):
        if not 0 <= share <= 1:
            raise ValueError(f"{name} must lie in [0, 1], not {share}")
    model = prognosis.plan(positive_share, signal)
    target = Path(directory)
    if (target / "truth.json").exists() or (target / "patients.csv").exists():
        raise FileExistsError(f"{target} already holds a cohort")
    target.mkdir(parents=True, exist_ok=True)
    planned = [
        plan_patient(
            f"PH{k + 1:04d}", (seed, k), model, baseline_case_share=baseline_case_share,
            doubtful_share=doubtful_share, matrix=matrix, slices=slices,
        )
        for k in range(patients)
    ]  # fmt: skip
    parameters = {
        "seed": seed, "patients": patients, "matrix": matrix, "slices": slices,
        "positive_share": positive_share, "signal": signal, "baseline_case_share": baseline_case_share,
        "doubtful_share": doubtful_share,
        "leavers": leavers, "intercept": model.intercept,
    }  # fmt: skip
    truth = {
        "parameters": parameters,
        "oracle": oracle(planned),
        "patients": [_truth(patient) for patient in planned],
    }
    _write_tables(target, planned, seed, leavers)
    (target / "truth.json").write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
    _write_images(target, planned, processes, progress)
    return truth


def write_scan(target: Path, patient: PhantomPatient, scan: Scan) -> list[Path]:
    """Render one scan and write its series under dicom/<patient>/<exam>/, instance numbers shuffled."""
    rng = np.random.default_rng(scan.seed)
    volume, _, geometry = render(scan.anatomy, scan.acquisition, rng, with_masks=False)
    who = Identity(
        patient.patient_id, f"Phantom^{patient.patient_id}", scan.exam_id, scan.on, patient.birth, patient.sex
    )
    return write_series(
        target / _folder(patient, scan), volume, geometry, who,
        instance_numbers=rng.permutation(len(volume)) + 1, uid_seed=str(scan.seed),
        echo_time=float(np.round(rng.uniform(92, 116))),
        repetition_time=float(np.round(rng.uniform(3000, 4600), -1)),
        field_strength=float(rng.choice([1.5, 3.0])),
    )  # fmt: skip


def _folder(patient: PhantomPatient, scan: Scan) -> str:
    return f"dicom/{patient.patient_id}/{scan.exam_id}"


def _write_patient(target: Path, patient: PhantomPatient) -> None:
    for scan in patient.scans:
        write_scan(target, patient, scan)


def _write_images(
    target: Path,
    planned: list[PhantomPatient],
    processes: int,
    progress: Callable[[int, int], None] | None,
) -> None:
    def report(done: int) -> None:
        if progress:
            progress(done, len(planned))

    if processes <= 1:
        for done, patient in enumerate(planned, 1):
            _write_patient(target, patient)
            report(done)
        return
    with ProcessPoolExecutor(processes) as pool:
        for done, _ in enumerate(pool.map(_write_patient, [target] * len(planned), planned), 1):
            report(done)


def _write_tables(target: Path, planned: list[PhantomPatient], seed: int, leavers: bool) -> None:
    written = tables.empty_tables()
    for k, patient in enumerate(planned):
        rng = np.random.default_rng((seed, k, 7))
        first, last = patient.scans
        tables.add_patient(
            written, rng, patient.patient_id, sex=patient.sex, birth=patient.birth, baseline=first.on
        )
        tables.add_codes(written, rng, patient.patient_id, first.on)
        for scan in patient.scans:
            tables.add_exam(written, patient.patient_id, scan.exam_id, scan.on)
        tables.add_review(written, patient.patient_id, last.on + timedelta(days=30))
    extra = round(0.3 * len(planned)) if leavers else 0
    for k in range(extra):
        rng = np.random.default_rng((seed, k, 11))
        kind = tables.LEAVERS[k % len(tables.LEAVERS)]
        tables.add_leaver(written, rng, f"PH{len(planned) + k + 1:04d}", kind)
    tables.write_tables(target, written)


def _truth(patient: PhantomPatient) -> dict[str, Any]:
    scans = []
    for scan in patient.scans:
        geometry = geometry_of(scan.acquisition)
        scans.append({
            "exam_id": scan.exam_id,
            "role": scan.role,
            "date": scan.on.isoformat(),
            "directory": _folder(patient, scan),
            "category": scan.category,
            "grades": scan.anatomy.lesions.grades,
            "observed": observed_grades(scan.anatomy, geometry),
            "lesions": asdict(scan.anatomy.lesions),
            "landmarks": landmarks(scan.anatomy, geometry),
            "acquisition": asdict(scan.acquisition),
        })  # fmt: skip
    return {
        "patient_id": patient.patient_id,
        "outcome": patient.outcome,
        "degeneration": patient.degeneration,
        "hazard": patient.hazard,
        "follow_up_years": patient.years,
        "onset_years": patient.onset_years,
        "oracle_score": patient.probability,
        "scans": scans,
    }
