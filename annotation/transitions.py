"""The states of a case and the acts that lead from one to the next; every other pair is refused."""

from __future__ import annotations

from enum import StrEnum

from annotation.models import Case
from config.exceptions import RuleViolation

State = Case.State


class Act(StrEnum):
    """What can happen to a case."""

    #: An observer signed or amended and another read is still to come.
    AWAIT = "await"
    #: Both observers signed; their reads agree under the charter's rule.
    CONCUR = "concur"
    #: Both signed, the reads differ, and the charter has consensus on.
    MEET = "meet"
    #: The adjudicator is asked: no consensus, or the charter has consensus off.
    REFER = "refer"
    #: Both observers confirmed one agreed read.
    AGREE = "agree"
    #: The adjudicator signed.
    ADJUDICATE = "adjudicate"
    #: The adjudicator signed a sham: nothing changes.
    ADJUDICATE_SHAM = "adjudicate_sham"
    #: An observer signed a re-read: nothing changes.
    REREAD = "reread"
    #: A signed read calls a scan unreadable.
    FIND_UNREADABLE = "find_unreadable"
    #: The lead excludes the patient.
    EXCLUDE = "exclude"


TRANSITIONS: dict[tuple[str, Act], str] = {
    (State.AWAITING_READS, Act.AWAIT): State.AWAITING_READS,
    (State.AWAITING_READS, Act.CONCUR): State.FINAL,
    (State.AWAITING_READS, Act.MEET): State.CONSENSUS,
    (State.AWAITING_READS, Act.REFER): State.ADJUDICATION,
    (State.AWAITING_READS, Act.FIND_UNREADABLE): State.LEAD_REVIEW,
    (State.AWAITING_READS, Act.EXCLUDE): State.CLOSED,
    (State.CONSENSUS, Act.AGREE): State.FINAL,
    (State.CONSENSUS, Act.REFER): State.ADJUDICATION,
    (State.CONSENSUS, Act.EXCLUDE): State.CLOSED,
    (State.ADJUDICATION, Act.ADJUDICATE): State.FINAL,
    (State.ADJUDICATION, Act.FIND_UNREADABLE): State.LEAD_REVIEW,
    (State.ADJUDICATION, Act.EXCLUDE): State.CLOSED,
    # The other observer reads on while the lead decides: they must not learn that there is something
    # to decide. A new read, or an amended one, may leave nothing unreadable.
    (State.LEAD_REVIEW, Act.FIND_UNREADABLE): State.LEAD_REVIEW,
    (State.LEAD_REVIEW, Act.AWAIT): State.AWAITING_READS,
    (State.LEAD_REVIEW, Act.CONCUR): State.FINAL,
    (State.LEAD_REVIEW, Act.MEET): State.CONSENSUS,
    (State.LEAD_REVIEW, Act.REFER): State.ADJUDICATION,
    (State.LEAD_REVIEW, Act.EXCLUDE): State.CLOSED,
    (State.FINAL, Act.ADJUDICATE_SHAM): State.FINAL,
    **{(state, Act.REREAD): state for state in State if state != State.CLOSED},
    # An exclusion seen on the images and accepted late: the label stays, the patient leaves.
    (State.FINAL, Act.EXCLUDE): State.FINAL,
}


def lock(case_id: int) -> Case:
    """The case, locked until the transaction ends (SQLite: the whole database is)."""
    return Case.objects.select_for_update(of=("self",)).select_related("charter", "patient").get(pk=case_id)


def advance(case: Case, act: Act) -> None:
    """Move a case by an act, or refuse.

    The update names the state it leaves: of two callers that saw the same state, one wins.
    """
    target = TRANSITIONS.get((case.state, act))
    if target is None:
        raise RuleViolation(
            f"Not possible while the case is {State(case.state).label.lower()}.", code="wrong_state"
        )
    if Case.objects.filter(pk=case.pk, state=case.state).update(state=target) != 1:
        raise RuleViolation("Somebody else was faster; reload and look again.", code="wrong_state")
    case.state = target
