"""The consensus room: two observers who differ agree on one read, each in their own login, or do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from annotation import audit, labels, read_plan, rubric, transitions
from annotation.models import Assignment, Case, Consensus, FinalLabel, Reading
from annotation.signature import CONFIRMS, DECLINES, PROPOSES, consensus_hash, require_meaning
from annotation.transitions import Act
from config.accounts.models import User
from config.exceptions import RuleViolation

_OPEN = Consensus.Outcome.OPEN


def open_session(*, case: Case, reads: Sequence[Reading]) -> Consensus:
    """Open the room, inside the transaction that found the reads to differ.

    The agreed form starts with what both say; what differs is left open.
    """
    content = {
        scan: {
            "grades": labels.common_grades(reads, scan),
            **{
                key: scores[key]
                for key in ("quality", "exclusion_observation", "exclusion_text")
                if key in scores and all(read.content[scan].get(key) == scores[key] for read in reads)
            },
        }
        for scan, scores in reads[0].content.items()
    }
    return Consensus.objects.create(case=case, code=read_plan.new_code(), content=content)


def save_consensus(*, session: Consensus, by: User, revision: int, content: Mapping[str, Any]) -> Consensus:
    """Save the agreed form; a proposal made before no longer stands, since it was of another content."""
    with transaction.atomic():
        case = _lock_for(session, by)
        keys = tuple(scan.key for scan in case.scans.all())
        wrong = rubric.check_draft(content, keys)
        if wrong:
            raise RuleViolation("The form does not fit the rubric.", code="bad_content", fields=wrong)
        _change(
            session,
            revision,
            content=content,
            revision=F("revision") + 1,
            proposed_by=None,
            proposed_at=None,
            proposed_meaning="",
        )
        audit.record("save_consensus", session, by=by, case=case.pk, revision=session.revision)
    return session


def propose_consensus(*, session: Consensus, by: User, revision: int, meaning: str = PROPOSES) -> Consensus:
    """Sign the agreed form as the first of two; it must be complete."""
    with transaction.atomic():
        case = _lock_for(session, by)
        session.refresh_from_db()
        keys = tuple(scan.key for scan in case.scans.all())
        gaps = rubric.missing(session.content, keys)
        if any(rubric.is_unreadable(scores) for scores in session.content.values()):
            raise RuleViolation(
                "Nothing can be agreed on an unreadable scan; declare no consensus instead.",
                code="unreadable",
            )
        if gaps:
            raise RuleViolation("Some findings still need a grade.", code="incomplete", missing=gaps)
        require_meaning(meaning)
        _change(session, revision, proposed_by=by, proposed_at=timezone.now(), proposed_meaning=meaning)
        audit.record("propose_consensus", session, by=by, case=case.pk, revision=revision)
    return session


def confirm_consensus(*, session: Consensus, by: User, revision: int, meaning: str = CONFIRMS) -> Consensus:
    """Sign the proposed form as the second; the case becomes final."""
    with transaction.atomic():
        case = _lock_for(session, by)
        session.refresh_from_db()
        if session.outcome != _OPEN or session.revision != revision:
            raise _conflict(session)
        if session.proposed_by_id is None or session.proposed_at is None:
            raise RuleViolation("Nothing has been proposed yet.", code="not_proposed")
        if session.proposed_by_id == by.pk:
            raise RuleViolation("The other observer confirms what you proposed.", code="own_proposal")
        require_meaning(meaning)
        now = timezone.now()
        _change(
            session,
            revision,
            outcome=Consensus.Outcome.AGREED,
            closed_by=by,
            closed_at=now,
            closed_meaning=meaning,
            content_hash=consensus_hash(session, confirmed_by_id=by.pk, confirmed_at=now, meaning=meaning),
        )
        transitions.advance(case, Act.AGREE)
        decided = labels.decide(
            case=case,
            how=FinalLabel.How.CONSENSUS,
            grades={scan: scores["grades"] for scan, scores in session.content.items()},
            # Only what is complete is proposed, so that every scan has a category.
            categories={scan: rubric.classify(scores["grades"]) for scan, scores in session.content.items()},
            readings=labels.observers_reads(case),
            by=by,
        )
        audit.record(
            "confirm_consensus",
            session,
            by=by,
            case=case.pk,
            state=case.state,
            content_hash=session.content_hash,
            labels=labels.hashes(decided),
        )
    return session


def decline_consensus(*, session: Consensus, by: User, meaning: str = DECLINES) -> Consensus:
    """Declare that there is no consensus; the case goes to the adjudicator."""
    with transaction.atomic():
        case = _lock_for(session, by)
        session.refresh_from_db()
        require_meaning(meaning)
        _change(
            session,
            session.revision,
            outcome=Consensus.Outcome.NOT_AGREED,
            closed_by=by,
            closed_at=timezone.now(),
            closed_meaning=meaning,
        )
        transitions.advance(case, Act.REFER)
        read_plan.refer(case, sham=False)
        audit.record("decline_consensus", session, by=by, case=case.pk, state=case.state)
    return session


def _lock_for(session: Consensus, by: User) -> Case:
    mine = Assignment.objects.filter(
        case=session.case_id, reader=by, kind=Assignment.Kind.READ, withdrawn_at__isnull=True
    )
    if not mine.exists():
        raise RuleViolation("This case is not yours.", code="not_yours")
    return transitions.lock(session.case_id)


def _change(session: Consensus, at_revision: int, **changes: Any) -> None:
    """Change an open session at the revision its caller saw, or refuse."""
    if Consensus.objects.filter(pk=session.pk, outcome=_OPEN, revision=at_revision).update(**changes) != 1:
        session.refresh_from_db()
        raise _conflict(session)
    session.refresh_from_db()


def _conflict(session: Consensus) -> RuleViolation:
    if session.outcome != _OPEN:
        return RuleViolation("This session is closed.", code="session_closed")
    return RuleViolation(
        "The agreed form was changed in the meantime; nothing was overwritten.",
        code="stale_draft",
        current={"revision": session.revision, "content": session.content},
    )
