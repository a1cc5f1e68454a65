"""Decisions on charts: the queue, one decision at a time, undo until reading begins, all on record."""

from __future__ import annotations

import threading
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from annotation.audit import broken_rows
from annotation.models import AuditEvent
from cohort import chart_review, flow
from cohort.importing import import_directory
from cohort.models import ChartReview, Patient
from cohort.pseudonyms import study_pseudonyms
from config import trail
from config.exceptions import RuleViolation
from tests.builders import write_csv, write_export
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db
QUEUE = "/api/cohort/chart-review/"


def of(patient_id: str) -> Patient:
    return Patient.objects.get(pseudonym=study_pseudonyms().patient(patient_id))


@pytest.fixture
def undecided(db: None, tmp_path: Path) -> list[Patient]:
    """P1 to P3 reach chart review, and nobody has looked at their charts; P0 leaves before."""
    folder = write_export(tmp_path / "csv", ["P1", "P2", "P3"])
    (folder / "chart_review.csv").unlink()
    import_directory(folder)
    write_csv(tmp_path / "more", "patients.csv", [{"patient_id": "P0", "site": "A"}])
    import_directory(tmp_path / "more")
    return [of(p) for p in ("P1", "P2", "P3")]


def post(client: APIClient, patient: Patient, decision: str, **body: Any) -> Any:
    url = f"/api/cohort/patients/{patient.pseudonym}/chart-review/"
    return client.post(url, {"decision": decision, "seen": None, **body}, format="json")


def take_back(client: APIClient, review: int, reason: str = "") -> Any:
    return client.post(f"{QUEUE}{review}/take-back/", {"reason": reason}, format="json")


def refused(answer: Any, code: str) -> None:
    assert (answer.status_code, answer.json().get("code")) == (409, code), answer.content


def test_queue_holds_those_who_reach_the_review_undecided(
    as_lead: APIClient, undecided: list[Patient]
) -> None:
    page = as_lead.get(QUEUE).json()
    assert page["progress"] == {"reached": 3, "decided": 0, "waiting": 3}
    first = page["patient"]
    assert first["pseudonym"] == undecided[0].pseudonym
    assert first["diagnoses"][0]["rheumatoid"] is True
    assert (first["rf"], first["standing_review"], page["recent"]) == (True, None, [])

    names = [p.pseudonym for p in undecided]
    for before, after in zip(names, [*names[1:], names[0]], strict=True):  # past the last it goes round
        assert as_lead.get(QUEUE, {"after": before}).json()["patient"]["pseudonym"] == after
    assert as_lead.get(QUEUE, {"at": names[1]}).json()["patient"]["pseudonym"] == names[1]
    assert as_lead.get(QUEUE, {"after": "nobody"}).json()["patient"]["pseudonym"] == names[0]


def test_a_decision_moves_the_patient_and_is_audited(
    as_lead: APIClient, lead: Any, undecided: list[Patient]
) -> None:
    answer = post(as_lead, undecided[0], "ra_refuted", note=" seronegative, no erosions ")
    assert answer.status_code == 201, answer.content
    assert (answer.json()["decided_by"], answer.json()["note"]) == ("lead", "seronegative, no erosions")
    assert flow.flow()["steps"][5]["reasons"] == {"ra_refuted": 1}
    assert post(as_lead, undecided[1], "confirmed").status_code == 201

    page = as_lead.get(QUEUE).json()
    assert page["progress"] == {"reached": 3, "decided": 2, "waiting": 1}
    assert page["patient"]["pseudonym"] == undecided[2].pseudonym
    assert [row["decision"] for row in page["recent"]] == ["confirmed", "ra_refuted"]
    event = AuditEvent.objects.filter(verb="decide_chart_review").first()
    assert (event.actor, event.object_id) == (lead, str(answer.json()["id"]))
    assert event.detail == {"patient": undecided[0].pseudonym, "decision": "ra_refuted", "after": None}
    assert list(broken_rows()) == []


def test_undo_brings_back_what_stood_before(as_lead: APIClient, undecided: list[Patient]) -> None:
    patient = undecided[0]
    first = post(as_lead, patient, "ra_refuted").json()["id"]
    second = post(as_lead, patient, "junction_surgery", seen=first).json()["id"]
    assert flow.flow()["steps"][5]["reasons"] == {"junction_surgery": 1}
    answer = take_back(as_lead, second, "wrong patient")
    assert (answer.status_code, answer.json()["taken_back_by"]) == (200, "lead")
    assert flow.flow()["steps"][5]["reasons"] == {"ra_refuted": 1}
    refused(take_back(as_lead, second), "taken_back")
    assert take_back(as_lead, first).status_code == 200
    assert flow.flow()["steps"][5]["reasons"] == {}
    assert as_lead.get(QUEUE).json()["progress"]["waiting"] == 3

    history = as_lead.get(f"/api/cohort/patients/{patient.pseudonym}/").json()["chart_reviews"]
    assert [(row["decision"], row["taken_back_reason"]) for row in history] == [
        ("ra_refuted", ""), ("junction_surgery", "wrong patient"),
    ]  # fmt: skip
    assert AuditEvent.objects.filter(verb="take_back_chart_review").count() == 2


