"""The lead's report of what de-identification did, as JSON and CSV."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from cohort.models import Patient
from tests.builders import make_series
from tests.cohort.intake import only

pytestmark = pytest.mark.django_db


def private(ds: Any, k: int) -> None:
    ds.add_new(0x00091001, "LO", "XCANARYX")
    ds.PatientComments = "XCANARYX"


def test_report_names_attributes_and_no_values(known: None, as_lead: APIClient, tmp_path: Path) -> None:
    make_series(tmp_path / "in", edit=private)
    only(tmp_path / "in")
    patient = Patient.objects.get()
    answer = as_lead.get(f"/api/cohort/patients/{patient.pseudonym}/deidentification/")
    (study,) = answer.json()
    names = {key: {row["keyword"] for row in study[key]} for key in ("removed", "replaced", "kept")}
    assert "PatientComments" in names["removed"]
    assert {"PatientName", "PatientID", "StudyDate", "StudyInstanceUID"} <= names["replaced"]
    assert {"EchoTime", "MagneticFieldStrength", "PixelSpacing"} <= names["kept"]
    assert study["private_removed"] == 7
    assert {"keyword": "PatientComments", "tag": "(0010,4000)", "name": "Patient Comments"} in study[
        "removed"
    ]
    table = as_lead.get(f"/api/cohort/patients/{patient.pseudonym}/deidentification.csv")
    rows = list(csv.DictReader(io.StringIO(table.content.decode())))
    assert {row["keyword"] for row in rows if row["treatment"] == "removed"} >= {"PatientComments"}
    for content in (answer.content, table.content):
        assert b"XCANARYX" not in content
        assert b"Nobody" not in content


def test_a_patient_without_images_has_an_empty_report(known: None, as_lead: APIClient) -> None:
    pseudonym = Patient.objects.get().pseudonym
    assert as_lead.get(f"/api/cohort/patients/{pseudonym}/deidentification/").json() == []


def test_quarantine_tells_what_a_person_must_look_at(known: None, as_lead: APIClient, tmp_path: Path) -> None:
    make_series(tmp_path / "a", tags={"BurnedInAnnotation": "YES"})
    make_series(tmp_path / "b", patient_id="P404", seed=1)
    for name in ("a", "b"):
        only(tmp_path / name)
    held = {
        tuple(row["quarantine_codes"]): row["needs_reason"]
        for row in as_lead.get("/api/cohort/quarantine/").json()
    }
    assert held == {("burned_in",): True, ("unknown_patient",): False}
