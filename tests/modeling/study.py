"""Read patients as database rows, with images on disk where a test trains on them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
from django.conf import settings
from django.utils import timezone

from annotation import charter
from annotation.models import Assignment, Case, FinalLabel, Reading, Scan
from cohort.models import Exam, Instance, Patient, ScanPair, Series
from cohort.stack import stored_content_hash
from tests.modeling.tiny import write_series

BASELINE = date(2004, 5, 6)
DAYS_APART = 1826


def make_series(exam: Exam, *, files: list[str]) -> Series:
    number = Series.objects.count() + 1
    series = Series.objects.create(
        exam=exam, patient_pseudonym=exam.patient.pseudonym, state=Series.State.ACCEPTED,
        study_uid=f"2.25.1{number:06d}", series_uid=f"2.25.2{number:06d}",
        content_hash=f"{number:064x}", path=f"{exam.patient.pseudonym}/{number}",
        rows=48, columns=48, slices=max(len(files), 1), row_spacing=2.0, column_spacing=2.0,
        slice_spacing=3.3, orientation=[0, 1, 0, 0, 0, -1], plane="sagittal", weighting="T2",
    )  # fmt: skip
    Instance.objects.bulk_create(
        # Stored last slice first: the manifest's order must come from the index.
        Instance(series=series, sop_uid=f"{series.series_uid}.{k}", index=k, position=[0, 0, 0], file=file,
                 metadata={})
        for k, file in reversed(list(enumerate(files)))
    )  # fmt: skip
    return series


def make_patient(
    name: str,
    *,
    phantom: bool = True,
    files: Sequence[str] = ("a.dcm", "b.dcm"),
    days_apart: int = DAYS_APART,
    **fields: Any,
) -> Patient:
    """A patient with a baseline and a follow-up scan."""
    described = {
        "site": "A", "sex": "F", "birth_date": date(1954, 5, 6), "ra_diagnosis_date": date(2000, 5, 6),
        "rf": True, "anti_ccp": None, **fields,
    }  # fmt: skip
    patient = Patient.objects.create(pseudonym=name, phantom=phantom, **described)
    scans = []
    for k, on in enumerate((BASELINE, BASELINE + timedelta(days=days_apart))):
        exam = Exam.objects.create(
            patient=patient, pseudonym=f"{name}-{k}", date=on, modality="MR", body_part="CSPINE"
        )
        scans.append(make_series(exam, files=list(files)))
    ScanPair.objects.create(patient=patient, baseline=scans[0], follow_up=scans[1])
    return patient


def label(
    patient: Patient,
    baseline: str | None = "clean",
    follow_up: str | None = "clean",
    *,
    readers: Sequence[Any] = (),
    how: str = FinalLabel.How.CONCORDANT,
) -> Case:
    """Final labels of both scans, resting on a signed reading of each reader."""
    terms = charter.current() or charter.freeze(by=None, reason="Reading starts")
    case = Case.objects.create(patient=patient, charter=terms, state=Case.State.FINAL)
    readings = []
    for reader in readers:
        assignment = Assignment.objects.create(
            case=case, reader=reader, kind=Assignment.Kind.READ, code=f"{patient.pk}-{reader.pk}",
            position=patient.pk,
        )  # fmt: skip
        readings.append(
            Reading.objects.create(
                assignment=assignment, state=Reading.State.SIGNED, signed_at=timezone.now(), meaning="read",
                content_hash=f"{patient.pk:064x}", rubric_version=1, content={},
                categories={"baseline": baseline, "follow_up": follow_up},
            )
        )  # fmt: skip
    pair = patient.scan_pair
    for key, series, category in (
        (Scan.Key.BASELINE, pair.baseline, baseline),
        (Scan.Key.FOLLOW_UP, pair.follow_up, follow_up),
    ):
        scan = Scan.objects.create(case=case, key=key, series=series)
        if category is not None:
            final = FinalLabel.objects.create(
                scan=scan, category=category, grades={"pannus": 2 if category == "case" else 0}, how=how,
                charter=terms, decided_at=timezone.now(),
            )  # fmt: skip
            final.readings.set(readings)
    return case


def labelled(outcomes: Sequence[int], *, phantom: bool = True) -> list[Patient]:
    """Patients ``p00``, ``p01``, … with concordant labels, without images."""
    patients = []
    for i, outcome in enumerate(outcomes):
        patient = make_patient(f"p{i:02d}", phantom=phantom)
        label(patient, "clean", "case" if outcome else "clean")
        patients.append(patient)
    return patients


def imaged(outcomes: Sequence[int], *, size: int = 48, slices: int = 9) -> list[Patient]:
    """The same with baseline images in the store; cases carry a bright square."""
    patients = labelled(outcomes)
    rng = np.random.default_rng(7)
    for patient, outcome in zip(patients, outcomes, strict=True):
        voxels = rng.normal(300, 40, (slices, size, size))
        if outcome:
            voxels[:, 10:22, 10:22] += 400
        series = patient.scan_pair.baseline
        folder = settings.IMAGE_STORE_DIR / series.path
        files = write_series(folder, voxels.clip(0, 4000))
        series.content_hash = stored_content_hash([folder / file for file in files])
        series.save()
        series.instances.all().delete()
        Instance.objects.bulk_create(
            Instance(series=series, sop_uid=f"{series.series_uid}.{k}", index=k, position=[0, 0, 0],
                     file=file, metadata={})
            for k, file in enumerate(files)
        )  # fmt: skip
    return patients
