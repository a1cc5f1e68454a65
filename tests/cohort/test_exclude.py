"""flow.exclude(): who, when and why a row stands, and whose row it stays."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from cohort import flow
from cohort.importing import import_directory
from cohort.models import ChartReview, Exclusion, Patient
from tests.builders import write_export

pytestmark = pytest.mark.django_db
LONG_AGO = datetime(2001, 2, 3, tzinfo=UTC)


@pytest.fixture
def short(tmp_path: Path) -> Patient:
    """Leaves for two scans half a year apart, by rule, long ago."""
    import_directory(write_export(tmp_path, ["P1"], follow_up=date(2010, 9, 1)))
    assert Exclusion.objects.update(excluded_at=LONG_AGO) == 1
    return Patient.objects.get()


def test_taking_over_a_rules_row_is_a_decision_of_now(short: Patient, lead: Any) -> None:
    row = flow.exclude(patient=short, step="interval", reason="other", source="lead", by=lead, note="n")
    assert (row.excluded_by, row.source, row.reason, row.note) == (lead, "lead", "other", "n")
    assert row.excluded_at > LONG_AGO
    assert row.leaving


def test_repeating_a_decision_keeps_its_time(short: Patient, lead: Any) -> None:
    decision = {"patient": short, "step": "interval", "reason": "other", "source": "lead", "by": lead}
    first = flow.exclude(**decision).excluded_at
    again = flow.exclude(**decision)
    assert again.excluded_at == first
    assert Exclusion.objects.count() == 1


def test_refreshing_keeps_the_time_of_what_still_holds(short: Patient) -> None:
    flow.refresh()
    assert Exclusion.objects.get().excluded_at == LONG_AGO


def test_another_chart_decision_has_its_own_author_and_time(included: Any, lead: Any) -> None:
    (patient,) = included("P1")
    ChartReview.objects.create(patient=patient, decision="other", date=date(2017, 1, 1))
    flow.refresh()
    Exclusion.objects.update(excluded_at=LONG_AGO)
    # The same words by somebody else are still another decision.
    ChartReview.objects.create(patient=patient, decision="other", date=date(2018, 1, 1), decided_by=lead)
    flow.refresh()
    row = Exclusion.objects.get()
    assert row.excluded_by == lead
    assert row.excluded_at > LONG_AGO


def test_the_step_before_keeps_the_leaving(short: Patient) -> None:
    later = flow.exclude(patient=short, step="baseline_deformity", reason="case", source="label")
    assert not later.leaving
    assert Exclusion.objects.get(leaving=True).step == "interval"


def test_an_excluded_patient_is_not_read(included: Any) -> None:
    one, two = included("P1", "P2")
    assert list(flow.eligible()) == [one, two]
    flow.exclude(patient=one, step="baseline_deformity", reason="case", source="label")
    assert list(flow.eligible()) == [two]
