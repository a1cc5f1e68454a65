"""De-identify a DICOM image by allow-list: what is not named here does not leave. No Django.

After DICOM PS3.15 2024e, Annex E: Basic Application Confidentiality Profile with the Clean Descriptors
and the Retain Longitudinal Temporal Information with Modified Dates options. Stricter than the profile in
that no sequence, no private attribute, no time of day and no free text is kept at all: table-driven
removal leaves what its table does not know.
"""

from __future__ import annotations

import hashlib
import math
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from pydicom.datadict import dictionary_VM, dictionary_VR, keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID

from cohort import vocabulary

#: Of this software, in every file it writes (PS3.10: one UID for an implementation).
IMPLEMENTATION_UID = UID("2.25.255834051094264520358433440885561168184")
IMPLEMENTATION_NAME = "ODONTOID_1"
METHOD = "Odontoid allow-list, PS3.15 2024e Basic Profile with options"
#: (0012,0064): PS3.16 CID 7050.
PROFILE_CODES = (
    ("113100", "Basic Application Confidentiality Profile"),
    ("113105", "Clean Descriptors Option"),
    ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
)
#: What is stored: MR slices, and mono secondary captures for a person to look at.
SOP_CLASSES = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.4",  # MR Image
        "1.2.840.10008.5.1.4.1.1.7",  # Secondary Capture Image
        "1.2.840.10008.5.1.4.1.1.7.2",  # Multi-frame Grayscale Byte Secondary Capture
        "1.2.840.10008.5.1.4.1.1.7.3",  # Multi-frame Grayscale Word Secondary Capture
    }
)
#: Dates move back by 1 to this many days.
MAX_SHIFT_DAYS = 3652


class Pseudonymiser:
    """Everything that is derived from the study's secret key: ids, UIDs and date shifts.

    The same key gives the same values for ever, so a later delivery joins an earlier one; without the
    key none of them can be traced back or guessed by trying ids.
    """

    def __init__(self, key: str | bytes) -> None:
        self._key = key.encode() if isinstance(key, str) else key
        if not self._key:
            raise ValueError("the pseudonym key is empty")
        # HMAC (RFC 2104) with the key's two blocks hashed once: a third of the price of hmac.digest, and a
        # cohort of a million patients takes ten million of them.
        block = (hashlib.sha256(self._key).digest() if len(self._key) > 64 else self._key).ljust(64, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def _digest(self, *parts: str) -> bytes:
        # Lengths go in, so that ("a", "bc") and ("ab", "c") differ.
        inner, outer = self._inner.copy(), self._outer.copy()
        for part in parts:
            encoded = part.encode()
            inner.update(len(encoded).to_bytes(4, "big") + encoded)
        outer.update(inner.digest())
        return outer.digest()

    def patient(self, patient_id: str) -> str:
        """20 hex digits for a hospital's patient id."""
        return self._digest("patient", patient_id.strip())[:10].hex()

    def exam(self, patient_id: str, exam_id: str) -> str:
        """20 hex digits for an exam id or accession number, which need be unique only for its patient."""
        return self._digest("exam", patient_id.strip(), exam_id.strip())[:10].hex()

    def uid(self, uid: str, *more: str) -> UID:
        """A 2.25 UID (PS3.5 B.2) that is always the same for the same original."""
        raw = self._digest("uid", uid.strip().rstrip("\0"), *more)[:16]
        return UID(f"2.25.{uuid.UUID(bytes=raw, version=5).int}")

    def shift(self, patient_id: str) -> timedelta:
        """How far this patient's dates move: into the past, the same for all, so intervals stay true."""
        number = int.from_bytes(self._digest("dates", patient_id.strip())[:8], "big")
        return -timedelta(days=1 + number % MAX_SHIFT_DAYS)

    def date(self, patient_id: str, day: date) -> date:
        """``day`` moved by the patient's shift; OverflowError before the year 1."""
        return day + self.shift(patient_id)


@dataclass
class Report:
    """What happened to the attributes, by keyword or tag; never a value."""

    kept: set[str] = field(default_factory=set)
    replaced: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)
    private_removed: int = 0

    def add(self, other: Report) -> None:
        self.kept |= other.kept
        self.replaced |= other.replaced
        self.removed |= other.removed
        self.private_removed += other.private_removed

    def as_json(self) -> dict[str, Any]:
        return {
            "kept": sorted(self.kept),
            "replaced": sorted(self.replaced),
            "removed": sorted(self.removed),
            "private_removed": self.private_removed,
        }


# ---- how a kept attribute is made safe: each returns the new value, or None to drop it

_NUMBER_LIMIT = 64
#: Two letters make at least 8224.
_MATRIX_LIMIT = 4096


