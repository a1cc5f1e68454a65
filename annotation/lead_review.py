"""What readers hand to the lead: scans that cannot be read, and reasons seen to exclude a patient."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from annotation import audit, reading, rubric, transitions
from annotation.models import Assignment, Case, Reading, ReviewDecision, Scan
from annotation.transitions import Act
from cohort import flow
from cohort.models import Exclusion
from config.accounts.models import User
from config.exceptions import RuleViolation

Action = ReviewDecision.Action


@dataclass(frozen=True)
class Item:
    """One thing one reader signed about one scan."""

    reader: str
    scan: str
    kind: str
    observation: str
    text: str
    signed_at: datetime


@dataclass(frozen=True)
class Review:
    """A case that waits for the lead, with what may be done about it."""

    case: Case
    items: tuple[Item, ...]

    @property
    def actions(self) -> tuple[str, ...]:
        if self.case.state == Case.State.LEAD_REVIEW:
            return (Action.EXCLUDE, Action.REREAD)
        return (Action.EXCLUDE, Action.DISMISS)


def open_reviews(case_id: int | None = None) -> list[Review]:
    """Cases with something signed since the lead's last decision on them."""
    readings = (
        Reading.objects.filter(state=Reading.State.SIGNED)
        .exclude(assignment__case__state=Case.State.CLOSED)
        .select_related("assignment__reader", "assignment__case__patient")
        .annotate(last_decision=Max("assignment__case__review_decisions__decided_at"))
        .order_by("assignment__case_id", "pk")
    )
    if case_id is not None:
        readings = readings.filter(assignment__case=case_id)
    found: dict[int, tuple[Case, list[Item]]] = {}
    for signed in readings:
        if signed.last_decision and signed.signed_at and signed.signed_at <= signed.last_decision:
            continue
        items = _items(signed)
        if items:
            found.setdefault(signed.assignment.case_id, (signed.assignment.case, []))[1].extend(items)
    return [Review(case, tuple(items)) for case, items in found.values()]


def _items(signed: Reading) -> list[Item]:
    items = []
    assert signed.signed_at is not None  # the database refuses a signed reading without
    for scan, scores in signed.content.items():
        observation = scores.get("exclusion_observation") or rubric.NO_OBSERVATION
        # "Unreadable" on a sham or a re-read decides nothing, so it asks for nothing.
        if rubric.is_unreadable(scores) and _decides(signed.assignment):
            items.append(Item(_name(signed), scan, "unreadable", "", "", signed.signed_at))
        if observation != rubric.NO_OBSERVATION:
            text = scores.get("exclusion_text", "")
            items.append(
                Item(_name(signed), scan, "exclusion_observation", observation, text, signed.signed_at)
            )
    return items


def _decides(assignment: Assignment) -> bool:
    return not assignment.sham and assignment.kind != Assignment.Kind.REREAD


def _name(signed: Reading) -> str:
    return signed.assignment.reader.get_username()


def resolve_review(*, case: Case, by: User, action: str, reason: str) -> Case:
    """Exclude the patient, have the unreadable read repeated, or go on; with a reason.

    Raises
    ------
    RuleViolation
        ``nothing_to_resolve`` if no reader asks for anything; ``wrong_action`` if the action does not
        fit what was asked.
    """
    with transaction.atomic():
        case = transitions.lock(case.pk)
        review = next(iter(open_reviews(case.pk)), None)
        if review is None:
            raise RuleViolation("Nothing waits for a decision on this case.", code="nothing_to_resolve")
        if not reason.strip():
            raise RuleViolation("A decision needs a reason.", code="reason_missing")
        if action not in review.actions:
            raise RuleViolation(f"Possible here: {', '.join(review.actions)}.", code="wrong_action")
        decision = ReviewDecision.objects.create(
            case=case, action=action, reason=reason.strip(), decided_by=by, decided_at=timezone.now()
        )
        if action == Action.EXCLUDE:
            transitions.advance(case, Act.EXCLUDE)
            _exclude(case, review, by=by, reason=reason.strip())
        elif action == Action.REREAD:
            _read_again(case, by=by, reason=reason.strip())
        audit.record("resolve_review", case, by=by, decision=decision.pk, action=action, state=case.state)
    return case


def _exclude(case: Case, review: Review, *, by: User, reason: str) -> None:
    # A reason seen on the images outweighs an unreadable scan.
    item = min(review.items, key=lambda item: item.kind == "unreadable")
    if item.kind == "exclusion_observation":
        step, code = Exclusion.Step.CHART_REVIEW, item.observation
    elif item.scan == Scan.Key.BASELINE:
        step, code = Exclusion.Step.BASELINE_T2, "unreadable"
    else:
        step, code = Exclusion.Step.CHART_REVIEW, "no_adequate_follow_up"
    flow.exclude(
        patient=case.patient, step=step, reason=code, source=Exclusion.Source.LEAD, by=by, note=reason
    )


def _read_again(case: Case, *, by: User, reason: str) -> None:
    signed = Reading.objects.filter(assignment__case=case, state=Reading.State.SIGNED).select_related(
        "assignment"
    )
    unreadable = [
        read
        for read in signed
        if _decides(read.assignment) and any(rubric.is_unreadable(scores) for scores in read.content.values())
    ]
    for read in unreadable:
        reading.supersede(read, reason=reason, empty=True)
    if any(read.assignment.kind == Assignment.Kind.READ for read in unreadable):
        reading.settle(case=case, by=by)
    else:
        transitions.advance(case, Act.REFER)
