"""Canaries in every place a name can hide; none may come out."""

from __future__ import annotations

import io
from datetime import date, timedelta
from pathlib import Path

import pydicom
import pytest
from pydicom._dicom_dict import DicomDictionary
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import UID

from cohort import deidentify, pacs
from cohort.deidentify import Pseudonymiser
from cohort.ingest import ingest_paths
from cohort.models import Instance, Series
from tests.builders import make_series

CANARY = "XCANARYX"
NAMES = Pseudonymiser("a key")
#: VRs whose values are text that somebody can type into.
TEXT = {"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"}


def poisoned(path: Path) -> Dataset:
    """A file with a canary in every text attribute of the dictionary, nested, private and odd ones too."""
    ds = pydicom.dcmread(path)
    for tag, (vr, _, _, _, keyword) in DicomDictionary.items():
        if vr in TEXT and keyword and tag >> 16 not in (0x0000, 0x0002) and keyword not in STRUCTURAL:
            ds.add_new(tag, vr, CANARY)
    item, inner = Dataset(), Dataset()
    inner.PatientName = inner.PatientComments = CANARY
    item.RequestAttributesSequence = [inner]
    item.PatientID = CANARY
    ds.ReferencedStudySequence = [item]
    ds.OtherPatientIDsSequence = [item]
    ds.add_new(Tag(0x0009, 0x0010), "LO", CANARY)
    ds.add_new(Tag(0x0009, 0x1001), "UT", CANARY)
    ds.add_new(Tag(0x6000, 0x0022), "LO", CANARY)  # overlay description
    ds.add_new(Tag(0x0040, 0xA160), "UT", CANARY)
    ds.EchoTime = "100"
    ds["EchoTime"]._value = "100"
    return ds


STRUCTURAL = {"SpecificCharacterSet", "PatientID", "Modality", "PhotometricInterpretation"}


def everything(ds: Dataset) -> str:
    buffer = io.BytesIO()
    ds.file_meta = deidentify.file_meta(ds, "1.2.840.10008.1.2.1")
    pydicom.dcmwrite(buffer, ds, enforce_file_format=True)
    return buffer.getvalue().decode("latin-1")


def test_no_canary_survives_in_any_text_attribute(tmp_path: Path) -> None:
    ds = poisoned(make_series(tmp_path, slices=1)[0])
    assert sum(CANARY in str(e.value) for e in ds.iterall() if e.VR in TEXT) > 1000
    clean, report = deidentify.deidentify(ds, NAMES)
    assert CANARY not in everything(clean)
    assert CANARY not in str(report.as_json())
    assert "PatientComments" in report.removed
    assert report.private_removed == 2


def test_names_next_to_known_words_are_dropped(tmp_path: Path) -> None:
    ds = pydicom.dcmread(make_series(tmp_path, slices=1)[0])
    ds.SeriesDescription = "T2 TSE SAG Doe^Jane 12.03.1950 MRN 48211"
    ds.ManufacturerModelName = "Skyra of Dr Doe"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "DOE", "SE"]
    ds.BodyPartExamined = "JANE DOE"
    clean, _ = deidentify.deidentify(ds, NAMES)
    assert clean.SeriesDescription == "T2 TSE SAG"
    assert clean.ManufacturerModelName == "Skyra"
    assert list(clean.ImageType) == ["ORIGINAL", "PRIMARY", "OTHER", "SE"]
    assert "BodyPartExamined" not in clean


def test_text_in_a_number_is_dropped(tmp_path: Path) -> None:
    path = make_series(tmp_path, slices=1)[0]
    content = path.read_bytes()
    at = content.index(b"\x18\x00\x81\x00DS")
    length = int.from_bytes(content[at + 6 : at + 8], "little")
    path.write_bytes(content[: at + 8] + b"JANE"[:length].ljust(length) + content[at + 8 + length :])
    clean, report = deidentify.deidentify(pydicom.dcmread(path), NAMES)
    assert clean.EchoTime is None
    assert "EchoTime" in report.removed


@pytest.mark.django_db
def test_no_canary_in_store_or_database(tmp_path: Path, settings: object) -> None:
    paths = make_series(tmp_path / "in", patient_id=f"{CANARY}-7", exam_id="E-XCANARYX")
    for path in paths:
        ds = poisoned(path)
        ds.BurnedInAnnotation = "NO"
        ds.AccessionNumber = "E-XCANARYX"
        ds.StudyDescription = f"MR C-SPINE {CANARY}"
        ds.ImageType = ["ORIGINAL", "PRIMARY", "M"]
        ds.preamble = CANARY.encode().ljust(128, b"\0")
        ds.file_meta.SourceApplicationEntityTitle = CANARY
        ds.file_meta.ImplementationVersionName = CANARY
        ds.file_meta.PrivateInformationCreatorUID = UID("1.2.3")
        ds.file_meta.PrivateInformation = CANARY.encode()
        ds.save_as(path, enforce_file_format=True)
    results = list(ingest_paths([tmp_path / "in"]))
    assert [r.outcome for r in results] == ["quarantined"]
    series = Series.objects.get()
    rows = [str(vars(series)), *(str(vars(i)) for i in Instance.objects.all())]
    files = [pacs.instance_path(i).read_bytes().decode("latin-1") for i in Instance.objects.all()]
    assert len(files) == 7
    for text in (*rows, *files, str(results[0].reason), str(series.path)):
        assert CANARY not in text.upper()
    assert all(text[:128] == "\0" * 128 for text in files)


