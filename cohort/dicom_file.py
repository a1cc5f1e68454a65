"""Read DICOM files from anywhere without trusting them, and cut multi-frame images into slices. No Django."""

from __future__ import annotations

import copy
import io
import logging
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
import pydicom.config
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.errors import InvalidDicomError
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_file_meta_info
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from cohort import pixels
from cohort.deidentify import parse_date

# pydicom quotes bad values, which may be names, in warnings and in its log.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
logging.getLogger("pydicom").setLevel(logging.CRITICAL)
warnings.filterwarnings("ignore", module=r"pydicom\..*")

MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED = {"1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.4.4"}
COLOUR = {"1.2.840.10008.5.1.4.1.1.4.3", "1.2.840.10008.5.1.4.1.1.7.4"}
SECONDARY_CAPTURE = {f"1.2.840.10008.5.1.4.1.1.7{tail}" for tail in ("", ".1", ".2", ".3", ".4")}
DIRECTORY = "1.2.840.10008.1.3.10"
#: A deflated file may grow this much; MR headers and pixels stay far below it.
MAX_INFLATION, INFLATION_FLOOR, INFLATION_CEILING = 60, 16 * 2**20, 512 * 2**20


class FileError(ValueError):
    """A file that cannot be taken; the message continues "this file …" and names nobody."""


@dataclass
class Frame:
    """One slice: its attributes in single-frame form, and its pixels."""

    name: str
    header: Dataset
    values: pixels.Stored
    bits: int
    transfer_syntax: str
    #: 1-based in a multi-frame file, None in a single-frame one.
    number: int | None


def read_header(path: Path) -> Dataset:
    """Everything before the pixels.

    Raises
    ------
    FileError
        If it is no DICOM image of MR (or a secondary capture), or lacks what identifies it.
    """
    ds = read_any_header(path)
    sop_class = str(_value(ds, "SOPClassUID"))
    if str(_value(ds.file_meta, "MediaStorageSOPClassUID")) == DIRECTORY:
        raise FileError("is a DICOMDIR: an index of files, not an image")
    if not sop_class:
        raise FileError("has no SOPClassUID: truncated, or no image")
    if sop_class in COLOUR:
        raise FileError("is a colour image; MR signal has one value a pixel")
    if sop_class not in {MR_IMAGE, *ENHANCED, *SECONDARY_CAPTURE}:
        known = UID(sop_class).name
        raise FileError(
            f"is {known if known != sop_class else 'an object of an unknown kind'}, not an MR image"
        )
    for keyword in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"):
        if not str(_value(ds, keyword)).strip():
            raise FileError(f"has no {keyword}")
    return ds


def read_any_header(path: Path) -> Dataset:
    """Everything before the pixels, of an object of any kind. FileError if it is no DICOM file."""
    return _read(path, stop_before_pixels=True)


def read_frames(name: str, path: Path) -> list[Frame]:
    """All slices of a file, decoded; ``name`` is what messages call it.

    Raises
    ------
    FileError
        If the file is unreadable, truncated, or holds no usable pixels.
    """
    ds = _read(path)
    if "MOSAIC" in str(_value(ds, "ImageType")).upper():
        raise FileError("is a mosaic of slices in one picture; export the slices singly")
    try:
        values, bits = pixels.decode(ds)
    except pixels.PixelError as error:
        raise FileError(f"cannot be used: {error}") from error
    syntax = str(ds.file_meta.TransferSyntaxUID)
    if _value(ds, "SOPClassUID") in ENHANCED or len(values) > 1:
        headers: list[tuple[int | None, Dataset]] = list(enumerate(_single_frames(ds, len(values)), 1))
    else:
        headers = [(None, _without_pixels(ds))]
    return [
        Frame(name if number is None else f"{name} frame {number}", header, plane, bits, syntax, number)
        for (number, header), plane in zip(headers, values, strict=True)
    ]


def _read(path: Path, *, stop_before_pixels: bool = False) -> Dataset:
    try:
        with path.open("rb") as file:
            start = file.read(132)
        if not start:
            raise FileError("is empty")
        if start[128:] != b"DICM":
            # Files from before Part 10 start with the data set; group 0008 comes first in them.
            if start[:2] != b"\x08\x00":
                raise FileError("is not a DICOM file")
            ds = pydicom.dcmread(path, force=True, stop_before_pixels=stop_before_pixels)
            _supply_syntax(ds)
            return ds
        meta = read_file_meta_info(path)
        syntax = meta.get("TransferSyntaxUID")
        if not syntax:
            raise FileError("names no transfer syntax: truncated, or not written as DICOM Part 10")
        if syntax == DeflatedExplicitVRLittleEndian:
            return pydicom.dcmread(_inflated(path, meta), stop_before_pixels=stop_before_pixels)
        return pydicom.dcmread(path, stop_before_pixels=stop_before_pixels)
    except FileError:
        raise
    except RecursionError:
        raise FileError("nests its sequences too deeply") from None
    except InvalidDicomError:
        raise FileError("is not a DICOM file") from None
    except MemoryError:
        raise FileError("does not fit in memory") from None
    except OSError as error:
        raise FileError(f"cannot be read ({error.strerror or 'truncated'})") from error
    except Exception as error:  # a hostile byte can raise anything in a parser
        raise FileError(f"is truncated or damaged ({type(error).__name__})") from error


