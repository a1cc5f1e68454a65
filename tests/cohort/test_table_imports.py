"""Tables on the page: checked, looked at, decided on; what lingers, what a kill or a cancel leaves."""

from __future__ import annotations

import io
import itertools
import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from cohort import flow, importing, table_imports, tasks
from cohort.columns import COLUMNS
from cohort.export_files import RowError
from cohort.models import Exclusion, ImportBatch, Patient, RememberedMapping, TableImport
from config.exceptions import RuleViolation
from tests.builders import HEADERS, write_export

pytestmark = pytest.mark.django_db
State = TableImport.State
PATIENTS = ",".join(HEADERS["patients.csv"])
URL = "/api/cohort/imports/"


def uploads(folder: Path) -> dict[str, Any]:
    return {n: SimpleUploadedFile(f"{n}.csv", (folder / f"{n}.csv").read_bytes()) for n in COLUMNS}


def received(folder: Path, **options: Any) -> TableImport:
    return table_imports.receive(files=uploads(folder), by=None, **options)


def identities(settings: Any) -> list[str]:
    """Names of files that hold identities, wherever an upload may leave them."""
    places = (Path(settings.IMPORTS_DIR), Path(settings.FILE_UPLOAD_TEMP_DIR))
    return sorted(
        p.name for place in places for p in place.rglob("*") if p.is_file() and p.name != "errors.csv"
    )


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Every delivery counts as a large one; the ids that would go to the queue."""
    sent: list[int] = []
    monkeypatch.setattr(table_imports, "INLINE_BYTES", 0)
    monkeypatch.setattr(tasks.import_tables, "apply_async", lambda args, retry: sent.append(args[0]))
    monkeypatch.setattr("django.db.transaction.on_commit", lambda act: act())
    return sent


# ---- the page's way


def test_check_look_commit(as_lead: Any, lead: Any, settings: Any, tmp_path: Path) -> None:
    folder = write_export(tmp_path / "csv", ["P1", "P2"])
    answer = as_lead.post(URL, uploads(folder), format="multipart")
    body = answer.json()
    assert (answer.status_code, body["state"], body["committed"]) == (200, "checked", False)
    assert body["summary"]["exams"] == {"new": 4, "changed": 0, "unchanged": 0, "errors": 0}
    assert body["layouts"]["patients"]["encoding"] == "UTF-8"
    assert not Patient.objects.exists()
    assert len(identities(settings)) == 4
    done = as_lead.post(f"{URL}{body['id']}/commit/").json()
    assert (done["state"], done["committed"]) == ("done", True)
    assert Patient.objects.count() == 2
    assert identities(settings) == []
    assert done["delivery"] == ImportBatch.objects.get().pk
    found = as_lead.get("/api/cohort/patients/", {"delivery": done["delivery"]}).json()
    assert found["count"] == 2
    again = as_lead.post(f"{URL}{body['id']}/commit/")
    assert (again.status_code, again.json()["code"]) == (409, "import_not_checked")
    assert as_lead.post(f"{URL}{body['id']}/cancel/").status_code == 409


def test_rows_in_error_store_nothing_until_asked(as_lead: Any, settings: Any, tmp_path: Path) -> None:
    folder = write_export(tmp_path / "csv", ["P1", "P2"])
    with (folder / "patients.csv").open("a") as file:
        file.write("P3,A,queen,,,,,,\n")
    body = as_lead.post(URL, uploads(folder), format="multipart").json()
    assert body["error_count"] == 1
    pk = body["id"]
    refused = as_lead.post(f"{URL}{pk}/commit/").json()
    assert (refused["state"], refused["committed"]) == ("checked", False)
    assert not Patient.objects.exists()
    listed = b"".join(as_lead.get(f"{URL}{pk}/errors.csv").streaming_content).decode()
    assert listed.splitlines() == ["file,row,column,message", 'patients.csv,4,sex,"is none of F, M, O"']
    done = as_lead.post(f"{URL}{pk}/commit/", {"skip_errors": True}, format="json").json()
    assert (done["state"], Patient.objects.count()) == ("done", 2)
    assert identities(settings) == []
    assert as_lead.get(f"{URL}{pk}/errors.csv").status_code == 200


def test_a_mapping_given_on_the_page_is_used_and_remembered(as_lead: Any) -> None:
    text = b"Nr;sex\nP1;2\nP2;1\n"
    body = as_lead.post(URL, {"patients": SimpleUploadedFile("x.csv", text)}, format="multipart").json()
    assert body["refused"] == ["patients.csv"]
    assert body["layouts"]["patients"]["header"] == ["Nr", "sex"]
    absent = [c for c in COLUMNS["patients"] if c not in ("patient_id", "sex")]
    said = {"patients": {"columns": {"nr": "patient_id"}, "absent": absent, "values": {"sex": {"1": "M"}}}}
    check = f"{URL}{body['id']}/check/"
    body = as_lead.post(check, {"mapping": said}, format="json").json()
    (sex,) = [c for c in body["layouts"]["patients"]["columns"] if c["column"] == "sex"]
    assert {s["text"]: s["read_as"] for s in sex["spellings"]} == {"1": "M", "2": None}
    assert not RememberedMapping.objects.exists()
    said["patients"]["values"]["sex"]["2"] = "F"
    body = as_lead.post(check, {"mapping": said}, format="json").json()
    assert (body["error_count"], body["summary"]["patients"]["new"]) == (0, 2)
    assert as_lead.post(f"{URL}{body['id']}/commit/").json()["committed"]
    assert RememberedMapping.objects.get().mapping["values"] == {"sex": {"1": "M", "2": "F"}}
    described = {f["kind"]: f for f in as_lead.get(f"{URL}columns/").json()}
    assert described["patients"]["remembered"]["columns"] == {"nr": "patient_id"}
    assert [c["name"] for c in described["exams"]["columns"]] == list(COLUMNS["exams"])
    malformed: list[Any] = [{}, {"mapping": []}, {"mapping": {"people": {}}}, {"mapping": {"exams": []}}]
    for wrong in malformed:
        assert as_lead.post(check, wrong, format="json").status_code == 400


@pytest.mark.parametrize("kind", COLUMNS)
def test_templates(as_lead: Any, kind: str) -> None:
    answer = as_lead.get(f"{URL}templates/{kind}.csv")
    assert answer.content.decode("utf-8-sig").startswith(",".join(COLUMNS[kind]))
    assert kind in answer["Content-Disposition"]


def test_missing(as_lead: Any) -> None:
    assert as_lead.get(f"{URL}templates/people.csv").status_code == 404
    for path in ("7/", "7/errors.csv"):
        assert as_lead.get(f"{URL}{path}").status_code == 404
    for path in ("7/commit/", "7/cancel/"):
        assert as_lead.post(f"{URL}{path}").status_code == 404


# ---- what lingers


def test_cancelling_deletes_the_files(settings: Any, tmp_path: Path) -> None:
    job = received(write_export(tmp_path / "csv", ["P1"]))
    assert table_imports.cancel(job=job).state == State.CANCELLED
    assert identities(settings) == []
    assert table_imports.cancel(job=job).state == State.CANCELLED  # asking twice is asking once
    with pytest.raises(RuleViolation, match="cancelled"):
        table_imports.commit(job=job)


def test_what_nobody_comes_back_to_expires(settings: Any, tmp_path: Path) -> None:
    job = received(write_export(tmp_path / "csv", ["P1"]))
    table_imports.reconcile()
    assert len(identities(settings)) == 4
    TableImport.objects.update(changed_at=timezone.now() - timedelta(hours=25))
    table_imports.reconcile()
    job.refresh_from_db()
    assert job.state == State.EXPIRED
    assert identities(settings) == []
    TableImport.objects.update(changed_at=timezone.now() - timedelta(days=8))
    table_imports.reconcile()
    assert list(Path(settings.IMPORTS_DIR).iterdir()) == []


def test_leftovers_of_a_crash_are_swept(settings: Any) -> None:
    orphan = Path(settings.IMPORTS_DIR) / "orphan"
    orphan.mkdir()
    (orphan / "patients.csv").write_text("P1")
    upload = Path(settings.FILE_UPLOAD_TEMP_DIR) / "abc.upload.csv"
    upload.write_text("P1")
    table_imports.reconcile()
    assert len(identities(settings)) == 2  # they may be of a request that goes on
    for path in (orphan, upload):
        os.utime(path, (0, 0))
    table_imports.reconcile()
    assert identities(settings) == []


def test_a_failure_stores_nothing_and_says_so(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("disk full")

    monkeypatch.setattr(flow, "refresh", fail)
    job = received(write_export(tmp_path / "csv", ["P1"]), commit=True)
    assert (job.state, job.error) == (State.FAILED, "An error of the program stopped it; nothing was stored.")
    assert not Patient.objects.exists()
    assert identities(settings) == []


# ---- with a worker


def test_a_large_delivery_goes_to_the_queue(as_lead: Any, queued: list[int], tmp_path: Path) -> None:
    folder = write_export(tmp_path / "csv", ["P1"])
    answer = as_lead.post(URL, uploads(folder), format="multipart")
    pk = answer.json()["id"]
    assert (answer.status_code, answer.json()["state"], queued) == (202, "queued", [pk])
    for _ in range(2):  # a message that comes twice does its work once
        tasks.import_tables(pk)
    assert as_lead.get(f"{URL}{pk}/").json()["state"] == "checked"
    assert as_lead.post(f"{URL}{pk}/commit/").status_code == 202
    tasks.import_tables(pk)
    assert as_lead.get(f"{URL}{pk}/").json()["committed"]


def test_progress_is_told_and_a_wish_to_cancel_heard(
    queued: list[int], settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "_BATCH", 1)
    monkeypatch.setattr(table_imports.time, "monotonic", itertools.count(10).__next__)
    job = received(write_export(tmp_path / "csv", ["P1", "P2", "P3"]))
    shares: list[float] = []
    progress = table_imports._Watch.progress

    def tell(watch: Any, rows: int, share: float) -> None:
        if rows == 5:
            table_imports.cancel(job=job)
        try:
            progress(watch, rows, share)
        finally:
            shares.append(TableImport.objects.get(pk=job.pk).progress.get("share", 0))

    monkeypatch.setattr(table_imports._Watch, "progress", tell)
    table_imports.work_on(job.pk)
    job.refresh_from_db()
    assert job.state == State.CANCELLED
    assert job.progress["rows"] == 5
    assert shares == sorted(shares)
    assert identities(settings) == []


def test_a_worker_that_was_killed_is_followed_by_another(
    queued: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = received(write_export(tmp_path / "csv", ["P1"]), commit=True)

    class Killed(BaseException):
        pass

    def kill(*args: Any, **kwargs: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(flow, "refresh", kill)
        with pytest.raises(Killed):
            table_imports.work_on(job.pk)
    job.refresh_from_db()
    assert (job.state, Patient.objects.count()) == (State.STORING, 0)
    table_imports.reconcile()
    assert queued == [job.pk]  # its lease has not ended
    TableImport.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    table_imports.reconcile()
    assert queued == [job.pk, job.pk]
    table_imports.work_on(job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempts, Patient.objects.count()) == (State.DONE, 2, 1)


def test_a_worker_that_lost_its_import_stores_nothing(
    queued: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = received(write_export(tmp_path / "csv", ["P1"]), commit=True)
    refresh = flow.refresh

    def slow(*args: Any, **kwargs: Any) -> None:
        refresh(*args, **kwargs)
        TableImport.objects.update(fence=99)

    monkeypatch.setattr(flow, "refresh", slow)
    table_imports.work_on(job.pk)
    assert not Patient.objects.exists()
    assert not Exclusion.objects.exists()


def test_three_lost_workers_are_enough(queued: list[int], settings: Any, tmp_path: Path) -> None:
    job = received(write_export(tmp_path / "csv", ["P1"]))
    TableImport.objects.update(
        state=State.READING, attempts=3, lease_until=timezone.now() - timedelta(seconds=1)
    )
    table_imports.reconcile()
    job.refresh_from_db()
    assert (job.state, job.error) == (State.FAILED, "Its worker was lost 3 times; nothing was stored.")
    assert identities(settings) == []


def test_a_message_that_was_lost_is_sent_again(queued: list[int], tmp_path: Path) -> None:
    job = received(write_export(tmp_path / "csv", ["P1"]))
    TableImport.objects.update(sent_at=timezone.now() - timedelta(minutes=2))
    table_imports.reconcile()
    assert queued == [job.pk, job.pk]


def test_the_row_holds_no_identities(tmp_path: Path) -> None:
    folder = write_export(tmp_path / "csv", ["HOSPITAL-4711"])
    (folder / "exams.csv").write_text(
        "patient_id,exam_id,date,modality,body_part,sagittal_t2\nSECRET-1,ACC-77,2010-03-01,MR,NECK,SECRET-2\n"
        "SECRET-1,ACC-77,2010-03-01,MR,NECK,yes\n"
    )
    job = received(folder)
    text = json.dumps([job.report, job.mapping, job.progress, job.kinds]) + job.error
    for secret in ("4711", "SECRET-1", "ACC-77", "2010-03-01", str(tmp_path)):
        assert secret not in text
    # Spellings of fixed values are shown, for they are to be given a meaning; they go when the files go.
    assert "SECRET-2" in text
    table_imports.cancel(job=job)
    job.refresh_from_db()
    assert "SECRET-2" not in json.dumps(job.report)


def test_a_header_is_no_formula(tmp_path: Path) -> None:
    path = tmp_path / "errors.csv"
    with table_imports._ErrorList(path) as errors:
        errors.add(RowError("patients.csv", 1, "=1+1", "is odd"))
    assert "'=1+1" in path.read_text()


def test_files_may_be_any_stream(settings: Any) -> None:
    job = table_imports.receive(
        files={"patients": io.BytesIO(f"{PATIENTS}\n".encode())}, by=None, commit=True
    )
    assert job.state == State.DONE
    assert identities(settings) == []
