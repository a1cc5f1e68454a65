"""Take a BIDS data set of NIfTI files in: each becomes a DICOM series and goes the way of all series."""

from __future__ import annotations

import csv
import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from cohort import delivery, ingest, nifti_reading
from cohort.ingest import REJECTED, IngestResult
from cohort.models import ImportBatch
from cohort.nifti import NiftiError

#: Sidecar → DICOM attribute and what it is multiplied with.
_NUMBERS = {
    "MagneticFieldStrength": ("MagneticFieldStrength", 1),
    "EchoTime": ("EchoTime", 1000),
    "RepetitionTime": ("RepetitionTime", 1000),
    "InversionTime": ("InversionTime", 1000),
    "FlipAngle": ("FlipAngle", 1),
    "SliceThickness": ("SliceThickness", 1),
    "EchoTrainLength": ("EchoTrainLength", 1),
}
#: The longest times there are, in s: more was not converted from ms.
_LONGEST = {"EchoTime": 2, "RepetitionTime": 60, "InversionTime": 20}
_TEXTS = {
    "Manufacturer": "Manufacturer",
    "ManufacturersModelName": "ManufacturerModelName",
    "SeriesDescription": "SeriesDescription",
    "ProtocolName": "ProtocolName",
    "StudyDescription": "StudyDescription",
    "AccessionNumber": "AccessionNumber",
    "BodyPart": "BodyPartExamined",
    "BodyPartExamined": "BodyPartExamined",
    "PatientPosition": "PatientPosition",
    "MRAcquisitionType": "MRAcquisitionType",
    "PhotometricInterpretation": "PhotometricInterpretation",
    "SyntheticData": "SyntheticData",
}
_LISTS = ("ImageType", "ScanningSequence", "SequenceVariant", "ScanOptions")
_CODES = {
    "BodyPartExamined", "PatientPosition", "MRAcquisitionType", "PhotometricInterpretation", "SyntheticData",
}  # fmt: skip
_PLACE = re.compile(r"(sub-[^/_]+)/(?:(ses-[^/_]+)/)?anat/\1_(?:\2_)?(?:[^/]+_)?([A-Za-z0-9]+)\.nii(\.gz)?")
_DAY = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:[T .].*)?")


class NotBids(ValueError):
    """The folder as a whole cannot be read; says why."""


def ingest_folder(folder: Path) -> Iterator[IngestResult]:
    """Ingest every NIfTI file of a BIDS-like folder, participant by participant.

    ``sub-<label>/[ses-<label>/]anat/…_<suffix>.nii[.gz]``. The patient's id is the column ``patient_id`` of
    participants.tsv, else the label. A session's date is AcquisitionDate (or AcquisitionDateTime) of the
    sidecar, else acq_time or acq_date of the participant's sessions.tsv.

    Raises
    ------
    NotBids
        If it is no folder, holds no NIfTI file, or participants.tsv cannot be read.
    """
    if not folder.is_dir():
        raise NotBids(f"{folder} is not a folder")
    files = sorted(p for p in folder.rglob("*.nii*") if p.name.endswith((".nii", ".nii.gz")) and p.is_file())
    if not files:
        raise NotBids(f"{folder} holds no .nii or .nii.gz file")
    ids = {
        row.get("participant_id", ""): row.get("patient_id", "")
        for row in _table(folder / "participants.tsv")
    }
    by_subject: dict[str, list[tuple[str, re.Match[str]]]] = {}
    for file in files:
        name = file.relative_to(folder).as_posix()
        place = _PLACE.fullmatch(name)
        if place is None:
            yield IngestResult(REJECTED, name, "is not named sub-…/[ses-…/]anat/sub-…_[ses-…_]suffix.nii.gz")
        else:
            by_subject.setdefault(place[1], []).append((name, place))
    for subject, found in by_subject.items():
        patient_id = ids.get(subject) or subject.removeprefix("sub-")
        yield from _participant(folder, subject, patient_id, found)


def _participant(
    folder: Path, subject: str, patient_id: str, found: list[tuple[str, re.Match[str]]]
) -> Iterator[IngestResult]:
    notes: dict[str, str] = {}
    # On the disk that uploads go to, one participant at a time: slices are not compressed here.
    Path(settings.FILE_UPLOAD_TEMP_DIR).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="nifti-", dir=settings.FILE_UPLOAD_TEMP_DIR) as scratch:
        sources: list[delivery.Source] = []
        for number, (name, place) in enumerate(found):
            try:
                about = _about(folder, name, place, subject, patient_id)
                volume = nifti_reading.read(folder / name)
                for k, ds in enumerate(nifti_reading.datasets(volume, about), 1):
                    path = Path(scratch, f"{number:04d}-{k:05d}.dcm")
                    ds.save_as(path, enforce_file_format=True)
                    # Every series is named by the folder of its files: here, by the volume.
                    sources.append(delivery.Source(f"{name}/slice {k:04d}", path))
            except ValueError as error:  # ours say what is wrong; pydicom's may quote what it refuses
                ours = isinstance(error, NiftiError | NotBids)
                reason = str(error) if ours else "has a value in its sidecar or header that DICOM cannot hold"
                sources = [source for source in sources if not source.name.startswith(f"{name}/")]
                yield IngestResult(REJECTED, name, reason)
                continue
            notes[name] = volume.note
        if sources:
            for result in ingest.ingest_sources(sources, by=None, road=ImportBatch.Road.COMMAND):
                file = result.file.split("/slice ")[0]
                note = notes.get(file)
                reason = f"{result.reason}; {note}" if note and result.outcome != REJECTED else result.reason
                yield replace(result, file=file, reason=reason)


