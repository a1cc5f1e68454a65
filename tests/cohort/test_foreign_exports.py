"""Exports as hospitals write them: encodings, delimiters, headers, spellings, date orders."""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import json
from datetime import date
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from cohort import columns
from cohort.csv_format import DELIMITERS
from cohort.deidentify import Pseudonymiser
from cohort.export_files import CsvTable
from cohort.importing import ImportReport, import_directory, import_files
from cohort.mapping import ColumnMapping, MappingError, from_json
from cohort.models import ChartReview, Diagnosis, Exam, ImportBatch, Patient, RememberedMapping
from cohort.pseudonyms import study_pseudonyms
from tests.builders import HEADERS, write_export

pytestmark = pytest.mark.django_db

PATIENTS = ",".join(HEADERS["patients.csv"])


def load(mappings: dict[str, ColumnMapping] | None = None, **texts: str | bytes) -> ImportReport:
    files = {kind: io.BytesIO(t if isinstance(t, bytes) else t.encode()) for kind, t in texts.items()}
    return import_files(files, mappings=mappings)


# ---- how a file is written


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8 with a byte order mark"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16-LE"),
        ("utf-16-be", "UTF-16-BE"),
        ("cp1252", "Windows-1252"),
    ],
)
@pytest.mark.parametrize(("delimiter", "called"), list(DELIMITERS.items()))
def test_encodings_and_delimiters(encoding: str, said: str, delimiter: str, called: str) -> None:
    text = f"{PATIENTS}\r\nP1,Zürich – Süd,F,1950-01-02,,yes,,,\r\n".replace(",", delimiter)
    report = load(patients=text.encode(encoding))
    assert report.errors == []
    assert Patient.objects.get().site == "Zürich – Süd"
    layout = report.layouts["patients"]
    assert (layout["encoding"], layout["delimiter"]) == (said, called)


def test_latin_1_where_windows_has_no_character() -> None:
    report = load(patients=f"{PATIENTS}\nP1,Z\xfcrich\x81,F,,,,,,\n".encode("latin-1"))
    assert report.layouts["patients"]["encoding"] == "ISO 8859-1 (Latin-1)"
    assert Patient.objects.get().site == "Zürich\x81"


def test_a_cut_utf_16_file_names_its_row() -> None:
    whole = f"{PATIENTS}\nP1,A,F,,,,,,\nP2,B,F,,,,,,\n".encode("utf-16")
    report = load(patients=whole[:-3])
    assert [e.row for e in report.errors] == [3]
    assert not Patient.objects.exists()


# ---- all or nothing


def test_one_bad_row_stores_nothing_unless_asked(tmp_path: Path) -> None:
    write_export(tmp_path, ["P1", "P2"])
    with (tmp_path / "exams.csv").open("a") as file:
        file.write("P1,E9,soon,MR,CSPINE,yes\n")
    report = import_directory(tmp_path)
    assert (report.committed, report.error_count) == (False, 1)
    for model in (Patient, Diagnosis, Exam, ChartReview, ImportBatch):
        assert not model.objects.exists()
    report = import_directory(tmp_path, skip_errors=True)
    assert report.committed
    assert (Patient.objects.count(), Exam.objects.count()) == (2, 4)


def test_a_file_that_cannot_be_read_stores_nothing_of_the_others(tmp_path: Path) -> None:
    write_export(tmp_path, ["P1"])
    (tmp_path / "diagnoses.csv").write_text("a,b\n1,2\n")
    assert not import_directory(tmp_path).committed
    assert not Patient.objects.exists()


