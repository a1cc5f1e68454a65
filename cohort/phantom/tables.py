"""The four CSV files of a cohort export, written for phantoms and for patients who leave the flow."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path

from cohort.phantom.anatomy import Rng

HEADERS: dict[str, tuple[str, ...]] = {
    "patients.csv": (
        "patient_id", "site", "sex", "birth_date", "ra_diagnosis_date", "rf", "anti_ccp", "infliximab",
        "other_biologic",
    ),
    "diagnoses.csv": ("patient_id", "system", "code", "date"),
    "exams.csv": ("patient_id", "exam_id", "date", "modality", "body_part", "sagittal_t2"),
    "chart_review.csv": ("patient_id", "decision", "note", "date"),
}  # fmt: skip

RA_CODES = (
    ("ICD9", "714.0"), ("ICD9", "714.2"), ("ICD10", "M05.79"), ("ICD10", "M05.9"), ("ICD10", "M06.0"),
    ("ICD10", "M06.09"), ("ICD10", "M06.9"), ("ICD10", "M069"),
)  # fmt: skip
#: Arthritis that is not rheumatoid: psoriatic, gout, osteoarthritis, adult-onset Still's, inflammatory.
OTHER_CODES = (
    ("ICD10", "L40.50"),
    ("ICD10", "M10.9"),
    ("ICD9", "715.9"),
    ("ICD10", "M06.1"),
    ("ICD10", "M06.4"),
)

#: Each way out of the flow, in the order in which extra patients are given them.
LEAVERS = (
    "no_cervical_mri", "single_mri", "short_interval", "ra_refuted", "not_ra_coded", "no_cervical_mri",
    "no_baseline_t2", "no_adequate_follow_up", "single_mri", "short_interval", "junction_surgery",
    "no_imaging", "odontoid_fracture",
)  # fmt: skip
CHART_DECISIONS = ("ra_refuted", "no_adequate_follow_up", "junction_surgery", "odontoid_fracture")

Row = Mapping[str, object]
Tables = dict[str, list[Row]]


def empty_tables() -> Tables:
    return {name: [] for name in HEADERS}


def add_patient(tables: Tables, rng: Rng, patient_id: str, *, sex: str, birth: date, baseline: date) -> None:
    """The patient's own row; clinical covariates carry no information on the outcome."""
    rf = rng.uniform() < 0.7
    tables["patients.csv"].append({
        "patient_id": patient_id,
        "site": "Site A" if rng.uniform() < 0.6 else "Site B",
        "sex": sex,
        "birth_date": birth,
        "ra_diagnosis_date": baseline + timedelta(days=int(rng.integers(-1200, 700))),
        "rf": _yes(rf) if rng.uniform() < 0.92 else "",
        "anti_ccp": _yes(rng.uniform() < (0.8 if rf else 0.2)) if rng.uniform() < 0.85 else "",
        "infliximab": _yes(rng.uniform() < 0.15),
        "other_biologic": _yes(rng.uniform() < 0.3),
    })  # fmt: skip


def add_codes(
    tables: Tables, rng: Rng, patient_id: str, near: date, codes: tuple[tuple[str, str], ...] = RA_CODES
) -> None:
    """One to three codes; the older system before October 2015."""
    chosen = rng.choice(len(codes), size=int(rng.integers(1, min(3, len(codes)) + 1)), replace=False)
    for k in sorted(int(c) for c in chosen):
        system, code = codes[k]
        start = near if system == "ICD9" else date(2015, 10, 1)
        row = {"patient_id": patient_id, "system": system, "code": code}
        tables["diagnoses.csv"].append({**row, "date": start + timedelta(days=int(rng.integers(0, 900)))})


def add_exam(
    tables: Tables, patient_id: str, exam_id: str, on: date, *, modality: str = "MR",
    body_part: str = "CSPINE", sagittal_t2: bool | None = True,
) -> None:  # fmt: skip
    known = "" if sagittal_t2 is None else _yes(sagittal_t2)
    row = {
        "patient_id": patient_id,
        "exam_id": exam_id,
        "date": on,
        "modality": modality,
        "body_part": body_part,
    }
    tables["exams.csv"].append({**row, "sagittal_t2": known})


def add_review(
    tables: Tables, patient_id: str, on: date, decision: str = "confirmed", note: str = ""
) -> None:
    tables["chart_review.csv"].append(
        {"patient_id": patient_id, "decision": decision, "note": note, "date": on}
    )


def add_leaver(tables: Tables, rng: Rng, patient_id: str, kind: str) -> None:
    """A patient without images who leaves the flow by exactly one rule."""
    first = date(2003, 1, 1) + timedelta(days=int(rng.integers(0, 2500)))
    later = first + timedelta(days=int(rng.integers(1100, 4500)))
    birth = first - timedelta(days=int(rng.integers(25 * 365, 75 * 365)))
    add_patient(
        tables, rng, patient_id, sex="F" if rng.uniform() < 0.72 else "M", birth=birth, baseline=first
    )
    add_codes(tables, rng, patient_id, first, OTHER_CODES if kind == "not_ra_coded" else RA_CODES)
    e1, e2 = f"{patient_id}-E1", f"{patient_id}-E2"
    if kind == "no_cervical_mri":
        add_exam(tables, patient_id, e1, first, body_part="LSPINE", sagittal_t2=None)
        add_exam(tables, patient_id, e2, later, modality="CT", sagittal_t2=False)
        return
    if kind == "no_imaging":
        return
    add_exam(tables, patient_id, e1, first, sagittal_t2=kind != "no_baseline_t2")
    if kind == "single_mri":
        return
    if kind == "short_interval":
        later = first + timedelta(days=int(rng.integers(90, 999)))
    add_exam(tables, patient_id, e2, later)
    if kind in CHART_DECISIONS:
        add_review(tables, patient_id, later, kind)
    elif kind != "short_interval":
        add_review(tables, patient_id, later)


def write_tables(directory: Path, tables: Tables) -> None:
    for name, header in HEADERS.items():
        with (directory / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, header, lineterminator="\n")
            writer.writeheader()
            writer.writerows(_plain(tables[name]))


def _plain(rows: Iterable[Row]) -> Iterable[dict[str, object]]:
    for row in rows:
        yield {key: value.isoformat() if isinstance(value, date) else value for key, value in row.items()}


def _yes(value: bool) -> str:
    return "yes" if value else "no"
