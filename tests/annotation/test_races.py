"""Many callers at once, each with a connection of its own: exactly one wins, one audit row."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from annotation import audit, workflow
from annotation.models import Assignment, AuditEvent, Case, Consensus, FinalLabel, Reading
from config.accounts.models import User
from config.exceptions import RuleViolation
from tests.annotation.conftest import assignment, both, disagree, draft, sign, to_adjudicator

pytestmark = pytest.mark.django_db(transaction=True)
CALLERS = 50


def race(call: Callable[[int], Any], callers: int = CALLERS) -> Counter[str]:
    """Call from as many threads at the same moment; counts "won" and the codes of refusals."""
    gate = threading.Barrier(callers)
    outcomes: list[str] = []

    def run(number: int) -> None:
        try:
            connection.ensure_connection()
            gate.wait()
            call(number)
            outcomes.append("won")
        except RuleViolation as refusal:
            outcomes.append(refusal.code)
        except Exception as error:  # what a user would see as a 500
            outcomes.append(repr(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    return Counter(outcomes)


def test_fifty_signatures(case: Case, readers: dict[str, Any]) -> None:
    saved = draft(case, readers["observer_a"], both())
    found = race(
        lambda _: workflow.sign_reading(
            assignment=Assignment.objects.get(pk=saved.assignment_id), by=readers["observer_a"], revision=1
        )
    )
    assert found == {"won": 1, "already_signed": CALLERS - 1}
    assert Reading.objects.filter(state="signed").count() == 1
    assert AuditEvent.objects.filter(verb="sign_reading").count() == 1
    assert not [*audit.broken_rows(), *audit.broken_seals()]


def test_fifty_saves_of_one_revision(case: Case, readers: dict[str, Any]) -> None:
    target = assignment(case, readers["observer_a"])
    found = race(
        lambda number: workflow.save_draft(
            assignment=target, by=readers["observer_a"], revision=0, content=both(), active_seconds=number
        )
    )
    assert found == {"won": 1, "stale_draft": CALLERS - 1}
    assert Reading.objects.get().revision == 1


def test_both_observers_sign_at_once(study: Any, readers: dict[str, Any]) -> None:
    """However they interleave, the second of the two compares: one label a scan, never none or two."""
    cases = study(6)
    for case in cases:
        for name in ("observer_a", "observer_b"):
            draft(case, readers[name], both())
    targets = list(Assignment.objects.select_related("reader"))
    found = race(
        lambda number: workflow.sign_reading(
            assignment=targets[number], by=targets[number].reader, revision=1
        ),
        callers=len(targets),
    )
    assert found == {"won": 12}
    assert FinalLabel.objects.count() == 12
    assert set(Case.objects.values_list("state", flat=True)) == {"final"}
    assert not [*audit.broken_rows(), *audit.broken_seals()]


def test_fifty_confirmations(case: Case, readers: dict[str, Any]) -> None:
    session = disagree(case, readers).consensus
    workflow.save_consensus(session=session, by=readers["observer_a"], revision=0, content=both())
    workflow.propose_consensus(session=session, by=readers["observer_a"], revision=1)
    found = race(
        lambda _: workflow.confirm_consensus(
            session=Consensus.objects.get(pk=session.pk), by=readers["observer_b"], revision=1
        )
    )
    assert found == {"won": 1, "session_closed": CALLERS - 1}
    assert FinalLabel.objects.count() == 2
    assert AuditEvent.objects.filter(verb="confirm_consensus").count() == 1
    assert not [*audit.broken_rows(), *audit.broken_seals()]


def test_confirming_against_declining(case: Case, readers: dict[str, Any]) -> None:
    session = disagree(case, readers).consensus
    workflow.save_consensus(session=session, by=readers["observer_a"], revision=0, content=both())
    workflow.propose_consensus(session=session, by=readers["observer_a"], revision=1)

    def act(number: int) -> None:
        own = Consensus.objects.get(pk=session.pk)
        if number % 2:
            workflow.confirm_consensus(session=own, by=readers["observer_b"], revision=1)
        else:
            workflow.decline_consensus(session=own, by=readers["observer_a"])

    assert race(act) == {"won": 1, "session_closed": CALLERS - 1}
    case.refresh_from_db()
    referred = Assignment.objects.filter(kind="adjudication").count()
    assert (case.state, referred, FinalLabel.objects.count()) in {
        ("final", 0, 2),
        ("adjudication", 1, 0),
    }


def test_fifty_adjudications(case: Case, readers: dict[str, Any]) -> None:
    row = to_adjudicator(case, readers)
    draft(case, readers["neurosurgeon"], both())
    found = race(
        lambda _: workflow.sign_reading(
            assignment=Assignment.objects.get(pk=row.pk), by=readers["neurosurgeon"], revision=1
        )
    )
    assert found == {"won": 1, "already_signed": CALLERS - 1}
    assert FinalLabel.objects.count() == 2
    assert AuditEvent.objects.filter(verb="sign_reading", actor=readers["neurosurgeon"]).count() == 1
    assert not [*audit.broken_rows(), *audit.broken_seals()]


def test_fifty_writers_keep_one_chain(study: Any, readers: dict[str, Any]) -> None:
    """Different cases, so no case's lock helps: only the trail's own keeps the chain from forking."""
    targets = [assignment(case, readers["observer_a"]) for case in study(25)]
    targets += [assignment(case, readers["observer_b"]) for case in Case.objects.order_by("pk")]
    found = race(
        lambda number: workflow.save_draft(
            assignment=targets[number], by=targets[number].reader, revision=0, content=both()
        )
    )
    assert found == {"won": CALLERS}
    assert AuditEvent.objects.filter(verb="save_draft").count() == CALLERS
    assert not list(audit.broken_rows())


def test_replacing_against_signing(case: Case, readers: dict[str, Any]) -> None:
    """B signs while the lead replaces B: the read stands, or C has it; never both, never neither."""
    saved = draft(case, readers["observer_b"], both())
    User.objects.filter(username="observer_c").update(is_active=True)
    leaving, joining = (User.objects.get(username=name) for name in ("observer_b", "observer_c"))

    def act(number: int) -> None:
        if number:
            workflow.sign_reading(assignment=saved.assignment, by=leaving, revision=1)
        else:
            workflow.replace_reader(leaving=leaving, joining=joining, by=readers["lead"], reason="left")

    found = race(act, callers=2)
    signed = Reading.objects.filter(state="signed").count()
    handed_over = Assignment.objects.filter(reader=joining).count()
    assert (signed, handed_over, found["won"]) in {(1, 0, 2), (0, 1, 1)}


def test_signing_against_amending(case: Case, readers: dict[str, Any]) -> None:
    """B signs while A amends: either the case is final with A's read, or it waits for A's new one."""
    sign(case, readers["observer_a"])
    draft(case, readers["observer_b"], both())
    mine, theirs = (assignment(case, readers[name]) for name in ("observer_a", "observer_b"))

    def act(number: int) -> None:
        if number:
            workflow.sign_reading(assignment=theirs, by=readers["observer_b"], revision=1)
        else:
            workflow.amend_reading(assignment=mine, by=readers["observer_a"], reason="looked again")

    found = race(act, callers=2)
    case.refresh_from_db()
    outcome = (case.state, FinalLabel.objects.count(), found["won"])
    assert outcome in {("final", 2, 1), ("awaiting_reads", 0, 2)}


def test_opening_twice_at_once(readers: dict[str, Any]) -> None:
    from tests.annotation.conftest import make_patients

    make_patients(5)
    found = race(lambda _: workflow.open_reading(by=readers["lead"]), callers=6)
    assert found == {"won": 6}
    assert (Case.objects.count(), Assignment.objects.count()) == (5, 10)
