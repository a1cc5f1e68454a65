"""Thirty and more kinds of files a delivery may hold, real and broken, each made in a folder of its own."""

from __future__ import annotations

import os
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels.encoders.base import get_encoder
from pydicom.uid import UID, EnhancedMRImageStorage

from tests.builders import make_series

SHAPE = (32, 24)
SLICES = 7
FIRST_SEED = 1000
ACCEPTED, QUARANTINED, REJECTED = "accepted", "quarantined", "rejected"
Make = Callable[[Path, int], Any]


@dataclass(frozen=True)
class Kind:
    name: str
    make: Make
    outcome: str
    #: Part of the reason that the user must read.
    reason: str = ""
    #: How much decoded values may differ from those before coding; None where nothing is stored.
    tolerance: int | None = None


KINDS: list[Kind] = []
#: Seed → the values of each slice as they went in, ascending along the normal.
VALUES: dict[int, list[np.ndarray]] = {}


def kind(name: str, outcome: str, reason: str = "", tolerance: int | None = None) -> Callable[[Make], Make]:
    def register(make: Make) -> Make:
        KINDS.append(Kind(name, make, outcome, reason, tolerance))
        return make

    return register


def series(folder: Path, seed: int, **changes: Any) -> list[Path]:
    """One accepted-if-unharmed series of patient P1, different for each seed."""
    paths = make_series(folder, **{"seed": seed, "slices": SLICES, "shape": SHAPE, **changes})
    VALUES[seed] = [_values(pydicom.dcmread(path)) for path in paths]
    return paths


def _values(ds: Dataset) -> np.ndarray:
    if "PixelData" not in ds or len(ds.PixelData) != ds.Rows * ds.Columns * ds.BitsAllocated // 8:
        return np.zeros(SHAPE)
    return np.frombuffer(
        ds.PixelData, f"<{'i' if ds.PixelRepresentation else 'u'}{ds.BitsAllocated // 8}"
    ).reshape(ds.Rows, ds.Columns)


def ramp(ds: Dataset) -> np.ndarray:
    """Smooth values instead of noise, which no lossy coding could hold."""
    rows, columns = np.indices((ds.Rows, ds.Columns))
    values = ((rows * 7 + columns * 5 + int(ds.InstanceNumber) * 11) % 240).astype(
        f"u{ds.BitsAllocated // 8}"
    )
    return np.ascontiguousarray(values)


# ---- transfer syntaxes


def _native(uid: str) -> Make:
    def make(folder: Path, seed: int) -> None:
        for path in series(folder, seed):
            ds = pydicom.dcmread(path)
            if uid == "1.2.840.10008.1.2.2":
                ds.PixelData = np.frombuffer(ds.PixelData, "<u2").astype(">u2").tobytes()
            ds.file_meta.TransferSyntaxUID = UID(uid)
            pydicom.dcmwrite(
                path, ds, implicit_vr=uid == "1.2.840.10008.1.2", little_endian=uid != "1.2.840.10008.1.2.2"
            )

    return make


for _name, _uid in (
    ("explicit little endian", "1.2.840.10008.1.2.1"),
    ("implicit little endian", "1.2.840.10008.1.2"),
    ("explicit big endian", "1.2.840.10008.1.2.2"),
    ("deflated", "1.2.840.10008.1.2.1.99"),
):
    kind(_name, ACCEPTED, tolerance=0)(_native(_uid))


def _rle(values: np.ndarray, ds: Dataset) -> bytes:
    options = {
        "rows": ds.Rows, "columns": ds.Columns, "samples_per_pixel": 1, "bits_allocated": ds.BitsAllocated,
        "bits_stored": ds.BitsStored, "pixel_representation": 0, "number_of_frames": 1,
        "photometric_interpretation": "MONOCHROME2", "pixel_keyword": "PixelData",
    }  # fmt: skip
    encoder = get_encoder(UID("1.2.840.10008.1.2.5"))
    return next(encoder.iter_encode(values, encoding_plugin="pydicom", **options))


