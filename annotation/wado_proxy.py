"""Blinded images: DICOM JSON built from an allow-list, and frames, under addresses made for one assignment.

UIDs are HMACs of the real ones with the assignment's code: the same series has other UIDs for another
reader, and for the same reader under another code. Nothing of a patient, date, place or machine is in
the answer, because nothing that is not named in ``ALLOWED`` is.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from typing import Any, Protocol

from django.conf import settings

from annotation.models import Assignment
from cohort import pacs
from cohort.models import Instance, Series

#: Attributes a reader's viewer needs, with the VR they must have. Everything else stays behind.
ALLOWED: dict[str, str] = {
    "00180050": "DS",  # SliceThickness
    "00180088": "DS",  # SpacingBetweenSlices
    "00200032": "DS",  # ImagePositionPatient
    "00200037": "DS",  # ImageOrientationPatient
    "00280002": "US",  # SamplesPerPixel
    "00280004": "CS",  # PhotometricInterpretation
    "00280010": "US",  # Rows
    "00280011": "US",  # Columns
    "00280030": "DS",  # PixelSpacing
    "00280100": "US",  # BitsAllocated
    "00280101": "US",  # BitsStored
    "00280102": "US",  # HighBit
    "00280103": "US",  # PixelRepresentation
    "00281050": "DS",  # WindowCenter
    "00281051": "DS",  # WindowWidth
    "00281052": "DS",  # RescaleIntercept
    "00281053": "DS",  # RescaleSlope
}
_TEXT = {"00280004": {"MONOCHROME1", "MONOCHROME2"}}
MR_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.4"


class Coded(Protocol):
    """What a reader knows by a code of their own: an assignment, or a read of a phantom."""

    code: str


def opaque_uid(known_as: Coded, uid: str) -> str:
    """A UID of the UUID form (2.25.…, PS3.5 B.2) that only the server can lead back to ``uid``."""
    key = settings.PSEUDONYM_KEY.encode()
    digest = hmac.digest(key, f"reader-uid\x1f{known_as.code}\x1f{uid}".encode(), hashlib.sha256)
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def find_series(assignment: Assignment, study_uid: str, series_uid: str) -> Series | None:
    """The assignment's series behind two opaque UIDs; None for any others, whoever's they are."""

    def is_meant(series: Series) -> bool:
        return (
            opaque_uid(assignment, series.series_uid) == series_uid
            and opaque_uid(assignment, series.study_uid) == study_uid
        )

    # The scans' own first: what is asked for nearly always, and here without a query.
    for scan in assignment.case.scans.all():
        if is_meant(scan.series):
            return scan.series
    others = (series for scan in assignment.case.scans_with_series() for series in scan.other_series())
    return next(filter(is_meant, others), None)


def find_instance(assignment: Assignment, series: Series, sop_uid: str) -> Instance | None:
    """The series' instance behind an opaque UID: some thirty HMACs, far less than the query."""
    for instance in series.instances.defer("metadata"):
        if opaque_uid(assignment, instance.sop_uid) == sop_uid:
            return instance
    return None


def metadata(assignment: Assignment, series: Series) -> list[dict[str, Any]]:
    """The series' instances in slice order as DICOM JSON (PS3.18 F), allow-listed."""
    return blinded(assignment, series.instances.order_by("index"))


def blinded(known_as: Coded, instances: Iterable[Instance]) -> list[dict[str, Any]]:
    return [_blind(known_as, instance) for instance in instances]


def _blind(known_as: Coded, instance: Instance) -> dict[str, Any]:
    kept, series = {}, instance.series
    for tag, vr in ALLOWED.items():
        values = _plain(tag, instance.metadata.get(tag, {}).get("Value"))
        if values:
            kept[tag] = {"vr": vr, "Value": values}
    made = {
        "00080016": ("UI", MR_IMAGE_STORAGE),
        "00080018": ("UI", opaque_uid(known_as, instance.sop_uid)),
        "00080060": ("CS", "MR"),
        "0020000D": ("UI", opaque_uid(known_as, series.study_uid)),
        "0020000E": ("UI", opaque_uid(known_as, series.series_uid)),
        # Made from the series, not from the stored UID: two scans of one session would share that.
        "00200052": ("UI", opaque_uid(known_as, f"frame-of-reference {series.series_uid}")),
        # Ours, along the normal: the scanner's numbering can tell sites apart.
        "00200013": ("IS", instance.index + 1),
        "00280008": ("IS", 1),
    }
    return {**kept, **{tag: {"vr": vr, "Value": [value]} for tag, (vr, value) in made.items()}}


def _plain(tag: str, values: Any) -> list[Any]:
    """Values of the kind the attribute has: numbers, or one of a few known words. Else nothing."""
    if not isinstance(values, list):
        return []
    if tag in _TEXT:
        return [value for value in values if value in _TEXT[tag]]
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    return numbers if len(numbers) == len(values) else []


def frame(instance: Instance) -> tuple[bytes, str]:
    """The compressed pixels of one instance and the content type that names their transfer syntax."""
    pixels, transfer_syntax = pacs.read_frame(instance)
    return pixels, content_type(transfer_syntax)


def content_type(transfer_syntax: str) -> str:
    htj2k = transfer_syntax.startswith("1.2.840.10008.1.2.4.20")
    kind = "image/jphc" if htj2k else "application/octet-stream"
    return f"{kind}; transfer-syntax={transfer_syntax}"
