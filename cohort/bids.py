"""Accepted series as a BIDS data set of NIfTI files: names, sidecars, tables (BIDS 1.10)."""

from __future__ import annotations

import csv
import json
import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.db.models import Prefetch

from cohort import nifti, pacs
from cohort.dicomweb import retrieve
from cohort.models import Exam, Patient, Series

BIDS_VERSION = "1.10.0"
#: What recognition calls a weighting → the suffix of BIDS; others have none and get one that BIDS ignores.
SUFFIXES = {"t1": "T1w", "t2": "T2w", "t2 fs": "T2w", "pd": "PDw", "flair": "FLAIR", "t2*": "T2starw"}
OTHER = "MR"
#: DICOM attribute → name in the sidecar and what it is multiplied with: BIDS counts in seconds.
_NUMBERS = {
    "00180087": ("MagneticFieldStrength", 1.0),
    "00180081": ("EchoTime", 0.001),
    "00180080": ("RepetitionTime", 0.001),
    "00180082": ("InversionTime", 0.001),
    "00181314": ("FlipAngle", 1.0),
    "00180050": ("SliceThickness", 1.0),
    "00180088": ("SpacingBetweenSlices", 1.0),
    "00180091": ("EchoTrainLength", 1.0),
}
_TEXTS = {
    "00080060": "Modality",
    "00080070": "Manufacturer",
    "00081090": "ManufacturersModelName",
    "00180020": "ScanningSequence",
    "00180021": "SequenceVariant",
    "00180015": "BodyPartExamined",
    "0008103E": "SeriesDescription",
    "00181030": "ProtocolName",
    "00185100": "PatientPosition",
    "00280004": "PhotometricInterpretation",
    "0008001C": "SyntheticData",
}


@dataclass(frozen=True)
class Written:
    """What became of a series: ``written`` to ``file``, or ``left_out`` for ``reason``."""

    outcome: str
    patient: str
    series_uid: str
    file: str
    reason: str = ""

    def as_json(self) -> dict[str, str]:
        return {key: value for key, value in asdict(self).items() if value}


def volume(series: Series) -> tuple[bytes, dict[str, Any]]:
    """The series as ``.nii.gz`` and its sidecar.

    Raises
    ------
    nifti.NiftiError
        If it has no geometry, or a file of it is missing from the store.
    """
    instances = list(series.instances.select_related("series").order_by("index"))
    to_ras = nifti.affine(
        series.orientation,
        [instance.position for instance in instances],
        (series.row_spacing, series.column_spacing, series.slice_spacing),
    )
    try:
        slices = [retrieve.values(instance) for instance in instances]
    except (pacs.StoreError, OSError) as error:
        raise nifti.NiftiError(f"its images cannot be read from the store: {error}") from error
    rescale = [
        (_number(i.metadata, "00281053") or 1.0, _number(i.metadata, "00281052") or 0.0) for i in instances
    ]
    return nifti.write(slices, to_ras, rescale), sidecar(series, instances[0].metadata)


