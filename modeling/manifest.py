"""The frozen label set as a file: its shape, its checks and its hash (no Django, no torch).

``{"version": 1, "study", "charter", "intermediate_policy", "patients": [{"patient", "site", "outcome",
"baseline_category", "follow_up_category", "provenance", "follow_up_years", "covariates", "labels",
"series": {"uid", "content_hash", "path", "files", "scanner"?}}]}``. The sha256 of
its canonical bytes names it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from modeling.manifest_rows import (
    CATEGORIES,
    POLICIES,
    Covariates,
    ManifestError,
    ManifestPatient,
    SeriesRef,
    outcome_under,
    patient_of,
)

__all__ = [
    "CATEGORIES",
    "LABEL_SOURCES",
    "POLICIES",
    "VERSION",
    "Covariates",
    "Manifest",
    "ManifestError",
    "ManifestPatient",
    "SeriesRef",
    "canonical_bytes",
    "load_manifest",
    "manifest_sha256",
    "outcome_under",
    "parse_manifest",
    "training_labels",
]

VERSION = 1
LABEL_SOURCES = ("final", "reader_1", "reader_2")


@dataclass(frozen=True)
class Manifest:
    """A checked label set; ``sha256`` is that of its canonical bytes."""

    study: str
    intermediate_policy: str
    patients: tuple[ManifestPatient, ...]
    sha256: str


def canonical_bytes(content: Mapping[str, Any]) -> bytes:
    """Serialise without freedom: sorted keys, no spaces, UTF-8, no NaN."""
    return json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def manifest_sha256(content: Mapping[str, Any]) -> str:
    """The label set's name: sha256 of :func:`canonical_bytes`, in hexadecimal."""
    return hashlib.sha256(canonical_bytes(content)).hexdigest()


def _read(patient: ManifestPatient, position: int) -> str:
    return (patient.reads[position] or "") if len(patient.reads) > position else ""


def training_labels(manifest: Manifest, source: str) -> list[int | None]:
    """Each patient's outcome as ``source`` has it, under the manifest's policy; None = not to be trained on.

    ``final`` is the label set's own outcome; ``reader_1`` and ``reader_2`` are what one observer's
    independent read alone would have made of the follow-up scan.

    Raises
    ------
    ManifestError
        If no patient has a read of that observer: the label set was frozen without them.
    """
    if source == "final":
        return [patient.outcome for patient in manifest.patients]
    position = LABEL_SOURCES.index(source) - 1
    read = [_read(patient, position) for patient in manifest.patients]
    if not any(read):
        raise ManifestError(f"label_source={source}: this label set holds no reads of that observer")
    policy = manifest.intermediate_policy
    return [outcome_under(policy, category) if category in CATEGORIES else None for category in read]


def load_manifest(path: Path) -> Manifest:
    """Read and check a manifest file.

    Raises
    ------
    ManifestError
        If the file is no JSON, or a field is missing or wrong; the message names patient and field.
    """
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise ManifestError(f"manifest {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"manifest {path} is not JSON: {error}") from error
    try:
        return parse_manifest(content)
    except ManifestError as error:
        raise ManifestError(f"manifest {path}: {error}") from error


def parse_manifest(content: Any) -> Manifest:
    """Check a manifest's content; see :func:`load_manifest`."""
    if not isinstance(content, dict):
        raise ManifestError("the manifest is not a JSON object")
    if content.get("version") != VERSION:
        raise ManifestError(f"version {content.get('version')!r} is not {VERSION}")
    policy, study = content.get("intermediate_policy"), content.get("study")
    if policy not in POLICIES:
        raise ManifestError(f"intermediate_policy {policy!r} is none of {', '.join(POLICIES)}")
    if not isinstance(study, str) or not study:
        raise ManifestError(f"study {study!r} does not say whose images these are")
    rows = content.get("patients")
    if not isinstance(rows, list) or not rows:
        raise ManifestError("patients: an empty label set cannot be trained on")
    patients = tuple(patient_of(row, number, policy) for number, row in enumerate(rows, start=1))
    _refuse_repeats(patients)
    try:
        return Manifest(study, policy, patients, manifest_sha256(content))
    except ValueError as error:  # Infinity or half a character somewhere that is not read here
        raise ManifestError(f"no canonical form: {error}") from error


def _refuse_repeats(patients: tuple[ManifestPatient, ...]) -> None:
    """One row per patient and one patient per series: otherwise somebody could cross a split."""
    seen: set[str] = set()
    images: dict[str, str] = {}
    files: dict[str, str] = {}
    for patient in patients:
        if patient.patient in seen:
            raise ManifestError(f"patient {patient.patient} is listed twice and could cross a split")
        seen.add(patient.patient)
        for key in {patient.series.uid, patient.series.content_hash}:
            if key in images:
                raise ManifestError(
                    f"patients {images[key]} and {patient.patient} share the series {key}: "
                    "the same images could cross a split"
                )
            images[key] = patient.patient
        for name in patient.series.files:
            file = (PurePosixPath(patient.series.path) / name).as_posix()
            if files.setdefault(file, patient.patient) != patient.patient:
                raise ManifestError(
                    f"patients {files[file]} and {patient.patient} share the file {file}: "
                    "the same images could cross a split"
                )
