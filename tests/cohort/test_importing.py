"""CSV in: every bad row is named, one stores nothing unless asked to, repeating changes nothing."""

from __future__ import annotations

import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cohort.importing import ImportReport, import_directory, import_files
from cohort.models import ChartReview, Diagnosis, Exam, Exclusion, ImportBatch, Patient
from cohort.pseudonyms import study_pseudonyms
from tests.builders import HEADERS, write_csv, write_export

pytestmark = pytest.mark.django_db


def load(**texts: str | bytes) -> ImportReport:
    """Import the good rows: what most tests here are about is what is said of the others."""
    return import_files(opened(**texts), skip_errors=True)


def opened(**texts: str | bytes) -> dict[str, io.BytesIO]:
    return {kind: io.BytesIO(t if isinstance(t, bytes) else t.encode()) for kind, t in texts.items()}


def patients(*rows: str, header: str = ",".join(HEADERS["patients.csv"])) -> str:
    return "\n".join([header, *rows]) + "\n"


def counts(report: ImportReport, kind: str) -> tuple[int, int, int, int]:
    c = report.summary[kind]
    return c.new, c.changed, c.unchanged, c.errors


def errors(report: ImportReport) -> list[tuple[str, int | None, str | None]]:
    return [(e.file, e.row, e.column) for e in report.errors]


def test_a_whole_export(tmp_path: Path) -> None:
    report = import_directory(write_export(tmp_path, ["P1", "P2"]))
    assert report.errors == []
    assert {kind: counts(report, kind)[0] for kind in report.summary} == {
        "patients": 2, "diagnoses": 2, "exams": 4, "chart_review": 2,
    }  # fmt: skip
    names = study_pseudonyms()
    patient = Patient.objects.get(pseudonym=names.patient("P1"))
    assert (patient.sex, patient.rf, patient.anti_ccp, patient.other_biologic) == ("F", True, False, None)
    assert patient.birth_date == names.date("P1", date(1950, 1, 2))
    exam = Exam.objects.get(pseudonym=names.exam("P1", "P1-E1"))
    assert exam.patient == patient
    assert (exam.date - patient.birth_date).days == (date(2010, 3, 1) - date(1950, 1, 2)).days
    assert Diagnosis.objects.get(patient=patient).code == "M05.79"
    assert ChartReview.objects.get(patient=patient).decision == "confirmed"
    assert not Exclusion.objects.exists()


def test_nothing_identifying_is_stored(tmp_path: Path) -> None:
    import_directory(write_export(tmp_path, ["HOSPITAL-4711"]))
    for model in (Patient, Diagnosis, Exam, ChartReview, ImportBatch):
        text = str(list(model.objects.values()))
        for secret in ("4711", "1950-01-02", "2010-03-01", "datetime.date(1950, 1, 2)", str(tmp_path)):
            assert secret not in text, (model, secret)


def test_importing_again_changes_nothing(tmp_path: Path) -> None:
    import_directory(write_export(tmp_path, ["P1", "P2"]))
    before = {m: list(m.objects.order_by("pk").values()) for m in (Patient, Diagnosis, Exam, ChartReview)}
    report = import_directory(tmp_path)
    assert all(counts(report, kind)[::2] == (0, n) for kind, n in
               {"patients": 2, "diagnoses": 2, "exams": 4, "chart_review": 2}.items())  # fmt: skip
    assert before == {m: list(m.objects.order_by("pk").values()) for m in before}


def test_changed_rows_are_updated() -> None:
    load(patients=patients("P1,A,F,1950-01-02,,yes,,,", "P2,A,M,,,,,,"))
    report = load(patients=patients("P1,B,F,1950-01-02,,no,,,", "P2,A,M,,,,,,"))
    assert counts(report, "patients") == (0, 1, 1, 0)
    patient = Patient.objects.get(pseudonym=study_pseudonyms().patient("P1"))
    assert (patient.site, patient.rf) == ("B", False)


def test_missing_column_leaves_that_file_out_and_takes_the_others(tmp_path: Path) -> None:
    write_export(tmp_path, ["P1"])
    (tmp_path / "exams.csv").write_text("patient_id,exam_id,date,modality\nP1,E1,2010-01-01,MR\n")
    report = import_directory(tmp_path, skip_errors=True)
    assert errors(report) == [("exams.csv", None, "body_part")]
    assert "columns body_part, sagittal_t2 missing" in report.errors[0].message
    assert Patient.objects.count() == 1
    assert not Exam.objects.exists()
    assert report.refused == ["exams.csv"]