def sidecar(series: Series, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The de-identified attributes of a series under the names of BIDS; times in s, field in T."""
    found: dict[str, Any] = {}
    for tag, (name, factor) in _NUMBERS.items():
        number = _number(metadata, tag)
        if number is not None:
            found[name] = round(number * factor, 9)
    for tag, name in _TEXTS.items():
        values = metadata.get(tag, {}).get("Value") or []
        if values:
            found[name] = "\\".join(str(value) for value in values)
    return {
        **found,
        "Plane": series.plane,
        "Weighting": series.weighting,
        "SeriesInstanceUID": series.series_uid,
        "ContentHash": f"sha256:{series.content_hash}",
        "Deidentified": True,
    }


def file_name(series: Series) -> str:
    """What one series is called when it is downloaded by itself."""
    return f"sub-{series.patient_pseudonym}_{_suffix(series)}.nii.gz"


def export(out: Path, *, patients: Iterable[str] = ()) -> Iterator[Written]:
    """Write all accepted series, or those of some patients, as a new data set in the folder ``out``.

    The folder appears when it is complete: it is written beside its place and renamed. A series that cannot
    be written is left out and reported; the others are written.

    Raises
    ------
    nifti.NiftiError
        If ``out`` exists and is not an empty folder, or a patient is unknown.
    """
    out = out.absolute()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise nifti.NiftiError(f"{out} exists already and is not an empty folder; name a new one")
    wanted = sorted(set(patients))
    found = (
        Patient.objects.filter(exams__series__state=Series.State.ACCEPTED).distinct().order_by("pseudonym")
    )
    if wanted:
        unknown = set(wanted) - set(
            Patient.objects.filter(pseudonym__in=wanted).values_list("pseudonym", flat=True)
        )
        if unknown:
            raise nifti.NiftiError(f"no such patient: {', '.join(sorted(unknown))}")
        found = found.filter(pseudonym__in=wanted)
    accepted = Series.objects.filter(state=Series.State.ACCEPTED).defer("deidentification").order_by("pk")
    found = found.select_related("scan_pair__baseline", "scan_pair__follow_up").prefetch_related(
        Prefetch("exams", Exam.objects.order_by("date", "pk").prefetch_related(Prefetch("series", accepted)))
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(prefix=f".{out.name}.partial-", dir=out.parent))
    making.chmod(0o755)
    try:
        participants = []
        for patient in found.iterator(chunk_size=100):
            yield from _patient(making, patient)
            participants.append(
                {
                    "participant_id": f"sub-{patient.pseudonym}",
                    "sex": patient.sex or "n/a",
                    "site": patient.site or "n/a",
                    "synthetic": "true" if patient.phantom else "false",
                }
            )
        _table(making / "participants.tsv", ["participant_id", "sex", "site", "synthetic"], participants)
        _json(
            making / "dataset_description.json",
            {
                "Name": "Odontoid: accepted cervical-spine MRI, de-identified",
                "BIDSVersion": BIDS_VERSION,
                "DatasetType": "raw",
                "GeneratedBy": [{"Name": "Odontoid"}],
            },
        )
        (making / "README").write_text(
            "De-identified MR series. Research use only, not a medical device.\n"
            "Dates are shifted by one interval per participant; intervals between sessions are true.\n"
        )
        (making / ".bidsignore").write_text(f"*_{OTHER}.nii.gz\n*_{OTHER}.json\n")
        os.rename(making, out)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def sessions(patient: Patient) -> dict[int, str]:
    """Exam → ``baseline``, ``followup``, or the exam's number by date among those with accepted series."""
    pair = getattr(patient, "scan_pair", None)
    chosen = {pair.follow_up.exam_id: "followup", pair.baseline.exam_id: "baseline"} if pair else {}
    exams = [exam for exam in patient.exams.all() if exam.series.all()]
    return {exam.pk: chosen.get(exam.pk, str(number)) for number, exam in enumerate(exams, 1)}


def _patient(root: Path, patient: Patient) -> Iterator[Written]:
    subject = f"sub-{patient.pseudonym}"
    names = sessions(patient)
    held = []
    for exam in patient.exams.all():
        if exam.pk not in names:
            continue
        session = f"ses-{names[exam.pk]}"
        folder = f"{subject}/{session}/anat"
        by_suffix: dict[str, list[Series]] = defaultdict(list)
        for series in exam.series.all():
            by_suffix[_suffix(series)].append(series)
        for suffix, alike in by_suffix.items():
            for run, series in enumerate(alike, 1):
                part = f"_run-{run}" if len(alike) > 1 else ""
                path = f"{folder}/{subject}_{session}{part}_{suffix}"
                try:
                    image, about = volume(series)
                except nifti.NiftiError as error:
                    yield Written("left_out", patient.pseudonym, series.series_uid, "", str(error))
                    continue
                (root / folder).mkdir(parents=True, exist_ok=True)
                (root / f"{path}.nii.gz").write_bytes(image)
                _json(root / f"{path}.json", about)
                yield Written("written", patient.pseudonym, series.series_uid, f"{path}.nii.gz")
        held.append({"session_id": session, "acq_time": f"{exam.date.isoformat()}T00:00:00"})
    (root / subject).mkdir(exist_ok=True)
    _table(root / subject / f"{subject}_sessions.tsv", ["session_id", "acq_time"], held)


def _suffix(series: Series) -> str:
    return SUFFIXES.get(series.weighting, OTHER)


def _number(metadata: Mapping[str, Any], tag: str) -> float | None:
    values = metadata.get(tag, {}).get("Value") or [None]
    return float(values[0]) if values[0] is not None else None


def _json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def _table(path: Path, columns: list[str], rows: Iterable[Mapping[str, str]]) -> None:
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, columns, delimiter="\t", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