def _numbers(element: DataElement) -> Any:
    values = [element.value] if element.VM == 1 else list(element.value or [])
    numbers = [float(v) for v in values]
    if not numbers or not all(map(math.isfinite, numbers)) or not _as_in_dictionary(element, numbers):
        return None
    if element.VR in {"DS", "FL", "FD"}:
        # Written anew: the text of a decimal string is not bound to be a number all through.
        clean: list[Any] = [_decimal(v) for v in numbers]
    else:
        clean = [int(v) for v in numbers]
    return clean[0] if len(clean) == 1 else clean


def _as_in_dictionary(element: DataElement, numbers: list[float]) -> bool:
    """Of the dictionary's type and count: eight letters are a double, and four short integers."""
    if element.VR not in dictionary_VR(element.tag):
        return False
    many = dictionary_VM(element.tag)
    if len(numbers) != int(many) if many.isdecimal() else len(numbers) > _NUMBER_LIMIT:
        return False
    # The one binary attribute of several values is a matrix of pixels.
    return element.VR not in {"US", "SS"} or len(numbers) == 1 or max(numbers) <= _MATRIX_LIMIT


def _decimal(value: float) -> float:
    """The nearest number that fits the 16 characters of a decimal string."""
    for digits in range(15, 3, -1):
        text = f"{value:.{digits}g}"
        if len(text) <= 16:
            return float(text)
    return float(f"{value:.3g}")


def _codes(element: DataElement) -> Any:
    values = [element.value] if element.VM == 1 else list(element.value or [])
    allowed = vocabulary.CODES[element.keyword]
    # A hidden word must leave its place: position has meaning (ImageType value 3).
    kept = [str(v).strip().upper() if str(v).strip().upper() in allowed else "OTHER" for v in values]
    if element.keyword != "ImageType":
        kept = [v for v in kept if v != "OTHER"]
    return (kept[0] if len(kept) == 1 else kept) or None


def _words(element: DataElement) -> Any:
    return vocabulary.known_words(_text(element))[:64] or None


def _manufacturer(element: DataElement) -> Any:
    return vocabulary.known_manufacturer(_text(element)) or None


def _text(element: DataElement) -> str:
    value = element.value
    return str(value) if isinstance(value, str) else " ".join(map(str, value or []))


def _sop_class(element: DataElement) -> Any:
    return element.value if element.value in SOP_CLASSES else None


_NUMERIC = vocabulary.words(
    "SliceThickness RepetitionTime EchoTime InversionTime NumberOfAverages ImagingFrequency "
    "EchoNumbers MagneticFieldStrength SpacingBetweenSlices NumberOfPhaseEncodingSteps "
    "EchoTrainLength PercentSampling PercentPhaseFieldOfView PixelBandwidth ReconstructionDiameter "
    "AcquisitionMatrix FlipAngle SAR SeriesNumber AcquisitionNumber InstanceNumber "
    "ImagePositionPatient ImageOrientationPatient SliceLocation SamplesPerPixel Rows Columns "
    "PixelSpacing BitsAllocated BitsStored HighBit PixelRepresentation SmallestImagePixelValue "
    "LargestImagePixelValue PixelPaddingValue WindowCenter WindowWidth RescaleIntercept RescaleSlope "
    "LossyImageCompressionRatio "
)

_CLEANERS: dict[str, Callable[[DataElement], Any]] = {
    **dict.fromkeys(_NUMERIC, _numbers),
    **dict.fromkeys(vocabulary.CODES, _codes),
    "SOPClassUID": _sop_class,
    "Manufacturer": _manufacturer,
    "ManufacturerModelName": _words,
    "SeriesDescription": _words,
    "ProtocolName": _words,
    "StudyDescription": _words,
}
_UIDS = frozenset({"StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID"})
_DATES = frozenset({"StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"})
#: Type 2 attributes of every image that must be present and say nothing.
_EMPTY = (
    "StudyTime", "AccessionNumber", "ReferringPhysicianName", "StudyID", "PatientBirthDate", "PatientSex",
)  # fmt: skip
#: Type 2 of the MR Image and of the Secondary Capture IOD: present, and empty where nothing is known.
_TYPE_2 = {
    True: (
        "PositionReferenceIndicator", "Manufacturer", "PatientPosition", "ScanOptions", "MRAcquisitionType",
        "EchoTime", "RepetitionTime", "EchoTrainLength", "SliceThickness", "SeriesNumber", "InstanceNumber",
    ),
    False: ("SeriesNumber", "InstanceNumber", "PatientOrientation"),
}  # fmt: skip
_MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
#: Handled by the caller, who has decoded the pixels.
_PIXELS = frozenset({"PixelData", "FloatPixelData", "DoubleFloatPixelData"})


def allowed_keywords() -> frozenset[str]:
    """Every attribute that may appear in a stored file, except those this module writes itself."""
    return frozenset(_CLEANERS) | _UIDS | _DATES


