"""A plain OMOP export, by the command and by the page."""

from __future__ import annotations

import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command

from cohort import flow
from cohort.importing import import_directory
from cohort.models import Diagnosis, Exam, Patient
from cohort.pseudonyms import study_pseudonyms

pytestmark = pytest.mark.django_db

TABLES = {
    "PERSON.csv": "person_id,gender_concept_id,year_of_birth,month_of_birth,day_of_birth,birth_datetime,"
    "care_site_id,person_source_value,gender_source_value\n"
    "1,8532,1950,1,31,,77,MRN-1,\n2,8507,1960,5,,,77,MRN-2,M\n3,8532,1970,,,1970-02-03 00:00:00,78,MRN-3,F\n",
    "condition_occurrence.csv": "condition_occurrence_id,person_id,condition_start_date,"
    "condition_source_value\n"
    "1,1,2008-01-01,M05.79\n2,2,2008-01-01,714.0\n3,3,2008-01-01,ICD10CM:M06.9\n",
    "procedure_occurrence.csv": "procedure_occurrence_id,person_id,procedure_date,procedure_source_value\n"
    "10,1,2010-03-01,CPT4 72141\n11,1,2010-03-02,99213\n12,2,2011-03-01,MRI brain\n",
    "imaging_occurrence.csv": "image_occurrence_id,person_id,image_occurrence_date,image_study_UID,"
    "procedure_occurrence_id,modality_source_value,anatomic_site_source_value\n"
    "100,1,2010-03-01,1.2.3,10,MR,CSPINE\n101,1,2015-03-01,1.2.4,,MR,CSPINE\n102,1,2015-03-01,1.2.4,,MR,CSPINE\n"
    "103,3,2015-03-01,,,CT,HEAD\n",
}  # fmt: skip


def write(folder: Path, **changed: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in TABLES.items():
        (folder / name).write_text(changed.get(name.split(".")[0].lower(), text))
    return folder


def test_an_export_becomes_the_same_cohort(tmp_path: Path) -> None:
    report = import_directory(write(tmp_path))
    assert report.errors == []
    assert report.committed
    names = study_pseudonyms()
    one, two, three = (Patient.objects.get(pseudonym=names.patient(f"MRN-{k}")) for k in (1, 2, 3))
    assert [(p.sex, p.site) for p in (one, two, three)] == [("F", "77"), ("M", "77"), ("F", "78")]
    assert one.birth_date == names.date("MRN-1", date(1950, 1, 31))
    assert two.birth_date == names.date("MRN-2", date(1960, 5, 15))
    assert three.birth_date == names.date("MRN-3", date(1970, 2, 3))
    assert set(Diagnosis.objects.values_list("patient", "system", "code")) == {
        (one.pk, "ICD10", "M05.79"), (two.pk, "ICD9", "714.0"), (three.pk, "ICD10", "M06.9"),
    }  # fmt: skip
    assert set(Exam.objects.values_list("patient", "modality", "body_part")) == {
        (one.pk, "MR", "CSPINE"), (two.pk, "MR", "MRI BRAIN"), (three.pk, "CT", "HEAD"),
    }  # fmt: skip
    assert Exam.objects.filter(patient=one).count() == 2  # one exam for all of its series, from either table
    assert {n.message for n in report.notices} == {
        "1 rows are no MR exams and were passed over",
        "1 persons have no full date of birth: the middle of month or year is taken",
    }
    assert [step["remaining"] for step in flow.flow()["steps"]][:3] == [3, 1, 1]
    again = import_directory(tmp_path)
    assert all((c.new, c.changed) == (0, 0) for c in again.summary.values())


def test_without_source_values_the_person_id_is_the_patients(tmp_path: Path) -> None:
    import_directory(write(tmp_path, person="person_id,year_of_birth\n1,1950\n2,1960\n3,1970\n"))
    assert Patient.objects.filter(pseudonym=study_pseudonyms().patient("1")).exists()


def test_errors_name_the_tables_own_columns(tmp_path: Path) -> None:
    report = import_directory(
        write(
            tmp_path,
            person="person_id,year_of_birth,person_source_value\n1,1950,MRN-1\n2,5,MRN-2\n3,1960,\n",
            condition_occurrence="person_id,condition_source_value,condition_start_date\n1,M05/9,2008-01-01\n",
            procedure_occurrence="procedure_occurrence_id,person_id\n1,1\n",
            imaging_occurrence="image_occurrence_id,person_id,image_occurrence_date,modality_source_value\n"
            "5,9,2010-01-01,MR\n",
        )
    )
    assert [(e.file, e.row, e.column) for e in report.errors] == [
        ("person.csv", 3, "year_of_birth"),
        ("person.csv", 4, "person_id"),
        ("condition_occurrence.csv", 2, "condition_source_value"),
        ("procedure_occurrence.csv", None, "procedure_date"),
        ("image_occurrence.csv", 2, "patient_id"),
    ]
    assert not Patient.objects.exists()


def test_command_and_page_recognise_it(as_lead: Any, tmp_path: Path) -> None:
    out = io.StringIO()
    call_command("import_cohort", str(write(tmp_path)), stdout=out, stderr=io.StringIO())
    assert json.loads(out.getvalue())["patients"]["new"] == 3
    files: dict[str, Any] = {
        name.split(".")[0].lower().replace("imaging", "image"): SimpleUploadedFile(name, text.encode())
        for name, text in TABLES.items()
    }
    body = as_lead.post("/api/cohort/imports/", files, format="multipart").json()
    assert (body["state"], body["summary"]["exams"]["unchanged"]) == ("checked", 6)
    assert as_lead.post(
        "/api/cohort/imports/", {"image_occurrence": io.BytesIO(b"x")}, format="multipart"
    ).json() == {"non_field_errors": ["An OMOP export needs its person table."]}
    both = {"person": io.BytesIO(b"x"), "patients": io.BytesIO(b"x")}
    assert as_lead.post("/api/cohort/imports/", both, format="multipart").status_code == 400
