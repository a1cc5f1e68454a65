"""Unreadable scans and proposed exclusions: the lead decides, with a reason."""

from __future__ import annotations

from typing import Any

import pytest

from annotation import workflow
from annotation.models import Case, FinalLabel, Reading
from cohort.models import Exclusion
from config.exceptions import RuleViolation
from tests.annotation.conftest import both, scores, sign, to_adjudicator, unreadable

pytestmark = pytest.mark.django_db


def resolve(case: Case, readers: dict[str, Any], action: str, reason: str = "as discussed") -> Case:
    return workflow.resolve_review(case=case, by=readers["lead"], action=action, reason=reason)


@pytest.mark.parametrize(
    ("scan", "step", "reason"),
    [("baseline", "baseline_t2", "unreadable"), ("follow_up", "chart_review", "no_adequate_follow_up")],
)
def test_unreadable_excluded(case: Case, readers: dict[str, Any], scan: str, step: str, reason: str) -> None:
    sign(case, readers["observer_a"], {**both(), scan: unreadable()})
    assert resolve(case, readers, "exclude").state == Case.State.CLOSED
    row = Exclusion.objects.get(patient=case.patient)
    assert (row.step, row.reason, row.source, row.excluded_by) == (step, reason, "lead", readers["lead"])


def test_unreadable_read_again(case: Case, readers: dict[str, Any]) -> None:
    sign(case, readers["observer_b"])
    first = sign(case, readers["observer_a"], {**both(), "baseline": unreadable()})
    assert resolve(case, readers, "reread").state == Case.State.AWAITING_READS
    first.refresh_from_db()
    assert first.state == "superseded"
    again = Reading.objects.get(assignment=first.assignment, state="draft")
    assert (again.version, again.content, again.amendment_reason) == (2, {}, "as discussed")
    sign(case, readers["observer_a"])
    case.refresh_from_db()
    assert case.state == Case.State.FINAL


def test_unreadable_to_the_adjudicator_read_again(case: Case, readers: dict[str, Any]) -> None:
    to_adjudicator(case, readers)
    sign(case, readers["neurosurgeon"], {**both(), "baseline": unreadable()})
    assert resolve(case, readers, "reread").state == Case.State.ADJUDICATION
    sign(case, readers["neurosurgeon"], both("clean", "case"))
    assert set(FinalLabel.objects.values_list("how", flat=True)) == {"adjudicated"}


@pytest.mark.parametrize("observation", ["junction_surgery", "odontoid_fracture", "other"])
def test_proposed_exclusion_accepted(case: Case, readers: dict[str, Any], observation: str) -> None:
    seen = scores(exclusion_observation=observation, exclusion_text="screws")
    sign(case, readers["observer_a"], {**both(), "follow_up": seen})
    case.refresh_from_db()
    assert case.state == Case.State.AWAITING_READS, "a proposal excludes nobody"
    assert not Exclusion.objects.exists()
    resolve(case, readers, "exclude")
    row = Exclusion.objects.get()
    assert (row.step, row.reason, row.note) == ("chart_review", observation, "as discussed")


def test_proposed_exclusion_dismissed(case: Case, readers: dict[str, Any], as_lead: Any) -> None:
    sign(
        case, readers["observer_a"], {**both(), "follow_up": scores(exclusion_observation="junction_surgery")}
    )
    resolve(case, readers, "dismiss")
    assert as_lead.get("/api/lead-review/").json() == []
    sign(case, readers["observer_b"])
    case.refresh_from_db()
    assert case.state == Case.State.FINAL


def test_exclusion_after_the_label_keeps_the_label(case: Case, readers: dict[str, Any]) -> None:
    seen = scores(exclusion_observation="junction_surgery")
    for name in ("observer_a", "observer_b"):
        sign(case, readers[name], {**both(), "follow_up": seen})
    assert resolve(case, readers, "exclude").state == Case.State.FINAL
    assert FinalLabel.objects.count() == 2
    assert Exclusion.objects.get().leaving


@pytest.mark.parametrize(
    ("action", "code"), [("reread", "wrong_action"), ("exclude", None), ("dismiss", None)]
)
def test_actions_fit_what_was_asked(
    case: Case, readers: dict[str, Any], action: str, code: str | None
) -> None:
    sign(
        case, readers["observer_a"], {**both(), "follow_up": scores(exclusion_observation="junction_surgery")}
    )
    if code is None:
        resolve(case, readers, action)
        return
    with pytest.raises(RuleViolation) as refusal:
        resolve(case, readers, action)
    assert refusal.value.code == code


def test_nothing_asked_nothing_decided(case: Case, readers: dict[str, Any]) -> None:
    sign(case, readers["observer_a"])
    with pytest.raises(RuleViolation) as refusal:
        resolve(case, readers, "exclude")
    assert refusal.value.code == "nothing_to_resolve"


def test_endpoint(case: Case, readers: dict[str, Any], as_lead: Any) -> None:
    sign(case, readers["observer_a"], {**both(), "baseline": unreadable()})
    (row,) = as_lead.get("/api/lead-review/").json()
    assert row["case"] == case.pk
    assert row["actions"] == ["exclude", "reread"]
    assert [(item["reader"], item["scan"], item["kind"]) for item in row["items"]] == [
        ("observer_a", "baseline", "unreadable")
    ]
    url = f"/api/lead-review/{case.pk}/resolve/"
    assert as_lead.post(url, {"action": "burn", "reason": "x"}, format="json").status_code == 400
    assert as_lead.post(url, {"action": "exclude", "reason": ""}, format="json").status_code == 400
    assert as_lead.post("/api/lead-review/0/resolve/", {}, format="json").status_code == 404
    done = as_lead.post(url, {"action": "exclude", "reason": "motion"}, format="json")
    assert done.json() == {"case": case.pk, "state": "closed"}
    assert as_lead.post(url, {"action": "exclude", "reason": "motion"}, format="json").status_code == 409