def _supply_syntax(ds: Any) -> None:
    implicit, little = ds.original_encoding
    syntax = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian if little else ExplicitVRBigEndian
    if not getattr(ds, "file_meta", None):
        ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax


def _inflated(path: Path, meta: FileMetaDataset) -> io.BytesIO:
    """A deflated file as a plain one, within bounds."""
    content = path.read_bytes()
    start = 144 + int(meta.FileMetaInformationGroupLength)
    limit = min(max(INFLATION_FLOOR, MAX_INFLATION * len(content)), INFLATION_CEILING)
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        body = inflate.decompress(content[start:], limit)
    except zlib.error:
        raise FileError("is truncated or damaged (its deflated data set)") from None
    if inflate.unconsumed_tail:
        raise FileError(f"inflates to more than {limit >> 20} MiB")
    plain = copy.deepcopy(meta)
    plain.TransferSyntaxUID = ExplicitVRLittleEndian
    head = DicomBytesIO()
    write_file_meta_info(head, plain, enforce_standard=False)
    return io.BytesIO(b"\0" * 128 + b"DICM" + head.getvalue() + body)


def _value(ds: Dataset, keyword: str) -> Any:
    """An attribute's value, or an empty string when it is absent or makes no sense."""
    try:
        value = ds.get(keyword)
    except Exception:  # as above
        return ""
    return "" if value is None else value


def _same_encoding(new: Dataset, ds: Dataset) -> None:
    """Elements are taken over unread; they need the encoding to be read by."""
    implicit, little = ds.original_encoding
    new.set_original_encoding(implicit, little, ds.original_character_set)


def _without_pixels(ds: Dataset) -> Dataset:
    header = Dataset()
    for tag in ds.keys():  # noqa: SIM118
        if tag != 0x7FE00010:
            header[tag] = ds.get_item(tag)
    _same_encoding(header, ds)
    return header


# Where enhanced MR says what single-frame MR says elsewhere (PS3.3 C.7.6.16, C.8.13).
_RENAMED = {"EffectiveEchoTime": "EchoTime"}
_FROM_GROUPS = {
    "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness",
    "SpacingBetweenSlices", "EffectiveEchoTime", "RepetitionTime", "FlipAngle", "EchoTrainLength",
    "RescaleIntercept", "RescaleSlope", "WindowCenter", "WindowWidth", "AcquisitionContrast",
    "InPlanePhaseEncodingDirection", "TemporalPositionIndex", "StackID", "DiffusionBValue",
}  # fmt: skip
_ECHO = {"SPIN": ["SE"], "GRADIENT": ["GR"], "BOTH": ["SE", "GR"]}


def _single_frames(ds: Dataset, count: int) -> Iterator[Dataset]:
    """The attributes of each frame as of a single-frame MR image."""
    common = Dataset()
    for tag in ds.keys():  # noqa: SIM118
        element = ds.get_item(tag)
        if tag != 0x7FE00010 and not tag.is_private and element is not None and element.VR != "SQ":
            common[tag] = element
    _same_encoding(common, ds)
    if _value(ds, "SOPClassUID") in ENHANCED:
        common.SOPClassUID = MR_IMAGE
    if "EchoPulseSequence" in ds:
        kinds = list(_ECHO.get(str(ds.EchoPulseSequence).upper(), ["RM"]))
        if str(_value(ds, "InversionRecovery")).upper() == "YES":
            kinds.append("IR")
        if str(_value(ds, "EchoPlanarPulseSequence")).upper() == "YES":
            kinds.append("EP")
        common.ScanningSequence = kinds
    day = parse_date(_value(ds, "AcquisitionDateTime"))
    if day and not _value(ds, "AcquisitionDate"):
        common.AcquisitionDate = day.strftime("%Y%m%d")
    shared = list(_value(ds, "SharedFunctionalGroupsSequence") or [])
    frames = list(_value(ds, "PerFrameFunctionalGroupsSequence") or [])
    if _value(ds, "SOPClassUID") in ENHANCED and len(frames) != count:
        raise FileError(f"describes {len(frames)} frames and holds {count}")
    for index in range(count):
        header = Dataset()
        header.update(common)
        _same_encoding(header, ds)
        for groups in (*shared[:1], *frames[index : index + 1]):
            _take_groups(groups, header)
        header.InstanceNumber = index + 1
        header.NumberOfFrames = None
        yield header


def _take_groups(groups: Dataset, header: Dataset) -> None:
    for element in groups:
        if element.VR != "SQ" or element.tag.is_private or not element.value:
            continue
        for inner in element.value[0]:
            if inner.keyword in _FROM_GROUPS:
                setattr(header, _RENAMED.get(inner.keyword, inner.keyword), inner.value)
