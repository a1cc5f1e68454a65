"""What an adjudicator's signature does. Referring a case to them is in ``read_plan``."""

from __future__ import annotations

from typing import Any

from annotation import labels, rubric, transitions
from annotation.models import Assignment, Case, FinalLabel, Reading
from annotation.transitions import Act
from config.accounts.models import User


def conclude(*, case: Case, assignment: Assignment, reading: Reading, by: User) -> dict[str, Any]:
    """Make the adjudicator's read final, inside the transaction that signed it.

    A sham changes nothing: its read is kept to measure how a tie-breaker leans.
    """
    if assignment.sham:
        transitions.advance(case, Act.ADJUDICATE_SHAM)
        return {"state": case.state}
    if any(rubric.is_unreadable(scores) for scores in reading.content.values()):
        transitions.advance(case, Act.FIND_UNREADABLE)
        return {"state": case.state}
    transitions.advance(case, Act.ADJUDICATE)
    decided = labels.decide(
        case=case,
        how=FinalLabel.How.ADJUDICATED,
        grades={scan: scores["grades"] for scan, scores in reading.content.items()},
        categories=reading.categories,
        readings=[*labels.observers_reads(case), reading],
        by=by,
    )
    return {"state": case.state, "labels": labels.hashes(decided)}