def test_messages_hold_no_value_of_the_file() -> None:
    secret = "Doe-Jane-4711"
    report = load(
        patients=f"{PATIENTS}\nP0,A,F,,,,,,\nP1,A,{secret},,,,,,\nP2,A,F,{secret},,,,,\nP3,A,F,,,{secret},,,\n"
        f"{secret},A,F,,\n",
        diagnoses=f"patient_id,system,code,date\n{secret},ICD10,M05,\nP0,{secret},M05,\nP0,ICD10,M05/{secret},\n",
        exams=f"patient_id,exam_id,date,modality,body_part,sagittal_t2\nP0,{secret},{secret},MR,NECK,\n"
        f"P0,{'x' * 99},2010-01-01,MR,NECK,\n",
        chart_review=f"patient_id,decision,note,date\nP0,{secret},,\n",
    )
    assert len(report.errors) == 10
    assert secret not in str(report.errors)


# ---- headers


def test_other_headers_are_taken_where_they_plainly_mean_the_same() -> None:
    report = load(
        patients="MRN;Centre;Gender;Date of Birth;RA date;RF;ACPA;Infliximab;Other biologics\n"
        "P1;North;w;1950-01-02;2001-02-03;positive;neg;nein;ja\n"
    )
    assert report.errors == []
    patient = Patient.objects.get()
    assert (patient.site, patient.sex) == ("North", "F")
    assert (patient.rf, patient.anti_ccp, patient.infliximab, patient.other_biologic) == (
        True,
        False,
        False,
        True,
    )
    taken = {c["column"]: (c["header"], c["taken_by"]) for c in report.layouts["patients"]["columns"]}
    assert taken["patient_id"] == ("MRN", "similar")
    assert taken["rf"] == ("RF", "name")


def test_two_headers_for_one_column_are_not_chosen_between() -> None:
    report = load(chart_review="patient,mrn,decision,note,date\n1,2,confirmed,,\n")
    assert "could be patient and mrn: say which" in report.errors[0].message
    said = {"chart_review": from_json("chart_review", {"columns": {"mrn": "patient_id", "patient": ""}})}
    report = load(said, patients=f"{PATIENTS}\n2,A,F,,,,,,\n",
                  chart_review="patient,mrn,decision,note,date\n1,2,confirmed,,\n")  # fmt: skip
    assert report.errors == []
    assert ChartReview.objects.count() == 1


MAPPING = {
    "columns": {"Fall Nr": "patient_id", "Ort": "site"},
    "absent": ["ra_diagnosis_date", "anti_ccp", "infliximab", "other_biologic"],
    "values": {"sex": {"1": "M", "2": "F"}, "rf": {"grenzwertig": ""}},
    "dates": {"birth_date": "dmy"},
}
FOREIGN = "Fall Nr;Ort;sex;birth_date;rf\nP1;Bern;2;03.04.1950;grenzwertig\nP2;Bern;1;05.06.1960;ja\n"


def test_a_mapping_is_remembered_and_used_by_the_next_import() -> None:
    assert load(patients=FOREIGN).refused == ["patients.csv"]
    assert load({"patients": from_json("patients", MAPPING)}, patients=FOREIGN).committed
    names = study_pseudonyms()
    first = Patient.objects.get(pseudonym=names.patient("P1"))
    assert (first.site, first.sex, first.rf) == ("Bern", "F", None)
    assert first.birth_date == names.date("P1", date(1950, 4, 3))
    assert RememberedMapping.objects.get().kind == "patients"
    again = load(patients=FOREIGN.replace("Bern", "Basel"))
    assert (again.errors, again.summary["patients"].changed) == ([], 2)
    # What it says of absent columns yields to a file that has them.
    whole = load(patients=f"{PATIENTS}\nP3,Bern,2,1950-01-02,,yes,no,no,yes\n")
    assert whole.errors == []
    assert Patient.objects.get(pseudonym=names.patient("P3")).other_biologic is True


