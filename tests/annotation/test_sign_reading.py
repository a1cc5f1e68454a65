"""Signing: what it binds, what it refuses, and what becomes of the case."""

from __future__ import annotations

from typing import Any

import pytest

from annotation import audit, workflow
from annotation.models import Assignment, AuditEvent, Case, Consensus, FinalLabel, Reading
from cohort.models import Exclusion
from config.exceptions import RuleViolation
from tests.annotation.conftest import assignment, both, draft, scores, sign, unreadable

pytestmark = pytest.mark.django_db


def test_concordant_reads_make_final_labels(case: Case, readers: dict[str, Any]) -> None:
    first = sign(case, readers["observer_a"], both("clean", "intermediate"))
    case.refresh_from_db()
    assert case.state == Case.State.AWAITING_READS
    second = sign(case, readers["observer_b"], both("clean", "intermediate"))
    case.refresh_from_db()
    assert case.state == Case.State.FINAL
    labels = {label.scan.key: label for label in FinalLabel.objects.all()}
    assert {key: label.category for key, label in labels.items()} == {
        "baseline": "clean",
        "follow_up": "intermediate",
    }
    assert labels["follow_up"].how == "concordant"
    assert set(labels["follow_up"].readings.all()) == {first, second}


def test_concordant_category_keeps_only_common_grades(case: Case, readers: dict[str, Any]) -> None:
    sign(case, readers["observer_a"], {**both(), "follow_up": scores("case")})
    other = scores("case", grades={**scores("case")["grades"], "dens_erosion": 2})
    sign(case, readers["observer_b"], {**both(), "follow_up": other})
    label = FinalLabel.objects.get(scan__key="follow_up")
    assert label.category == "case"
    assert label.grades["pannus"] == 2
    assert label.grades["dens_erosion"] is None


def test_discrepant_reads_open_a_consensus(case: Case, readers: dict[str, Any]) -> None:
    sign(case, readers["observer_a"], both("clean", "clean"))
    sign(case, readers["observer_b"], both("clean", "case"))
    case.refresh_from_db()
    assert case.state == Case.State.CONSENSUS
    session = Consensus.objects.get(case=case)
    assert session.content["baseline"]["grades"]["pannus"] == 0
    assert session.content["follow_up"]["grades"]["pannus"] is None
    assert not FinalLabel.objects.exists()


def test_without_consensus_the_adjudicator_is_asked(study: Any, readers: dict[str, Any]) -> None:
    (case,) = study(1, consensus=False)
    sign(case, readers["observer_a"], both("clean", "clean"))
    sign(case, readers["observer_b"], both("clean", "case"))
    case.refresh_from_db()
    assert case.state == Case.State.ADJUDICATION
    referred = Assignment.objects.get(kind="adjudication")
    assert (referred.case, referred.reader, referred.sham) == (case, readers["neurosurgeon"], False)


@pytest.mark.parametrize(("rule", "state"), [("category", "final"), ("any_finding", "consensus")])
def test_discrepancy_rule(study: Any, readers: dict[str, Any], rule: str, state: str) -> None:
    (case,) = study(1, discrepancy_rule=rule)
    sign(case, readers["observer_a"], both("clean", "case"))
    other = scores("case", grades={**scores("case")["grades"], "dens_erosion": 2})
    sign(case, readers["observer_b"], {**both(), "follow_up": other})
    case.refresh_from_db()
    assert case.state == state


def test_baseline_case_leaves_the_study(case: Case, readers: dict[str, Any]) -> None:
    for name in ("observer_a", "observer_b"):
        sign(case, readers[name], both("case", "case"))
    exclusion = Exclusion.objects.get(patient=case.patient, step="baseline_deformity")
    assert exclusion.source == "label"
    assert exclusion.leaving


def test_unreadable_goes_to_the_lead_and_the_other_reads_on(case: Case, readers: dict[str, Any]) -> None:
    sign(case, readers["observer_a"], {**both(), "follow_up": unreadable()})
    case.refresh_from_db()
    assert case.state == Case.State.LEAD_REVIEW
    sign(case, readers["observer_b"], both())
    case.refresh_from_db()
    assert case.state == Case.State.LEAD_REVIEW
    assert not FinalLabel.objects.exists()


def test_incomplete_names_every_gap(case: Case, readers: dict[str, Any]) -> None:
    content = both()
    del content["baseline"]["quality"]
    content["follow_up"] = scores(grades={**scores()["grades"], "pannus": None})
    saved = draft(case, readers["observer_a"], content)
    with pytest.raises(RuleViolation) as refusal:
        workflow.sign_reading(assignment=saved.assignment, by=readers["observer_a"], revision=saved.revision)
    assert refusal.value.code == "incomplete"
    assert refusal.value.extra["missing"] == [
        {"scan": "baseline", "finding": "quality"},
        {"scan": "follow_up", "finding": "pannus"},
    ]


def test_unreadable_with_grades_is_refused(case: Case, readers: dict[str, Any]) -> None:
    saved = draft(case, readers["observer_a"], {**both(), "baseline": scores(quality="unreadable")})
    with pytest.raises(RuleViolation) as refusal:
        workflow.sign_reading(assignment=saved.assignment, by=readers["observer_a"], revision=saved.revision)
    assert {gap["scan"] for gap in refusal.value.extra["missing"]} == {"baseline"}


