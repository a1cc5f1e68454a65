"""Canaries in every attribute of the dictionary whatever its type, at every depth and beside the data set.

The list of what PS3.15 Table E.1-1 wants removed or replaced is taken from another implementation.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicomanonymizer.dicom_anonymization_databases import dicomfields_2026c as table
from pydicom._dicom_dict import DicomDictionary, RepeatersDictionary
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag, Tag

from cohort import deidentify, pacs
from cohort.deidentify import Pseudonymiser
from cohort.ingest import ingest_paths
from cohort.models import Instance, Series
from tests.builders import make_series

CANARY = b"XCANARYX"
NAMES = Pseudonymiser("a key")
#: Without them nothing can be read at all, or the value is not looked at.
STRUCTURAL = {"SpecificCharacterSet", "SOPClassUID", "PixelData", "PatientID"}
#: Kept, but only as new dates, new UIDs, or words of a fixed list.
REWRITTEN = {
    "StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "StudyInstanceUID", "SeriesInstanceUID",
    "SOPInstanceUID", "FrameOfReferenceUID", "StudyDescription", "SeriesDescription", "ProtocolName",
}  # fmt: skip


def raw(tag: BaseTag, vr: str, value: bytes) -> RawDataElement:
    """An element as a file brings it: no library has looked whether the value fits its type."""
    return RawDataElement(tag, vr, len(value), value, 0, False, True, True)


def written(ds: Dataset) -> bytes:
    buffer = io.BytesIO()
    ds.file_meta = deidentify.file_meta(ds, "1.2.840.10008.1.2.1")
    pydicom.dcmwrite(buffer, ds, enforce_file_format=True)
    return buffer.getvalue()


def elements() -> Iterator[tuple[BaseTag, str]]:
    """Every attribute of the dictionary, repeating groups (overlays, curves) and private ones too."""
    for number, (vr, _, _, _, keyword) in DicomDictionary.items():
        if keyword and keyword not in STRUCTURAL and number >> 16 not in (0x0000, 0x0002) and vr != "SQ":
            yield Tag(number), vr.split(" or ")[0]
    for mask, (vr, *_) in RepeatersDictionary.items():
        if vr not in {"SQ", "NONE"}:
            yield Tag(int(mask.replace("x", "0"), 16)), vr.split(" or ")[0]
    for group in (0x0009, 0x0029, 0x7FE1):
        yield Tag(group, 0x0010), "LO"
        yield Tag(group, 0x1001), "UN"
        yield Tag(group, 0x1002), "OB"


def test_no_canary_survives_whatever_the_type(tmp_path: Path) -> None:
    ds = pydicom.dcmread(make_series(tmp_path, slices=1)[0])
    count = 0
    for tag, vr in elements():
        ds[tag] = raw(tag, vr, CANARY)
        count += 1
    assert count > 3800
    clean, report = deidentify.deidentify(ds, NAMES)
    assert CANARY not in written(clean)
    assert CANARY.decode() not in str(report.as_json())
    assert CANARY.decode() not in clean.to_json()
    # Numbers hide text as well as strings do: eight letters are a double.
    assert struct.unpack("<d", CANARY)[0] not in {e.value for e in clean if e.VR == "FD"}


@pytest.mark.parametrize("depth", [1, 2, 30])
def test_sequences_go_whole(tmp_path: Path, depth: int) -> None:
    ds = pydicom.dcmread(make_series(tmp_path, slices=1)[0])
    sequences = [Tag(n) for n, (vr, _, _, _, k) in DicomDictionary.items() if vr == "SQ" and k]
    assert len(sequences) > 700
    for tag in sequences:
        inner = Dataset()
        inner.PatientName = inner.EncapsulatedDocument = CANARY.decode()
        for _ in range(depth):
            outer = Dataset()
            outer.add_new(tag, "SQ", Sequence([inner]))
            inner = outer
        ds[tag] = inner[tag]
    clean, report = deidentify.deidentify(ds, NAMES)
    assert CANARY not in written(clean)
    assert [e.keyword for e in clean if e.VR == "SQ"] == ["DeidentificationMethodCodeSequence"]
    assert "RequestAttributesSequence" in report.removed


def test_what_the_tables_of_ps3_15_name_does_not_stay(tmp_path: Path) -> None:
    named = {
        tag
        for kind in ("D", "Z", "X", "U", "Z_D", "X_Z", "X_D", "X_Z_D", "X_Z_U_STAR")
        for tag in getattr(table, f"{kind}_TAGS")
        if len(tag) == 2
    }
    assert len(named) > 500
    keywords = {pydicom.datadict.keyword_for_tag(Tag(tag)) for tag in named} - {""}
    kept = keywords & deidentify.allowed_keywords()
    # Each of these has a rule of its own, and the tests above show that no text passes it.
    assert kept <= REWRITTEN | {"SequenceVariant"}, sorted(kept - REWRITTEN)
    ds = pydicom.dcmread(make_series(tmp_path, slices=1)[0])
    for keyword in keywords - STRUCTURAL:
        vr = pydicom.datadict.dictionary_VR(keyword)
        if vr != "SQ":
            tag = Tag(pydicom.datadict.tag_for_keyword(keyword))
            value = {"DA": b"19500102", "UI": b"1.2.3.4.5.6\0", "TM": b"101112"}.get(vr, CANARY)
            ds[tag] = raw(tag, vr, value)
    clean, _ = deidentify.deidentify(ds, NAMES)
    content = written(clean)
    for value in (CANARY, b"19500102", b"1.2.3.4.5.6", b"101112"):
        assert value not in content


@pytest.mark.django_db
def test_what_stands_beside_the_pixels_goes(known: None, tmp_path: Path) -> None:
    """Overlay planes, curves, encapsulated documents, icons, trailing padding, bytes behind the data set."""
    paths = make_series(tmp_path / "in")
    for path in paths:
        ds = pydicom.dcmread(path)
        for group in (0x6000, 0x6002, 0x601E):
            ds.add_new(Tag(group, 0x3000), "OW", CANARY * 8)
            ds.add_new(Tag(group, 0x1500), "LO", CANARY.decode())
        ds.add_new(Tag(0x5000, 0x3000), "OW", CANARY * 8)
        ds.add_new(Tag(0x0042, 0x0011), "OB", b"%PDF-1.7 " + CANARY + b" ")
        icon = Dataset()
        icon.Rows, icon.Columns = 8, 1
        icon.add_new(Tag(0x7FE0, 0x0010), "OB", CANARY)
        ds.IconImageSequence = [icon]
        ds.add_new(Tag(0xFFFC, 0xFFFC), "OB", CANARY)
        ds.preamble = CANARY * 16
        ds.file_meta.SourceApplicationEntityTitle = ds.file_meta.SendingApplicationEntityTitle = (
            CANARY.decode()
        )
        ds.save_as(path, enforce_file_format=True)
        path.write_bytes(path.read_bytes() + CANARY * 4)
    results = list(ingest_paths([tmp_path / "in"]))
    assert [r.outcome for r in results] in (["accepted"], ["rejected"]), results
    for instance in Instance.objects.all():
        content = pacs.instance_path(instance).read_bytes()
        assert CANARY not in content
        assert CANARY not in pacs.read_file_uncompressed(instance)
        assert CANARY.decode() not in str(instance.metadata)


@pytest.mark.django_db
def test_the_spare_bits_of_the_pixels_carry_nothing_out(known: None, tmp_path: Path) -> None:
    """An overlay hidden in the unused high bits (retired, found in old files) is cleared."""

    def hidden(ds: Dataset, k: int) -> None:
        values = np.frombuffer(ds.PixelData, "<u2") | 0x8000
        ds.PixelData = values.tobytes()
        ds.add_new(0x60000100, "US", 16)
        ds.add_new(0x60000102, "US", 15)

    make_series(tmp_path / "in", edit=hidden)
    assert [r.outcome for r in ingest_paths([tmp_path / "in"])] == ["accepted"]
    for instance in Series.objects.get().instances.all():
        assert pydicom.dcmread(pacs.instance_path(instance)).pixel_array.max() < 4096