def test_a_column_that_is_absent_leaves_what_is_on_record(tmp_path: Path) -> None:
    import_directory(write_export(tmp_path, ["P1"]))
    said = from_json("patients", {"absent": ["rf", "anti_ccp", "infliximab", "other_biologic", "birth_date",
                                             "ra_diagnosis_date"]})  # fmt: skip
    report = load({"patients": said}, patients="patient_id,site,sex\nP1,Elsewhere,F\n")
    assert report.summary["patients"].changed == 1
    patient = Patient.objects.get()
    assert (patient.site, patient.rf) == ("Elsewhere", True)
    assert patient.birth_date is not None


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ([], "is an object"),
        ({"colums": {}}, "no part of a mapping"),
        ({"columns": {"x": "y"}}, "no column of patients"),
        ({"columns": {"x": 1}}, "an object of words"),
        ({"absent": ["patient_id"]}, "may be missing"),
        ({"absent": "rf"}, "a list of columns"),
        ({"values": {"site": {"a": "b"}}}, "fixed values"),
        ({"values": {"sex": {"1": "male"}}}, "can be F, M, O or empty"),
        ({"values": []}, "an object of columns"),
        ({"dates": {"birth_date": "ydm"}}, "dmy or mdy"),
        ({"dates": {"sex": "dmy"}}, "dmy or mdy"),
    ],
)
def test_a_mapping_that_makes_no_sense_is_refused(said: object, complaint: str) -> None:
    with pytest.raises(MappingError, match=complaint):
        from_json("patients", said)


def test_spellings_found_are_reported() -> None:
    report = load(patients=f"{PATIENTS}\nP1,A,vrouw,,,ja,,,\nP2,A,V,,,1,,,\nP3,A,3,,,,,,\n")
    sex, rf = (
        {s["text"]: (s["read_as"], s["rows"]) for s in c["spellings"]}
        for c in report.layouts["patients"]["columns"]
        if c["column"] in ("sex", "rf")
    )
    assert sex == {"vrouw": ("F", 1), "V": ("F", 1), "3": (None, 1)}
    assert rf == {"ja": ("yes", 1), "1": ("yes", 1)}


# ---- dates


def exams(*dates: str) -> str:
    rows = "".join(f"P1,E{k},{day},MR,NECK,\n" for k, day in enumerate(dates))
    return f"patient_id,exam_id,date,modality,body_part,sagittal_t2\n{rows}"


def imported_dates(report: ImportReport) -> list[date]:
    assert report.errors == []
    shift = study_pseudonyms().shift("P1")
    return [day - shift for day in Exam.objects.order_by("date").values_list("date", flat=True)]


@pytest.mark.parametrize(
    ("dates", "order"),
    [
        (["2010-03-04", "2011-05-06"], ""),
        (["2010-03-04 10:15:00", "2011-05-06T00:00:00"], ""),
        (["20100304", "2011/05/06"], ""),
        (["4 Mar 2010", "06-MAY-2011"], ""),
        (["04/03/2010", "06/05/2011", "13/01/2012"], "dmy"),
        (["04.03.2010", "6.5.2011", "13.1.2012"], "dmy"),
        (["03/04/2010", "05/06/2011", "01/13/2012"], "mdy"),
        (["2010-03-04", "5/6/2011", "01/13/2012"], "mdy"),
    ],
)
def test_date_orders_are_found_in_the_column(dates: list[str], order: str) -> None:
    report = load(patients=f"{PATIENTS}\nP1,A,F,,,,,,\n", exams=exams(*dates))
    wanted = [date(2010, 3, 4), date(2011, 5, 6), date(2012, 1, 13)][: len(dates)]
    assert imported_dates(report) == wanted
    (column,) = [c for c in report.layouts["exams"]["columns"] if c["column"] == "date"]
    assert column["date_order"] == order