def test_duplicate_patient_keeps_the_first_and_names_it() -> None:
    report = load(patients=patients("P1,A,F,,,,,,", "P2,A,F,,,,,,", "P1,B,M,,,,,,"))
    assert errors(report) == [("patients.csv", 4, "patient_id")]
    assert report.errors[0].message == "repeats row 2"
    assert counts(report, "patients") == (2, 0, 0, 1)
    assert set(Patient.objects.values_list("site", flat=True)) == {"A"}


@pytest.mark.parametrize(
    ("row", "column", "message"),
    [
        ("P1,A,F,31/02/1950,,,,,", "birth_date", "is not a date"),
        ("P1,A,F,1950-02-30,,,,,", "birth_date", "is not a date"),
        ("P1,A,F,1950-1-2,,,,,", "birth_date", "is not a date"),
        ("P1,A,F,2999-01-01,,,,,", "birth_date", "in the future"),
        ("P1,A,F,0001-01-01,,,,,", "birth_date", "before 1890"),
        ("P1,A,F,1990-01-01,1980-01-01,,,,", "ra_diagnosis_date", "before birth_date"),
        ("P1,A,queen,,,,,,", "sex", "none of F, M, O"),
        ("P1,A,F,,,maybe,,,", "rf", "none of yes, no"),
        (",A,F,,,,,,", "patient_id", "is empty"),
        (f"{'x' * 65},A,F,,,,,,", "patient_id", "longer than 64"),
        ("P1,A,F", None, "has 3 fields"),
        ("P1,A,F,,,,,,,surplus", None, "has 10 fields"),
        ("P1,A\0,F,,,,,,", "site", "not UTF-8 text"),
    ],
)
def test_bad_patient_row(row: str, column: str | None, message: str) -> None:
    report = load(patients=patients("P0,A,F,,,,,,", row, "P9,A,F,,,,,,"))
    assert errors(report) == [("patients.csv", 3, column)]
    assert message in report.errors[0].message
    assert Patient.objects.count() == 2


def test_spreadsheet_rows_count_blank_and_multiline_rows_as_a_spreadsheet_does() -> None:
    report = load(patients=patients('P1,"A\nB",F,,,,,,', "", "P2,A,X,,,,,,"))
    assert errors(report) == [("patients.csv", 4, "sex")]


def test_bytes_that_are_not_utf8_cost_their_row() -> None:
    text = patients("P1,A,F,,,,,,", "P2,Zürich,F,,,,,,", "P3,Zürich,F,,,,,,").encode()
    broken = text.replace("P2,Zürich".encode(), "P2,Zürich".encode("latin-1"))
    report = load(patients=broken)
    assert errors(report) == [("patients.csv", 3, "site")]
    assert set(Patient.objects.values_list("site", flat=True)) == {"A", "Zürich"}


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (b"", "is empty"),
        (b"\x89PNG\r\n\x1a\n\0\0", "missing"),
        (b"patient_id," + ",".join(HEADERS["patients.csv"]).encode(), "appears twice"),
    ],
)
def test_files_that_are_no_export_are_refused(content: bytes, hint: str) -> None:
    report = load(patients=content)
    assert len(report.errors) == 1
    assert hint in report.errors[0].message
    assert report.errors[0].row is None
    assert not Patient.objects.exists()


def test_byte_order_mark_and_other_column_order() -> None:
    header = list(reversed(HEADERS["patients.csv"]))
    report = load(patients=b"\xef\xbb\xbf" + patients(",,,,,,F,A,P1", header=",".join(header)).encode())
    assert report.errors == []
    assert Patient.objects.get().site == "A"


def test_rows_of_unknown_patients_are_named() -> None:
    report = load(
        patients=patients("P1,A,F,,,,,,"),
        diagnoses="patient_id,system,code,date\nP1,ICD10,M05.9,\nP7,ICD10,M05.9,\n",
        exams="patient_id,exam_id,date,modality,body_part,sagittal_t2\nP7,E1,2010-01-01,MR,CSPINE,yes\n",
        chart_review="patient_id,decision,note,date\nP7,confirmed,,\n",
    )
    assert errors(report) == [
        ("diagnoses.csv", 3, "patient_id"), ("exams.csv", 2, "patient_id"), ("chart_review.csv", 2,
        "patient_id"),
    ]  # fmt: skip
    assert Diagnosis.objects.count() == 1


