"""GET /api/table-one/, its file, and ``manage.py table_one``."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from annotation import charter
from annotation.models import Case, FinalLabel
from annotation.table_one import table_one
from cohort import flow
from cohort.models import Exclusion, Patient

pytestmark = pytest.mark.django_db
URL = "/api/table-one/"


def label(patient: Patient, follow_up: str, baseline: str = "clean") -> None:
    """Final labels of both scans."""
    terms = charter.current() or charter.freeze(by=None, reason="Reading starts")
    case = Case.objects.create(patient=patient, charter=terms, state=Case.State.FINAL)
    pair = patient.scan_pair
    for key, series, category in (
        ("baseline", pair.baseline, baseline),
        ("follow_up", pair.follow_up, follow_up),
    ):
        FinalLabel.objects.create(
            scan=case.scans.create(key=key, series=series), category=category, grades={},
            how=FinalLabel.How.CONCORDANT, charter=terms, decided_at=terms.frozen_at,
        )  # fmt: skip


@pytest.fixture
def people(included: Callable[..., Any]) -> list[Patient]:
    """Four of Site A, born in 1950 and scanned in 2010 and 2015; the fourth has left the study."""
    patients = included("P1", "P2", "P3", "P4")
    for k, patient in enumerate(patients):
        patient.rf = [True, False, None, True][k]
        patient.sex = "FFMF"[k]
        patient.save()
    flow.exclude(
        patient=patients[3], step=Exclusion.Step.CHART_REVIEW, reason="other", source="lead", note="moved"
    )
    return patients


def rows(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["key"]: row for row in found["rows"]}


def test_before_labels_there_is_one_column(as_lead: APIClient, people: list[Patient]) -> None:
    found = as_lead.get(URL).json()
    assert (found["by"], found["groups"]) == ("none", [{"label": "All", "n": 3}])
    by_key = rows(found)
    assert by_key["age"]["cells"][0]["median"] == pytest.approx(60.2, abs=0.05)
    assert by_key["interval_years"]["cells"][0]["median"] == pytest.approx(5.0, abs=0.01)
    assert by_key["disease_years"]["cells"][0]["median"] == pytest.approx(4.7, abs=0.05)
    assert by_key["cervical_mris"]["cells"][0]["median"] == 2
    assert by_key["sex"]["levels"][0]["cells"][0] == {"n": 2, "of": 3, "share": pytest.approx(2 / 3)}
    assert (by_key["rf"]["levels"][0]["cells"][0]["n"], by_key["rf"]["missing"]) == (1, [1])
    # Infliximab no, other biologics unknown: nobody can say "never".
    assert by_key["never_biologic"]["missing"] == [3]
    assert by_key["field_strength"]["levels"][0]["label"] == "1.5 T"
    assert "baseline_category" not in by_key


def test_labels_make_the_groups(as_lead: APIClient, people: list[Patient]) -> None:
    label(people[0], "case", baseline="intermediate")
    label(people[1], "intermediate")
    found = as_lead.get(URL).json()
    assert [(one["label"], one["n"]) for one in found["groups"]] == [
        ("All", 3), ("No deformity at follow-up", 1), ("Deformity at follow-up", 1),
    ]  # fmt: skip
    assert (found["by"], found["ungrouped"]) == ("outcome", 1)
    assert rows(found)["baseline_category"]["missing"] == [1, 0, 0]
    assert rows(found)["age"]["test"] == "Mann–Whitney U"

    charter.freeze(by=None, changes={"intermediate_policy": "exclude"}, reason="sensitivity analysis")
    found = as_lead.get(URL).json()
    assert ([one["n"] for one in found["groups"]], found["ungrouped"]) == ([3, 0, 1], 2)


def test_a_label_of_a_replaced_scan_does_not_count(people: list[Patient]) -> None:
    label(people[0], "case")
    pair = people[0].scan_pair
    pair.baseline, pair.follow_up = pair.follow_up, pair.baseline
    pair.save()
    assert table_one()["ungrouped"] == 0
    assert table_one()["by"] == "none"


def test_by_site(as_lead: APIClient, people: list[Patient]) -> None:
    Patient.objects.filter(pk=people[0].pk).update(site="Site B")
    found = as_lead.get(URL, {"by": "site"}).json()
    assert [(one["label"], one["n"]) for one in found["groups"]] == [("All", 3), ("Site A", 2), ("Site B", 1)]
    assert "site" not in rows(found)
    assert as_lead.get(URL, {"by": "colour"}).status_code == 400


def test_file_and_command_say_the_same(as_lead: APIClient, people: list[Patient]) -> None:
    label(people[0], "case")
    label(people[1], "clean")
    text = as_lead.get("/api/table-one.csv").content.decode()
    out = io.StringIO()
    call_command("table_one", stdout=out)
    assert out.getvalue() == text
    lines = {row[0]: row[1:] for row in csv.reader(io.StringIO(text))}
    header = ["All (n = 3)", "No deformity at follow-up (n = 1)", "Deformity at follow-up (n = 1)"]
    assert lines["Characteristic"] == [*header, "p", "Test", "SMD"]
    assert lines["Baseline to follow-up, years, median (IQR)"][0] == "5.0 (5.0 to 5.0)"
    assert lines["Rheumatoid factor positive, n (%)"][:3] == ["1 (50 %)", "0 (0 %)", "1 (100 %)"]
    out = io.StringIO()
    call_command("table_one", "--format", "json", "--by", "none", stdout=out)
    assert json.loads(out.getvalue())["groups"] == [{"label": "All", "n": 3}]


def test_queries_do_not_grow(people: list[Patient]) -> None:
    label(people[0], "case")

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            table_one()
        return len(queries)

    before = cost()
    for patient in people[1:3]:
        label(patient, "clean")
        patient.exams.create(
            pseudonym=f"x{patient.pk}", date=date(2012, 1, 1), modality="MR", body_part="NECK"
        )
    assert cost() == before
