"""Phantom scans straight into the image store: de-identified and encoded as any series, of no patient.

No row of the cohort is written, so nothing that counts patients, exams or series can meet them.
"""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cohort import dicom_file, stack, stored_series
from cohort.phantom.acquire import geometry_of
from cohort.phantom.cohort import write_scan
from cohort.phantom.observe import observed_grades
from cohort.phantom.planning import PhantomPatient, Scan
from cohort.pseudonyms import study_pseudonyms

#: Folder of the image store. Patients' folders are hexadecimal, so it can be nobody's.
FOLDER = "phantoms"


@dataclass(frozen=True)
class DrawnScan:
    """One phantom scan ready to be stored, and what a perfect reader sees on it."""

    role: str
    truth: dict[str, int | str]
    study_uid: str
    series_uid: str
    #: Directory under the image store, and what belongs into it.
    path: str
    files: dict[str, bytes]
    #: {"sop_uid", "file", "metadata"} in slice order; metadata is DICOM JSON without pixels.
    instances: list[dict[str, Any]]


def draw(patient: PhantomPatient) -> list[DrawnScan]:
    """Render both scans; about 4 s on one core."""
    with ThreadPoolExecutor(2) as codecs, tempfile.TemporaryDirectory() as folder:
        return [_draw(Path(folder), patient, scan, codecs) for scan in patient.scans]


def _draw(folder: Path, patient: PhantomPatient, scan: Scan, codecs: ThreadPoolExecutor) -> DrawnScan:
    written = write_scan(folder, patient, scan)
    frames = [frame for path in written for frame in dicom_file.read_frames(path.name, path)]
    prepared = stored_series.prepare(stack.build(frames), study_pseudonyms(), codecs)
    return DrawnScan(
        role=scan.role,
        truth=observed_grades(scan.anatomy, geometry_of(scan.acquisition)),
        study_uid=prepared.series.study_uid,
        series_uid=prepared.series.series_uid,
        path=f"{FOLDER}/{prepared.series.series_uid}",
        files=prepared.files,
        instances=[
            {"sop_uid": one.sop_uid, "file": one.file, "metadata": one.metadata} for one in prepared.instances
        ],
    )
