"""What the lead sees: progress, agreement, labels down to the slices, the audit trail."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from annotation import protection, workflow
from annotation.models import AuditEvent, Case, FinalLabel, Scan
from annotation.signature import DECLINES
from tests.annotation.conftest import both, disagree, draft, sign, to_adjudicator

pytestmark = pytest.mark.django_db


def test_progress(study: Any, readers: dict[str, Any], as_lead: Any) -> None:
    concordant, discrepant, referred, drafted, _ = study(5)
    for name in ("observer_a", "observer_b"):
        sign(concordant, readers[name])
    disagree(discrepant, readers)
    to_adjudicator(referred, readers)
    draft(drafted, readers["observer_a"], {})
    page = as_lead.get("/api/progress/").json()
    assert page["cases"] == {
        "awaiting_reads": 2,
        "consensus": 1,
        "adjudication": 1,
        "lead_review": 0,
        "final": 1,
        "closed": 0,
    }
    assert {row["username"]: (row["assigned"], row["draft"], row["signed"]) for row in page["readers"]} == {
        "observer_a": (5, 1, 3),
        "observer_b": (5, 0, 3),
        "neurosurgeon": (1, 0, 0),
    }
    assert (page["discrepant"], page["consensus_open"], page["adjudication_open"]) == (2, 1, 1)
    assert page["adjudication_rate"] == pytest.approx(1 / 3)


def test_progress_of_nothing(as_lead: Any) -> None:
    page = as_lead.get("/api/progress/").json()
    assert page["adjudication_rate"] is None
    assert page["readers"] == []


def test_agreement(study: Any, readers: dict[str, Any], as_lead: Any) -> None:
    for case in study(6)[:5]:
        follow_up = "case" if case.pk % 2 else "clean"
        sign(case, readers["observer_a"], both("clean", follow_up))
        sign(case, readers["observer_b"], both("clean", follow_up))
    page = as_lead.get("/api/agreement/").json()
    assert page["n_cases"] == 5
    rows = {(row["scan"], row["finding"]): row for row in page["by"]}
    assert len(rows) == 3 * 8
    row = rows["follow_up", "category"]
    assert (row["n"], row["kappa"]["value"], row["percent_agreement"]["value"]) == (5, 1, 1)
    assert row["table"]["labels"] == ["clean", "intermediate", "case"]
    assert sum(map(sum, row["table"]["counts"])) == 5
    assert rows["baseline", "category"]["kappa"] == {"value": None, "low": None, "high": None}
    assert rows["all", "category"]["n"] == 10
    assert rows["all", "facet_c0c1_left"]["kappa_weighted"] is None


def test_agreement_of_nothing(as_lead: Any) -> None:
    page = as_lead.get("/api/agreement/").json()
    assert (page["n_cases"], page["by"]) == (0, [])
    assert page["comparisons"] == [{"key": "observers", "label": "Between observers", "n_cases": 0}]


def test_labels_with_provenance(study: Any, readers: dict[str, Any], as_lead: Any) -> None:
    first, second = study(2)
    for name in ("observer_a", "observer_b"):
        sign(first, readers[name])
    to_adjudicator(second, readers)
    sign(second, readers["neurosurgeon"], both("clean", "case"))
    page = as_lead.get("/api/labels/", {"limit": 3}).json()
    assert (page["count"], len(page["results"])) == (4, 3)
    adjudicated = as_lead.get("/api/labels/", {"how": "adjudicated", "scan": "follow_up"}).json()["results"]
    assert len(adjudicated) == 1
    label = adjudicated[0]
    assert (label["category"], label["patient"], label["charter"]) == ("case", second.patient.pseudonym, 1)
    assert [(row["reader"], row["kind"]) for row in label["readings"]] == [
        ("observer_a", "read"),
        ("observer_b", "read"),
        ("neurosurgeon", "adjudication"),
    ]
    session = as_lead.get(f"/api/labels/{label['id']}/").json()["consensus"]
    assert (session["outcome"], session["closed_meaning"]) == ("not_agreed", DECLINES)


def test_label_down_to_the_slice(case: Case, readers: dict[str, Any], as_lead: Any) -> None:
    length = {
        "id": "1",
        "kind": "length",
        "scan": "follow_up",
        "slice": 1,
        "points": [[0, 0, 0], [0, 3, 4]],
        "value": 5.0,
    }
    content = both("clean", "case")
    content["follow_up"]["comments"] = {"pannus": "behind the dens"}
    content["follow_up"]["key_slices"] = {"pannus": 1}
    for name in ("observer_a", "observer_b"):
        saved = draft(case, readers[name], content, measurements=[length])
        workflow.sign_reading(assignment=saved.assignment, by=readers[name], revision=saved.revision)
    label = FinalLabel.objects.get(scan__key=Scan.Key.FOLLOW_UP)
    page = as_lead.get(f"/api/labels/{label.pk}/").json()
    reading = page["readings"][0]
    assert reading["comments"] == {"pannus": "behind the dens"}
    assert reading["key_slices"] == {"pannus": 1}
    assert reading["measurements"][0]["sop_uid"] == label.scan.series.instances.get(index=1).sop_uid
    assert page["consensus"] is None
    assert as_lead.get("/api/labels/999999/").status_code == 404


def test_labels_cost_the_same_whatever_their_number(
    study: Any, readers: dict[str, Any], as_lead: Any, django_assert_max_num_queries: Any
) -> None:
    for case in study(6):
        for name in ("observer_a", "observer_b"):
            sign(case, readers[name])
    with django_assert_max_num_queries(7):
        assert as_lead.get("/api/labels/").json()["count"] == 12


def test_audit(case: Case, readers: dict[str, Any], as_lead: Any) -> None:
    sign(case, readers["observer_a"])
    page = as_lead.get("/api/audit/").json()
    assert page["count"] == AuditEvent.objects.count()
    assert page["results"][0]["verb"] == "sign_reading"
    assert page["results"][0]["actor"] == "observer_a"
    by_verb = as_lead.get("/api/audit/", {"verb": "save_draft"}).json()
    assert {row["verb"] for row in by_verb["results"]} == {"save_draft"}
    assert as_lead.get("/api/audit/", {"object_type": "annotation.charter"}).json()["count"] == 2
    assert as_lead.get("/api/audit/", {"actor": "nobody"}).json()["count"] == 0


def test_audit_by_date_and_choices(case: Case, readers: dict[str, Any], as_lead: Any) -> None:
    sign(case, readers["observer_a"])
    today = timezone.localdate()
    total = AuditEvent.objects.count()
    counts = [
        as_lead.get("/api/audit/", days).json()["count"]
        for days in (
            {"since": today, "until": today},
            {"since": today + timedelta(days=1)},
            {"until": today - timedelta(days=1)},
        )
    ]
    assert counts == [total, 0, 0]
    assert as_lead.get("/api/audit/", {"since": "soon"}).status_code == 400
    choices = as_lead.get("/api/audit/choices/").json()
    assert choices["actors"] == ["lead", "observer_a"]
    assert {"sign_reading", "open_reading"} <= set(choices["verbs"])


def test_audit_verified_from_the_page(case: Case, readers: dict[str, Any], as_lead: Any) -> None:
    sign(case, readers["observer_a"])
    page = as_lead.post("/api/audit/verify/").json()
    assert (page["failures"], page["rows"], page["signed"]) == ([], AuditEvent.objects.count(), 1)
    assert page["newest_hash"] == AuditEvent.objects.order_by("pk").last().hash
    event = AuditEvent.objects.get(verb="sign_reading")
    protection.remove(connection)
    AuditEvent.objects.filter(pk=event.pk).update(verb="sign_readinh")
    protection.install(connection)
    failures = as_lead.post("/api/audit/verify/").json()["failures"]
    assert f"annotation.auditevent {event.pk}: content and hash differ" in failures


def test_audit_holds_ids_and_hashes_only(study: Any, readers: dict[str, Any]) -> None:
    case, other = study(2)
    content = both("clean", "case")
    content["baseline"]["comments"] = {"pannus": "CANARY-COMMENT"}
    sign(case, readers["observer_a"], content)
    to_adjudicator(other, readers)
    sign(other, readers["neurosurgeon"], content)
    text = " ".join(str(event.detail) for event in AuditEvent.objects.all())
    for canary in ("CANARY", "pannus", "intermediate", "clean", case.patient.pseudonym):
        assert canary not in text


def test_every_verb_leaves_one_row(case: Case, readers: dict[str, Any]) -> None:
    count = AuditEvent.objects.count()
    session = disagree(case, readers).consensus
    assert AuditEvent.objects.count() == count + 4
    workflow.save_consensus(session=session, by=readers["observer_a"], revision=0, content=both())
    workflow.propose_consensus(session=session, by=readers["observer_a"], revision=1)
    workflow.confirm_consensus(session=session, by=readers["observer_b"], revision=1)
    assert AuditEvent.objects.count() == count + 7