def compress(path: Path, uid: str, encode: Callable[[np.ndarray, Dataset], bytes]) -> None:
    """Write the file anew with smooth values in another transfer syntax."""
    ds = pydicom.dcmread(path)
    values = ramp(ds)
    ds.PixelData = encapsulate([encode(values, ds)])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    ds.file_meta.TransferSyntaxUID = UID(uid)
    ds.save_as(path, enforce_file_format=True)


def _compressed(uid: str, encode: Callable[[np.ndarray, Dataset], bytes], dtype: str = "uint16") -> Make:
    def make(folder: Path, seed: int) -> None:
        paths = series(folder, seed, dtype=dtype)
        VALUES[seed] = [ramp(pydicom.dcmread(path)) for path in paths]
        for path in paths:
            compress(path, uid, encode)

    return make


_JPEG = "1.2.840.10008.1.2.4."
for _name, _tail, _encode, _dtype, _loss in (
    ("RLE", "", _rle, "uint16", 0),
    ("JPEG lossless, process 14", "57", lambda v, d: imagecodecs.jpeg8_encode(v, lossless=True, predictor=4,
     bitspersample=12), "uint16", 0),
    ("JPEG lossless, SV1", "70", lambda v, d: imagecodecs.jpeg8_encode(v, lossless=True, predictor=1,
     bitspersample=12), "uint16", 0),
    ("JPEG-LS lossless", "80", lambda v, d: imagecodecs.jpegls_encode(v), "uint16", 0),
    ("JPEG-LS near-lossless", "81", lambda v, d: imagecodecs.jpegls_encode(v, level=2), "uint16", 2),
    ("JPEG 2000 lossless", "90", lambda v, d: imagecodecs.jpeg2k_encode(v, codecformat="j2k", reversible=True,
     level=0), "uint16", 0),
    ("JPEG 2000 lossy", "91", lambda v, d: imagecodecs.jpeg2k_encode(v, codecformat="j2k", reversible=False,
     level=100), "uint16", 4),
    ("HTJ2K lossless", "201", lambda v, d: imagecodecs.htj2k_encode(v, reversible=True), "uint16", 0),
    ("HTJ2K lossy", "203", lambda v, d: imagecodecs.htj2k_encode(v, reversible=False, level=1e-5), "uint16",
     8),
    ("JPEG baseline, 8 bits", "50", lambda v, d: imagecodecs.jpeg8_encode(v, level=98), "uint8", 40),
    ("JPEG extended, 12 bits", "51", lambda v, d: imagecodecs.jpeg8_encode(v, level=98, bitspersample=12),
     "uint16", 40),
):  # fmt: skip
    _full = f"{_JPEG}{_tail}" if _tail else "1.2.840.10008.1.2.5"
    kind(_name, ACCEPTED, tolerance=_loss)(
        _compressed(_full, lambda v, d, encode=_encode: bytes(encode(v, d)), _dtype)  # type: ignore[misc]
    )


# ---- pixel kinds

kind("signed 16-bit", ACCEPTED, tolerance=0)(lambda f, s: series(f, s, dtype="int16", bits_stored=16))
kind("8-bit", ACCEPTED, tolerance=0)(lambda f, s: series(f, s, dtype="uint8"))
kind("MONOCHROME1", ACCEPTED, tolerance=0)(
    lambda f, s: series(f, s, tags={"PhotometricInterpretation": "MONOCHROME1"})
)
kind("rescale that differs by slice", ACCEPTED, tolerance=0)(
    lambda f, s: series(
        f, s, edit=lambda ds, k: ds.update({"RescaleSlope": 1.5 + k / 8, "RescaleIntercept": -float(k)})
    )
)
kind("MR reformats said to be burned in", QUARANTINED, "BurnedInAnnotation", 0)(
    lambda f, s: series(f, s, tags={"BurnedInAnnotation": "YES"})
)
kind("secondary capture", QUARANTINED, "secondary capture", 0)(
    lambda f, s: series(f, s, tags={"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7", "ImagePositionPatient": None})
)
kind("colour", REJECTED, "colour")(
    lambda f, s: series(f, s, slices=1, tags={"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"})
)
kind("palette colour", REJECTED, "not monochrome")(
    lambda f, s: series(f, s, slices=1, tags={"PhotometricInterpretation": "PALETTE COLOR"})
)
kind("32 bits a pixel", REJECTED, "32 of 32 bits")(
    lambda f, s: series(f, s, slices=1, tags={"BitsAllocated": 32, "BitsStored": 32})
)
kind("no pixel data", REJECTED, "no pixel data")(
    lambda f, s: series(f, s, slices=1, tags={"PixelData": None})
)


