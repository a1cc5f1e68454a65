"""A reader leaves mid-study: another takes over what is unsigned, and the rest see nothing of it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from annotation import queries, workflow
from annotation.models import Assignment, AuditEvent, Case, FinalLabel
from cohort.models import Patient
from config.accounts.models import User
from config.exceptions import RuleViolation
from tests.annotation.conftest import both, disagree, draft, make_patients, sign, to_adjudicator

pytestmark = pytest.mark.django_db


def replace(readers: dict[str, Any], leaving: str = "observer_b", joining: str = "observer_c") -> list[Any]:
    User.objects.filter(username=joining).update(is_active=True)
    readers[joining].refresh_from_db()
    return workflow.replace_reader(
        leaving=readers[leaving], joining=readers[joining], by=readers["lead"], reason="moved away"
    )


def own_pages(client: Any) -> dict[str, bytes]:
    listing = client.get("/api/reading/worklist/")
    codes = [item["code"] for item in listing.json()["items"]]
    return {"list": listing.content} | {
        code: client.get(f"/api/reading/cases/{code}/").content for code in codes
    }


def test_the_unsigned_cases_change_hands(study: Any, readers: dict[str, Any], as_observer_a: Any) -> None:
    signed, drafted, open_one, final = study(4)
    sign(signed, readers["observer_b"])
    draft(drafted, readers["observer_b"], both("case", "case"))
    for name in ("observer_a", "observer_b"):
        sign(final, readers[name])
    before = own_pages(as_observer_a)
    given = replace(readers)
    assert {row.case_id for row in given} == {drafted.pk, open_one.pk}
    assert {row.reader.username for row in given} == {"observer_c"}
    assert own_pages(as_observer_a) == before, "the other observer sees nothing of it"
    assert list(queries.visible_to(readers["observer_b"])) == []
    for case in (drafted, open_one):
        sign(case, readers["observer_a"])
    sign(drafted, readers["observer_c"])
    assert Case.objects.get(pk=drafted.pk).state == "final"
    readings = FinalLabel.objects.filter(scan__case=drafted).first().readings
    assert set(readings.values_list("assignment__reader__username", flat=True)) == {
        "observer_a",
        "observer_c",
    }
    call_command("verify_plan")
    call_command("verify_audit")


def test_a_withdrawn_case_cannot_be_signed(study: Any, readers: dict[str, Any]) -> None:
    (case,) = study(1)
    saved = draft(case, readers["observer_b"], both())
    replace(readers)
    with pytest.raises(RuleViolation) as refusal:
        workflow.sign_reading(assignment=saved.assignment, by=readers["observer_b"], revision=1)
    assert refusal.value.code == "not_yours"


def test_the_new_reader_sees_nothing_of_the_old_one(
    study: Any, readers: dict[str, Any], as_observer_c: Any
) -> None:
    (case,) = study(1)
    content = both("case", "case")
    content["baseline"]["comments"] = {"pannus": "CANARY"}
    old = draft(case, readers["observer_b"], content).assignment
    replace(readers)
    (code,) = [item["code"] for item in as_observer_c.get("/api/reading/worklist/").json()["items"]]
    page = as_observer_c.get(f"/api/reading/cases/{code}/")
    assert page.json()["reading"]["content"] == {}
    assert code != old.code
    assert b"CANARY" not in page.content
    assert as_observer_c.get(f"/api/reading/cases/{old.code}/").status_code == 404


def test_open_sessions_go_to_the_adjudicator(study: Any, readers: dict[str, Any]) -> None:
    discrepant, half = study(2)
    disagree(discrepant, readers)
    sign(half, readers["observer_b"], both("clean", "case"))
    replace(readers)
    discrepant.refresh_from_db()
    assert discrepant.state == "adjudication"
    assert discrepant.consensus.outcome == "not_agreed"
    # The leaving observer's signed read stands; whoever has left cannot meet, so no session opens.
    sign(half, readers["observer_a"])
    half.refresh_from_db()
    assert half.state == "adjudication"
    assert Assignment.objects.filter(kind="adjudication").count() == 2


def test_an_adjudicator_is_replaced(study: Any, readers: dict[str, Any]) -> None:
    row = to_adjudicator(study(1)[0], readers)
    other = User.objects.create_user("surgeon_2", role="adjudicator")
    (given,) = workflow.replace_reader(
        leaving=readers["neurosurgeon"], joining=other, by=readers["lead"], reason="retired"
    )
    assert (given.case_id, given.kind, given.sham) == (row.case_id, "adjudication", False)
    call_command("verify_plan")


def test_who_reads_the_case_already_does_not_read_it_twice(cast: dict[str, Any]) -> None:
    """B's cases with C go to A, since C reads them already."""
    make_patients(12)
    workflow.freeze_charter(by=None, changes={"plan_seed": 1, "reread_share": 0.0})
    workflow.open_reading(by=cast["lead"])
    given = replace(cast, "observer_b", "observer_c")
    assert Counter(row.reader.username for row in given) == {"observer_a": 4, "observer_c": 4}
    for case in Case.objects.all():
        assert case.assignments.filter(withdrawn_at=None).values("reader").distinct().count() == 2
    call_command("verify_plan")