def _about(folder: Path, name: str, place: re.Match[str], subject: str, patient_id: str) -> Dataset:
    """Patient, study, series and acquisition of a file, by its name, its sidecar and the tables."""
    session, suffix = place[2] or "", place[3]
    stem = name.removesuffix(".gz").removesuffix(".nii")
    said = {**_sidecar(folder / f"{suffix}.json"), **_sidecar(folder / f"{stem}.json")}
    row = _session(folder / subject / f"{subject}_sessions.tsv", session)
    day = _day(said, row)
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.Modality, ds.PatientID = "MR", patient_id[:64]
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = day.strftime("%Y%m%d")
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    ds.SeriesDescription = ds.ProtocolName = suffix
    if row.get("accession_number"):
        ds.AccessionNumber = row["accession_number"][:16]
    for key, (keyword, factor) in _NUMBERS.items():
        if said.get(key) is not None:
            setattr(ds, keyword, _number(said, key) * factor)
    for key, keyword in _TEXTS.items():
        if said.get(key):
            longest = 16 if keyword == "AccessionNumber" else 64
            text = str(said[key]).replace("\\", " ")[:longest]
            setattr(ds, keyword, _code(text) if keyword in _CODES else text)
    for key in _LISTS:
        if said.get(key):
            values = said[key] if isinstance(said[key], list) else re.split(r"[\\_]", str(said[key]))
            setattr(ds, key, [_code(str(v)) for v in values])
    # The same file gives the same series again, and another session another study.
    study = ["nifti", patient_id, session, ds.StudyDate]
    ds.StudyInstanceUID = generate_uid(entropy_srcs=[*study, "study"])
    ds.SeriesInstanceUID = generate_uid(entropy_srcs=[*study, name, "series"])
    ds.FrameOfReferenceUID = generate_uid(entropy_srcs=[*study, name, "frame of reference"])
    return ds


def _code(text: str) -> str:
    """As VR CS has it (PS3.5 6.2): capitals, digits, space and underscore, at most 16."""
    return re.sub(r"[^A-Z0-9_ ]", "", text.upper())[:16]


def _number(said: Mapping[str, Any], key: str) -> float:
    value = said[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6:
        raise NotBids(f"{key} of its sidecar is not a number that can be")
    if value > _LONGEST.get(key, value):
        raise NotBids(f"{key} of its sidecar is {value:g} s: BIDS counts in seconds, this looks like ms")
    return float(value)


def _day(said: Mapping[str, Any], row: Mapping[str, str]) -> date:
    for where, record in (("its sidecar", said), ("sessions.tsv", row)):
        for key in ("AcquisitionDate", "AcquisitionDateTime", "acq_time", "acq_date"):
            text = str(record.get(key) or "").strip()
            if not text or text == "n/a":
                continue
            match = _DAY.fullmatch(text)
            try:
                return date(*(int(part) for part in match.groups())) if match else date.fromisoformat(text)
            except ValueError:
                raise NotBids(f"{key} of {where} is not a date like 2020-01-31") from None
    raise NotBids(
        "has no date: give acq_time or acq_date of its session in sessions.tsv, "
        "or AcquisitionDate in its sidecar"
    )


def _session(path: Path, session: str) -> dict[str, str]:
    rows = _table(path)
    for row in rows:
        if session and row.get("session_id") in (session, session.removeprefix("ses-")):
            return row
    return rows[0] if len(rows) == 1 and not session else {}


def _table(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, delimiter="\t", restval="")
            return [{k: v.strip() for k, v in row.items() if isinstance(v, str) and k} for row in rows]
    except (OSError, ValueError, csv.Error) as error:
        raise NotBids(f"{path.name} cannot be read as a table in UTF-8 ({type(error).__name__})") from error


def _sidecar(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        said = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise NotBids(f"its sidecar {path.name} cannot be read as JSON ({type(error).__name__})") from error
    if not isinstance(said, dict):
        raise NotBids(f"its sidecar {path.name} is not a JSON object")
    return said