@pytest.mark.parametrize(
    ("kind", "row", "column"),
    [
        ("diagnoses", "P1,SNOMED,M05,", "system"),
        ("diagnoses", "P1,ICD10,,", "code"),
        ("diagnoses", "P1,ICD10,M05/9,", "code"),
        ("diagnoses", "P1,ICD10,M05.9,soon", "date"),
        ("exams", "P1,E2,,MR,CSPINE,yes", "date"),
        ("exams", "P1,,2010-01-01,MR,CSPINE,yes", "exam_id"),
        ("exams", "P1,E2,2010-01-01,,CSPINE,yes", "modality"),
        ("exams", "P1,E2,2010-01-01,MR,CSPINE,perhaps", "sagittal_t2"),
        ("exams", "P1,E1,2011-01-01,MR,CSPINE,yes", "exam_id"),
        ("chart_review", "P1,,x,2010-01-01", "decision"),
        ("chart_review", "P1,dead,x,2010-01-01", "decision"),
    ],
)
def test_bad_rows_of_the_other_files(kind: str, row: str, column: str) -> None:
    good = {"diagnoses": "P1,ICD10,M05,", "exams": "P1,E1,2010-01-01,MR,CSPINE,yes",
            "chart_review": "P1,confirmed,,"}[kind]  # fmt: skip
    text = "\n".join([",".join(HEADERS[f"{kind}.csv"]), good, row]) + "\n"
    report = load(patients=patients("P1,A,F,,,,,,"), **{kind: text})
    assert errors(report) == [(f"{kind}.csv", 3, column)]
    assert counts(report, kind) == (1, 0, 0, 1)


def test_codes_are_stored_in_one_spelling_and_once() -> None:
    report = load(
        patients=patients("P1,A,F,,,,,,"),
        diagnoses="patient_id,system,code,date\nP1,ICD10,M05.79,\nP1,icd-10,m0579,\nP1,ICD9CM,7140,2001-01-01\n",
    )
    assert counts(report, "diagnoses") == (2, 0, 1, 0)
    assert set(Diagnosis.objects.values_list("system", "code")) == {("ICD10", "M05.79"), ("ICD9", "714.0")}


def test_exam_ids_need_be_unique_for_a_patient_only() -> None:
    report = load(
        patients=patients("P1,A,F,,,,,,", "P2,A,F,,,,,,"),
        exams="patient_id,exam_id,date,modality,body_part,sagittal_t2\n"
        "P1,1,2010-01-01,MR,CSPINE,yes\nP2,1,2010-01-01,MR,CSPINE,yes\n",
    )
    assert report.errors == []
    assert Exam.objects.count() == 2


def test_further_columns_are_notes_without_identity() -> None:
    header = ",".join([*HEADERS["patients.csv"], "hla_b27", "last_seen", "surname", "remark"])
    report = load(
        patients=patients("P1,A,F,,,,,,,positive,2015-05-05,Doe,P1 moved on 2015-06-01", header=header)
    )
    assert report.errors == []
    assert [(n.file, n.row, n.column) for n in report.notices] == [("patients.csv", 1, "surname")]
    assert counts(report, "patients") == (1, 0, 0, 0)
    names, patient = study_pseudonyms(), Patient.objects.get()
    assert patient.notes == {
        "hla_b27": "positive",
        "last_seen": names.date("P1", date(2015, 5, 5)).isoformat(),
        "remark": f"{names.patient('P1')} moved on {names.date('P1', date(2015, 6, 1)).isoformat()}",
    }


def test_preview_says_the_same_and_changes_nothing() -> None:
    text = patients("P1,A,F,,,,,,", "P2,A,X,,,,,,")
    preview = import_files(opened(patients=text), commit=False)
    assert not Patient.objects.exists()
    assert not ImportBatch.objects.exists()
    done = load(patients=text)
    assert (preview.summary, preview.errors) == (done.summary, done.errors)
    assert (preview.committed, done.committed) == (False, True)
    assert Patient.objects.count() == 1


def test_a_failure_takes_everything_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_export(tmp_path, ["P1"])

    def fail(*args: Any) -> None:
        raise RuntimeError("disk full")

    monkeypatch.setattr("cohort.flow.refresh", fail)
    with pytest.raises(RuntimeError):
        import_directory(tmp_path)
    assert not Patient.objects.exists()