def test_nobody_left_and_nothing_happened(study: Any, readers: dict[str, Any]) -> None:
    study(2)
    with pytest.raises(RuleViolation) as refusal:
        replace(readers, "observer_b", "observer_a")
    assert refusal.value.code == "nobody_left"
    readers["observer_b"].refresh_from_db()
    assert readers["observer_b"].is_active
    assert not Assignment.objects.exclude(withdrawn_at=None).exists()


@pytest.mark.parametrize(
    ("leaving", "joining", "reason", "code"),
    [
        ("observer_b", "observer_b", "x", "wrong_reader"),
        ("observer_b", "neurosurgeon", "x", "wrong_reader"),
        ("lead", "lead", "x", "wrong_reader"),
        ("observer_b", "observer_c", "x", "wrong_reader"),  # away
        ("observer_b", "observer_a", " ", "reason_missing"),
    ],
)
def test_refused(readers: dict[str, Any], leaving: str, joining: str, reason: str, code: str) -> None:
    readers["observer_c"].refresh_from_db()
    with pytest.raises(RuleViolation) as refusal:
        workflow.replace_reader(
            leaving=readers[leaving], joining=readers[joining], by=readers["lead"], reason=reason
        )
    assert refusal.value.code == code


def test_endpoint(study: Any, readers: dict[str, Any], as_lead: Any) -> None:
    study(2)
    User.objects.filter(username="observer_c").update(is_active=True)
    body = {"leaving": "observer_b", "joining": "observer_c", "reason": "moved away"}
    answer = as_lead.post("/api/read-plan/replace/", body, format="json")
    assert answer.status_code == 200
    assert answer.json() == {"cases": 2, "assignments": 2}
    assert AuditEvent.objects.get(verb="replace_reader").detail["joining"] == readers["observer_c"].pk
    unknown = as_lead.post("/api/read-plan/replace/", body | {"joining": "nobody"}, format="json")
    assert (unknown.status_code, list(unknown.json())) == (400, ["joining"])


# --- Balance


def test_observers_share_every_site_evenly(cast: dict[str, Any]) -> None:
    User.objects.create_user("observer_d", role="observer")
    make_patients(61)
    for number, patient in enumerate(Patient.objects.order_by("pk")):
        patient.site = f"site {number % 3}"
        patient.save(update_fields=["site"])
    workflow.freeze_charter(by=None, changes={"plan_seed": 5, "reread_share": 0.0})
    workflow.open_reading(by=cast["lead"])
    by_site: dict[str, Counter[int]] = {}
    pairs: Counter[tuple[int, ...]] = Counter()
    for case in Case.objects.select_related("patient").prefetch_related("assignments"):
        readers = sorted(row.reader_id for row in case.assignments.all())
        by_site.setdefault(case.patient.site, Counter()).update(readers)
        pairs[tuple(readers)] += 1
    for counts in by_site.values():
        assert max(counts.values()) - min(counts.values()) <= 1, by_site
    total = sum(by_site.values(), Counter())
    assert max(total.values()) - min(total.values()) <= 2
    assert len(pairs) == 6, "everybody reads with everybody"
    call_command("verify_plan")


def test_another_reader_than_the_seed_gives_is_named(cast: dict[str, Any], capsys: Any) -> None:
    make_patients(6)
    workflow.freeze_charter(by=None, changes={"plan_seed": 5, "reread_share": 0.0})
    workflow.open_reading(by=cast["lead"])
    case = Case.objects.first()
    row = case.assignments.first()
    away = set(User.objects.filter(role="observer")) - {r.reader for r in case.assignments.all()}
    Assignment.objects.filter(pk=row.pk).update(reader=away.pop())
    with pytest.raises(CommandError):
        call_command("verify_plan")
    assert f"annotation.case {case.pk}: read by users" in capsys.readouterr().err