def test_identity_is_marked_as_removed(tmp_path: Path) -> None:
    ds = pydicom.dcmread(make_series(tmp_path, slices=1, patient_id="P9")[0])
    clean, _ = deidentify.deidentify(ds, NAMES)
    assert clean.PatientID == clean.PatientName == NAMES.patient("P9")
    assert clean.PatientIdentityRemoved == "YES"
    assert clean.DeidentificationMethod
    assert [c.CodeValue for c in clean.DeidentificationMethodCodeSequence] == ["113100", "113105", "113107"]
    assert clean.LongitudinalTemporalInformationModified == "MODIFIED"
    for keyword in ("PatientBirthDate", "AccessionNumber", "StudyTime", "ReferringPhysicianName"):
        assert not clean[keyword].value  # type 2: present and empty
    assert "ContentTime" not in clean


def test_what_the_science_needs_stays(tmp_path: Path) -> None:
    ds = pydicom.dcmread(make_series(tmp_path, slices=1)[0])
    clean, report = deidentify.deidentify(ds, NAMES)
    for keyword in (
        "MagneticFieldStrength", "SpacingBetweenSlices", "EchoTime", "RepetitionTime", "Manufacturer",
        "PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "SliceThickness",
        "ScanningSequence",
    ):  # fmt: skip
        assert clean[keyword].value == ds[keyword].value, keyword
        assert keyword in report.kept


def test_uids_are_the_same_for_ever_and_valid(tmp_path: Path) -> None:
    first, second = (pydicom.dcmread(p) for p in make_series(tmp_path, slices=2))
    one, _ = deidentify.deidentify(first, NAMES)
    again, _ = deidentify.deidentify(first, Pseudonymiser("a key"))
    other_key, _ = deidentify.deidentify(first, Pseudonymiser("another key"))
    next_slice, _ = deidentify.deidentify(second, NAMES)
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID"):
        assert one[keyword].value == again[keyword].value != other_key[keyword].value
        assert one[keyword].value.startswith("2.25.")
        assert one[keyword].value.is_valid
        assert one[keyword].value != first[keyword].value
    assert one.SeriesInstanceUID == next_slice.SeriesInstanceUID
    assert one.SOPInstanceUID != next_slice.SOPInstanceUID
    assert NAMES.uid("1.2.3", "frame 1") != NAMES.uid("1.2.3", "frame 2") != NAMES.uid("1.2.3")


def test_golden_values_of_the_key() -> None:
    """They join deliveries years apart: a change here would tear every running study in two."""
    assert NAMES.patient("P1") == "47a4adf0644ef2ef9de1"
    assert NAMES.exam("P1", "E1") == "2bbcc72240b098e8a07a"
    assert NAMES.uid("1.2.3") == "2.25.218737128816784511375217358474576707233"
    assert NAMES.shift("P1") == timedelta(days=-2685)


def test_dates_move_and_intervals_stay(tmp_path: Path) -> None:
    days = [date(2004, 2, 29), date(2010, 3, 1), date(2015, 12, 31)]
    moved = []
    for k, day in enumerate(days):
        ds = pydicom.dcmread(make_series(tmp_path / str(k), slices=1, study_date=day)[0])
        clean, _ = deidentify.deidentify(ds, NAMES)
        assert clean.StudyDate == clean.SeriesDate == clean.AcquisitionDate == clean.ContentDate
        new = deidentify.parse_date(clean.StudyDate)
        assert new is not None
        moved.append(new)
    assert all(new < old for new, old in zip(moved, days, strict=True))
    assert moved[2] - moved[0] == days[2] - days[0]
    assert NAMES.shift("P1") != NAMES.shift("P2")
    shifts = {NAMES.shift(f"P{k}").days for k in range(500)}
    assert len(shifts) > 400
    assert all(-deidentify.MAX_SHIFT_DAYS <= days <= -1 for days in shifts)


def test_pseudonyms_do_not_collide_by_gluing() -> None:
    assert NAMES.exam("P1", "1E") != NAMES.exam("P11", "E")
    assert NAMES.patient(" P1 ") == NAMES.patient("P1")
    with pytest.raises(ValueError, match="empty"):
        Pseudonymiser("")


@pytest.mark.parametrize(
    ("text", "day"),
    [("20100301", date(2010, 3, 1)), ("2010.03.01", date(2010, 3, 1)), ("20100301101500.0", date(2010, 3, 1)),
     ("20101301", None), ("", None), (None, None), ("***", None)],
)  # fmt: skip
def test_parse_date(text: str | None, day: date | None) -> None:
    assert deidentify.parse_date(text) == day


def test_scrub_replaces_whole_words_only() -> None:
    assert deidentify.scrub("seen 12, not 312 or 125", {"12": "x"}) == "seen x, not 312 or 125"
