"""DICOM in: whole or not at all, each refusal with a reason that names the file."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from django.core.management import call_command
from django.db import IntegrityError
from pydicom.uid import generate_uid

from cohort import delivery, flow, pacs
from cohort.importing import import_directory
from cohort.ingest import IngestResult, ingest_paths, summarise
from cohort.models import Exam, ImportBatch, Instance, Patient, ScanPair, Series
from cohort.pseudonyms import study_pseudonyms
from tests.builders import make_series, write_csv, write_export, write_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def known(tmp_path: Path) -> None:
    """Patient P1 with exams P1-E1 (2010-03-01) and P1-E2 (2015-03-01) is in the cohort."""
    import_directory(write_export(tmp_path / "csv", ["P1"]))


def ingest(*paths: Path) -> list[IngestResult]:
    return list(ingest_paths(paths))


def only(*paths: Path) -> IngestResult:
    (result,) = ingest(*paths)
    return result


def stored_files(settings: Any) -> list[Path]:
    return sorted(p for p in Path(settings.IMAGE_STORE_DIR).rglob("*") if p.is_file() and p.name != ".lock")


def assert_nothing_stored(settings: Any) -> None:
    assert not Series.objects.exists()
    assert not Instance.objects.exists()
    assert stored_files(settings) == []


# ---- what goes in


def test_accepted_series_is_stored_bit_for_bit_in_order_of_position(known: None, tmp_path: Path) -> None:
    paths = make_series(tmp_path / "in", slices=9, shape=(40, 30))
    result = only(tmp_path / "in")
    assert (result.outcome, result.slices, result.patient) == (
        "accepted",
        9,
        study_pseudonyms().patient("P1"),
    )
    series = Series.objects.get(series_uid=result.series_uid)
    assert series.exam == Exam.objects.get(pseudonym=study_pseudonyms().exam("P1", "P1-E1"))
    assert (series.plane, series.weighting, series.sagittal_t2_cervical) == ("sagittal", "t2", True)
    assert series.slice_spacing == pytest.approx(3.3)
    for index, (instance, path) in enumerate(zip(series.instances.all(), paths, strict=True)):
        assert instance.index == index
        original, kept = pydicom.dcmread(path), pydicom.dcmread(pacs.instance_path(instance))
        np.testing.assert_array_equal(kept.pixel_array, original.pixel_array)
        assert list(kept.ImagePositionPatient) == list(original.ImagePositionPatient) == instance.position
        assert kept.file_meta.TransferSyntaxUID == pacs.HTJ2K_LOSSLESS
    positions = [instance.position[0] for instance in series.instances.all()]
    normal_x = 1 if series.orientation == [0, 1, 0, 0, 0, 1] else -1
    assert positions == sorted(positions, reverse=normal_x < 0)


def test_metadata_is_complete_without_pixels(known: None, tmp_path: Path) -> None:
    make_series(tmp_path / "in")
    only(tmp_path / "in")
    metadata = Instance.objects.order_by("index")[3].metadata
    for tag in (
        "00280010", "00280011", "00280030", "00200032", "00200037", "00281050", "00281051", "00280101",
        "00280103",
        "00280004", "00180050", "00180088", "00200052", "0020000D", "0020000E", "00080018", "00080016",
    ):  # fmt: skip
        assert metadata[tag]["Value"], tag
    assert "7FE00010" not in metadata
    json.dumps(metadata, allow_nan=False)


def test_one_window_for_the_whole_series(known: None, tmp_path: Path) -> None:
    def narrow_at_the_edge(ds: Any, k: int) -> None:
        ds.WindowCenter, ds.WindowWidth = (10, 20) if k == 0 else (900, 1800)

    make_series(tmp_path / "in", edit=narrow_at_the_edge)
    only(tmp_path / "in")
    windows = {str(i.metadata["00281051"]["Value"]) for i in Instance.objects.all()}
    assert len(windows) == 1
    assert windows != {"[20.0]"}


def test_scanners_own_window_is_kept_when_it_is_one(known: None, tmp_path: Path) -> None:
    make_series(tmp_path / "in", tags={"WindowCenter": 600, "WindowWidth": 1200})
    only(tmp_path / "in")
    assert Instance.objects.all()[0].metadata["00281050"]["Value"] == [600.0]


@pytest.mark.parametrize("kind", ["uint8", "int16"])
def test_other_pixel_types(known: None, tmp_path: Path, kind: str) -> None:
    paths = make_series(tmp_path / "in", dtype=kind)
    assert only(tmp_path / "in").outcome == "accepted"
    kept = pydicom.dcmread(pacs.instance_path(Instance.objects.order_by("index")[0]))
    np.testing.assert_array_equal(kept.pixel_array, pydicom.dcmread(paths[0]).pixel_array)


def test_raw_is_stored_where_htj2k_fails(
    known: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cohort.pixels.encode", lambda values: None)
    paths = make_series(tmp_path / "in")
    assert only(tmp_path / "in").outcome == "accepted"
    instance = Instance.objects.order_by("index")[0]
    pixels, syntax = pacs.read_frame(instance)
    assert syntax == pacs.EXPLICIT_LITTLE
    assert pixels == pydicom.dcmread(paths[0]).PixelData


def test_frames_read_are_the_frames_stored(known: None, tmp_path: Path) -> None:
    import imagecodecs

    paths = make_series(tmp_path / "in", shape=(64, 48))
    only(tmp_path / "in")
    for instance, path in zip(Instance.objects.order_by("index"), paths, strict=True):
        pixels, syntax = pacs.read_frame(instance)
        assert syntax == pacs.HTJ2K_LOSSLESS
        np.testing.assert_array_equal(imagecodecs.htj2k_decode(pixels), pydicom.dcmread(path).pixel_array)


def test_damaged_store_is_an_error_not_an_image(known: None, tmp_path: Path) -> None:
    make_series(tmp_path / "in")
    only(tmp_path / "in")
    instance = Instance.objects.all()[0]
    path = pacs.instance_path(instance)
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(pacs.StoreError, match=f"instance {instance.pk}"):
        pacs.read_frame(instance)
    path.unlink()
    with pytest.raises(pacs.StoreError, match=f"instance {instance.pk}"):
        pacs.read_frame(instance)


def test_ingesting_again_changes_nothing(known: None, tmp_path: Path, settings: Any) -> None:
    make_series(tmp_path / "in")
    first = only(tmp_path / "in")
    files = {p: p.stat().st_mtime_ns for p in stored_files(settings)}
    again = only(tmp_path / "in")
    assert (again.outcome, again.series_uid) == ("unchanged", first.series_uid)
    assert Series.objects.count() == 1
    assert {p: p.stat().st_mtime_ns for p in stored_files(settings)} == files


def test_intervals_survive_and_dates_do_not(known: None, tmp_path: Path) -> None:
    make_series(tmp_path / "a", exam_id="P1-E1", study_date=date(2010, 3, 1), seed=1)
    make_series(tmp_path / "b", exam_id="P1-E2", study_date=date(2015, 3, 1), seed=2)
    ingest(tmp_path / "a", tmp_path / "b")
    first, last = (
        i.metadata["00080020"]["Value"][0] for i in Instance.objects.filter(index=0).order_by("pk")
    )
    exams = list(Exam.objects.order_by("date"))
    assert first == exams[0].date.strftime("%Y%m%d") != "20100301"
    assert last == exams[1].date.strftime("%Y%m%d")
    assert (exams[1].date - exams[0].date).days == (date(2015, 3, 1) - date(2010, 3, 1)).days


# ---- to which exam


def test_without_accession_number_the_same_day_matches(known: None, tmp_path: Path) -> None:
    make_series(tmp_path / "in", tags={"AccessionNumber": None})
    assert only(tmp_path / "in").outcome == "accepted"
    assert Exam.objects.count() == 2
    assert Series.objects.get().exam.pseudonym == study_pseudonyms().exam("P1", "P1-E1")


def test_an_exam_the_export_does_not_know_is_made_from_the_images(known: None, tmp_path: Path) -> None:
    make_series(tmp_path / "in", exam_id="P1-E9", study_date=date(2012, 5, 5))
    assert only(tmp_path / "in").outcome == "accepted"
    exam = Series.objects.get().exam
    assert exam.pseudonym == study_pseudonyms().exam("P1", "P1-E9")
    assert exam.date == study_pseudonyms().date("P1", date(2012, 5, 5))
    assert (exam.modality, exam.body_part) == ("MR", "CSPINE")


def test_where_images_do_not_tell_the_region_the_export_does(known: None, tmp_path: Path) -> None:
    silent = {"BodyPartExamined": None, "StudyDescription": None}
    make_series(tmp_path / "in", tags=silent)
    assert "counts as sagittal T2 cervical" in only(tmp_path / "in").reason
    assert "the export says so" in Series.objects.get().recognition["region"]


def test_an_accession_number_with_another_date_waits_for_a_person(known: None, tmp_path: Path) -> None:
    make_series(tmp_path / "in", exam_id="P1-E1", study_date=date(2013, 1, 1))
    result = only(tmp_path / "in")
    assert result.outcome == "quarantined"
    assert "another date" in result.reason


# ---- what waits


def test_unknown_patient_is_quarantined_and_taken_when_known(tmp_path: Path) -> None:
    make_series(tmp_path / "in")
    result = only(tmp_path / "in")
    assert (result.outcome, result.reason) == ("quarantined", "The patient is not in the cohort.")
    assert Series.objects.get().exam is None
    assert only(tmp_path / "in").outcome == "quarantined"
    import_directory(write_export(tmp_path / "csv", ["P1"]))
    assert only(tmp_path / "in").outcome == "accepted"
    assert Series.objects.get().state == "accepted"


@pytest.mark.parametrize("value", ["YES", "UNKNOWN"])
def test_burned_in_annotation_is_quarantined(known: None, tmp_path: Path, value: str) -> None:
    make_series(tmp_path / "in", tags={"BurnedInAnnotation": value})
    result = only(tmp_path / "in")
    assert result.outcome == "quarantined"
    assert "BurnedInAnnotation" in result.reason


def test_secondary_capture_is_quarantined(known: None, tmp_path: Path) -> None:
    capture = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7", "ImagePositionPatient": None, "PixelSpacing": None}
    make_series(tmp_path / "in", tags=capture, slices=2)
    result = only(tmp_path / "in")
    assert result.outcome == "quarantined"
    assert "secondary capture" in result.reason.lower()


def test_a_hole_in_the_numbers_at_the_end_of_the_stack_waits(known: None, tmp_path: Path) -> None:
    def shuffled(ds: Any, k: int) -> None:
        ds.InstanceNumber = (3 * k) % 10 + 1

    paths = make_series(tmp_path / "in", slices=10, edit=shuffled)
    paths[-1].unlink()
    result = only(tmp_path / "in")
    assert result.outcome == "quarantined"
    assert "may be missing" in result.reason


# ---- what is refused


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


# ---- archives


def archive(
    path: Path, entries: dict[str, bytes], change: Callable[[zipfile.ZipInfo], None] | None = None
) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            if change:
                change(info)
            file.writestr(info, content)
    return path


def test_zip_of_a_series_with_clutter(known: None, tmp_path: Path, settings: Any) -> None:
    entries = {f"a/b/{p.name}": p.read_bytes() for p in make_series(tmp_path / "in")}
    entries |= {"__MACOSX/._x": b"x", "a/.DS_Store": b"x", "DICOMDIR": b"x"}
    result = only(archive(tmp_path / "study.zip", entries))
    assert (result.outcome, result.slices) == ("accepted", 7)
    assert list(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir()) == []


def test_zip_slip_and_symlinks_are_refused_and_the_rest_read(known: None, tmp_path: Path) -> None:
    entries = {p.name: p.read_bytes() for p in make_series(tmp_path / "in")}
    entries |= {"../../evil.dcm": b"x", "/etc/evil.dcm": b"x", "C:/evil.dcm": b"x", "..\\evil.dcm": b"x"}
    results = ingest(archive(tmp_path / "slip.zip", entries))
    assert summarise(results)["accepted"] == 1
    refused = [r for r in results if r.outcome == "rejected"]
    assert len(refused) == 4
    assert {r.reason for r in refused} == {"names a place outside the archive"}
    assert not list(tmp_path.rglob("evil*"))

    def link(info: zipfile.ZipInfo) -> None:
        info.external_attr = 0o120777 << 16

    result = only(archive(tmp_path / "link.zip", {"link": b"/etc/passwd"}, link))
    assert result.reason == "is a symbolic link"


def test_symlink_in_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.dcm").symlink_to("/etc/passwd")
    assert only(tmp_path / "in").reason == "is a symbolic link"


def test_zip_bomb_stops_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setattr(delivery, "RATIO_COUNTS_FROM", 2**20)
    bomb = archive(tmp_path / "bomb.zip", {"zeros.dcm": bytes(64 * 2**20), "more.dcm": b"x"})
    result = only(bomb)
    assert "inflates more than" in result.reason
    monkeypatch.setattr(delivery, "MAX_INFLATED", 2**20)
    monkeypatch.setattr(delivery, "MAX_RATIO", 10**9)
    assert "inflates to more than" in only(bomb).reason
    assert list(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir()) == []


def test_too_many_entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "MAX_ENTRIES", 3)
    results = ingest(archive(tmp_path / "many.zip", {f"{k}.dcm": b"x" for k in range(9)}))
    assert any("holds more than 3 files" in r.reason for r in results)


def test_nested_archives_end_somewhere(known: None, tmp_path: Path) -> None:
    inner = archive(tmp_path / "1.zip", {p.name: p.read_bytes() for p in make_series(tmp_path / "in")})
    two = archive(tmp_path / "2.zip", {"1.zip": inner.read_bytes()})
    assert only(two).outcome == "accepted"
    three = archive(tmp_path / "3.zip", {"2.zip": two.read_bytes()})
    assert "nested more than" in only(three).reason


def test_broken_archives(tmp_path: Path) -> None:
    whole = archive(tmp_path / "a.zip", {"x.dcm": bytes(range(256)) * 50}).read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    assert "not a readable zip archive" in only(tmp_path / "cut.zip").reason
    damaged = bytearray(whole)
    damaged[60] ^= 0xFF
    (tmp_path / "damaged.zip").write_bytes(bytes(damaged))
    assert "damaged inside the archive" in only(tmp_path / "damaged.zip").reason


# ---- crashes and completions


def test_crash_between_write_and_row_leaves_nothing_and_a_retry_works(
    known: None, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_series(tmp_path / "in")

    def crash(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Instance.objects.__class__, "bulk_create", crash)
        with pytest.raises(KeyboardInterrupt):
            ingest(tmp_path / "in")
    assert_nothing_stored(settings)
    assert only(tmp_path / "in").outcome == "accepted"


def test_orphaned_folder_of_a_killed_process_is_replaced(known: None, tmp_path: Path, settings: Any) -> None:
    make_series(tmp_path / "in")
    only(tmp_path / "in")
    path = Path(settings.IMAGE_STORE_DIR) / Series.objects.get().path
    ScanPair.objects.all().delete()
    Series.objects.all().delete()  # as if the process had died before the commit
    (path / "0001.dcm").write_bytes(b"half")
    assert only(tmp_path / "in").outcome == "accepted"
    assert len(list(path.iterdir())) == 7
    assert (path / "0001.dcm").stat().st_size > 1000


def test_disk_full_stores_nothing(
    known: None, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_series(tmp_path / "in")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space left"):
            ingest(tmp_path / "in")
    assert_nothing_stored(settings)
    assert only(tmp_path / "in").outcome == "accepted"


def test_row_conflict_takes_the_files_back(
    known: None, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_series(tmp_path / "in")
    monkeypatch.setattr(Series, "save", lambda self, **k: (_ for _ in ()).throw(IntegrityError("unique")))
    with pytest.raises(IntegrityError):
        ingest(tmp_path / "in")
    assert_nothing_stored(settings)


def test_the_rest_of_a_series_completes_it(known: None, tmp_path: Path, settings: Any) -> None:
    paths = make_series(tmp_path / "in", slices=9)
    part = tmp_path / "part"
    part.mkdir()
    for path in paths[:6]:
        shutil.copy(path, part)
    assert only(part).slices == 6
    assert only(tmp_path / "in").outcome == "accepted"
    assert Series.objects.get().slices == 9
    assert len(stored_files(settings)) == 9
    result = only(part)
    assert result.outcome == "rejected"
    assert "stored already" in result.reason


def test_a_series_in_use_is_not_replaced(known: None, tmp_path: Path, lead: Any) -> None:
    paths = make_series(tmp_path / "in", slices=9)
    part = tmp_path / "part"
    part.mkdir()
    for path in paths[:7]:
        shutil.copy(path, part)
    make_series(tmp_path / "later", exam_id="P1-E2", study_date=date(2015, 3, 1), seed=4)
    ingest(part, tmp_path / "later")
    ScanPair.objects.update(chosen_by=lead, reason="seen")
    result = only(tmp_path / "in")
    assert result.outcome == "rejected"
    assert "being read" in result.reason
    assert Series.objects.get(pk=ScanPair.objects.get().baseline_id).slices == 7


def test_changed_pixels_under_a_stored_uid_are_refused(known: None, tmp_path: Path) -> None:
    paths = make_series(tmp_path / "in")
    only(tmp_path / "in")
    ds = pydicom.dcmread(paths[0])
    ds.PixelData = bytes(len(ds.PixelData))
    ds.save_as(paths[0])
    assert only(tmp_path / "in").outcome == "rejected"


def test_an_image_belongs_to_one_series(known: None, tmp_path: Path) -> None:
    make_series(tmp_path / "in")
    only(tmp_path / "in")
    make_series(tmp_path / "again", tags={"SeriesInstanceUID": generate_uid()})
    result = only(tmp_path / "again")
    assert result.outcome == "rejected"
    assert "part of another series" in result.reason
    assert Series.objects.count() == 1


# ---- multi-frame, flow, command


def test_enhanced_multiframe_becomes_slices(known: None, tmp_path: Path) -> None:
    paths = make_series(tmp_path / "single", slices=8)
    singles = [pydicom.dcmread(p) for p in paths]
    ds = pydicom.dcmread(paths[0])
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.4.1"
    ds.NumberOfFrames = 8
    for keyword in (
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "PixelSpacing",
        "EchoTime",
        "RepetitionTime",
    ):
        delattr(ds, keyword)
    shared, timing, echo, measures, plane = (pydicom.Dataset() for _ in range(5))
    timing.RepetitionTime, echo.EffectiveEchoTime = 3500.0, 100.0
    measures.PixelSpacing, measures.SliceThickness = [0.5, 0.5], 3.0
    plane.ImageOrientationPatient = singles[0].ImageOrientationPatient
    shared.MRTimingAndRelatedParametersSequence, shared.MREchoSequence = [timing], [echo]
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [plane]
    ds.SharedFunctionalGroupsSequence = [shared]
    groups = []
    for single in singles[::-1]:
        place, group = pydicom.Dataset(), pydicom.Dataset()
        place.ImagePositionPatient = single.ImagePositionPatient
        group.PlanePositionSequence = [place]
        groups.append(group)
    ds.PerFrameFunctionalGroupsSequence = groups
    ds.PixelData = b"".join(single.PixelData for single in singles[::-1])
    ds.save_as(tmp_path / "enhanced.dcm")
    result = only(tmp_path / "enhanced.dcm")
    assert (result.outcome, result.slices) == ("accepted", 8)
    series = Series.objects.get()
    assert series.sagittal_t2_cervical, series.recognition
    for single, instance in zip(singles, series.instances.order_by("index"), strict=True):
        kept = pydicom.dcmread(pacs.instance_path(instance))
        assert kept.SOPClassUID == "1.2.840.10008.5.1.4.1.1.4"
        assert (kept.EchoTime, list(kept.PixelSpacing)) == (100, [0.5, 0.5])
        np.testing.assert_array_equal(kept.pixel_array, single.pixel_array)
    assert len({i.sop_uid for i in Instance.objects.all()}) == 8


def test_flow_follows_and_the_batch_is_recorded(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "study", ["P1"])
    import_directory(folder)
    assert not flow.eligible().exists()
    ingest(folder / "dicom")
    patient = flow.eligible().get()
    assert patient.scan_pair.baseline.exam.date < patient.scan_pair.follow_up.exam.date
    batch = ImportBatch.objects.filter(kind="dicom").get()
    assert batch.summary == {"accepted": 2, "unchanged": 0, "quarantined": 0, "rejected": 0}


def test_synthetic_data_marks_the_patient_as_phantom(known: None, tmp_path: Path) -> None:
    make_series(tmp_path / "in", tags={"SyntheticData": "YES"})
    only(tmp_path / "in")
    assert Patient.objects.get().phantom


def test_command_prints_json_lines(known: None, tmp_path: Path) -> None:
    make_series(tmp_path / "in")
    (tmp_path / "in" / "x.dcm").write_text("text")
    out = io.StringIO()
    call_command("ingest_dicom", str(tmp_path / "in"), stdout=out, stderr=io.StringIO())
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert {line["outcome"] for line in lines} == {"accepted", "rejected"}
    assert all(line["file"] and line["reason"] for line in lines)


def test_a_second_exam_of_another_patient_with_the_same_study_uid(known: None, tmp_path: Path) -> None:
    import_directory(write_csv(tmp_path / "more", "patients.csv", [{"patient_id": "P2"}]).parent)
    study = generate_uid()
    for patient in ("P1", "P2"):
        make_series(
            tmp_path / patient, patient_id=patient, study_date=date(2012, 1, 1),
            tags={"AccessionNumber": None, "StudyInstanceUID": study},
        )  # fmt: skip
    results = ingest(tmp_path / "P1", tmp_path / "P2")
    assert [r.outcome for r in results] == ["accepted", "accepted"]
    assert {s.exam.patient.pseudonym for s in Series.objects.select_related("exam__patient")} == {
        study_pseudonyms().patient("P1"), study_pseudonyms().patient("P2"),
    }  # fmt: skip
