"""Every transfer syntax, made here by its own encoder, comes out bit for bit."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from cohort import pixels
from tests.builders import make_series

KINDS = ["uint8", "uint16", "int16"]
NATIVE = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]


def one(tmp_path: Path, **changes: Any) -> pydicom.Dataset:
    return pydicom.dcmread(make_series(tmp_path, slices=1, shape=(33, 27), **changes)[0])


def values_of(ds: pydicom.Dataset) -> np.ndarray:
    kind = f"{'i' if ds.PixelRepresentation else 'u'}{ds.BitsAllocated // 8}"
    count = ds.Rows * ds.Columns
    return np.frombuffer(ds.PixelData, f"<{kind}", count=count).reshape(ds.Rows, ds.Columns)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("syntax", NATIVE, ids=lambda uid: uid.name)
def test_native(tmp_path: Path, syntax: Any, kind: str) -> None:
    ds = one(tmp_path, dtype=kind)
    expected = values_of(ds)
    path = tmp_path / "native.dcm"
    if syntax == ExplicitVRBigEndian:
        words = np.frombuffer(ds.PixelData, "<u2")
        ds.PixelData = words.astype(">u2").tobytes()
    ds.file_meta.TransferSyntaxUID = syntax
    if syntax == DeflatedExplicitVRLittleEndian:
        ds["PixelData"].VR = "OW"
    pydicom.dcmwrite(
        path, ds, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=syntax != ExplicitVRBigEndian
    )
    found, bits = pixels.decode(pydicom.dcmread(path))
    assert found.dtype == expected.dtype
    assert bits == ds.BitsStored
    np.testing.assert_array_equal(found[0], expected)


def encoded(syntax: Any, values: np.ndarray, ds: pydicom.Dataset) -> bytes:
    if syntax == JPEG2000Lossless:
        return bytes(imagecodecs.jpeg2k_encode(values, codecformat="j2k", reversible=True, level=0))
    if syntax == JPEGLSLossless:
        return bytes(imagecodecs.jpegls_encode(values.view(f"u{values.itemsize}")))
    if syntax == JPEGLosslessSV1:
        return bytes(
            imagecodecs.ljpeg_encode(values.view(f"u{values.itemsize}"), bitspersample=values.itemsize * 8)
        )
    if syntax == RLELossless:
        from pydicom.pixels.encoders.base import get_encoder

        return next(
            get_encoder(RLELossless).iter_encode(values, encoding_plugin="pydicom", **rle_options(ds))
        )
    return bytes(imagecodecs.htj2k_encode(values, reversible=True))


def rle_options(ds: pydicom.Dataset) -> dict[str, Any]:
    return {
        "rows": ds.Rows, "columns": ds.Columns, "samples_per_pixel": 1, "bits_allocated": ds.BitsAllocated,
        "bits_stored": ds.BitsStored, "pixel_representation": ds.PixelRepresentation,
        "photometric_interpretation": "MONOCHROME2", "number_of_frames": 1, "pixel_keyword": "PixelData",
    }  # fmt: skip


COMPRESSED = [JPEG2000Lossless, JPEGLSLossless, JPEGLosslessSV1, RLELossless, pydicom.uid.HTJ2KLossless]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("syntax", COMPRESSED, ids=lambda uid: uid.name)
def test_compressed(tmp_path: Path, syntax: Any, kind: str) -> None:
    ds = one(tmp_path, dtype=kind, bits_stored=16)
    expected = values_of(ds).copy()
    ds.PixelData = encapsulate([encoded(syntax, expected, ds)])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    ds.file_meta.TransferSyntaxUID = syntax
    path = tmp_path / "compressed.dcm"
    ds.save_as(path, enforce_file_format=True)
    found, _ = pixels.decode(pydicom.dcmread(path))
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found[0], expected)


@pytest.mark.parametrize("kind", ["uint8", "int8", "uint16", "int16"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (28, 64), (256, 256)])
def test_htj2k_holds_every_value(kind: str, shape: tuple[int, int]) -> None:
    limits = np.iinfo(kind)
    values = np.random.default_rng(1).integers(limits.min, limits.max + 1, shape).astype(kind)
    values.flat[0], values.flat[-1] = limits.min, limits.max
    stream = pixels.encode(values)
    assert stream is not None
    assert pixels.codestream_size(stream) == shape
    np.testing.assert_array_equal(imagecodecs.htj2k_decode(stream), values)


def test_a_codec_that_loses_a_bit_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = imagecodecs.htj2k_encode
    monkeypatch.setattr(imagecodecs, "htj2k_encode", lambda v, **k: honest(v ^ 1, **k))
    assert pixels.encode(np.arange(64, dtype=np.uint16).reshape(8, 8)) is None


def test_overlay_bits_are_cleared_and_wrong_bits_stored_is_not_believed(tmp_path: Path) -> None:
    ds = one(tmp_path)
    clean = values_of(ds)
    ds.PixelData = (clean | 0x8000).tobytes()
    wide, bits = pixels.decode(ds)
    assert bits == 16
    np.testing.assert_array_equal(wide[0], clean | 0x8000)
    ds.add_new(0x60000102, "US", 15)  # OverlayBitPosition: bit 15 is an overlay
    found, bits = pixels.decode(ds)
    assert bits == 12
    np.testing.assert_array_equal(found[0], clean)


def test_values_above_bit_zero_move_down(tmp_path: Path) -> None:
    ds = one(tmp_path)
    clean = values_of(ds)
    ds.PixelData = (clean << 4).tobytes()
    ds.HighBit = 15
    np.testing.assert_array_equal(pixels.decode(ds)[0][0], clean)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, "colour"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "not monochrome"),
        ({"Rows": 40000}, "out of bounds"),
        ({"Rows": 0}, "out of bounds"),
        ({"NumberOfFrames": 4000, "Rows": 4096, "Columns": 4096}, "too much memory"),
        ({"Rows": 64}, "truncated"),
        ({"BitsAllocated": 32, "BitsStored": 32}, "not supported"),
        ({"Columns": None}, "Columns is missing"),
        ({"PixelData": None}, "no pixel data"),
    ],
)
def test_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    ds = one(tmp_path)
    for keyword, value in changes.items():
        if value is None:
            delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)
    with pytest.raises(pixels.PixelError, match=message):
        pixels.decode(ds)


def test_a_codestream_larger_than_its_header_is_not_decoded(tmp_path: Path) -> None:
    ds = one(tmp_path)
    ds.PixelData = encapsulate([pixels.encode(np.zeros((2048, 2048), np.uint16)) or b""])
    ds.file_meta.TransferSyntaxUID = pydicom.uid.HTJ2KLossless
    with pytest.raises(pixels.PixelError, match="2048×2048 inside"):
        pixels.decode(ds)


@pytest.mark.parametrize("cut", [0.0, 0.02, 0.3, 0.9])
def test_truncated_codestream(tmp_path: Path, cut: float) -> None:
    ds = one(tmp_path)
    stream = pixels.encode(values_of(ds)) or b""
    ds.PixelData = encapsulate([stream[: int(len(stream) * cut)] or b"\0\0"])
    ds.file_meta.TransferSyntaxUID = pydicom.uid.HTJ2KLossless
    with pytest.raises(pixels.PixelError):
        pixels.decode(ds)


def test_window_ignores_outliers_and_follows_rescale() -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(100, 200, (5, 64, 64)).astype(np.uint16)
    values[0, 0, 0] = 60000
    center, width = pixels.window(values)
    assert 140 < center < 160
    assert 90 < width < 110
    scaled_center, scaled_width = pixels.window(values, slope=2.0, intercept=-50.0)
    assert scaled_center == pytest.approx(2 * center - 50)
    assert scaled_width == pytest.approx(2 * width)
    assert pixels.window(np.full((1, 4, 4), 7, np.uint16)) == (7.0, 1.0)


def test_deflated_bomb_is_refused_before_it_fills_memory(tmp_path: Path) -> None:
    from cohort import dicom_file

    ds = one(tmp_path)
    ds.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    path = tmp_path / "bomb.dcm"
    pydicom.dcmwrite(path, ds, implicit_vr=False, little_endian=True)
    content = path.read_bytes()
    head = 144 + int(pydicom.filereader.read_file_meta_info(path).FileMetaInformationGroupLength)
    body = zlib.decompressobj(-15).decompress(content[head:])
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = deflate.compress(body) + deflate.compress(bytes(400 * 2**20)) + deflate.flush()
    path.write_bytes(content[:head] + bomb)
    assert len(bomb) < 600_000
    with pytest.raises(dicom_file.FileError, match="inflates to more than"):
        dicom_file.read_header(path)
