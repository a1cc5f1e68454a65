"""Instances, frames, bulk data and pictures by WADO-RS, by PS3.18."""

from __future__ import annotations

import io
import re

import numpy as np
import pydicom
from PIL import Image
from pydicom.uid import ExplicitVRLittleEndian

from tests.cohort.dicomweb_checks import (
    DICOM,
    JSON,
    MISSING,
    OCTETS,
    Server,
    check,
    equal,
    kind,
    parts,
    status,
    value,
)

# ---- instances


@check("Instances come as multipart/related with type and boundary, closed", "8.6.1.2, 10.4.3")
def _(s: Server) -> None:
    for path in (f"studies/{s.study}", s.at_series, s.at):
        answer = status(s.get(path, DICOM), 200)
        assert re.match(
            r'multipart/related; ?type="?application/dicom"?; ?boundary=', answer.headers["Content-Type"]
        )
        count = len(s.rows(f"{path}/instances")) if path != s.at else 1
        found = parts(answer)
        equal(len(found), count)
        for head, content in found:
            assert head["content-type"].startswith("application/dicom"), head
            equal(content[128:132], b"DICM")


@check("Without a transfer syntax, and for */*, instances are Explicit VR Little Endian", "8.7.3.5.2")
def _(s: Server) -> None:
    for accept in (DICOM, "*/*"):
        for _head, content in parts(s.get(s.at, accept)):
            ds = pydicom.dcmread(io.BytesIO(content))
            equal(ds.file_meta.TransferSyntaxUID, ExplicitVRLittleEndian)
            assert ds.pixel_array.size == ds.Rows * ds.Columns


@check("transfer-syntax=* gives the stored file, of the same pixels", "8.7.3.5.2")
def _(s: Server) -> None:
    head, content = parts(s.get(s.at, f"{DICOM}; transfer-syntax=*"))[0]
    stored, plain = pydicom.dcmread(io.BytesIO(content)), parts(s.get(s.at, DICOM))[0][1]
    assert stored.file_meta.TransferSyntaxUID in head["content-type"]
    np.testing.assert_array_equal(stored.pixel_array, pydicom.dcmread(io.BytesIO(plain)).pixel_array)


@check("The stored transfer syntax can be asked for by its UID", "8.7.3.5.2")
def _(s: Server) -> None:
    stored = pydicom.dcmread(io.BytesIO(parts(s.get(s.at, f"{DICOM}; transfer-syntax=*"))[0][1]))
    uid = stored.file_meta.TransferSyntaxUID
    _head, content = parts(status(s.get(s.at, f"{DICOM}; transfer-syntax={uid}"), 200))[0]
    equal(pydicom.dcmread(io.BytesIO(content)).file_meta.TransferSyntaxUID, uid)


@check("A transfer syntax that cannot be made answers 406", "8.7.3.5.2, Table 10.4.3-1")
def _(s: Server) -> None:
    status(s.get(s.at, f"{DICOM}; transfer-syntax=1.2.840.10008.1.2.4.100"), 406)


@check("The client's preference (q) decides", "8.7.5; RFC 9110 12.5.1")
def _(s: Server) -> None:
    accept = (
        f"{DICOM}; transfer-syntax=1.2.840.10008.1.2.4.100, {DICOM}; transfer-syntax=*; q=0.1, {DICOM}; q=0.9"
    )
    content = parts(status(s.get(s.at, accept), 200))[0][1]
    equal(pydicom.dcmread(io.BytesIO(content)).file_meta.TransferSyntaxUID, ExplicitVRLittleEndian)


@check("The accept query parameter stands for the header", "8.3.3.1")
def _(s: Server) -> None:
    equal(kind(status(s.get("studies?accept=application/json", "image/gif"), 200)), "application/json")


@check("What is not there answers 404: study, series, instance, metadata, frames", "Table 10.4.3-1")
def _(s: Server) -> None:
    for path in (
        f"studies/{MISSING}",
        f"studies/{s.study}/series/{MISSING}",
        f"{s.at_series}/instances/{MISSING}",
    ):
        status(s.get(path, DICOM), 404)
        status(s.get(f"{path}/metadata", JSON), 404)
    status(s.get(f"{s.at_series}/instances/{MISSING}/frames/1", OCTETS), 404)


