"""One row of a manifest: a patient of a label set, every field checked (no Django, no torch)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

POLICIES = ("negative", "exclude", "positive")
CATEGORIES = ("clean", "intermediate", "case")
BASELINE_CATEGORIES = ("clean", "intermediate")
PROVENANCES = ("concordant", "consensus", "adjudicated")
#: A pseudonym names files (``saliency/P001.npz``) and stands in addresses.
PSEUDONYM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
#: Years. Rheumatoid arthritis may be diagnosed after the baseline scan: the duration is then negative.
PLAUSIBLE = {"age": (0.0, 120.0), "disease_years": (-50.0, 120.0), "follow_up_years": (0.0, 100.0)}


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


def outcome_under(policy: str, follow_up_category: str) -> int | None:
    """The outcome of a follow-up category under a policy for *intermediate*; None = left out."""
    if follow_up_category != "intermediate":
        return int(follow_up_category == "case")
    return {"negative": 0, "exclude": None, "positive": 1}[policy]


def patient_of(row: Any, number: int, policy: str) -> ManifestPatient:
    """Check row ``number`` (from 1) of a manifest; :class:`ManifestError` names patient and field."""
    if not isinstance(row, dict):
        raise ManifestError(f"patients[{number}] is not an object")
    name = row.get("patient")
    if not isinstance(name, str) or not name:
        raise ManifestError(f"patients[{number}]: no patient pseudonym")
    if not PSEUDONYM.fullmatch(name):
        raise ManifestError(
            f"patients[{number}]: the pseudonym {name[:80]!r} is not letters, digits, dots, dashes and "
            "underscores; it names files"
        )
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
    reads = _reads(row, where)
    return ManifestPatient(
        patient=name,
        site=_text(row, "site", where),
        outcome=int(outcome),
        baseline_category=_choice(row, "baseline_category", BASELINE_CATEGORIES, where),
        follow_up_category=category,
        provenance=_choice(row, "provenance", PROVENANCES, where),
        follow_up_years=years,
        covariates=_covariates(row.get("covariates"), where),
        series=_series(row.get("series"), where),
        reads=tuple(reads.values()),
        readers=tuple(reads),
        scanner=_text(row["series"], "scanner", where),
    )


def _text(row: Mapping[str, Any], field: str, where: str) -> str:
    value = row.get(field)
    if value is not None and not isinstance(value, str):
        raise ManifestError(f"{where}: {field} {value!r} is not text")
    return value or ""


def _object(value: Any, field: str, where: str) -> Mapping[str, Any]:
    """An object, empty where there is none."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ManifestError(f"{where}: {field} is not an object")
    return value


def _whole(row: Mapping[str, Any], field: str, where: str) -> int:
    value = row.get(field)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ManifestError(f"{where}: {field} {value!r} is not a whole number")
    return value


def _reads(row: Mapping[str, Any], where: str) -> dict[int, str | None]:
    """The observers' own follow-up categories, in the order of their accounts; an amended read counts as it
    stands last."""
    label = _object(_object(row.get("labels"), "labels", where).get("follow_up"), "labels.follow_up", where)
    readings = label.get("readings")
    if readings is not None and not isinstance(readings, list):
        raise ManifestError(f"{where}: labels.follow_up.readings is not a list")
    newest: dict[int, tuple[int, str | None]] = {}
    for number, entry in enumerate(readings or [], start=1):
        place = f"{where}, follow-up reading {number}"
        reading = _object(entry, "the reading", place)
        if reading.get("kind") != "read":
            continue
        reader = _whole(reading, "reader", place)
        version = 1 if reading.get("version") is None else _whole(reading, "version", place)
        category = _text(reading, "category", place) or None
        if reader not in newest or version > newest[reader][0]:
            newest[reader] = (version, category)
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
    # Finite is asked of floats alone: a whole number may be beyond every float.
    infinite = isinstance(value, float) and not math.isfinite(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or infinite:
        raise ManifestError(f"{where}: {field} {value!r} is not a number")
    low, high = PLAUSIBLE[field]
    if not low <= value <= high:
        raise ManifestError(f"{where}: {field} {value!r} is not within {low:g} to {high:g} years")
    return float(value)


def _covariates(content: Any, where: str) -> Covariates:
    row = _object(content, "covariates", where)
    for field in ("rf", "anti_ccp"):
        if row.get(field) is not None and not isinstance(row[field], bool):
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
    if len({PurePosixPath(name) for name in files}) != len(files):
        raise ManifestError(f"{where}: series.files names a file twice")
    return SeriesRef(row["uid"], row["content_hash"], row["path"], tuple(files))
