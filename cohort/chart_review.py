"""The lead's decisions on charts: one at a time, taken back until reading begins, all kept."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction
from django.utils import timezone

from cohort import flow
from cohort.models import ChartReview, Patient
from config import trail
from config.accounts.models import User
from config.exceptions import RuleViolation

Decision = ChartReview.Decision


def in_force(patient: Patient) -> ChartReview | None:
    """The decision that counts for a patient, or None while there is none."""
    standing = [row for row in patient.chart_reviews.all() if row.taken_back_at is None]
    return max(standing, key=lambda row: flow.chart_rank(row.pk, row.date, row.decided_by_id), default=None)


@transaction.atomic
def decide(*, patient: Patient, decision: str, by: User, seen: int | None, note: str = "") -> ChartReview:
    """Record a decision on a chart, and let the patient's place in the flow follow.

    Parameters
    ----------
    seen
        Key of the decision that stood when the lead looked, None if none did: of two leads with the same
        chart in front of them, the second is told what the first decided.

    Raises
    ------
    RuleViolation
        ``decided_meanwhile`` if another decision stands by now; ``note_missing`` where one must say why.
    """
    if decision not in Decision.values:
        raise ValueError(f"unknown decision {decision!r}")
    patient = Patient.objects.select_for_update().get(pk=patient.pk)
    standing = in_force(patient)
    if (standing.pk if standing else None) != seen:
        raise RuleViolation(_meanwhile(standing), code="decided_meanwhile")
    if decision == Decision.OTHER and not note.strip():
        raise RuleViolation("“Other” needs a note that says what.", code="note_missing")
    if patient.reading_since and not note.strip():
        raise RuleViolation(
            "Readers have this patient's scans already: say in a note why the decision changes now.",
            code="note_missing",
        )
    review = ChartReview.objects.create(patient=patient, decision=decision, note=note.strip(), decided_by=by)
    flow.refresh([patient])
    trail.record(
        "decide_chart_review", review, by=by, patient=patient.pseudonym, decision=decision, after=seen
    )
    return review


@transaction.atomic
def take_back(*, review: ChartReview, by: User, reason: str = "") -> ChartReview:
    """Undo a decision: it stays on record and counts no more, so the one before it stands again.

    Raises
    ------
    RuleViolation
        If reading of the patient has begun, if the decision came with the export, or if it is taken back
        already.
    """
    patient = Patient.objects.select_for_update().get(pk=review.patient_id)
    if patient.reading_since:
        raise RuleViolation(
            "Readers have this patient's scans already, so the decision is frozen. "
            "Record a new one with a note.",
            code="frozen",
        )
    if review.decided_by_id is None:
        raise RuleViolation(
            "This decision came with the export. A new one outweighs it.", code="decided_elsewhere"
        )
    changed = ChartReview.objects.filter(pk=review.pk, taken_back_at__isnull=True).update(
        taken_back_at=timezone.now(), taken_back_by=by, taken_back_reason=reason.strip()
    )
    if changed != 1:
        raise RuleViolation("This decision is taken back already.", code="taken_back")
    flow.refresh([patient])
    review.refresh_from_db()
    trail.record("take_back_chart_review", review, by=by, patient=patient.pseudonym)
    return review


def reading_begins(patients: Collection[int]) -> None:
    """Freeze the decisions of these patients (keys): their scans go to readers now."""
    Patient.objects.filter(pk__in=patients, reading_since__isnull=True).update(reading_since=timezone.now())


def _meanwhile(standing: ChartReview | None) -> str:
    if standing is None:
        return "The decision you saw was taken back. Look at the chart again."
    who = standing.decided_by.get_username() if standing.decided_by else "the export"
    return f"Decided meanwhile by {who}: {standing.get_decision_display()}. Your decision was not recorded."
