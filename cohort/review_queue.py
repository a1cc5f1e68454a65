"""Whose chart waits for the lead: those who reach chart review and have no decision yet."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from cohort import flow, queries
from cohort.models import ChartReview, Exclusion, Patient

RECENT = 12


def waiting() -> QuerySet[Patient]:
    """Patients whom nothing excludes so far and whose chart nobody has decided on."""
    decided = ChartReview.objects.filter(patient=OuterRef("pk"), taken_back_at__isnull=True)
    left = Exclusion.objects.filter(patient=OuterRef("pk"), leaving=True)
    return Patient.objects.filter(~Exists(left), ~Exists(decided)).order_by("pk")


def progress() -> dict[str, int]:
    """How many reach chart review, and how many of them are decided or still wait."""
    at = flow.ORDER.index(Exclusion.Step.CHART_REVIEW)
    before = flow.flow()["steps"][at]  # steps[0] is "identified"
    still = waiting().count()
    return {"reached": before["remaining"], "decided": before["remaining"] - still, "waiting": still}


def next_waiting(after: str | None = None, at: str | None = None) -> Patient | None:
    """The next patient of the queue as their page shows them: ``at``, or past ``after``, else the first.

    Past the last it goes round, so whoever was skipped comes again.
    """
    queue = waiting()
    here = Patient.objects.filter(pseudonym=at or after).values_list("pk", flat=True).first()
    found = None
    if here is not None:
        onward = queue.filter(pk__gte=here) if at else queue.filter(pk__gt=here)
        found = onward.values_list("pk", flat=True).first()
    found = found or queue.values_list("pk", flat=True).first()
    return queries.patient_details().get(pk=found) if found else None


def recent() -> QuerySet[ChartReview]:
    """Decisions made here, newest first."""
    return (
        ChartReview.objects.filter(decided_by__isnull=False)
        .select_related("patient", "decided_by", "taken_back_by")
        .order_by("-decided_at", "-pk")[:RECENT]
    )


def page(after: str | None = None, at: str | None = None) -> dict[str, Any]:
    return {"progress": progress(), "patient": next_waiting(after, at), "recent": recent()}
