"""The attestation of a label says who could see what, when, from records alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from annotation import image_access, protection, workflow
from annotation.models import Assignment, Case, FinalLabel, Reading
from tests.annotation.conftest import assignment, both, disagree, sign

pytestmark = pytest.mark.django_db


def attested(client: Any, **filters: Any) -> dict[str, Any]:
    label = FinalLabel.objects.filter(scan__key="follow_up", **filters).get()
    answer = client.get(f"/api/labels/{label.pk}/attestation/")
    assert answer.status_code == 200
    return dict(answer.json())


def checks(page: dict[str, Any]) -> dict[str, bool | None]:
    return {check["key"]: check["passed"] for check in page["checks"]}


def open_all(case: Case) -> None:
    for row in case.assignments.select_related("reader", "case"):
        image_access.note(row)


def test_concordant(case: Case, readers: dict[str, Any], as_lead: Any) -> None:
    open_all(case)
    for name in ("observer_a", "observer_b"):
        sign(case, readers[name])
    page = attested(as_lead)
    assert page["holds"]
    assert set(checks(page).values()) == {True}
    assert [row["reader"] for row in page["readers"]] == ["observer_a", "observer_b"]
    assert {row["could_see_others_from"] for row in page["readers"]} == {None}
    assert [len(row["opened_images"]) for row in page["readers"]] == [1, 1]
    what = [(row["who"], row["what"]) for row in page["timeline"]]
    assert what.index(("observer_a", "was given the images")) < what.index(("observer_a", "signed"))
    assert what[-1][1].startswith("decided the label") or what[-2][1].startswith("decided the label")
    assert as_lead.get("/api/labels/999999/attestation/").status_code == 404


def test_adjudicated_after_consensus_failed(case: Case, readers: dict[str, Any], as_lead: Any) -> None:
    open_all(case)
    session = disagree(case, readers).consensus
    workflow.decline_consensus(session=session, by=readers["observer_a"])
    open_all(case)
    sign(case, readers["neurosurgeon"], both("clean", "case"))
    page = attested(as_lead)
    assert checks(page)["adjudicator_apart"]
    assert page["holds"]
    seen = {row["reader"]: row["could_see_others_from"] for row in page["readers"]}
    assert seen["neurosurgeon"] is None
    assert seen["observer_a"] == seen["observer_b"] is not None
    assert all(
        row["signed_at"] <= row["could_see_others_from"] for row in page["readers"] if row["kind"] == "read"
    )
    assert "opened both reads to the two observers" in {row["what"] for row in page["timeline"]}


def test_consensus(case: Case, readers: dict[str, Any], as_lead: Any) -> None:
    session = disagree(case, readers).consensus
    workflow.save_consensus(session=session, by=readers["observer_a"], revision=0, content=both())
    workflow.propose_consensus(session=session, by=readers["observer_a"], revision=1)
    workflow.confirm_consensus(session=session, by=readers["observer_b"], revision=1)
    page = attested(as_lead)
    assert checks(page)["agreed_by_two"]
    assert checks(page)["opened_before_signing"] is None, "no opening is on record"
    assert page["holds"]


def test_same_records_same_hash(case: Case, readers: dict[str, Any], as_lead: Any) -> None:
    for name in ("observer_a", "observer_b"):
        sign(case, readers[name])
    first = attested(as_lead)
    assert first == attested(as_lead)
    image_access.note(Assignment.objects.select_related("reader", "case").get(reader=readers["observer_a"]))
    assert attested(as_lead)["hash"] != first["hash"]


def test_a_broken_record_does_not_hold(case: Case, readers: dict[str, Any], as_lead: Any) -> None:
    for name in ("observer_a", "observer_b"):
        sign(case, readers[name])
    reading = assignment(case, readers["observer_b"]).readings.get()
    protection.remove(connection)
    assert reading.signed_at is not None
    Reading.objects.filter(pk=reading.pk).update(signed_at=reading.signed_at - timedelta(days=1))
    protection.install(connection)
    page = attested(as_lead)
    assert not page["holds"]
    assert checks(page)["signatures"] is False
    assert checks(page)["blind_to_each_other"] is True