def test_the_second_of_two_leads_is_told(as_lead: APIClient, undecided: list[Patient]) -> None:
    from config.accounts.models import Role, User

    other = signed_in(User.objects.create_user("lead_2", role=Role.LEAD))
    assert post(other, undecided[0], "confirmed").status_code == 201
    answer = post(as_lead, undecided[0], "ra_refuted")
    refused(answer, "decided_meanwhile")
    assert "lead_2" in answer.json()["detail"]
    assert ChartReview.objects.count() == 1
    standing = ChartReview.objects.get().pk
    assert post(as_lead, undecided[0], "ra_refuted", seen=standing).status_code == 201


def test_reading_freezes_decisions(
    as_lead: APIClient, lead: Any, observer_a: Any, observer_b: Any, included: Any
) -> None:
    from annotation import workflow

    patient = included("P1", "P2")[0]
    imported = patient.chart_reviews.get()
    mine = post(as_lead, patient, "confirmed", seen=imported.pk).json()["id"]
    workflow.open_reading(by=lead)
    patient.refresh_from_db()
    assert patient.reading_since
    refused(take_back(as_lead, mine), "frozen")
    refused(post(as_lead, patient, "ra_refuted", seen=mine), "note_missing")
    assert post(as_lead, patient, "ra_refuted", seen=mine, note="letter of 2019").status_code == 201
    assert flow.eligible().count() == 1


def test_a_decision_made_here_outweighs_the_export(
    as_lead: APIClient, undecided: list[Patient], tmp_path: Path
) -> None:
    patient = undecided[0]
    mine = post(as_lead, patient, "confirmed").json()["id"]
    row = {"patient_id": "P1", "decision": "ra_refuted", "date": "2020-01-01"}
    write_csv(tmp_path / "later", "chart_review.csv", [row])
    import_directory(tmp_path / "later")
    assert flow.flow()["steps"][5]["reasons"] == {}
    exported = patient.chart_reviews.get(decided_by=None)
    refused(take_back(as_lead, exported.pk), "decided_elsewhere")
    assert take_back(as_lead, mine).status_code == 200
    assert flow.flow()["steps"][5]["reasons"] == {"ra_refuted": 1}
    assert chart_review.in_force(of("P1")) == exported


def test_what_is_refused(as_lead: APIClient, lead: Any, undecided: list[Patient]) -> None:
    refused(post(as_lead, undecided[0], "other"), "note_missing")
    refused(post(as_lead, undecided[0], "confirmed", seen=999), "decided_meanwhile")
    assert post(as_lead, undecided[0], "no_such_thing").status_code == 400
    assert as_lead.post(f"/api/cohort/patients/{undecided[0].pseudonym}/chart-review/", {}).status_code == 400
    assert take_back(as_lead, 999).status_code == 404
    with pytest.raises(ValueError, match="unknown decision"):
        chart_review.decide(patient=undecided[0], decision="maybe", by=lead, seen=None)
    assert not ChartReview.objects.exists()


def test_nothing_is_decided_without_a_trail(
    lead: Any, undecided: list[Patient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trail, "_recorder", None)
    with pytest.raises(RuntimeError, match="audit trail"):
        chart_review.decide(patient=undecided[0], decision="confirmed", by=lead, seen=None)
    assert not ChartReview.objects.exists()


def test_the_queue_costs_the_same_for_any_history(as_lead: APIClient, undecided: list[Patient]) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert as_lead.get(QUEUE).status_code == 200
        return len(queries)

    before = cost()
    for k in range(5):
        undecided[0].diagnoses.create(system="ICD10", code=f"M05.{k}", date=date(2010, 1, 1 + k))
    for patient in undecided[1:]:
        post(as_lead, patient, "confirmed")
    assert cost() == before


@pytest.mark.django_db(transaction=True)
def test_ten_leads_at_once_decide_once(tmp_path: Path) -> None:
    from django.db import connections

    from config.accounts.models import Role, User

    folder = write_export(tmp_path / "csv", ["P1"])
    (folder / "chart_review.csv").unlink()
    import_directory(folder)
    people = [User.objects.create_user(f"lead_{k}", role=Role.LEAD) for k in range(10)]
    barrier, outcomes = threading.Barrier(len(people)), []

    def decide(person: Any) -> None:
        barrier.wait()
        try:
            chart_review.decide(patient=of("P1"), decision="ra_refuted", by=person, seen=None)
            outcomes.append("decided")
        except RuleViolation as refusal:
            outcomes.append(refusal.code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=decide, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["decided"] + ["decided_meanwhile"] * 9
    assert ChartReview.objects.count() == AuditEvent.objects.filter(verb="decide_chart_review").count() == 1