def deidentify(
    ds: Dataset, names: Pseudonymiser, *, patient_id: str | None = None, frame: int | None = None
) -> tuple[Dataset, Report]:
    """A new dataset, without pixels, that holds only what the allow-list lets through.

    Parameters
    ----------
    ds
        One image as read; not changed.
    patient_id
        The hospital's id that pseudonym and date shift derive from; by default the dataset's PatientID.
    frame
        1-based, when ``ds`` describes one frame of a multi-frame image: it enters the SOPInstanceUID.
    """
    who = str(ds.get("PatientID") or "") if patient_id is None else patient_id
    clean, report = Dataset(), Report()
    for tag in ds.keys():  # noqa: SIM118 - items() would parse every element, hostile ones too
        keyword = keyword_for_tag(tag)
        if tag.is_private:
            report.private_removed += 1
            continue
        if keyword in _PIXELS:
            continue
        value = _clean_value(ds, keyword, names, who, frame)
        if value is None:
            report.removed.add(keyword or f"({tag.group:04X},{tag.element:04X})")
            continue
        setattr(clean, keyword, value)
        kept_as_is = keyword in _CLEANERS and _same(ds[tag].value, value)
        (report.kept if kept_as_is else report.replaced).add(keyword)
    _mark(clean, names, who, report)
    return clean, report


def _clean_value(ds: Dataset, keyword: str, names: Pseudonymiser, who: str, frame: int | None) -> Any:
    """The value to store, or None when there is none that may be."""
    try:
        if keyword in _UIDS:
            old = str(ds[keyword].value or "")
            more = (f"frame {frame}",) if frame is not None and keyword == "SOPInstanceUID" else ()
            return names.uid(old, *more) if old else None
        if keyword in _DATES:
            day = parse_date(ds[keyword].value)
            return names.date(who, day).strftime("%Y%m%d") if day else None
        if keyword in _CLEANERS:
            return _CLEANERS[keyword](ds[keyword])
    except Exception:
        # Values that do not fit their type raise anything from KeyError to struct.error in pydicom.
        # Whatever cannot be understood cannot be shown to be harmless, so it goes.
        return None
    return None


def _same(old: Any, new: Any) -> bool:
    return old == new or (isinstance(new, list) and list(old or []) == new)


def _mark(clean: Dataset, names: Pseudonymiser, who: str, report: Report) -> None:
    pseudonym = names.patient(who)
    for keyword in _EMPTY:
        setattr(clean, keyword, None)
    clean.SpecificCharacterSet = "ISO_IR 192"
    clean.PatientID = clean.PatientName = pseudonym
    clean.PatientIdentityRemoved = "YES"
    clean.DeidentificationMethod = METHOD
    codes = []
    for value, meaning in PROFILE_CODES:
        code = Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "DCM", meaning
        codes.append(code)
    clean.DeidentificationMethodCodeSequence = codes
    clean.LongitudinalTemporalInformationModified = "MODIFIED"
    _complete(clean, names)
    written = {"PatientID", "PatientName", *_EMPTY}
    report.replaced |= written
    report.removed -= written | {"SpecificCharacterSet"}


def _complete(clean: Dataset, names: Pseudonymiser) -> None:
    """What the IOD demands and the image did not bring, or lost here: only what can be said truly."""
    magnetic = clean.get("SOPClassUID") == _MR_IMAGE
    for keyword in _TYPE_2[magnetic]:
        if keyword not in clean:
            setattr(clean, keyword, None)
    if magnetic and "FrameOfReferenceUID" not in clean and "SeriesInstanceUID" in clean:
        # Its positions agree with each other; whether with another series', nobody has said.
        clean.FrameOfReferenceUID = names.uid(str(clean.SeriesInstanceUID), "frame of reference")
    if "BodyPartExamined" not in clean:
        clean.Laterality = None  # forbidden only where the part is known to be unpaired
    if not magnetic:
        clean.setdefault("Modality", "OT")
        clean.setdefault("ConversionType", "WSD")


def file_meta(clean: Dataset, transfer_syntax: str) -> FileMetaDataset:
    """File meta information written anew: no source application, no private information."""
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = clean.SOPClassUID
    meta.MediaStorageSOPInstanceUID = clean.SOPInstanceUID
    meta.TransferSyntaxUID = UID(transfer_syntax)
    meta.ImplementationClassUID = IMPLEMENTATION_UID
    meta.ImplementationVersionName = IMPLEMENTATION_NAME
    return meta


_DATE = re.compile(r"(\d{4})[.\-]?(\d{2})[.\-]?(\d{2})")


def parse_date(value: Any) -> date | None:
    """The day of a DICOM DA or DT value (also with the dots of ACR-NEMA), None when there is none."""
    match = _DATE.match(str(value or "").strip())
    if not match:
        return None
    try:
        year, month, day = map(int, match.groups())
        return date(year, month, day)
    except ValueError:
        return None


def scrub(text: str, replacements: Mapping[str, str] | Iterable[tuple[str, str]]) -> str:
    """``text`` with each known identifier replaced; short ones only where they stand alone."""
    for secret, stand_in in dict(replacements).items():
        if secret:
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", stand_in, text)
    return text
