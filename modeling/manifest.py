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

VERSION = 1
POLICIES = ("negative", "exclude", "positive")
CATEGORIES = ("clean", "intermediate", "case")
BASELINE_CATEGORIES = ("clean", "intermediate")
PROVENANCES = ("concordant", "consensus", "adjudicated")
LABEL_SOURCES = ("final", "reader_1", "reader_2")


class ManifestError(ValueError):
    """The manifest cannot be trained on; the message names the patient and the field."""


@dataclass(frozen=True)
class SeriesRef:
    """Where one baseline series lies: ``path`` and ``files`` relative to the image root."""

    uid: str
    content_hash: str
    path: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class Covariates:
    """Clinical data at baseline; None is unknown. ``age`` and ``disease_years`` in years."""

    age: float | None = None
    sex: str | None = None
    rf: bool | None = None
    anti_ccp: bool | None = None
    disease_years: float | None = None


@dataclass(frozen=True)
class ManifestPatient:
    """One patient: final outcome (1 = case at follow-up), covariates, baseline series."""

    patient: str
    site: str
    outcome: int
    baseline_category: str
    follow_up_category: str
    provenance: str
    follow_up_years: float
    covariates: Covariates
    series: SeriesRef
    #: Follow-up category of each independent observer, in the order of their accounts, and who they are.
    reads: tuple[str | None, ...] = ()
    readers: tuple[int, ...] = ()
    #: Make and field strength of the baseline scanner; empty where unknown.
    scanner: str = ""


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


def outcome_under(policy: str, follow_up_category: str) -> int | None:
    """The outcome of a follow-up category under a policy for *intermediate*; None = left out."""
    if follow_up_category != "intermediate":
        return int(follow_up_category == "case")
    return {"negative": 0, "exclude": None, "positive": 1}[policy]


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
    except ValueError as error:
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
    policy = _choice(content, "intermediate_policy", POLICIES, "manifest")
    rows = content.get("patients")
    if not isinstance(rows, list) or not rows:
        raise ManifestError("patients: an empty label set cannot be trained on")
    patients = tuple(_patient(row, number, policy) for number, row in enumerate(rows, start=1))
    _refuse_repeats(patients)
    return Manifest(str(content.get("study", "")), policy, patients, manifest_sha256(content))


def _refuse_repeats(patients: tuple[ManifestPatient, ...]) -> None:
    """One row per patient and one patient per series: otherwise somebody could cross a split."""
    seen: set[str] = set()
    images: dict[str, str] = {}
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


def _patient(row: Any, number: int, policy: str) -> ManifestPatient:
    if not isinstance(row, dict):
        raise ManifestError(f"patients[{number}] is not an object")
    name = row.get("patient")
    if not isinstance(name, str) or not name:
        raise ManifestError(f"patients[{number}]: no patient pseudonym")
    where = f"patient {name}"
    outcome = row.get("outcome")
    if isinstance(outcome, bool) or outcome not in (0, 1):
        raise ManifestError(f"{where}: outcome {outcome!r} is not 0 or 1")
    category = _choice(row, "follow_up_category", CATEGORIES, where)
    if outcome_under(policy, category) != outcome:
        raise ManifestError(
            f"{where}: outcome {outcome} is not that of a {category} follow-up under the policy {policy!r}"
        )
    years = _number(row, "follow_up_years", where)
    if years is None or years <= 0:
        raise ManifestError(f"{where}: follow_up_years {years!r} is not a time after baseline")
    reads = _reads(row)
    return ManifestPatient(
        patient=name,
        site=str(row.get("site") or ""),
        outcome=int(outcome),
        baseline_category=_choice(row, "baseline_category", BASELINE_CATEGORIES, where),
        follow_up_category=category,
        provenance=_choice(row, "provenance", PROVENANCES, where),
        follow_up_years=years,
        covariates=_covariates(row.get("covariates") or {}, where),
        series=_series(row.get("series"), where),
        reads=tuple(reads.values()),
        readers=tuple(reads),
        scanner=str((row.get("series") or {}).get("scanner") or ""),
    )


def _reads(row: Mapping[str, Any]) -> dict[int, str | None]:
    """The observers' own follow-up categories, in the order of their accounts; an amended read counts as it
    stands last."""
    label = (row.get("labels") or {}).get("follow_up") or {}
    newest: dict[int, tuple[int, str | None]] = {}
    for reading in label.get("readings") or []:
        if reading.get("kind") == "read":
            reader, version = int(reading["reader"]), int(reading.get("version") or 1)
            if reader not in newest or version > newest[reader][0]:
                newest[reader] = (version, reading.get("category"))
    return {reader: category for reader, (_, category) in sorted(newest.items())}


def _choice(row: Mapping[str, Any], field: str, allowed: tuple[str, ...], where: str) -> str:
    value = row.get(field)
    if value not in allowed:
        raise ManifestError(f"{where}: {field} {value!r} is none of {', '.join(allowed)}")
    return str(value)


def _number(row: Mapping[str, Any], field: str, where: str) -> float | None:
    value = row.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise ManifestError(f"{where}: {field} {value!r} is not a number")
    return float(value)


def _covariates(row: Any, where: str) -> Covariates:
    if not isinstance(row, dict):
        raise ManifestError(f"{where}: covariates is not an object")
    for field in ("rf", "anti_ccp"):
        if row.get(field) not in (None, True, False):
            raise ManifestError(f"{where}: {field} {row[field]!r} is not true, false or null")
    if row.get("sex") not in (None, "F", "M", "O"):
        raise ManifestError(f"{where}: sex {row['sex']!r} is not F, M, O or null")
    return Covariates(
        age=_number(row, "age", where),
        sex=row.get("sex"),
        rf=row.get("rf"),
        anti_ccp=row.get("anti_ccp"),
        disease_years=_number(row, "disease_years", where),
    )


def _inside(path: str) -> bool:
    """Whether a relative path stays below its root."""
    pure = PurePosixPath(path)
    return bool(path) and not pure.is_absolute() and ".." not in pure.parts


def _series(row: Any, where: str) -> SeriesRef:
    if not isinstance(row, dict):
        raise ManifestError(f"{where}: no baseline series")
    for field in ("uid", "content_hash", "path"):
        if not isinstance(row.get(field), str) or not row[field]:
            raise ManifestError(f"{where}: series.{field} is missing")
    files = row.get("files")
    if not isinstance(files, list) or not files or not all(isinstance(name, str) for name in files):
        raise ManifestError(f"{where}: series.files is not a list of file names")
    for name in (row["path"], *files):
        if not _inside(name):
            raise ManifestError(f"{where}: series file {name!r} leaves the image root")
    if len(set(files)) != len(files):
        raise ManifestError(f"{where}: series.files names a file twice")
    return SeriesRef(row["uid"], row["content_hash"], row["path"], tuple(files))
