"""Each endpoint of the cohort: success, stranger, wrong role, missing, malformed, repeated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cohort import flow
from cohort.importing import import_directory
from cohort.models import ImportBatch, Patient, ScanPair, Series
from cohort.pseudonyms import study_pseudonyms
from tests.builders import HEADERS, make_series, write_export

pytestmark = pytest.mark.django_db

READS = [
    "flow/", "patients/", "patients/{patient}/", "imports/", "quarantine/", "series/{series}/metadata/",
    "series/{series}/instances/{sop}/frames/1",
]  # fmt: skip
WRITES = [
    "imports/", "patients/{patient}/scan-pair/", "quarantine/{series}/release/",
    "quarantine/{series}/discard/",
]  # fmt: skip


@pytest.fixture
def patient(included: Any) -> Patient:
    first: Patient = included("P1", "P2")[0]
    return first


def url(route: str, patient: Patient) -> str:
    series = patient.scan_pair.baseline
    return "/api/cohort/" + route.format(
        patient=patient.pseudonym, series=series.series_uid, sop=series.instances.all()[0].sop_uid
    )


def sent(client: Any, method: str, path: str) -> Any:
    return client.get(path) if method == "get" else client.post(path, {}, format="multipart")


ROUTES = [("get", r) for r in READS] + [("post", r) for r in WRITES]


@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_stranger_is_sent_to_log_in(stranger: Any, patient: Patient, method: str, route: str) -> None:
    assert sent(stranger, method, url(route, patient)).status_code == 403


@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_every_other_role_sees_nothing(
    as_observer_a: Any, as_neurosurgeon: Any, as_outsider: Any, patient: Patient, method: str, route: str
) -> None:
    absent = as_observer_a.get("/api/cohort/series/2.25.1/metadata/")
    for client in (as_observer_a, as_neurosurgeon, as_outsider):
        answer = sent(client, method, url(route, patient))
        assert (answer.status_code, answer.content) == (404, absent.content)


@pytest.mark.parametrize("route", READS)
def test_lead_reads_and_nothing_is_cached_but_frames(as_lead: Any, patient: Patient, route: str) -> None:
    answer = as_lead.get(url(route, patient))
    assert answer.status_code == 200
    expected = "private, max-age=86400, immutable" if "frames" in route else "no-store"
    assert answer["Cache-Control"] == expected


@pytest.mark.parametrize(
    "route",
    ["patients/nobody/", "series/2.25.1/metadata/", "series/2.25.1/instances/2.25.2/frames/1",
     "patients/nobody/nothing/"],
)  # fmt: skip
def test_missing(as_lead: Any, patient: Patient, route: str) -> None:
    assert as_lead.get(f"/api/cohort/{route}").status_code == 404


@pytest.mark.parametrize("route", ["flow/", "patients/", "quarantine/"])
def test_wrong_method(as_lead: Any, route: str) -> None:
    assert as_lead.delete(f"/api/cohort/{route}").status_code == 405


# ---- flow, patients


def test_flow(as_lead: Any, patient: Patient) -> None:
    body = as_lead.get("/api/cohort/flow/").json()
    records = json.loads(json.dumps(flow.flow()))
    assert {key: body[key] for key in records} == records
    assert body["steps"][-1] == {
        "key": "included",
        "label": "Included",
        "remaining": 2,
        "left": 0,
        "reasons": {},
    }
    assert [site["site"] for site in body["sites"]] == ["Site A"]


def test_patient_list_filters(as_lead: Any, patient: Patient) -> None:
    gone = Patient.objects.exclude(pk=patient.pk).get()
    flow.exclude(patient=gone, step="chart_review", reason="ra_refuted", source="chart_review")

    def found(**query: str) -> list[str]:
        return [row["pseudonym"] for row in as_lead.get("/api/cohort/patients/", query).json()["results"]]

    both = [patient.pseudonym, gone.pseudonym]
    assert sorted(found()) == sorted(both)
    assert found(step="chart_review") == found(reason="ra_refuted") == [gone.pseudonym]
    assert found(step="included") == found(reached="chart_review") == [patient.pseudonym]
    assert sorted(found(reached="baseline_t2")) == sorted(found(reached="identified")) == sorted(both)
    assert found(reached="included") == [patient.pseudonym]
    assert found(search=patient.pseudonym[:12]) == [patient.pseudonym]
    assert found(search="nothing") == []
    row = as_lead.get("/api/cohort/patients/", {"step": "chart_review"}).json()["results"][0]
    assert row == {
        "pseudonym": gone.pseudonym, "site": "Site A", "sex": "F", "age_at_baseline": 60.2,
        "exams": 2, "series": 2, "leaves_at": "chart_review", "reason": "ra_refuted", "phantom": False,
    }  # fmt: skip


def test_every_flow_figure_opens_a_list_of_that_length(
    as_lead: Any, tmp_path: Path, patient: Patient
) -> None:
    extra = write_export(tmp_path / "extra", ["Q1", "Q2", "Q3"])
    (extra / "diagnoses.csv").write_text("patient_id,system,code,date\nQ1,ICD10,L40.5,\n")
    import_directory(extra)
    for step in as_lead.get("/api/cohort/flow/").json()["steps"]:
        count = as_lead.get("/api/cohort/patients/", {"reached": step["key"]}).json()["count"]
        assert count == step["remaining"]
        for reason, n in step["reasons"].items():
            query = {"step": step["key"], "reason": reason}
            assert as_lead.get("/api/cohort/patients/", query).json()["count"] == n


def test_pages(as_lead: Any, patient: Patient) -> None:
    page = as_lead.get("/api/cohort/patients/", {"limit": 1, "offset": 1}).json()
    assert (page["count"], len(page["results"])) == (2, 1)
    assert as_lead.get("/api/cohort/patients/", {"limit": "many", "offset": "x"}).status_code == 200


def test_patient_page(as_lead: Any, patient: Patient) -> None:
    body = as_lead.get(f"/api/cohort/patients/{patient.pseudonym}/").json()
    assert [len(exam["series"]) for exam in body["exams"]] == [1, 1]
    series = body["exams"][0]["series"][0]
    assert series["recognition"]["sagittal_t2_cervical"] == "yes"
    assert body["scan_pair"] == {
        "baseline": series["series_uid"],
        "follow_up": body["exams"][1]["series"][0]["series_uid"],
        "chosen_by": None,
        "reason": "",
    }
    assert [review["decision"] for review in body["chart_reviews"]] == ["confirmed"]
    assert body["exclusions"] == []
    ScanPair.objects.all().delete()
    assert as_lead.get(f"/api/cohort/patients/{patient.pseudonym}/").json()["scan_pair"] is None


def test_queries_do_not_grow_with_patients(as_lead: Any, tmp_path: Path) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert as_lead.get("/api/cohort/patients/", {"limit": 500}).status_code == 200
        return len(seen)

    import_directory(write_export(tmp_path / "few", ["P1", "P2"]))
    few = queries()
    import_directory(write_export(tmp_path / "many", [f"Q{k}" for k in range(60)]))
    assert queries() == few


def test_choose_scan_pair(as_lead: Any, patient: Patient) -> None:
    path = f"/api/cohort/patients/{patient.pseudonym}/scan-pair/"
    pair = patient.scan_pair
    choice = {
        "baseline": pair.baseline.series_uid,
        "follow_up": pair.follow_up.series_uid,
        "reason": "seen both",
    }
    for _ in range(2):
        body = as_lead.post(path, choice, format="json").json()
        assert (body["chosen_by"], body["reason"]) == ("lead", "seen both")
    assert as_lead.post(path, {**choice, "reason": ""}, format="json").status_code == 400
    assert as_lead.post(path, {}, format="json").json().keys() == {"baseline", "follow_up", "reason"}
    swapped = {**choice, "baseline": choice["follow_up"], "follow_up": choice["baseline"]}
    answer = as_lead.post(path, swapped, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_order")


# ---- CSV


def csv_files(folder: Path) -> dict[str, Any]:
    names = ("patients", "diagnoses", "exams", "chart_review")
    return {n: SimpleUploadedFile(f"{n}.csv", (folder / f"{n}.csv").read_bytes()) for n in names}


def test_import_previews_then_commits_then_changes_nothing(as_lead: Any, lead: Any, tmp_path: Path) -> None:
    folder = write_export(tmp_path, ["P1", "P2"])
    preview = as_lead.post("/api/cohort/imports/", csv_files(folder), format="multipart")
    assert preview.status_code == 200
    assert preview.json()["committed"] is False
    assert preview.json()["summary"]["patients"] == {"new": 2, "changed": 0, "unchanged": 0, "errors": 0}
    assert not Patient.objects.exists()
    done = as_lead.post("/api/cohort/imports/", {**csv_files(folder), "commit": "true"}, format="multipart")
    assert done.json()["committed"] is True
    assert Patient.objects.count() == 2
    again = as_lead.post("/api/cohort/imports/", {**csv_files(folder), "commit": "true"}, format="multipart")
    assert again.json()["summary"]["exams"] == {"new": 0, "changed": 0, "unchanged": 4, "errors": 0}
    batches = as_lead.get("/api/cohort/imports/").json()
    assert [b["created_by"] for b in batches] == ["lead", "lead"]
    assert batches[1]["summary"]["patients"]["new"] == 2


def test_import_names_file_row_and_column(as_lead: Any) -> None:
    text = f"{','.join(HEADERS['patients.csv'])}\nP1,A,X,,,,,,\n".encode()
    files = {
        "patients": SimpleUploadedFile("any name.csv", text),
        "exams": SimpleUploadedFile("e.csv", b"a,b\n"),
    }
    body = as_lead.post("/api/cohort/imports/", files, format="multipart").json()
    assert body["errors"][0] == {
        "file": "patients.csv", "row": 2, "column": "sex", "message": "is none of F, M, O",
    }  # fmt: skip
    assert body["errors"][1]["file"] == "exams.csv"
    assert body["errors"][1]["row"] is None


@pytest.mark.parametrize(
    "files",
    [{}, {"patients": "not a file"}, {"other": SimpleUploadedFile("x.csv", b"x")}],
    ids=["none", "text", "unknown name"],
)
def test_import_malformed(as_lead: Any, files: dict[str, Any]) -> None:
    assert as_lead.post("/api/cohort/imports/", files, format="multipart").status_code == 400
    assert as_lead.post("/api/cohort/imports/", {"patients": "x"}, format="json").status_code == 415


# ---- DICOM


# ---- quarantine


@pytest.fixture
def held(tmp_path: Path) -> Series:
    from cohort.ingest import ingest_paths

    make_series(tmp_path / "held")
    list(ingest_paths([tmp_path / "held"]))
    return Series.objects.get()


def test_quarantine_list_names_the_reason(as_lead: Any, held: Series) -> None:
    (row,) = as_lead.get("/api/cohort/quarantine/").json()
    assert row["quarantine_reason"] == "The patient is not in the cohort."
    assert row["patient_pseudonym"] == study_pseudonyms().patient("P1")


def test_release_waits_for_the_patient_then_happens_once(as_lead: Any, held: Series, tmp_path: Path) -> None:
    path = f"/api/cohort/quarantine/{held.series_uid}/release/"
    answer = as_lead.post(path, {}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "unknown_patient")
    import_directory(write_export(tmp_path / "csv", ["P1"]))
    body = as_lead.post(path, {}, format="json").json()
    assert body["state"] == "accepted"
    assert Series.objects.get(exam__patient__pseudonym=body["patient"]).state == "accepted"
    assert as_lead.get("/api/cohort/quarantine/").json() == []
    assert as_lead.post(path, {}, format="json").status_code == 404


def test_burned_in_release_needs_a_reason(as_lead: Any, lead: Any, tmp_path: Path) -> None:
    from cohort.ingest import ingest_paths

    import_directory(write_export(tmp_path / "csv", ["P1"]))
    make_series(tmp_path / "in", tags={"BurnedInAnnotation": "YES"})
    list(ingest_paths([tmp_path / "in"]))
    path = f"/api/cohort/quarantine/{Series.objects.get().series_uid}/release/"
    for nothing in ({}, {"reason": "  "}):
        answer = as_lead.post(path, nothing, format="json")
        assert (answer.status_code, answer.json()["code"]) == (409, "reason_needed")
    assert as_lead.post(path, {"reason": "only a laterality mark"}, format="json").status_code == 200
    series = Series.objects.get()
    assert (series.state, series.released_by, series.release_reason) == (
        "accepted",
        lead,
        "only a laterality mark",
    )


def test_discard_deletes_row_and_files(
    as_lead: Any, held: Series, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    path = f"/api/cohort/quarantine/{held.series_uid}/discard/"
    with django_capture_on_commit_callbacks(execute=True):
        assert as_lead.post(path).status_code == 204
    assert not Series.objects.exists()
    assert not list(Path(settings.IMAGE_STORE_DIR).rglob("*.dcm"))
    assert as_lead.post(path).status_code == 404
    assert ImportBatch.objects.filter(summary__discarded=1, created_by__username="lead").exists()


def test_accepted_series_cannot_be_discarded(as_lead: Any, patient: Patient) -> None:
    path = f"/api/cohort/quarantine/{patient.scan_pair.baseline.series_uid}/discard/"
    assert as_lead.post(path).status_code == 404
    assert Series.objects.count() == 4


# ---- images


def test_metadata_and_frames(as_lead: Any, patient: Patient, tmp_path: Path) -> None:
    series = patient.scan_pair.baseline
    answer = as_lead.get(f"/api/cohort/series/{series.series_uid}/metadata/")
    assert answer["Content-Type"] == "application/dicom+json"
    metadata = answer.json()
    assert len(metadata) == 7
    assert "7FE00010" not in metadata[0]
    originals = sorted((tmp_path / "delivery/dicom/P1/E1").iterdir(), reverse=True)
    for slice_, original in zip(metadata, originals, strict=True):
        sop = slice_["00080018"]["Value"][0]
        frame = as_lead.get(f"/api/cohort/series/{series.series_uid}/instances/{sop}/frames/1")
        assert frame["Content-Type"] == "image/jphc; transfer-syntax=1.2.840.10008.1.2.4.201"
        assert not frame.has_header("ETag")
        decoded = imagecodecs.htj2k_decode(frame.content)
        np.testing.assert_array_equal(decoded, pydicom.dcmread(original).pixel_array)


def test_a_frame_is_found_under_its_own_series_only(as_lead: Any, patient: Patient) -> None:
    sop = patient.scan_pair.follow_up.instances.all()[0].sop_uid
    path = f"/api/cohort/series/{patient.scan_pair.baseline.series_uid}/instances/{sop}/frames/1"
    assert as_lead.get(path).status_code == 404


def test_schema_names_every_route(as_lead: Any) -> None:
    schema = as_lead.get("/api/schema/", {"format": "json"}).json()
    assert {p for p in schema["paths"] if p.startswith("/api/cohort/")} >= {
        "/api/cohort/flow/", "/api/cohort/patients/", "/api/cohort/imports/", "/api/cohort/uploads/",
    }  # fmt: skip
    rows = schema["components"]["schemas"]["PatientOut"]["properties"]
    assert rows["age_at_baseline"]["type"] == "number"