@check("HEAD gives the status and headers of GET without a body", "RFC 9110 9.3.2")
def _(s: Server) -> None:
    for path, accept in ((s.at, DICOM), (f"{s.at_series}/metadata", JSON), ("studies", JSON)):
        answer = status(s.get(path, accept, "HEAD"), 200)
        equal(answer.content, b"")
        equal(kind(answer), kind(s.get(path, accept)))
    status(s.get(f"studies/{MISSING}", DICOM, "HEAD"), 404)


# ---- frames, bulk data


@check("Frames come as multipart octets of the uncompressed pixels", "10.4.1.1.6, 8.7.3.3.2")
def _(s: Server) -> None:
    ds = pydicom.dcmread(io.BytesIO(parts(s.get(s.at, DICOM))[0][1]))
    head, content = parts(status(s.get(f"{s.at}/frames/1", OCTETS), 200))[0]
    assert head["content-type"].startswith("application/octet-stream"), head
    equal(content, ds.PixelData[: len(content)])
    assert len(content) >= ds.Rows * ds.Columns * ds.BitsAllocated // 8


@check("A frame list gives one part for each, in order", "10.4.1.1.6")
def _(s: Server) -> None:
    single = parts(s.get(f"{s.at}/frames/1", OCTETS))[0][1]
    equal([content for _h, content in parts(s.get(f"{s.at}/frames/1,1", OCTETS))], [single, single])


@check("Frames as stored by transfer-syntax=*, with their syntax named in the part", "8.7.3.5")
def _(s: Server) -> None:
    head, content = parts(status(s.get(f"{s.at}/frames/1", f"{OCTETS}; transfer-syntax=*"), 200))[0]
    assert "transfer-syntax=" in head["content-type"], head
    assert content


@check("Malformed frame lists answer 400, absent frames 404", "10.4.1.1.6, Table 8.5-1")
def _(s: Server) -> None:
    for frames in ("0", "x", "1,,1", "-1"):
        status(s.get(f"{s.at}/frames/{frames}", OCTETS), 400)
    status(s.get(f"{s.at}/frames/999999", OCTETS), 404)


# ---- rendered


@check("Rendered is JPEG by default, PNG on demand, of the image's size", "10.4.1.1.3, 8.7.4")
def _(s: Server) -> None:
    row = s.get(f"{s.at}/metadata", JSON).json()[0]
    size = (value(row, "00280011"), value(row, "00280010"))
    for path in (f"{s.at}/rendered", f"{s.at}/frames/1/rendered"):
        for accept, media in (
            ("*/*", "image/jpeg"),
            ("image/jpeg", "image/jpeg"),
            ("image/png", "image/png"),
        ):
            answer = status(s.get(path, accept), 200)
            equal(kind(answer), media)
            equal(Image.open(io.BytesIO(answer.content)).size, size)


@check("viewport bounds the picture, window changes it, nonsense answers 400", "8.3.5.1")
def _(s: Server) -> None:
    small = Image.open(io.BytesIO(s.get(f"{s.at}/rendered?viewport=20,20", "image/png").content))
    assert max(small.size) <= 20
    plain = s.get(f"{s.at}/rendered", "image/png").content
    assert s.get(f"{s.at}/rendered?window=50,20,LINEAR", "image/png").content != plain
    for query in ("window=1", "window=a,b,LINEAR", "window=1,2,CUBIC", "viewport=0,0", "quality=0"):
        status(s.get(f"{s.at}/rendered?{query}", "image/jpeg"), 400)


@check("Rendered refuses other types with 406", "8.7.4")
def _(s: Server) -> None:
    status(s.get(f"{s.at}/rendered", "video/mp4"), 406)


@check("Thumbnails of study, series and instance", "10.4.1.1.4")
def _(s: Server) -> None:
    for path in (f"studies/{s.study}", s.at_series, s.at):
        answer = status(s.get(f"{path}/thumbnail", "image/jpeg"), 200)
        assert max(Image.open(io.BytesIO(answer.content)).size) <= 256
