"""Kinds of files by how their pixels are coded and arranged: most of them are to be read."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels.encoders.base import get_encoder
from pydicom.uid import UID, EnhancedMRImageStorage

from tests.cohort.kind_registry import (
    ACCEPTED,
    QUARANTINED,
    REJECTED,
    SHAPE,
    VALUES,
    Make,
    kind,
    ramp,
    series,
)

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


JPEG = "1.2.840.10008.1.2.4."
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
    _full = f"{JPEG}{_tail}" if _tail else "1.2.840.10008.1.2.5"
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
