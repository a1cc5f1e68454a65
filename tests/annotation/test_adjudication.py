"""The adjudicator: blind, final, and unable to tell a sham from a conflict."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from annotation import workflow
from annotation.models import Assignment, Case, FinalLabel
from config.exceptions import RuleViolation
from tests.annotation.conftest import assignment, both, disagree, sign, to_adjudicator, unreadable

pytestmark = pytest.mark.django_db


def test_the_adjudicators_read_is_final(case: Case, readers: dict[str, Any]) -> None:
    to_adjudicator(case, readers)
    read = sign(case, readers["neurosurgeon"], both("intermediate", "case"))
    case.refresh_from_db()
    assert case.state == Case.State.FINAL
    labels = FinalLabel.objects.order_by("scan__key")
    assert [(label.category, label.how) for label in labels] == [
        ("intermediate", "adjudicated"),
        ("case", "adjudicated"),
    ]
    assert {r.assignment.reader.username for r in labels[0].readings.all()} == {
        "observer_a",
        "observer_b",
        "neurosurgeon",
    }
    assert read in labels[0].readings.all()


def test_unreadable_to_the_adjudicator_goes_to_the_lead(case: Case, readers: dict[str, Any]) -> None:
    to_adjudicator(case, readers)
    sign(case, readers["neurosurgeon"], {**both(), "follow_up": unreadable()})
    case.refresh_from_db()
    assert case.state == Case.State.LEAD_REVIEW
    assert not FinalLabel.objects.exists()


def test_a_sham_changes_no_label(study: Any, readers: dict[str, Any]) -> None:
    (case,) = study(1, sham_share=1.0)
    for name in ("observer_a", "observer_b"):
        sign(case, readers[name], both("clean", "clean"))
    sham = Assignment.objects.get(kind="adjudication")
    assert sham.sham
    before = list(FinalLabel.objects.values())
    sign(case, readers["neurosurgeon"], both("case", "case"))
    case.refresh_from_db()
    assert case.state == Case.State.FINAL
    assert list(FinalLabel.objects.values()) == before


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 0, 0), (0.5, 1, 11), (1.0, 12, 12)])
def test_share_of_shams(study: Any, readers: dict[str, Any], share: float, low: int, high: int) -> None:
    for case in study(12, sham_share=share):
        for name in ("observer_a", "observer_b"):
            sign(case, readers[name])
    assert low <= Assignment.objects.filter(sham=True).count() <= high


def mixed(study: Any, readers: dict[str, Any]) -> tuple[Assignment, Assignment]:
    """A sham and a conflict in one queue."""
    concordant, discrepant = study(2, sham_share=1.0)
    for name in ("observer_a", "observer_b"):
        sign(concordant, readers[name])
    disagree(discrepant, readers)
    workflow.decline_consensus(session=discrepant.consensus, by=readers["observer_a"])
    return assignment(concordant, readers["neurosurgeon"]), assignment(discrepant, readers["neurosurgeon"])


def neutral(body: bytes) -> str:
    """An answer without the random names in it."""
    text = re.sub(r"2\.25\.\d+", "UID", body.decode())
    text = re.sub(r"\b[0-9a-f]{64}\b", "HASH", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text)
    return re.sub(r"\b[0-9a-f]{16}\b", "CODE", text)


def test_sham_and_conflict_look_the_same(
    study: Any, readers: dict[str, Any], as_neurosurgeon: Any, password: str
) -> None:
    pair = mixed(study, readers)
    worklist = as_neurosurgeon.get("/api/reading/worklist/").json()
    assert worklist["consensus"] == []
    assert {json.dumps({**item, "code": "", "position": 0}) for item in worklist["items"]} == {
        '{"code": "", "kind": "case", "status": "open", "position": 0}'
    }
    seen: list[list[str]] = [[], []]
    for answers, row in zip(seen, pair, strict=True):
        url = f"/api/reading/cases/{row.code}/"
        body = {"revision": 0, "content": both("clean", "case"), "measurements": [], "active_seconds": 2}
        sign_body = {"revision": 1, "password": password, "meaning": "mine"}
        for answer in (
            as_neurosurgeon.get(url),
            as_neurosurgeon.put(f"{url}draft/", body, format="json"),
            as_neurosurgeon.get(url),
            as_neurosurgeon.post(f"{url}sign/", sign_body, format="json"),
            as_neurosurgeon.get(url),
            as_neurosurgeon.post(f"{url}amend/", {"reason": "x"}, format="json"),
            as_neurosurgeon.post(f"{url}sign/", sign_body, format="json"),
        ):
            headers = {k: v for k, v in answer.items() if k not in ("Content-Length", "Set-Cookie")}
            answers.append(f"{answer.status_code} {headers} {neutral(answer.content)}")
    # The first case still has a next one, the second has none; nothing else may differ.
    first, second = ([re.sub(r'"next":(null|"CODE")', "NEXT", line) for line in lines] for lines in seen)
    assert first == second
    assert "sham" not in "".join(first)


def test_work_done_is_the_same(
    study: Any, readers: dict[str, Any], django_assert_max_num_queries: Any
) -> None:
    """Neither draft nor page costs another number of queries; time cannot tell what queries do not."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from annotation import queries

    counts = []
    for row in mixed(study, readers):
        with CaptureQueriesContext(connection) as captured:
            found = queries.assignment_of(readers["neurosurgeon"], row.code)
            assert found is not None
            queries.case_page(found)
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_an_empty_form_and_no_trace_of_the_reads(
    case: Case, readers: dict[str, Any], as_neurosurgeon: Any
) -> None:
    row = to_adjudicator(case, readers)
    page = as_neurosurgeon.get(f"/api/reading/cases/{row.code}/").json()
    assert page["reading"] == {
        "version": 1,
        "revision": 0,
        "state": "draft",
        "content": {},
        "measurements": [],
        "active_seconds": 0.0,
        "signed_at": None,
        "content_hash": "",
    }
    assert page["categories"] == {"baseline": None, "follow_up": None}


def test_observers_codes_are_closed_to_the_adjudicator(
    case: Case, readers: dict[str, Any], as_neurosurgeon: Any, as_observer_a: Any
) -> None:
    row = to_adjudicator(case, readers)
    own = assignment(case, readers["observer_a"])
    missing = as_neurosurgeon.get("/api/reading/cases/0123456789abcdef/").content
    assert as_neurosurgeon.get(f"/api/reading/cases/{own.code}/").content == missing
    assert as_observer_a.get(f"/api/reading/cases/{row.code}/").content == missing


def test_a_case_waits_while_there_is_no_adjudicator(case: Case, readers: dict[str, Any]) -> None:
    surgeon = readers["neurosurgeon"]
    type(surgeon).objects.filter(pk=surgeon.pk).update(is_active=False)
    disagree(case, readers)
    workflow.decline_consensus(session=case.consensus, by=readers["observer_a"])
    assert not Assignment.objects.filter(kind="adjudication").exists()
    type(surgeon).objects.filter(pk=surgeon.pk).update(is_active=True)
    workflow.open_reading(by=readers["lead"])
    assert Assignment.objects.get(kind="adjudication").case == case


def test_no_second_adjudication(case: Case, readers: dict[str, Any]) -> None:
    to_adjudicator(case, readers)
    sign(case, readers["neurosurgeon"])
    with pytest.raises(RuleViolation) as refusal:
        sign(case, readers["neurosurgeon"])
    assert refusal.value.code in {"already_signed", "stale_draft"}
