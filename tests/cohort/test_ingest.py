"""What goes into the store, under which exam, and what waits for a person."""

from __future__ import annotations

import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from django.core.management import call_command
from pydicom.uid import EnhancedMRImageStorage, generate_uid

from cohort import flow, pacs
from cohort.importing import import_directory
from cohort.models import Exam, ImportBatch, Instance, Patient, Series
from cohort.pseudonyms import study_pseudonyms
from cohort.stack import stored_content_hash
from tests.builders import make_series, write_csv, write_export, write_study
from tests.cohort.intake import ingest, only, stored_files

pytestmark = pytest.mark.django_db


def exam_of() -> Exam:
    """The exam of the only series."""
    exam = Series.objects.get().exam
    assert exam is not None
    return exam


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
    assert exam_of().pseudonym == study_pseudonyms().exam("P1", "P1-E1")


def test_an_exam_the_export_does_not_know_is_made_from_the_images(known: None, tmp_path: Path) -> None:
    make_series(tmp_path / "in", exam_id="P1-E9", study_date=date(2012, 5, 5))
    assert only(tmp_path / "in").outcome == "accepted"
    exam = exam_of()
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


@pytest.mark.parametrize("slices", [1, 8])
def test_the_store_gives_the_content_hash_again(known: None, tmp_path: Path, slices: int) -> None:
    def long(ds: Any, k: int) -> None:
        # More digits than a decimal string of DICOM may have; scanners write them, and we do not.
        place = [f"{float(v) + 1 / 3:.17f}" for v in ds.ImagePositionPatient]
        ds["ImagePositionPatient"] = pydicom.DataElement(0x00200032, "DS", place, already_converted=True)
        ds.SpacingBetweenSlices = "3.3000001234"

    only(*make_series(tmp_path / "in", slices=slices, edit=long))
    series = Series.objects.get()
    files = [pacs.instance_path(instance) for instance in series.instances.all()]
    assert stored_content_hash(files) == series.content_hash


# ---- multi-frame, flow, command


def test_enhanced_multiframe_becomes_slices(known: None, tmp_path: Path) -> None:
    paths = make_series(tmp_path / "single", slices=8)
    singles = [pydicom.dcmread(p) for p in paths]
    ds = pydicom.dcmread(paths[0])
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
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
    pair = flow.eligible().get().scan_pair
    first, last = pair.baseline.exam, pair.follow_up.exam
    assert first is not None
    assert last is not None
    assert first.date < last.date
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
    assert set(Series.objects.values_list("exam__patient__pseudonym", flat=True)) == {
        study_pseudonyms().patient("P1"), study_pseudonyms().patient("P2"),
    }  # fmt: skip


def test_nothing_switches_pydicom_to_strict_reading(
    known: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is one switch for the process; of two series at once the later would leave it on."""

    def refused() -> None:
        raise AssertionError("the whole process was made strict")

    monkeypatch.setattr(pydicom.config, "strict_reading", refused)
    make_series(tmp_path / "in")
    assert only(tmp_path / "in").outcome == "accepted"
    assert Instance.objects.first().metadata["00280010"] == {"vr": "US", "Value": [32]}