def test_an_ambiguous_order_is_asked_for() -> None:
    text = exams("04/03/2010", "06/05/2011")
    report = load(patients=f"{PATIENTS}\nP1,A,F,,,,,,\n", exams=text)
    assert [(e.file, e.row, e.column) for e in report.errors] == [("exams.csv", None, "date")]
    assert "day first or month first" in report.errors[0].message
    for order, first in (("dmy", date(2010, 3, 4)), ("mdy", date(2010, 4, 3))):
        Exam.objects.all().delete()
        report = load({"exams": from_json("exams", {"dates": {"date": order}})},
                      patients=f"{PATIENTS}\nP1,A,F,,,,,,\n", exams=text)  # fmt: skip
        assert imported_dates(report)[0] == first


def test_contradicting_dates_are_named() -> None:
    report = load(patients=f"{PATIENTS}\nP1,A,F,,,,,,\n", exams=exams("13/01/2010", "01/13/2011"))
    assert "row 2 can only be day first, that in row 3 only month first" in report.errors[0].message


def test_dates_in_notes_never_stay_as_they_were() -> None:
    text = f"{PATIENTS},remark\nP1,A,F,,,,,,,seen 04/03/2010 and 2010-03-04\n"
    load(patients=text)
    note = Patient.objects.get().notes["remark"]
    assert note == f"seen [date] and {study_pseudonyms().date('P1', date(2010, 3, 4)).isoformat()}"


# ---- templates, command


@pytest.mark.parametrize("kind", columns.FILES)
def test_a_template_explains_every_column_and_imports_as_it_is(kind: str) -> None:
    text = columns.template(kind)
    assert text.splitlines()[0] == ",".join(columns.COLUMNS[kind])
    assert sum(row[0].startswith("# ") for row in csv.reader(io.StringIO(text))) == len(columns.COLUMNS[kind])
    report = load(**{kind: text})
    assert report.errors == []
    assert [n.message for n in report.notices] == [f"{len(columns.COLUMNS[kind])} comment rows passed over"]


def test_documented_columns_are_the_studys() -> None:
    assert set(columns.DECISIONS) == set(ChartReview.Decision.values)
    assert {kind: list(names) for kind, names in columns.COLUMNS.items()} == {
        name.removesuffix(".csv"): header for name, header in HEADERS.items()
    }
    for kind, described in columns.FILES.items():
        names = [name for column in described for name in (column.name, *column.names)]
        assert len(set(names)) == len(names), kind


def test_command_takes_a_mapping_and_previews(tmp_path: Path) -> None:
    (tmp_path / "patients.csv").write_text(FOREIGN)
    mapping = tmp_path / "mapping.json"
    mapping.write_text(json.dumps({"patients": MAPPING}))
    err = io.StringIO()
    call_command("import_cohort", str(tmp_path), "--preview", "--mapping", str(mapping),
                 stdout=io.StringIO(), stderr=err)  # fmt: skip
    assert not Patient.objects.exists()
    assert "'Fall Nr' is read as patient_id" in err.getvalue()
    assert "dates in 'birth_date' are read day first" in err.getvalue()
    call_command("import_cohort", str(tmp_path), "--mapping", str(mapping), stdout=io.StringIO(), stderr=err)
    assert Patient.objects.count() == 2
    mapping.write_text('{"patients": {"absent": ["patient_id"]}}')
    with pytest.raises(CommandError, match="may be missing"):
        call_command("import_cohort", str(tmp_path), "--mapping", str(mapping))


def test_identities_are_hmac_sha256() -> None:
    for key in ("k", "a key of some length", "x" * 64, "x" * 200):
        names = Pseudonymiser(key)
        message = b"\0\0\0\7patient\0\0\0\2P1"
        assert names.patient("P1") == hmac.digest(key.encode(), message, hashlib.sha256)[:10].hex()


def test_rows_are_read_once_and_never_kept(tmp_path: Path) -> None:
    file = io.BytesIO(f"{PATIENTS}\n".encode() + b"P,A,F,,,,,,\n" * 10)
    table = CsvTable("patients", file, ColumnMapping())
    table.open()
    assert sum(1 for _ in table.rows()) == 10
    assert not file.closed
