"""Signed reads given out: SR that independent readers accept, CSV, JSON; nothing of an open case."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pydicom
import pytest
from django.core.management import call_command
from highdicom.sr import Comprehensive3DSR, srread

from annotation import read_export, rubric
from annotation.models import Case, Reading
from annotation.structured_report import grade_code
from cohort.models import Instance
from tests.annotation.conftest import assignment, both, disagree, draft, scores, sign
from tests.annotation.test_measurements import one

pytestmark = pytest.mark.django_db
#: As the viewer keeps it, across before down; taller than wide.
ELLIPSE = [[4, 12, 47], [4, 18, 47], [4, 15, 52], [4, 15, 42]]


@pytest.fixture
def final(case: Case, readers: dict[str, Any]) -> Reading:
    """A's signed read of a final case: findings, comment, key slice, four kinds of measurements."""
    # The rows' headers carry words where numbers belong; ingest would not have stored them.
    for instance in Instance.objects.all():
        instance.metadata["00281050"] = {"vr": "DS", "Value": [600.0]}
        instance.metadata["00080060"] = {"vr": "CS", "Value": ["MR"]}
        instance.metadata["00080030"] = {"vr": "TM", "Value": ["101500"]}
        instance.metadata["00200010"] = {"vr": "SH", "Value": ["1"]}
        instance.metadata["00100040"] = {"vr": "CS", "Value": ["F"]}
        instance.metadata["00080090"] = {"vr": "PN"}
        instance.save(update_fields=["metadata"])
    content = both()
    content["baseline"] = scores(comments={"pannus": "=thin"}, key_slices={"pannus": 2})
    made = [
        one(id="vt"),
        one(id="adi", kind="atlantodental", points=[[4, 0, 0], [4, 2.4, 0]], value=2.4, proposed_grade=None),
        {**one(id="roi", kind="ellipse", points=ELLIPSE, value=47.1239), "mean": 310.5, "sd": 12.25},
        {**one(id="px", kind="probe", points=[[4, 10, 47]], value=77.0, scan="follow_up")},
    ]
    for measurement in made[1:]:
        measurement.pop("proposed_grade", None)
    saved = draft(case, readers["observer_a"], content, measurements=made)
    from annotation import workflow

    target = assignment(case, readers["observer_a"])
    signed = workflow.sign_reading(assignment=target, by=readers["observer_a"], revision=saved.revision)
    sign(case, readers["observer_b"])
    return signed


def test_the_report_says_what_was_signed(final: Reading, tmp_path: Path) -> None:
    call_command("export_reads", format="sr", out=tmp_path, stdout=io.StringIO())
    files = sorted(tmp_path.glob("*.dcm"))
    assert len(files) == 4  # two readers, two scans
    path = next(f for f in files if f"baseline-{final.assignment_id}-" in f.name)
    report = srread(str(path))
    assert isinstance(report, Comprehensive3DSR)
    groups = report.content.get_image_measurement_groups()  # type: ignore[attr-defined]
    by_name = {group.tracking_identifier: group for group in groups}
    assert set(by_name) == {
        "category",
        *rubric.BY_KEY,
        "quality",
        "exclusion_observation",
        "vt",
        "adi",
        "roi",
    }

    (pannus,) = by_name["pannus"].get_qualitative_evaluations()
    assert (pannus.name.meaning, pannus.value.meaning, pannus.value.value) == ("Pannus", "None", "PANNUS-0")
    (key_slice,) = by_name["pannus"].source_images
    third = Instance.objects.get(series=final.assignment.case.scans.get(key="baseline").series, index=2)
    assert key_slice.referenced_sop_instance_uid == third.sop_uid

    (line,) = by_name["vt"].get_measurements()
    assert line.value == pytest.approx(one()["value"], abs=1e-9)
    assert line.unit.value == "mm"
    (where,) = [item for item in line[0].ContentSequence if item.ValueType == "SCOORD3D"]
    assert list(where.GraphicData) == [v for point in one()["points"] for v in point]
    (proposed,) = by_name["vt"].get_qualitative_evaluations()
    assert proposed.value.value == "VT-1"  # the reader's own grade is 0: both are on record
    (given,) = by_name["vertical_translocation"].get_qualitative_evaluations()
    assert given.value.value == "VT-0"
    areas = by_name["roi"].get_measurements()
    assert [float(m.value) for m in areas] == [47.1239, 310.5, 12.25]
    (ellipse,) = [item for item in areas[0][0].ContentSequence if item.ValueType == "SCOORD3D"]
    ends = [ellipse.GraphicData[i : i + 3] for i in range(0, 12, 3)]
    assert ends == [ELLIPSE[2], ELLIPSE[3], ELLIPSE[0], ELLIPSE[1]], "the ends of the longer axis come first"

    plain = pydicom.dcmread(path)
    assert plain.VerificationFlag == "VERIFIED"
    assert plain.PatientID == third.metadata["00100020"]["Value"][0]
    assert final.content_hash in plain.to_json()
    assert "observer_b" not in plain.to_json()


