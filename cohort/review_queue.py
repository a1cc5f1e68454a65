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


def next_waiting(after: str | None = None) -> Patient | None:
    """The next patient of the queue with everything their page shows, past ``after``, then round again."""
    queue = waiting()
    found = None
    if after:
        here = Patient.objects.filter(pseudonym=after).values_list("pk", flat=True).first()
        found = queue.filter(pk__gt=here).values_list("pk", flat=True).first() if here else None
    found = found or queue.values_list("pk", flat=True).first()
    return queries.patient_details().get(pk=found) if found else None


def recent() -> QuerySet[ChartReview]:
    """Decisions made here, newest first."""
    return (
        ChartReview.objects.filter(decided_by__isnull=False)
        .select_related("patient", "decided_by", "taken_back_by")
        .order_by("-decided_at", "-pk")[:RECENT]
    )


def page(after: str | None = None) -> dict[str, Any]:
    return {"progress": progress(), "patient": next_waiting(after), "recent": recent()}
