"""Small label sets with real DICOM files, for tests that train."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from cohort.stack import stored_content_hash


def write_series(
    folder: Path,
    voxels: np.ndarray,
    *,
    spacing: tuple[float, float] = (2.0, 2.0),
    gap: float = 3.3,
    origin: tuple[float, float, float] = (-20.0, -60.0, 50.0),
    row: tuple[float, float, float] = (0.0, 1.0, 0.0),
    column: tuple[float, float, float] = (0.0, 0.0, -1.0),
    shuffle: int | None = None,
    **elements: Any,
) -> list[str]:
    """Write (slices, rows, columns) uint16 as sagittal MR files; slice i lies i·gap along the normal."""
    folder.mkdir(parents=True, exist_ok=True)
    normal = np.cross(row, column)
    frame_of_reference, series = generate_uid(), generate_uid()
    names = [f"{i:03d}.dcm" for i in range(len(voxels))]
    numbers = np.arange(len(voxels))
    if shuffle is not None:
        numbers = np.random.default_rng(shuffle).permutation(len(voxels))
    for i, name in zip(numbers, names, strict=True):
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID = MRImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid()
        ds = Dataset()
        ds.file_meta = meta
        ds.SOPClassUID, ds.SOPInstanceUID = MRImageStorage, meta.MediaStorageSOPInstanceUID
        ds.SeriesInstanceUID, ds.FrameOfReferenceUID = series, frame_of_reference
        ds.Modality, ds.PhotometricInterpretation, ds.SamplesPerPixel = "MR", "MONOCHROME2", 1
        ds.Rows, ds.Columns = voxels.shape[1:]
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 0
        # The number lies on purpose: only the position orders slices.
        ds.InstanceNumber = int(len(voxels) - i)
        ds.PixelSpacing = list(spacing)
        ds.ImageOrientationPatient = [*row, *column]
        ds.ImagePositionPatient = [float(v) for v in np.asarray(origin) + normal * gap * i]
        ds.PixelData = np.ascontiguousarray(voxels[i], dtype="<u2").tobytes()
        for keyword, value in elements.items():
            setattr(ds, keyword, value)
        ds.save_as(folder / name, enforce_file_format=True)
    return names


def patient_row(name: str, outcome: int, files: list[str], **changes: Any) -> dict[str, Any]:
    """A manifest row with plausible, fixed covariates."""
    number = int("".join(c for c in name if c.isdigit()) or 0)
    row: dict[str, Any] = {
        "patient": name,
        "site": "AB"[number % 2],
        "outcome": outcome,
        "baseline_category": "intermediate" if number % 4 == 0 else "clean",
        "follow_up_category": "case" if outcome else ("intermediate" if number % 5 == 0 else "clean"),
        "provenance": ("concordant", "consensus", "adjudicated")[number % 3],
        "follow_up_years": 3.0 + number % 7,
        "covariates": {
            "age": 40.0 + number % 30,
            "sex": "FM"[number % 2],
            "rf": None if number % 3 == 0 else bool(number % 2),
            "anti_ccp": bool(number % 2),
            "disease_years": None,
        },
        "labels": {"follow_up": {"pannus": 2 * outcome}},
        "series": {
            "uid": f"2.25.{1000 + number}",
            "content_hash": f"hash-{name}",
            "path": name,
            "files": files,
        },
    }
    return row | changes


def manifest_of(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "version": 1,
        "study": "test",
        "charter": {"version": 1},
        "intermediate_policy": "negative",
        "patients": rows,
    }


def write_label_set(root: Path, outcomes: list[int], *, size: int = 48, slices: int = 9) -> Path:
    """Images and ``manifest.json`` under ``root``; cases carry a bright square."""
    rng = np.random.default_rng(7)
    rows = []
    for i, outcome in enumerate(outcomes):
        voxels = rng.normal(300, 40, (slices, size, size))
        if outcome:
            voxels[:, 10:22, 10:22] += 400
        name = f"P{i:03d}"
        files = write_series(root / name, voxels.clip(0, 4000), shuffle=i)
        row = patient_row(name, outcome, files)
        row["series"]["content_hash"] = stored_content_hash([root / name / file for file in files])
        rows.append(row)
    path = root / "manifest.json"
    path.write_text(json.dumps(manifest_of(rows)))
    return path
