"""Files written with kept elements are, byte for byte, those that pydicom writes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, HTJ2KLossless

from cohort import deidentify, part10
from tests.builders import make_series

STREAM = b"\xff\x4f\xff\x51" + bytes(range(251))


def by_pydicom(clean: Any, meta: Any, pixels: bytes, encapsulated: bool) -> bytes:
    image = pydicom.Dataset()
    image.update(clean)
    image.file_meta = meta
    if encapsulated:
        image.PixelData = encapsulate([pixels])
        image["PixelData"].VR = "OB"
        image["PixelData"].is_undefined_length = True
    else:
        image.PixelData = pixels
        image["PixelData"].VR = "OW"
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, image, enforce_file_format=True)
    return buffer.getvalue()


@pytest.mark.parametrize("encapsulated", [True, False])
def test_the_same_bytes_as_pydicoms(tmp_path: Path, encapsulated: bool) -> None:
    names = deidentify.Pseudonymiser("key")
    writer = part10.SeriesWriter()
    syntax = HTJ2KLossless if encapsulated else ExplicitVRLittleEndian

    def uneven(ds: Any, k: int) -> None:
        ds.EchoTime = ["100", "1e2", "100.0"][k % 3]  # equal numbers, written differently
        ds.ImageType = ["ORIGINAL", "PRIMARY", "M", ["SE", "FFE"][k % 2]]
        ds.ImagePositionPatient = [0.1 * k, -1e-7, 12345.678901234]

    for path in make_series(tmp_path / "in", edit=uneven):
        clean, _ = deidentify.deidentify(pydicom.dcmread(path, stop_before_pixels=True), names)
        clean.WindowCenter, clean.WindowWidth = 12.5, 40
        meta = deidentify.file_meta(clean, syntax)
        pixels = STREAM if encapsulated else np.arange(768, dtype="<u2").tobytes()
        written = writer.write(clean, meta, pixels, encapsulated=encapsulated)
        assert written == by_pydicom(clean, meta, pixels, encapsulated)


def _meta() -> Any:
    ds = pydicom.Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = "1.2", "1.3"
    return deidentify.file_meta(ds, ExplicitVRLittleEndian)


def test_pixel_data_must_be_last() -> None:
    ds = pydicom.Dataset()
    ds.PixelData = b"12"
    with pytest.raises(ValueError, match="last"):
        part10.SeriesWriter().write(ds, _meta(), b"", encapsulated=False)