@kind("floating-point pixels", REJECTED, "floating point")
def _(folder: Path, seed: int) -> None:
    def floats(ds: Dataset, k: int) -> None:
        del ds.PixelData
        ds.add_new(0x7FE00008, "OF", np.zeros(SHAPE, np.float32).tobytes())

    series(folder, seed, slices=1, edit=floats)


# ---- multi-frame


def enhanced(
    folder: Path, seed: int, volumes: int = 1, vary: Callable[[Dataset, int], None] | None = None
) -> None:
    """One enhanced MR file of ``volumes`` × SLICES frames, its frames in mixed order."""
    singles = [pydicom.dcmread(p) for p in series(folder / "singles", seed)]
    ds = pydicom.dcmread(folder / "singles" / "IM0001.dcm")
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
    ds.NumberOfFrames = volumes * len(singles)
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "EchoTime"):
        delattr(ds, keyword)
    measures, plane, echo, shared = (Dataset() for _ in range(4))
    measures.PixelSpacing, measures.SliceThickness = [1.0, 1.0], 3.0
    plane.ImageOrientationPatient = singles[0].ImageOrientationPatient
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [plane]
    echo.EffectiveEchoTime = 100.0
    shared.MREchoSequence = [echo]
    ds.SharedFunctionalGroupsSequence = [shared]
    frames, pixels = [], b""
    for volume in range(volumes):
        for single in singles[::-1]:
            place, content, group = Dataset(), Dataset(), Dataset()
            place.ImagePositionPatient = single.ImagePositionPatient
            content.StackID, content.InStackPositionNumber = "1", 1
            group.PlanePositionSequence, group.FrameContentSequence = [place], [content]
            if vary:
                vary(group, volume)
            frames.append(group)
            pixels += single.PixelData
    ds.PerFrameFunctionalGroupsSequence, ds.PixelData = frames, pixels
    shutil.rmtree(folder / "singles")
    ds.save_as(folder / "enhanced.dcm")


def _echo(group: Dataset, volume: int) -> None:
    echo = Dataset()
    echo.EffectiveEchoTime = (20.0, 80.0)[volume]
    group.MREchoSequence = [echo]


def _time(group: Dataset, volume: int) -> None:
    group.FrameContentSequence[0].TemporalPositionIndex = volume + 1


def _tilt(group: Dataset, volume: int) -> None:
    group.FrameContentSequence[0].StackID = str(volume + 1)
    if volume:
        plane = Dataset()
        plane.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        group.PlaneOrientationSequence = [plane]


kind("enhanced multi-frame MR", ACCEPTED, tolerance=0)(enhanced)
kind("enhanced MR, two echoes", REJECTED, "EchoTime (20, 80)")(lambda f, s: enhanced(f, s, 2, _echo))
kind("enhanced MR, two time points", REJECTED, "TemporalPositionIndex (1, 2)")(
    lambda f, s: enhanced(f, s, 2, _time)
)
kind("enhanced MR, two stacks", REJECTED, "mixed orientations")(lambda f, s: enhanced(f, s, 2, _tilt))


# ---- series that are none


def _without(*positions: int) -> Make:
    def make(folder: Path, seed: int) -> None:
        paths = series(folder, seed, slices=9)
        for k in positions:
            paths[k].unlink()

    return make


kind("missing slice", REJECTED, "a slice is missing")(_without(3))
kind("same file twice", ACCEPTED, tolerance=0)(
    lambda f, s: shutil.copy(series(f, s)[2], f / "copy of a slice.dcm")
)