def test_nothing_drafted(case: Case, readers: dict[str, Any]) -> None:
    with pytest.raises(RuleViolation) as refusal:
        workflow.sign_reading(
            assignment=assignment(case, readers["observer_a"]), by=readers["observer_a"], revision=0
        )
    assert refusal.value.code == "incomplete"
    assert len(refusal.value.extra["missing"]) == 16


def test_second_signature_is_refused(case: Case, readers: dict[str, Any]) -> None:
    signed = sign(case, readers["observer_a"])
    before = AuditEvent.objects.count()
    with pytest.raises(RuleViolation) as refusal:
        workflow.sign_reading(
            assignment=signed.assignment, by=readers["observer_a"], revision=signed.revision
        )
    assert refusal.value.code == "already_signed"
    assert AuditEvent.objects.count() == before


def test_signing_an_older_revision_is_refused(case: Case, readers: dict[str, Any]) -> None:
    first = draft(case, readers["observer_a"], both())
    draft(case, readers["observer_a"], both("case", "case"))
    with pytest.raises(RuleViolation) as refusal:
        workflow.sign_reading(assignment=first.assignment, by=readers["observer_a"], revision=first.revision)
    assert refusal.value.code == "stale_draft"
    assert refusal.value.extra["current"]["content"] == both("case", "case")


def test_only_the_assigned_reader_signs(case: Case, readers: dict[str, Any]) -> None:
    saved = draft(case, readers["observer_a"], both())
    with pytest.raises(RuleViolation) as refusal:
        workflow.sign_reading(assignment=saved.assignment, by=readers["observer_b"], revision=1)
    assert refusal.value.code == "not_yours"


def test_signature_binds_content_signer_time_and_meaning(case: Case, readers: dict[str, Any]) -> None:
    signed = sign(case, readers["observer_a"])
    assert signed.state == Reading.State.SIGNED
    assert signed.meaning
    assert signed.signed_at
    assert signed.categories == {"baseline": "clean", "follow_up": "clean"}
    assert not list(audit.broken_seals())
    event = AuditEvent.objects.get(verb="sign_reading")
    assert event.detail["content_hash"] == signed.content_hash
    assert "pannus" not in str(event.detail)


# --- The endpoint


def url(case: Case, reader: Any) -> str:
    return f"/api/reading/cases/{assignment(case, reader).code}/sign/"


@pytest.fixture
def body(password: str) -> dict[str, Any]:
    return {"revision": 1, "password": password, "meaning": "These scores are mine."}


def test_endpoint_signs(
    case: Case, readers: dict[str, Any], as_observer_a: Any, body: dict[str, Any]
) -> None:
    draft(case, readers["observer_a"], both())
    answer = as_observer_a.post(url(case, readers["observer_a"]), body, format="json")
    assert answer.status_code == 200, answer.content
    reading = Reading.objects.get()
    assert answer.json() == {"status": "signed", "content_hash": reading.content_hash, "next": None}
    assert reading.meaning == "These scores are mine."
    assert answer["Cache-Control"] == "no-store"
    again = as_observer_a.post(url(case, readers["observer_a"]), body, format="json")
    assert again.status_code == 409
    assert again.json()["code"] == "already_signed"


def test_wrong_password_signs_nothing(
    case: Case, readers: dict[str, Any], as_observer_a: Any, body: dict[str, Any]
) -> None:
    draft(case, readers["observer_a"], both())
    answer = as_observer_a.post(
        url(case, readers["observer_a"]), {**body, "password": "guess"}, format="json"
    )
    assert answer.status_code == 400
    assert set(answer.json()) == {"password"}
    assert not Reading.objects.filter(state="signed").exists()


def test_guessing_the_password_locks(
    case: Case, readers: dict[str, Any], as_observer_a: Any, body: dict[str, Any], settings: Any
) -> None:
    draft(case, readers["observer_a"], both())
    for _ in range(settings.AXES_FAILURE_LIMIT):
        as_observer_a.post(url(case, readers["observer_a"]), {**body, "password": "guess"}, format="json")
    answer = as_observer_a.post(url(case, readers["observer_a"]), body, format="json")
    assert answer.status_code == 429
    assert not Reading.objects.filter(state="signed").exists()


@pytest.mark.parametrize(
    "change",
    [{"revision": -1}, {"revision": "x"}, {"meaning": ""}, {"password": None}, {"extra": 1}],
)
def test_malformed_names_the_field(
    case: Case, readers: dict[str, Any], as_observer_a: Any, body: dict[str, Any], change: dict[str, Any]
) -> None:
    answer = as_observer_a.post(url(case, readers["observer_a"]), {**body, **change}, format="json")
    assert answer.status_code == 400
    assert set(answer.json()) == set(change)


def test_wrong_method(case: Case, readers: dict[str, Any], as_observer_a: Any) -> None:
    assert as_observer_a.get(url(case, readers["observer_a"])).status_code == 405
