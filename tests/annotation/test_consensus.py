"""The consensus room: proposed by one, confirmed by the other, or declined."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection

from annotation import audit, consensus, protection, workflow
from annotation.canonical import sha256
from annotation.models import Assignment, Case, Consensus, FinalLabel
from annotation.signature import DECLINES
from config.exceptions import RuleViolation
from tests.annotation.conftest import assignment, both, disagree, scores, unreadable

pytestmark = pytest.mark.django_db


@pytest.fixture
def session(case: Case, readers: dict[str, Any]) -> Consensus:
    return disagree(case, readers).consensus


def save(session: Consensus, by: Any, content: dict[str, Any]) -> Consensus:
    return workflow.save_consensus(session=session, by=by, revision=session.revision, content=content)


def test_agreed(case: Case, session: Consensus, readers: dict[str, Any]) -> None:
    a, b = readers["observer_a"], readers["observer_b"]
    save(session, a, both("clean", "case"))
    workflow.propose_consensus(session=session, by=a, revision=1)
    workflow.confirm_consensus(session=session, by=b, revision=1)
    case.refresh_from_db()
    assert (case.state, session.outcome) == (Case.State.FINAL, "agreed")
    labels = FinalLabel.objects.order_by("scan__key")
    assert [(label.category, label.how) for label in labels] == [
        ("clean", "consensus"),
        ("case", "consensus"),
    ]
    assert labels[1].readings.count() == 2
    assert not list(audit.broken_seals())
    assert not Assignment.objects.filter(kind="adjudication").exists()


def agree(session: Consensus, readers: dict[str, Any]) -> Consensus:
    a, b = readers["observer_a"], readers["observer_b"]
    save(session, a, both())
    workflow.propose_consensus(session=session, by=a, revision=1, meaning="Mine.")
    return workflow.confirm_consensus(session=session, by=b, revision=1, meaning="Mine too.")


@pytest.mark.parametrize("field", ["proposed_meaning", "closed_meaning"])
@pytest.mark.parametrize("meaning", ["", "Nobody's."])
def test_signatures_are_bound_to_their_meanings(
    session: Consensus, readers: dict[str, Any], field: str, meaning: str
) -> None:
    agree(session, readers)
    assert (session.proposed_meaning, session.closed_meaning) == ("Mine.", "Mine too.")
    assert not list(audit.broken_seals())
    protection.remove(connection)
    Consensus.objects.update(**{field: meaning})
    assert list(audit.broken_seals()) == [f"annotation.consensus {session.pk}: not what was agreed"]


def test_what_was_agreed_before_meanings_were_kept_is_whole(
    session: Consensus, readers: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consensus, "require_meaning", lambda meaning: None)
    monkeypatch.setattr(consensus, "consensus_hash", _hash_without_meanings)
    a, b = readers["observer_a"], readers["observer_b"]
    save(session, a, both())
    workflow.propose_consensus(session=session, by=a, revision=1, meaning="")
    workflow.confirm_consensus(session=session, by=b, revision=1, meaning="")
    assert not list(audit.broken_seals())
    protection.remove(connection)
    Consensus.objects.update(closed_meaning="Put in later.")
    assert list(audit.broken_seals())


def _hash_without_meanings(
    session: Consensus, *, confirmed_by_id: int, confirmed_at: datetime, meaning: str
) -> str:
    assert session.proposed_at is not None
    return sha256(
        {
            "case": session.case_id,
            "content": session.content,
            "revision": session.revision,
            "proposed_by": session.proposed_by_id,
            "proposed_at": session.proposed_at.astimezone(UTC).isoformat(timespec="microseconds"),
            "confirmed_by": confirmed_by_id,
            "confirmed_at": confirmed_at.astimezone(UTC).isoformat(timespec="microseconds"),
        }
    )


def test_a_changed_form_has_no_proposal_and_no_meaning(session: Consensus, readers: dict[str, Any]) -> None:
    save(session, readers["observer_a"], both())
    workflow.propose_consensus(session=session, by=readers["observer_a"], revision=1)
    assert session.proposed_meaning
    save(session, readers["observer_b"], both("clean", "case"))
    assert session.proposed_meaning == ""


@pytest.mark.parametrize("verb", ["propose", "confirm", "decline"])
def test_a_signature_says_what_it_means(session: Consensus, readers: dict[str, Any], verb: str) -> None:
    a, b = readers["observer_a"], readers["observer_b"]
    save(session, a, both())
    if verb == "confirm":
        workflow.propose_consensus(session=session, by=a, revision=1)
    sign: Any = getattr(workflow, f"{verb}_consensus")
    with pytest.raises(RuleViolation) as refusal:
        sign(session=session, by=b, meaning=" ", **({} if verb == "decline" else {"revision": 1}))
    assert refusal.value.code == "meaning_missing"


def test_nobody_confirms_their_own_proposal(session: Consensus, readers: dict[str, Any]) -> None:
    a = readers["observer_a"]
    save(session, a, both())
    workflow.propose_consensus(session=session, by=a, revision=1)
    with pytest.raises(RuleViolation) as refusal:
        workflow.confirm_consensus(session=session, by=a, revision=1)
    assert refusal.value.code == "own_proposal"


def test_an_edit_voids_the_proposal(session: Consensus, readers: dict[str, Any]) -> None:
    a, b = readers["observer_a"], readers["observer_b"]
    save(session, a, both())
    workflow.propose_consensus(session=session, by=a, revision=1)
    save(session, a, both("clean", "case"))
    with pytest.raises(RuleViolation) as refusal:
        workflow.confirm_consensus(session=session, by=b, revision=1)
    assert refusal.value.code == "stale_draft"
    with pytest.raises(RuleViolation) as refusal:
        workflow.confirm_consensus(session=session, by=b, revision=2)
    assert refusal.value.code == "not_proposed"


def test_stale_edit_loses_nothing(session: Consensus, readers: dict[str, Any]) -> None:
    save(session, readers["observer_a"], both("clean", "case"))
    with pytest.raises(RuleViolation) as refusal:
        workflow.save_consensus(session=session, by=readers["observer_b"], revision=0, content=both())
    assert refusal.value.extra["current"] == {"revision": 1, "content": both("clean", "case")}


def test_incomplete_is_not_proposed(session: Consensus, readers: dict[str, Any]) -> None:
    with pytest.raises(RuleViolation) as refusal:
        workflow.propose_consensus(session=session, by=readers["observer_a"], revision=0)
    assert refusal.value.extra["missing"] == [{"scan": "follow_up", "finding": "pannus"}]


def test_unreadable_is_not_agreed_on(session: Consensus, readers: dict[str, Any]) -> None:
    save(session, readers["observer_a"], {**both(), "follow_up": unreadable()})
    with pytest.raises(RuleViolation) as refusal:
        workflow.propose_consensus(session=session, by=readers["observer_a"], revision=1)
    assert refusal.value.code == "unreadable"


def test_declined_goes_to_the_adjudicator(case: Case, session: Consensus, readers: dict[str, Any]) -> None:
    workflow.decline_consensus(session=session, by=readers["observer_b"])
    case.refresh_from_db()
    assert (case.state, session.outcome) == (Case.State.ADJUDICATION, "not_agreed")
    referred = Assignment.objects.get(kind="adjudication")
    assert (referred.reader, referred.sham) == (readers["neurosurgeon"], False)
    assert referred.code not in {a.code for a in case.assignments.filter(kind="read")}


@pytest.mark.parametrize("verb", ["save", "propose", "confirm", "decline"])
def test_closed_is_closed(session: Consensus, readers: dict[str, Any], verb: str) -> None:
    a, b = readers["observer_a"], readers["observer_b"]
    save(session, a, both())
    workflow.propose_consensus(session=session, by=a, revision=1)
    workflow.confirm_consensus(session=session, by=b, revision=1)
    act: Any = {
        "save": lambda: save(session, a, both("case", "case")),
        "propose": lambda: workflow.propose_consensus(session=session, by=a, revision=1),
        "confirm": lambda: workflow.confirm_consensus(session=session, by=b, revision=1),
        "decline": lambda: workflow.decline_consensus(session=session, by=a),
    }[verb]
    with pytest.raises(RuleViolation) as refusal:
        act()
    assert refusal.value.code == "session_closed"
    assert FinalLabel.objects.count() == 2


@pytest.mark.parametrize("name", ["observer_c", "neurosurgeon", "lead"])
def test_only_the_two(session: Consensus, readers: dict[str, Any], name: str) -> None:
    with pytest.raises(RuleViolation) as refusal:
        save(session, readers[name], both())
    assert refusal.value.code == "not_yours"


# --- The endpoints


@pytest.fixture
def url(session: Consensus) -> str:
    return f"/api/consensus/{session.code}/"


def test_page(case: Case, url: str, readers: dict[str, Any], as_observer_a: Any, as_observer_b: Any) -> None:
    mine, theirs = as_observer_a.get(url).json(), as_observer_b.get(url).json()
    assert [read["who"] for read in mine["reads"]] == ["you", "other"]
    assert mine["reads"][0]["content"] == theirs["reads"][1]["content"] == both("clean", "clean")
    assert mine["reads"][1]["content"]["follow_up"] == scores("case")
    assert mine["reads"][1]["categories"] == {"baseline": "clean", "follow_up": "case"}
    assert mine["case_code"] == assignment(case, readers["observer_a"]).code
    # Each sees the images under their own addresses.
    assert mine["scans"][0]["series_uid"] != theirs["scans"][0]["series_uid"]
    own = as_observer_a.get(f"/api/reading/cases/{mine['case_code']}/").json()
    assert mine["scans"] == own["scans"]
    assert as_observer_a.get("/api/reading/worklist/").json()["consensus"] == [
        {"code": mine["code"], "status": "open"}
    ]


def test_walk(url: str, password: str, as_observer_a: Any, as_observer_b: Any, case: Case) -> None:
    content = {**both(), "follow_up": scores("case")}
    saved = as_observer_a.put(f"{url}draft/", {"revision": 0, "content": content}, format="json")
    assert saved.status_code == 200
    assert saved.json() == {
        "outcome": "open",
        "revision": 1,
        "proposed_by": None,
        "categories": {"baseline": "clean", "follow_up": "case"},
    }
    signature = {"revision": 1, "password": password, "meaning": "We both see it so."}
    wrong = as_observer_a.post(f"{url}propose/", {**signature, "password": "no"}, format="json")
    assert wrong.status_code == 400
    proposed = as_observer_a.post(f"{url}propose/", signature, format="json")
    assert proposed.json()["proposed_by"] == "you"
    waiting = [
        client.get("/api/reading/worklist/").json()["consensus"][0]["status"]
        for client in (as_observer_a, as_observer_b)
    ]
    assert waiting == ["waiting_for_other", "waiting_for_you"]
    done = as_observer_b.post(f"{url}confirm/", signature, format="json")
    assert done.status_code == 200
    assert done.json()["outcome"] == "agreed"
    assert as_observer_a.get("/api/reading/worklist/").json()["consensus"] == []
    case.refresh_from_db()
    assert case.state == Case.State.FINAL
    closed = Consensus.objects.get()
    assert closed.proposed_meaning == closed.closed_meaning == "We both see it so."


def test_decline(url: str, password: str, as_observer_b: Any) -> None:
    assert as_observer_b.post(f"{url}decline/", {"password": "no"}, format="json").status_code == 400
    assert as_observer_b.post(f"{url}decline/", {"password": password}, format="json").status_code == 200
    assert Consensus.objects.get().closed_meaning == DECLINES


def test_strangers_see_nothing(
    url: str, observer_c: Any, as_observer_c: Any, as_neurosurgeon: Any, as_lead: Any
) -> None:
    type(observer_c).objects.filter(pk=observer_c.pk).update(is_active=True)
    for client in (as_observer_c, as_neurosurgeon, as_lead):
        foreign = client.get(url)
        missing = client.get("/api/consensus/0123456789abcdef/")
        assert foreign.status_code == missing.status_code == 404
        assert foreign.content == missing.content
