"""Amending a signed read: a new version with a reason, only while the read is still independent."""

from __future__ import annotations

from typing import Any

import pytest

from annotation import workflow
from annotation.models import Case, FinalLabel, Reading
from config.exceptions import RuleViolation
from tests.annotation.conftest import assignment, both, disagree, sign, to_adjudicator, unreadable

pytestmark = pytest.mark.django_db


def amend(case: Case, reader: Any, reason: str = "wrong side") -> Reading:
    return workflow.amend_reading(assignment=assignment(case, reader), by=reader, reason=reason)


def test_amendment_is_a_new_version(case: Case, readers: dict[str, Any]) -> None:
    signed = sign(case, readers["observer_a"], both("clean", "case"))
    draft = amend(case, readers["observer_a"])
    signed.refresh_from_db()
    assert (signed.state, draft.state) == ("superseded", "draft")
    assert (draft.version, draft.amendment_reason) == (2, "wrong side")
    assert draft.content == signed.content
    again = sign(case, readers["observer_a"], both("clean", "clean"))
    assert (again.pk, again.version) == (draft.pk, 2)
    sign(case, readers["observer_b"], both("clean", "clean"))
    assert again in FinalLabel.objects.earliest("pk").readings.all()
    assert signed not in FinalLabel.objects.earliest("pk").readings.all()


def test_a_page_open_on_the_signed_version_saves_over_nothing(case: Case, readers: dict[str, Any]) -> None:
    signed = sign(case, readers["observer_a"], both("clean", "case"))
    amend(case, readers["observer_a"])
    with pytest.raises(RuleViolation) as refusal:
        workflow.save_draft(
            assignment=signed.assignment, by=readers["observer_a"], revision=signed.revision, content=both()
        )
    assert refusal.value.code == "stale_draft"


def test_an_amended_case_waits_for_the_new_signature(case: Case, readers: dict[str, Any]) -> None:
    sign(case, readers["observer_a"])
    amend(case, readers["observer_a"])
    sign(case, readers["observer_b"])
    case.refresh_from_db()
    assert case.state == Case.State.AWAITING_READS
    sign(case, readers["observer_a"])
    case.refresh_from_db()
    assert case.state == Case.State.FINAL


def test_amending_an_unreadable_read_takes_the_case_back(case: Case, readers: dict[str, Any]) -> None:
    sign(case, readers["observer_a"], {**both(), "baseline": unreadable()})
    amend(case, readers["observer_a"])
    case.refresh_from_db()
    assert case.state == Case.State.AWAITING_READS


def test_not_when_final(case: Case, readers: dict[str, Any]) -> None:
    for name in ("observer_a", "observer_b"):
        sign(case, readers[name])
    with pytest.raises(RuleViolation) as refusal:
        amend(case, readers["observer_a"])
    assert refusal.value.code == "not_amendable"


def test_not_once_the_reads_were_compared(case: Case, readers: dict[str, Any]) -> None:
    disagree(case, readers)
    with pytest.raises(RuleViolation) as refusal:
        amend(case, readers["observer_a"])
    assert refusal.value.code == "not_amendable"


def test_not_by_the_adjudicator(case: Case, readers: dict[str, Any]) -> None:
    to_adjudicator(case, readers)
    sign(case, readers["neurosurgeon"])
    with pytest.raises(RuleViolation) as refusal:
        amend(case, readers["neurosurgeon"])
    assert refusal.value.code == "not_amendable"


def test_not_without_a_signature_or_a_reason(case: Case, readers: dict[str, Any]) -> None:
    with pytest.raises(RuleViolation, match="no signed read"):
        amend(case, readers["observer_a"])
    sign(case, readers["observer_a"])
    with pytest.raises(RuleViolation, match="reason"):
        amend(case, readers["observer_a"], "  ")


def test_endpoint(case: Case, readers: dict[str, Any], as_observer_a: Any) -> None:
    url = f"/api/reading/cases/{assignment(case, readers['observer_a']).code}/"
    sign(case, readers["observer_a"])
    assert as_observer_a.get(url).json()["amendable"] is True
    assert as_observer_a.post(f"{url}amend/", {}, format="json").status_code == 400
    answer = as_observer_a.post(f"{url}amend/", {"reason": "looked again"}, format="json")
    assert answer.status_code == 200
    page = answer.json()
    assert (page["status"], page["amendable"], page["reading"]["version"]) == ("draft", False, 2)
    again = as_observer_a.post(f"{url}amend/", {"reason": "looked again"}, format="json")
    assert again.status_code == 409