@kind("one UID, different pixels", REJECTED, "one SOPInstanceUID and different pixels")
def _(folder: Path, seed: int) -> None:
    ds = pydicom.dcmread(series(folder, seed)[2])
    ds.PixelData = bytes(len(ds.PixelData))
    ds.save_as(folder / "other.dcm")


@kind("localizer mixed in", REJECTED, "mixed orientations")
def _(folder: Path, seed: int) -> None:
    paths = series(folder, seed)
    (stray,) = series(folder / "localizer", seed + 5000, slices=1, plane="axial")
    ds = pydicom.dcmread(stray)
    ds.SeriesInstanceUID = pydicom.dcmread(paths[0]).SeriesInstanceUID
    ds.save_as(stray)


kind("NaN geometry", REJECTED, "no usable ImagePositionPatient")(
    lambda f, s: _rewrite(series(f, s)[1], lambda b: _text_value(b, b"\x20\x00\x32\x00DS", b"NaN\\0\\0"))
)
kind("two patients in one series", REJECTED, "2 different patients")(
    lambda f, s: series(f, s, edit=lambda ds, k: setattr(ds, "PatientID", f"P{1 + k % 2}"))
)
kind("unknown patient", QUARANTINED, "not in the cohort", 0)(lambda f, s: series(f, s, patient_id="P404"))
kind("no patient id", REJECTED, "no PatientID")(lambda f, s: series(f, s, tags={"PatientID": None}))
kind("CT", REJECTED, "CT Image Storage, not an MR image")(
    lambda f, s: series(f, s, slices=1, tags={"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"})
)
kind("structured report", REJECTED, "SR Storage, not an MR image")(
    lambda f, s: series(f, s, slices=1, tags={"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.22"})
)
kind("encapsulated PDF", REJECTED, "Encapsulated PDF Storage, not an MR image")(
    lambda f, s: series(f, s, slices=1, tags={"SOPClassUID": "1.2.840.10008.5.1.4.1.1.104.1"})
)
kind("mosaic", REJECTED, "mosaic")(
    lambda f, s: series(f, s, slices=1, tags={"ImageType": ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]})
)


# ---- files that are broken


