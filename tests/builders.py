"""Small, complete inputs for tests: DICOM series and the four CSV files of a cohort export."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage, generate_uid

#: Row and column directions (LPS) of the three planes.
PLANES = {
    "sagittal": ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0)),
    "axial": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
    "coronal": ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0)),
}
HEADERS = {
    "patients.csv": [
        "patient_id", "site", "sex", "birth_date", "ra_diagnosis_date", "rf", "anti_ccp", "infliximab",
        "other_biologic",
    ],
    "diagnoses.csv": ["patient_id", "system", "code", "date"],
    "exams.csv": ["patient_id", "exam_id", "date", "modality", "body_part", "sagittal_t2"],
    "chart_review.csv": ["patient_id", "decision", "note", "date"],
}  # fmt: skip


def make_series(
    folder: Path,
    *,
    patient_id: str = "P1",
    exam_id: str = "P1-E1",
    study_date: date = date(2010, 3, 1),
    slices: int = 7,
    shape: tuple[int, int] = (32, 24),
    plane: str = "sagittal",
    spacing: tuple[float, float] = (1.0, 1.0),
    slice_spacing: float = 3.3,
    seed: int = 0,
    dtype: str = "uint16",
    bits_stored: int = 12,
    tags: Mapping[str, Any] | None = None,
    edit: Callable[[FileDataset, int], None] | None = None,
) -> list[Path]:
    """Write a sagittal T2 cervical MR series, one explicit little-endian file per slice.

    Slices ascend along the normal; InstanceNumber descends, so that whoever sorts by it is caught.

    Parameters
    ----------
    tags
        Attributes by keyword that replace the usual ones in every file; None deletes.
    edit
        Called with each dataset and its slice index before it is written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    row, column = (np.array(v) for v in PLANES[plane])
    normal = np.cross(row, column)
    origin = -normal * slice_spacing * (slices - 1) / 2 + np.array([0.5, -40.0, 60.0])
    study, series = (uid_of(patient_id, exam_id, seed, part) for part in ("study", "series"))
    written = []
    for k in range(slices):
        ds = FileDataset(str(folder), {}, file_meta=FileMetaDataset(), preamble=b"\0" * 128)
        sop = uid_of(patient_id, exam_id, seed, f"instance {k}")
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = MRImageStorage
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = sop
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.SpecificCharacterSet = "ISO_IR 192"
        ds.PatientID, ds.PatientName, ds.PatientBirthDate = patient_id, "Name^Of^Nobody", "19500102"
        ds.StudyInstanceUID, ds.SeriesInstanceUID = study, series
        ds.FrameOfReferenceUID = uid_of(patient_id, exam_id, seed, "frame")
        ds.AccessionNumber, ds.Modality = exam_id, "MR"
        ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = study_date.strftime("%Y%m%d")
        ds.StudyTime = ds.ContentTime = "101500"
        ds.ImageType = ["ORIGINAL", "PRIMARY", "M", "SE"]
        ds.SeriesDescription, ds.StudyDescription, ds.BodyPartExamined = "T2 TSE SAG", "MR C-SPINE", "CSPINE"
        ds.ScanningSequence, ds.SequenceVariant, ds.EchoTime, ds.RepetitionTime = "SE", "SK", 100, 3500
        ds.MagneticFieldStrength, ds.Manufacturer, ds.SoftwareVersions = 1.5, "SIEMENS", "test"
        ds.SliceThickness, ds.SpacingBetweenSlices = 3.0, slice_spacing
        ds.SeriesNumber, ds.InstanceNumber, ds.PatientPosition = 3, slices - k, "HFS"
        ds.ImagePositionPatient = [round(float(v), 4) for v in origin + normal * slice_spacing * k]
        ds.ImageOrientationPatient = [*PLANES[plane][0], *PLANES[plane][1]]
        ds.PixelSpacing, ds.Rows, ds.Columns = list(spacing), *shape
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        kind = np.dtype(dtype)
        ds.BitsAllocated = kind.itemsize * 8
        ds.BitsStored = min(bits_stored, ds.BitsAllocated)
        ds.HighBit, ds.PixelRepresentation = ds.BitsStored - 1, int(kind.kind == "i")
        low = -(2 ** (ds.BitsStored - 1)) if kind.kind == "i" else 0
        pixels = rng.integers(low, low + 2**ds.BitsStored, shape).astype(kind)
        ds.PixelData = pixels.tobytes()
        ds["PixelData"].VR = "OW"
        for keyword, value in (tags or {}).items():
            if value is None:
                if keyword in ds:
                    delattr(ds, keyword)
            else:
                setattr(ds, keyword, value)
        if edit:
            edit(ds, k)
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
        path = folder / f"IM{ds.get('InstanceNumber') or k:04d}.dcm"
        ds.save_as(path, enforce_file_format=True)
        written.append(path)
    return written


def uid_of(*parts: Any) -> UID:
    """A UID that is the same for the same parts."""
    return generate_uid(entropy_srcs=[str(part) for part in parts])


def write_csv(folder: Path, name: str, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write one file of the export with its documented header; absent keys are empty."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, HEADERS[name], restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_export(
    folder: Path,
    patient_ids: Sequence[str],
    *,
    baseline: date = date(2010, 3, 1),
    follow_up: date = date(2015, 3, 1),
    site: str = "Site A",
) -> Path:
    """The four files for patients who pass every step: exams ``<id>-E1`` and ``<id>-E2``."""
    people = [
        {"patient_id": p, "site": site, "sex": "F", "birth_date": "1950-01-02",
         "ra_diagnosis_date": "2005-06-07", "rf": "yes", "anti_ccp": "no",
         "infliximab": "no", "other_biologic": ""}
        for p in patient_ids
    ]  # fmt: skip
    codes = [
        {"patient_id": p, "system": "ICD10", "code": "M05.79", "date": "2008-01-01"} for p in patient_ids
    ]
    exams = [
        {"patient_id": p, "exam_id": f"{p}-E{k}", "date": on.isoformat(), "modality": "MR",
         "body_part": "CSPINE", "sagittal_t2": "yes"}
        for p in patient_ids
        for k, on in ((1, baseline), (2, follow_up))
    ]  # fmt: skip
    reviews = [{"patient_id": p, "decision": "confirmed", "date": "2016-01-01"} for p in patient_ids]
    for name, rows in zip(HEADERS, (people, codes, exams, reviews), strict=True):
        write_csv(folder, name, rows)
    return folder


def write_study(folder: Path, patient_ids: Sequence[str], **series: Any) -> Path:
    """CSV files and, under ``dicom/``, a baseline and a follow-up series for each patient."""
    baseline, follow_up = date(2010, 3, 1), date(2015, 3, 1)
    write_export(folder, patient_ids, baseline=baseline, follow_up=follow_up)
    for number, patient_id in enumerate(patient_ids):
        for k, on in ((1, baseline), (2, follow_up)):
            make_series(
                folder / "dicom" / patient_id / f"E{k}", patient_id=patient_id, exam_id=f"{patient_id}-E{k}",
                study_date=on, seed=10 * number + k, **series,
            )  # fmt: skip
    return folder