def test_queries_do_not_grow_with_rows(tmp_path: Path) -> None:
    def queries(folder: str, n: int) -> int:
        write_export(tmp_path / folder, [f"{folder}{k}" for k in range(n)])
        with CaptureQueriesContext(
            connection,
        ) as seen:
            import_directory(tmp_path / folder)
        return len(seen)

    few, many = queries("a", 3), queries("b", 60)
    assert many <= few + 6  # an insert of many rows is split by SQLite's limit on parameters


def test_newest_chart_review_counts_by_its_date(tmp_path: Path) -> None:
    write_export(tmp_path, ["P1"])
    write_csv(tmp_path, "chart_review.csv", [
        {"patient_id": "P1", "decision": "confirmed", "date": "2016-05-01"},
        {"patient_id": "P1", "decision": "ra_refuted", "date": "2014-05-01"},
    ])  # fmt: skip
    import_directory(tmp_path)
    assert not Exclusion.objects.exists()


def test_command(tmp_path: Path) -> None:
    write_export(tmp_path, ["P1"])
    (tmp_path / "patients.csv").write_text(patients("P1,A,F,,,,,,", "P2,A,X,,,,,,"))
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(CommandError, match="1 rows are in error"):
        call_command("import_cohort", str(tmp_path), stdout=out, stderr=err)
    assert "patients.csv row 3 sex: is none of F, M, O" in err.getvalue()
    assert not Patient.objects.exists()
    out, err = io.StringIO(), io.StringIO()
    call_command("import_cohort", str(tmp_path), "--skip-errors", stdout=out, stderr=err)
    assert json.loads(out.getvalue())["patients"] == {"new": 1, "changed": 0, "unchanged": 0, "errors": 1}
    assert "The rows without errors were imported." in err.getvalue()
    assert Patient.objects.count() == 1


def test_command_fails_when_there_is_nothing_to_import(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="holds none of"):
        call_command("import_cohort", str(tmp_path))
    (tmp_path / "patients.csv").write_text("a,b\n1,2\n")
    with pytest.raises(CommandError, match="Nothing was imported"):
        call_command("import_cohort", str(tmp_path), stdout=io.StringIO(), stderr=io.StringIO())


# ---- phantoms


def test_phantoms_are_marked_from_the_first_row(tmp_path: Path) -> None:
    write_export(tmp_path, ["P1", "P2"])
    for _ in range(2):
        report = import_directory(tmp_path, phantom=True)
        assert report.errors == []
    assert counts(report, "patients") == (0, 0, 2, 0)
    assert [patient.phantom for patient in Patient.objects.all()] == [True, True]
    # A delivery that does not say so takes no mark away.
    assert import_directory(tmp_path).errors == []
    assert Patient.objects.filter(phantom=True).count() == 2


def test_a_delivery_of_phantoms_leaves_patients_alone(tmp_path: Path) -> None:
    import_directory(write_export(tmp_path / "people", ["P1"]))
    before = Patient.objects.values().get()
    write_export(tmp_path / "phantoms", ["P1", "P2"], site="Elsewhere", follow_up=date(2018, 3, 1))
    assert not import_directory(tmp_path / "phantoms", phantom=True).committed
    report = import_directory(tmp_path / "phantoms", phantom=True, skip_errors=True)
    assert errors(report) == [
        ("patients.csv", 2, "patient_id"),
        ("diagnoses.csv", 2, "patient_id"),
        ("exams.csv", 2, "patient_id"),
        ("exams.csv", 3, "patient_id"),
        ("chart_review.csv", 2, "patient_id"),
    ]
    assert report.errors[0].message == "names a patient who is in the cohort and is no phantom"
    assert counts(report, "patients") == (1, 0, 0, 1)
    assert Patient.objects.filter(phantom=False).values().get() == before
    assert Exam.objects.filter(patient__phantom=False).count() == 2


def test_command_takes_phantoms(tmp_path: Path) -> None:
    call_command("import_cohort", str(write_export(tmp_path, ["P1"])), "--phantom", stdout=io.StringIO())
    assert Patient.objects.get().phantom


def test_a_placeholder_date_in_a_note_costs_nothing() -> None:
    report = load(patients=patients("P1,A,F,,,,,,,0001-01-01", header=patients().strip() + ",seen"))
    assert report.errors == []
    assert Patient.objects.get().notes == {"seen": "0001-01-01"}