def _rewrite(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


def _text_value(content: bytes, head: bytes, text: bytes) -> bytes:
    """The value of a short element replaced, padded to the length it has."""
    at = content.index(head)
    (length,) = struct.unpack_from("<H", content, at + 6)
    return content[: at + 8] + text[:length].ljust(length) + content[at + 8 + length :]


def _one(change: Callable[[bytes], bytes]) -> Make:
    return lambda folder, seed: _rewrite(series(folder, seed, slices=1)[0], change)


def _sequences(depth: int) -> Callable[[bytes], bytes]:
    def insert(content: bytes) -> bytes:
        item = b""
        for _ in range(depth):
            item = b"\x08\x00\x10\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" + item
        end = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0" * depth
        at = content.index(b"\x10\x00\x10\x00PN")
        return content[:at] + item + end + content[at:]

    return insert


def _deflate_bomb(folder: Path, seed: int) -> None:
    path = series(folder, seed, slices=1)[0]
    ds = pydicom.dcmread(path)
    ds.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.1.99")
    pydicom.dcmwrite(path, ds, implicit_vr=False, little_endian=True)
    content = path.read_bytes()
    head = 144 + int.from_bytes(content[140:144], "little")
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = deflate.compress(zlib.decompressobj(-15).decompress(content[head:]) + bytes(120 * 2**20))
    path.write_bytes(content[:head] + body + deflate.flush())


kind("truncated in the pixels", REJECTED, "truncated")(_one(lambda b: b[: int(len(b) * 0.8)]))
kind("truncated in the header", REJECTED, "truncated")(_one(lambda b: b[:300]))
kind("one slice of seven truncated", REJECTED, "left out whole")(
    lambda f, s: _rewrite(series(f, s)[2], lambda b: b[: int(len(b) * 0.8)])
)
kind("zero bytes", REJECTED, "is empty")(lambda f, s: (f / "zero.dcm").write_bytes(b""))
kind("zeros", REJECTED, "not a DICOM file")(lambda f, s: (f / "zeros.dcm").write_bytes(bytes(4096)))
kind("text named .dcm", REJECTED, "not a DICOM file")(lambda f, s: (f / "a.dcm").write_text("Dear colleague"))
kind("PDF", REJECTED, "not a DICOM file")(
    lambda f, s: (f / "letter.pdf").write_bytes(b"%PDF-1.7\n" + bytes(300))
)
kind("JPEG picture", REJECTED, "not a DICOM file")(
    lambda f, s: (f / "photo.jpg").write_bytes(imagecodecs.jpeg8_encode(np.zeros((8, 8), np.uint8)))
)
kind("wrong element length", REJECTED, "")(
    _one(lambda b: b.replace(b"\x10\x00\x10\x00PN\x0e\x00", b"\x10\x00\x10\x00PN\xff\xff"))
)
kind("pixel data shorter than they say", REJECTED, "truncated")(
    lambda f, s: series(f, s, slices=1, tags={"Rows": 64})
)
kind("codestream larger than its header", REJECTED, "inside where the header says")(
    lambda f, s: compress(
        series(f, s, slices=1)[0],
        f"{_JPEG}201",
        lambda v, d: bytes(imagecodecs.htj2k_encode(np.zeros((512, 512), np.uint16), reversible=True)),
    )
)
kind("sequences 300 deep", REJECTED, "nests its sequences too deeply")(_one(_sequences(300)))
kind("deflate bomb", REJECTED, "inflates to more than")(_deflate_bomb)
kind("no transfer syntax", REJECTED, "names no transfer syntax")(
    _one(lambda b: b.replace(b"\x02\x00\x10\x00UI", b"\x02\x00\x11\x00UI"))
)


@kind("DICOMDIR by another name", REJECTED, "DICOMDIR")
def _(folder: Path, seed: int) -> None:
    from pydicom.fileset import FileSet

    source = folder / "source"
    made = FileSet()
    made.add(series(source, seed, slices=1, tags={"StudyID": "1", "StudyTime": "101500"})[0])
    made.write(folder / "set")
    shutil.move(folder / "set" / "DICOMDIR", folder / "index.dcm")
    shutil.rmtree(folder / "set")
    shutil.rmtree(source)


# ---- archives and places


def _zip(path: Path, entries: dict[str, bytes]) -> bytes:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return path.read_bytes()


def _series_in_zips(folder: Path, seed: int, depth: int) -> None:
    entries = {p.name: p.read_bytes() for p in series(folder / "plain", seed)}
    shutil.rmtree(folder / "plain")
    for level in range(depth):
        entries = {f"level{level}.zip": _zip(folder / "made.zip", entries)}
    (folder / "made.zip").unlink()
    (name, content), = entries.items()  # fmt: skip
    (folder / name).write_bytes(content)


kind("zip in zip", ACCEPTED, tolerance=0)(lambda f, s: _series_in_zips(f, s, 2))
kind("zip in zip in zip", REJECTED, "nested more than")(lambda f, s: _series_in_zips(f, s, 3))
kind("zip bomb", REJECTED, "inflates more than")(
    lambda f, s: _zip(f / "bomb.zip", {"zeros.dcm": bytes(96 * 2**20)})
)
kind("zip-slip", REJECTED, "outside the archive")(
    lambda f, s: _zip(f / "slip.zip", {"../../../evil.dcm": b"x"})
)
kind("broken zip", REJECTED, "not a readable zip")(
    lambda f, s: (f / "cut.zip").write_bytes(_zip(f / "cut.zip", {"x.dcm": bytes(99)})[:60])
)
kind("symbolic link", REJECTED, "symbolic link")(lambda f, s: (f / "link.dcm").symlink_to("/etc/hostname"))
kind("named pipe", REJECTED, "not a regular file")(lambda f, s: os.mkfifo(f / "pipe.dcm"))


def write_all(folder: Path) -> None:
    """Every kind under its number."""
    for number, made in enumerate(KINDS):
        place = folder / f"{number:02d}"
        place.mkdir(parents=True)
        made.make(place, FIRST_SEED + number)
