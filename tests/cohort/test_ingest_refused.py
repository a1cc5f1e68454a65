"""What is refused, each time with a reason that names the file, and nothing half-stored."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from cohort.ingest import IngestResult, summarise
from cohort.models import Series
from tests.builders import make_series
from tests.cohort.intake import assert_nothing_stored, ingest, only, stored_files

pytestmark = pytest.mark.django_db


def rejected_because(settings: Any, reason: str, *paths: Path) -> list[IngestResult]:
    results = ingest(*paths)
    assert {r.outcome for r in results} == {"rejected"}, results
    assert any(reason in r.reason for r in results), results
    assert_nothing_stored(settings)
    return results


def test_text_file_named_dcm_costs_only_itself(known: None, tmp_path: Path) -> None:
    make_series(tmp_path / "in")
    (tmp_path / "in" / "letter.dcm").write_text("Dear colleague, " * 50)
    results = ingest(tmp_path / "in")
    assert [(r.outcome, r.reason) for r in results if r.file.endswith("letter.dcm")] == [
        ("rejected", "is not a DICOM file")
    ]
    assert summarise(results) == {"accepted": 1, "unchanged": 0, "quarantined": 0, "rejected": 1}


@pytest.mark.parametrize("keep", [0, 50, 140, 300, 0.5, 0.98])
def test_truncated_file_leaves_the_series_out_whole(
    known: None, tmp_path: Path, settings: Any, keep: float
) -> None:
    paths = make_series(tmp_path / "in")
    make_series(tmp_path / "good", exam_id="P1-E2", study_date=date(2015, 3, 1), seed=5)
    content = paths[3].read_bytes()
    paths[3].write_bytes(content[: int(keep if keep > 1 or keep == 0 else keep * len(content))])
    results = ingest(tmp_path / "in", tmp_path / "good")
    assert any(r.outcome == "rejected" and r.file == str(paths[3]) for r in results), results
    assert [r.outcome for r in results if "good" in r.file] == ["accepted"]
    assert Series.objects.count() == 1
    assert len(stored_files(settings)) == 7


def test_missing_slice(known: None, tmp_path: Path, settings: Any) -> None:
    paths = make_series(tmp_path / "in", slices=9)
    paths[4].unlink()
    (result,) = rejected_because(settings, "a slice is missing", tmp_path / "in")
    assert paths[3].name in result.reason
    assert paths[5].name in result.reason


def test_mixed_orientations(known: None, tmp_path: Path, settings: Any) -> None:
    def turned(ds: Any, k: int) -> None:
        if k == 2:
            ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]

    make_series(tmp_path / "in", edit=turned)
    rejected_because(settings, "mixed orientations", tmp_path / "in")


def test_mixed_sizes(known: None, tmp_path: Path, settings: Any) -> None:
    def smaller(ds: Any, k: int) -> None:
        if k == 2:
            ds.Rows = 16

    make_series(tmp_path / "in", edit=smaller)
    rejected_because(settings, "slices differ in size", tmp_path / "in")


def test_two_slices_at_one_place(known: None, tmp_path: Path, settings: Any) -> None:
    def stuck(ds: Any, k: int) -> None:
        if k == 3:
            ds.ImagePositionPatient = [float(ds.ImagePositionPatient[0]) + 3.3, -40.0, 60.0]

    make_series(tmp_path / "in", edit=stuck)
    rejected_because(settings, "same place", tmp_path / "in")


def test_the_same_file_twice_counts_once(known: None, tmp_path: Path) -> None:
    paths = make_series(tmp_path / "in")
    shutil.copy(paths[2], tmp_path / "in" / "copy.dcm")
    assert only(tmp_path / "in").slices == 7


def test_one_uid_for_two_images(known: None, tmp_path: Path, settings: Any) -> None:
    paths = make_series(tmp_path / "in")
    ds = pydicom.dcmread(paths[2])
    ds.PixelData = bytes(len(ds.PixelData))
    ds.save_as(tmp_path / "in" / "other.dcm")
    rejected_because(settings, "one SOPInstanceUID and different pixels", tmp_path / "in")


def test_colour(known: None, tmp_path: Path, settings: Any) -> None:
    make_series(tmp_path / "in", tags={"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, slices=1)
    rejected_because(settings, "colour", tmp_path / "in")


def test_no_pixels(known: None, tmp_path: Path, settings: Any) -> None:
    make_series(tmp_path / "in", tags={"PixelData": None}, slices=1)
    rejected_because(settings, "no pixel data", tmp_path / "in")


@pytest.mark.parametrize(
    ("keyword", "reason"),
    [("ImagePositionPatient", "no usable ImagePositionPatient"), ("PixelSpacing", "no usable PixelSpacing"),
     ("ImageOrientationPatient", "no usable ImageOrientationPatient"), ("PatientID", "no PatientID"),
     ("SeriesInstanceUID", "no SeriesInstanceUID")],
)  # fmt: skip
def test_missing_attribute(known: None, tmp_path: Path, settings: Any, keyword: str, reason: str) -> None:
    make_series(tmp_path / "in", tags={keyword: None})
    rejected_because(settings, reason, tmp_path / "in")


def test_other_modality_is_named(known: None, tmp_path: Path, settings: Any) -> None:
    make_series(tmp_path / "in", tags={"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}, slices=1)
    rejected_because(settings, "CT Image Storage, not an MR image", tmp_path / "in")


def test_two_patients_in_one_series(known: None, tmp_path: Path, settings: Any) -> None:
    def other(ds: Any, k: int) -> None:
        if k == 1:
            ds.PatientID = "P2"

    make_series(tmp_path / "in", edit=other)
    rejected_because(settings, "2 different patients", tmp_path / "in")


def test_deep_sequences(known: None, tmp_path: Path, settings: Any) -> None:
    def nested(ds: Any, k: int) -> None:
        # Written by hand: undefined lengths, so that no length bounds the depth.
        item = b""
        for _ in range(3000):
            item = b"\x08\x00\x10\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" + item
        deep.append(item)

    deep: list[bytes] = []
    path = make_series(tmp_path / "in", slices=1, edit=nested)[0]
    content = path.read_bytes()
    at = content.index(b"\x10\x00\x10\x00PN")
    path.write_bytes(content[:at] + deep[0] + content[at:])
    results = ingest(tmp_path / "in")
    assert [r.outcome for r in results] == ["rejected"]
    assert_nothing_stored(settings)


def test_missing_path(tmp_path: Path) -> None:
    result = only(tmp_path / "nowhere.dcm")
    assert (result.outcome, result.reason) == ("rejected", "does not exist")


def test_random_bytes_never_crash(known: None, tmp_path: Path) -> None:
    paths = make_series(tmp_path / "in", slices=1)
    content = paths[0].read_bytes()
    rng = np.random.default_rng(0)
    for k in range(150):
        broken = bytearray(content)
        for at in rng.integers(128, 1400, rng.integers(1, 12)):
            broken[at] = rng.integers(256)
        (tmp_path / "in" / f"fuzz{k}.dcm").write_bytes(bytes(broken))
    for result in ingest(tmp_path / "in"):
        assert result.outcome in {"accepted", "quarantined", "rejected"}
        assert result.reason
