"""Pixels of DICOM MR images: decode any lossless or lossy syntax, encode lossless HTJ2K. No Django.

Everything here works on stored values, before rescale, as integers of 8 or 16 bits.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
from openjpeg import utils as openjpeg
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

Stored = npt.NDArray[Any]

NATIVE = frozenset(
    {ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian}
)


def _syntaxes(tails: str) -> frozenset[UID]:
    return frozenset(UID(f"1.2.840.10008.1.2.{tail}") for tail in tails.split())


#: JPEG baseline and extended, lossless (57, 70), JPEG-LS, JPEG 2000, HTJ2K, RLE: all that get_decoder knows.
COMPRESSED = _syntaxes("4.50 4.51 4.57 4.70 4.80 4.81 4.90 4.91 4.201 4.202 4.203 5")
READABLE = NATIVE | COMPRESSED
#: A slice of 4096² is beyond any MR scanner; more is a mistake or an attack on memory.
MAX_SIDE = 4096
MAX_FRAMES = 4096
MAX_VALUES = 2**29

#: Robust percentiles for the display window. Half of a spine image is air, so the low one stays at the floor.
WINDOW_PERCENTILES = (1.0, 99.5)


class PixelError(ValueError):
    """The pixels cannot be read; the message says why, without naming anybody."""


def check(ds: Dataset) -> tuple[int, int, int]:
    """``(frames, rows, columns)`` of an image that can be decoded within bounds.

    Raises
    ------
    PixelError
        For missing pixels, colour, floating point, an unknown transfer syntax, or sizes that are absurd or
        do not agree with the data.
    """
    if not any(k in ds for k in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise PixelError("it holds no pixel data, or was cut off before them")
    if "PixelData" not in ds:
        raise PixelError("its pixels are floating point, not stored MR values")
    syntax = ds.file_meta.TransferSyntaxUID
    if syntax not in READABLE:
        raise PixelError(f"transfer syntax {UID(syntax).name} is not supported")
    rows, columns = _whole(ds, "Rows"), _whole(ds, "Columns")
    frames = _whole(ds, "NumberOfFrames", 1)
    if _whole(ds, "SamplesPerPixel", 1) != 1:
        raise PixelError("it is a colour image; MR signal has one value a pixel")
    if str(ds.get("PhotometricInterpretation", "")) not in {"MONOCHROME1", "MONOCHROME2"}:
        raise PixelError(
            f"PhotometricInterpretation is {ds.get('PhotometricInterpretation')!s:.20}, not monochrome"
        )
    allocated, stored = _whole(ds, "BitsAllocated"), _whole(ds, "BitsStored")
    if allocated not in {8, 16} or not 1 <= stored <= allocated:
        raise PixelError(f"{stored} of {allocated} bits a pixel are not supported")
    if not (1 <= rows <= MAX_SIDE and 1 <= columns <= MAX_SIDE and 1 <= frames <= MAX_FRAMES):
        raise PixelError(f"{frames} frames of {rows}×{columns} are out of bounds")
    if frames * rows * columns > MAX_VALUES:
        raise PixelError(f"{frames} frames of {rows}×{columns} would take too much memory")
    if syntax in NATIVE and len(ds.PixelData) < frames * rows * columns * allocated // 8:
        raise PixelError(
            f"truncated: {len(ds.PixelData)} bytes of pixels where {frames}×{rows}×{columns} need "
            f"{frames * rows * columns * allocated // 8}"
        )
    return frames, rows, columns


def _whole(ds: Dataset, keyword: str, default: int | None = None) -> int:
    value = ds.get(keyword)
    if value is None or value == "":
        if default is None:
            raise PixelError(f"{keyword} is missing")
        return default
    try:
        return int(value)
    except (TypeError, ValueError):
        raise PixelError(f"{keyword} is not a number") from None


def decode(ds: Dataset) -> tuple[Stored, int]:
    """All frames of an image, as stored, and the bits they need.

    Returns
    -------
    (frames, rows, columns) array of uint8, int8, uint16 or int16, and BitsStored: the declared one, or
    more where values exceed it (bits above it that hold an overlay are cleared first).

    Raises
    ------
    PixelError
        If ``check`` fails or the decoder cannot read a frame.
    """
    frames, rows, columns = check(ds)
    syntax = ds.file_meta.TransferSyntaxUID
    if syntax in COMPRESSED:
        _check_codestreams(ds, frames, rows, columns)
    try:
        if syntax in NATIVE:
            values = _native(ds, frames, rows, columns)
        else:
            values = _decompressed(ds, frames)
    except PixelError:
        raise
    except MemoryError:
        raise PixelError("its pixels do not fit in memory") from None
    except Exception as error:  # each codec has its own exceptions, and C extensions raise any
        raise PixelError(f"its pixels cannot be decoded ({type(error).__name__})") from error
    values = np.asarray(values).reshape(frames, rows, columns)
    signed = _whole(ds, "PixelRepresentation", 0) == 1
    kind = np.dtype(f"{'i' if signed else 'u'}{ds.BitsAllocated // 8}")
    if values.dtype != kind:
        if values.dtype.itemsize == kind.itemsize:
            values = values.view(kind)
        else:
            values = values.astype(kind)
    return _clear_unused(ds, np.ascontiguousarray(values))


# The decoder of each syntax is named, not left to pydicom: it would also try GDCM where that happens to be
# installed, which ends the whole process on some inputs.
_PLUGINS = {
    RLELossless: "pydicom",
    **dict.fromkeys(_syntaxes("4.80 4.81"), "pyjpegls"),
    **dict.fromkeys(_syntaxes("4.90 4.91 4.201 4.202 4.203"), "pylibjpeg"),
}


def _decompressed(ds: Dataset, frames: int) -> Stored:
    syntax = ds.file_meta.TransferSyntaxUID
    if syntax in _PLUGINS:
        return get_decoder(syntax).as_array(ds, raw=True, decoding_plugin=_PLUGINS[syntax])[0]
    # All processes of JPEG by libjpeg-turbo, 8 to 16 bits, lossy or lossless.
    streams = list(generate_frames(ds.PixelData, number_of_frames=frames))[:frames]
    return np.stack([imagecodecs.jpeg8_decode(stream) for stream in streams])


def _native(ds: Dataset, frames: int, rows: int, columns: int) -> Stored:
    order = ">" if ds.file_meta.TransferSyntaxUID == ExplicitVRBigEndian else "<"
    width = int(ds.BitsAllocated) // 8
    kind = f"{'i' if _whole(ds, 'PixelRepresentation', 0) == 1 else 'u'}{width}"
    data = ds.PixelData
    if order == ">" and width == 1 and ds["PixelData"].VR == "OW":
        # Two 8-bit pixels travel as one big-endian word (PS3.5 section 8.1.1).
        data = np.frombuffer(data[: len(data) // 2 * 2], "<u2").byteswap().tobytes()
    values = np.frombuffer(data, f"{order}{kind}", count=frames * rows * columns)
    return values.astype(kind).reshape(frames, rows, columns)


def _clear_unused(ds: Dataset, values: Stored) -> tuple[Stored, int]:
    """Bring values into the range of BitsStored, or say how many bits they really need."""
    allocated, stored = int(ds.BitsAllocated), int(ds.BitsStored)
    high = _whole(ds, "HighBit", stored - 1)
    signed = values.dtype.kind == "i"
    if stored == allocated:
        return values, stored
    drop = allocated - stored
    if high != stored - 1 and stored - 1 < high < allocated:
        # Values sit above bit 0 (retired, still found): move them down.
        values = (values.view(f"u{values.itemsize}") >> (high + 1 - stored)).view(values.dtype)
        return ((values << drop) >> drop), stored
    low, top = int(values.min()), int(values.max())
    fits = (low >= -(2 ** (stored - 1)) and top < 2 ** (stored - 1)) if signed else top < 2**stored
    if fits:
        return values, stored
    if _overlay_in_pixels(ds) or signed:
        # Overlay bits, or signed values that were not sign-extended: shift up and back clears both.
        return ((values << drop) >> drop), stored
    # Plain wrong BitsStored: cutting the high bits off would destroy the image.
    return values, max(1, top.bit_length())


def _overlay_in_pixels(ds: Dataset) -> bool:
    return any(
        tag.group & 0xFF00 == 0x6000 and tag.element == 0x0102 and int(ds[tag].value or 0) > 0
        for tag in ds.keys()  # noqa: SIM118
        if tag.group & 0xFF00 == 0x6000
    )


def _check_codestreams(ds: Dataset, frames: int, rows: int, columns: int) -> None:
    """A small file may hold a codestream that decodes to gigabytes whatever Rows and Columns say."""
    try:
        found = list(generate_frames(ds.PixelData, number_of_frames=frames))
    except Exception as error:
        raise PixelError(f"truncated or broken: the encapsulated frames cannot be found ({error})") from error
    if len(found) < frames:
        raise PixelError(f"truncated: {len(found)} of {frames} frames are there")
    if ds.file_meta.TransferSyntaxUID == RLELossless:
        return
    for frame in found[:frames]:
        size = codestream_size(frame)
        if size is None:
            raise PixelError("truncated or broken: a frame has no image header")
        if size != (rows, columns):
            raise PixelError(f"a frame is {size[0]}×{size[1]} inside where the header says {rows}×{columns}")


def codestream_size(frame: bytes) -> tuple[int, int] | None:
    """(rows, columns) that a JPEG, JPEG-LS or JPEG 2000 codestream declares; None if it declares none."""
    start = frame.find(b"\xff\x4f\xff\x51")  # SOC, SIZ: ISO/IEC 15444-1 A.5.1
    if start >= 0 and (start == 0 or frame[4:8] == b"jP  "):
        if len(frame) < start + 24:
            return None
        x1, y1, x0, y0 = struct.unpack_from(">4I", frame, start + 8)
        return y1 - y0, x1 - x0
    at = 2 if frame[:2] == b"\xff\xd8" else len(frame)
    while at + 9 <= len(frame) and frame[at] == 0xFF:
        marker = frame[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        # SOF0–SOF15 without DHT, JPG, DAC (ISO/IEC 10918-1 B.1.1.3); SOF55 of JPEG-LS
        if (0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}) or marker == 0xF7:
            rows, columns = struct.unpack_from(">HH", frame, at + 5)
            return rows, columns
        at += 2 + struct.unpack_from(">H", frame, at + 2)[0]
    return None


def encode(values: Stored) -> bytes | None:
    """One frame as a lossless HTJ2K codestream, or None when it does not come back bit for bit.

    Written by OpenJPH and read back by OpenJPEG, so that a fault of one codec cannot hide itself.
    """
    try:
        stream = bytes(imagecodecs.htj2k_encode(np.ascontiguousarray(values), reversible=True))
        back = np.asarray(openjpeg.decode(stream))
    except (ValueError, RuntimeError, TypeError):
        return None
    same = back.dtype.kind == values.dtype.kind and np.array_equal(back, values)
    return stream if same else None


def decode_htj2k(stream: bytes) -> Stored:
    """One stored frame back as (rows, columns) integers; PixelError if it is damaged."""
    try:
        return np.asarray(imagecodecs.htj2k_decode(stream))
    except Exception as error:  # the codec raises its own kinds
        raise PixelError(f"its pixels cannot be decoded ({type(error).__name__})") from error


def lossy(transfer_syntax: str) -> bool:
    """Whether pixels of this syntax may have lost something before they came here."""
    return UID(transfer_syntax) not in NATIVE | _syntaxes("4.57 4.70 4.80 4.90 4.201 4.202 5")


def window(values: Stored, slope: float = 1.0, intercept: float = 0.0) -> tuple[float, float]:
    """WindowCenter and WindowWidth, in rescaled units, from robust percentiles over a whole series."""
    low, high = np.percentile(values, WINDOW_PERCENTILES)
    if high <= low:
        low, high = float(values.min()), float(values.max())
    a, b = sorted((float(low) * slope + intercept, float(high) * slope + intercept))
    width = max(b - a, 1.0 if slope == 1 else abs(slope))
    if not math.isfinite(width):
        raise PixelError("RescaleSlope or RescaleIntercept is out of bounds")
    return (a + b) / 2, width


def raw_frame(values: Stored) -> bytes:
    """One frame as explicit little-endian bytes, padded to an even length."""
    data = values.astype(values.dtype.newbyteorder("<")).tobytes()
    return data + b"\0" * (len(data) % 2)


def from_raw(content: bytes, metadata: Mapping[str, Any]) -> Stored:
    """The inverse of ``raw_frame`` by the slice's DICOM JSON: (rows, columns) integers."""

    def number(tag: str) -> int:
        return int(metadata[tag]["Value"][0])

    rows, columns = number("00280010"), number("00280011")
    kind = f"<{'i' if number('00280103') else 'u'}{number('00280100') // 8}"
    values: Stored = np.frombuffer(content, kind, count=rows * columns).reshape(rows, columns)
    return values
