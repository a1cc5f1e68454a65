"""Monitoring, intra-observer agreement and their CSV from signed reads, with known answers."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from annotation import lead_tables, workflow
from annotation.models import Assignment, Case
from tests.annotation.conftest import both, sign

pytestmark = pytest.mark.django_db


def sign_again(row: Assignment, content: dict[str, Any]) -> None:
    saved = workflow.save_draft(assignment=row, by=row.reader, revision=0, content=content, active_seconds=30)
    workflow.sign_reading(assignment=row, by=row.reader, revision=saved.revision)


def test_nothing_yet(as_lead: Any) -> None:
    page = as_lead.get("/api/progress/monitoring/").json()
    assert page["adjudication_rate"] == {"k": 0, "n": 0, "value": None, "low": None, "high": None}
    assert (page["disagreement"], page["drift"], page["times"]) == ([], [], [])
    assert page["tie_breaker"]["changed"]["n"] == 0


def test_rates_index_and_bias(study: Any, readers: dict[str, Any], as_lead: Any) -> None:
    """Ten cases: 6 concordant, all shams; in 4 they differ and the adjudicator sides with B in 3."""
    cases = study(10, consensus=False, sham_share=1.0)
    for number, case in enumerate(cases):
        sign(case, readers["observer_a"], both("clean", "case" if number < 4 else "clean"))
        sign(case, readers["observer_b"], both("clean", "clean"))
        # Shams: the first is called worse on one scan, the others as the observers did.
        given = "case" if number in (0, 4) else "clean"
        sign(case, readers["neurosurgeon"], both("clean", given))
    page = as_lead.get("/api/progress/monitoring/").json()
    rate = page["adjudication_rate"]
    assert (rate["k"], rate["n"], rate["value"]) == (4, 10, 0.4)
    index = {row["reader"]: row for row in page["disagreement"]}
    assert (index["observer_a"]["index"]["k"], index["observer_a"]["adjudicated"]) == (3, 4)
    assert index["observer_b"]["index"]["value"] == 0.1
    bias = page["tie_breaker"]
    assert (bias["changed"]["k"], bias["changed"]["n"], bias["more_severe"]) == (1, 12, 1)
    assert bias["shift"]["value"] == pytest.approx(2 / 12)
    assert [row["n"] for row in page["times"]] == [10, 10, 10]


def test_rereads_give_intra_observer_agreement_and_drift(
    study: Any, readers: dict[str, Any], as_lead: Any
) -> None:
    study(12, reread_share=0.5, washout_reads=3)
    reader = readers["observer_a"]
    order = list(Assignment.objects.filter(reader=reader).order_by("position").select_related("reader"))
    again = [row for row in order if row.kind == "reread"]
    for row in order:
        sign_again(row, both("clean", "case" if row in again[:2] else "clean"))
    page = as_lead.get("/api/agreement/", {"comparison": "same:observer_a"}).json()
    assert page["n_cases"] == 6
    row = next(r for r in page["by"] if (r["scan"], r["finding"]) == ("follow_up", "category"))
    assert (row["n"], row["percent_agreement"]["value"]) == (6, pytest.approx(4 / 6))
    (drift,) = as_lead.get("/api/progress/monitoring/").json()["drift"]
    assert sum(point["wrong"] for point in drift["points"]) == 2
    assert min(point["between"] for point in drift["points"]) >= 3


def test_a_reread_too_soon_does_not_count_as_agreement(
    study: Any, readers: dict[str, Any], as_lead: Any
) -> None:
    """The reader took the list in another order: the pair is kept for drift and left out of agreement."""
    study(12, reread_share=0.5, washout_reads=3)
    again = Assignment.objects.filter(reader=readers["observer_a"], kind="reread").first()
    sign(Case.objects.get(pk=again.case_id), readers["observer_a"])
    sign_again(again, both())
    keys = [row["key"] for row in as_lead.get("/api/agreement/").json()["comparisons"]]
    assert keys == ["observers"]
    (drift,) = as_lead.get("/api/progress/monitoring/").json()["drift"]
    assert drift["points"][0]["between"] == 0
    assert as_lead.get("/api/agreement/", {"comparison": "same:observer_a"}).status_code == 404


def test_every_coefficient_and_grade(study: Any, readers: dict[str, Any], as_lead: Any) -> None:
    for case in study(6):
        follow_up = "case" if case.pk % 2 else "clean"
        sign(case, readers["observer_a"], both("clean", follow_up))
        sign(case, readers["observer_b"], both("intermediate" if case.pk % 3 else "clean", follow_up))
    rows = as_lead.get("/api/agreement/").json()["by"]
    row = next(r for r in rows if (r["scan"], r["finding"]) == ("all", "category"))
    for name in ("kappa_linear", "kappa_weighted", "ac1", "ac2", "alpha", "alpha_ordinal", "pabak"):
        assert row[name]["low"] <= row[name]["value"] <= row[name]["high"], name
    assert [grade["grade"] for grade in row["grades"]] == ["clean", "intermediate", "case"]
    assert row["grades"][2]["agreement"]["value"] == 1
    binary = next(r for r in rows if (r["scan"], r["finding"]) == ("all", "facet_c0c1_left"))
    assert binary["ac2"] is None


@pytest.mark.parametrize("name", lead_tables.TABLES)
def test_tables(study: Any, readers: dict[str, Any], as_lead: Any, name: str) -> None:
    for case in study(3, consensus=False, sham_share=1.0):
        for reader in ("observer_a", "observer_b", "neurosurgeon"):
            sign(case, readers[reader])
    answer = as_lead.get(f"/api/progress/tables/{name}.csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert rows or name in ("drift", "qualification")


def test_unknown_table_and_formulas(as_lead: Any) -> None:
    assert as_lead.get("/api/progress/tables/nothing.csv").status_code == 404
    assert lead_tables._safe("=1+1") == "'=1+1"
    assert lead_tables._safe(-1) == -1