def test_an_independent_validator_finds_no_error(final: Reading, tmp_path: Path) -> None:
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (Debian: dicom3tools) is not here")
    for number, (name, report) in enumerate(read_export.reports(final)):
        path = tmp_path / f"{number}.dcm"
        report.save_as(path, enforce_file_format=True)
        said = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True)
        errors = [line for line in said.stderr.splitlines() if line.startswith("Error")]
        assert not errors, f"{name}: {errors}"
        assert "Comprehensive3DSR" in said.stderr


def test_the_same_read_gives_the_same_instance(final: Reading) -> None:
    uids = [[report.SOPInstanceUID for _, report in read_export.reports(final)] for _ in range(2)]
    assert uids[0] == uids[1]
    assert len(set(uids[0])) == 2


def test_codes_are_short_enough_and_distinct() -> None:
    made = [
        grade_code(item, choice.value).value
        for item in (*rubric.FINDINGS, rubric.QUALITY, rubric.EXCLUSION_OBSERVATION)
        for choice in item.grades
    ]
    assert len(set(made)) == len(made)
    assert max(map(len, made)) <= 16


def test_csv_and_json(final: Reading, as_lead: Any) -> None:
    answer = as_lead.get("/api/reads.csv")
    assert answer["Content-Disposition"] == 'attachment; filename="reads.csv"'
    table = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert len(table) == 4
    row = next(r for r in table if r["reader"] == "observer_a" and r["scan"] == "baseline")
    assert row["vertical_translocation"] == "0"
    assert row["proposed_vertical_translocation"] == "1"
    assert float(row["mcrae_mm"]) == one()["value"]
    assert row["atlantodental_mm"] == "2.4"
    assert row["comments"] == "pannus: =thin"
    assert row["content_hash"] == final.content_hash

    document = json.loads(b"".join(as_lead.get("/api/reads.json").streaming_content))
    mine = next(read for read in document if read["reader"] == "observer_a")
    assert mine["content"] == final.content
    assert mine["measurements"] == final.measurements
    assert mine["signature"]["content_hash"] == final.content_hash
    written = io.StringIO()
    call_command("export_reads", format="json", stdout=written)
    assert json.loads(written.getvalue()) == document


def test_reports_of_one_read_and_of_all(final: Reading, as_lead: Any) -> None:
    def unpacked(content: bytes) -> dict[str, bytes]:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert archive.testzip() is None
            return {name: archive.read(name) for name in archive.namelist()}

    one_read = unpacked(as_lead.get(f"/api/reads/{final.pk}/sr.zip").content)
    answer = as_lead.get("/api/reads/sr.zip")
    assert answer["Content-Disposition"] == 'attachment; filename="reads-sr.zip"'
    every = unpacked(b"".join(answer.streaming_content))
    assert (len(one_read), len(every)) == (2, 4)
    for name in one_read:
        report = pydicom.dcmread(io.BytesIO(every[name]))
        assert report.SOPInstanceUID == pydicom.dcmread(io.BytesIO(one_read[name])).SOPInstanceUID


def test_nothing_of_an_open_case_is_given_out(case: Case, readers: dict[str, Any], as_lead: Any) -> None:
    disagree(case, readers)  # both have signed; the label is not final
    signed = Reading.objects.filter(state="signed").first()
    assert as_lead.get("/api/reads.csv").content.decode().count("\n") == 1
    assert b"".join(as_lead.get("/api/reads.json").streaming_content) == b"[]\n"
    with zipfile.ZipFile(io.BytesIO(b"".join(as_lead.get("/api/reads/sr.zip").streaming_content))) as packed:
        assert packed.namelist() == []
    assert as_lead.get(f"/api/reads/{signed.pk}/sr.zip").status_code == 404
