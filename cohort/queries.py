"""Reading the cohort for the lead's pages."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from django.db.models import Count, F, FilteredRelation, Min, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from cohort import criteria, flow
from cohort.models import ChartReview, Exam, FlowRules, Patient, ScanChoice, Series


def patients(
    *,
    step: str | None = None,
    reached: str | None = None,
    reason: str | None = None,
    site: str | None = None,
    search: str | None = None,
    delivery: int | None = None,
) -> QuerySet[Patient]:
    """Patients with the counts and the way out that a list shows.

    Parameters
    ----------
    step
        Only those who left at this step; ``included`` for those who did not leave.
    reached
        Only those still in the study after this step.
    """
    accepted = Series.objects.filter(exam__patient=OuterRef("pk"), state=Series.State.ACCEPTED)
    exams = Exam.objects.filter(patient=OuterRef("pk")).order_by().values("patient")
    found = Patient.objects.annotate(
        leaving=FilteredRelation("exclusions", condition=Q(exclusions__leaving=True)),
        leaves_at=F("leaving__step"),
        reason=F("leaving__reason"),
        exam_count=Coalesce(Subquery(exams.annotate(n=Count("pk")).values("n")), 0),
        series_count=Coalesce(
            Subquery(accepted.order_by().values("exam__patient").annotate(n=Count("pk")).values("n")), 0
        ),
        baseline_date=Coalesce(
            F("scan_pair__baseline__exam__date"),
            Subquery(exams.filter(modality__in=["MR", "MRI"]).annotate(d=Min("date")).values("d")),
        ),
    ).order_by("pk")
    if step:
        found = found.filter(leaves_at__isnull=True) if step == "included" else found.filter(leaves_at=step)
    if reached:
        gone = flow.steps_up_to(reached)
        found = found.exclude(
            pk__in=Patient.objects.filter(exclusions__leaving=True, exclusions__step__in=gone)
        )
    if reason:
        found = found.filter(reason=reason)
    if site is not None:
        found = found.filter(site=site)
    if delivery:
        found = found.filter(last_import=delivery)
    if search:
        found = found.filter(Q(pseudonym__icontains=search) | Q(site__icontains=search))
    return found


def patient_details() -> QuerySet[Patient]:
    """The same with everything that one patient's page shows; nine queries whatever the history."""
    series = Series.objects.defer("deidentification").order_by("pk")
    return (
        patients()
        .select_related("scan_pair__baseline", "scan_pair__follow_up", "scan_pair__chosen_by")
        .prefetch_related(
            Prefetch(
                "exams", Exam.objects.prefetch_related(Prefetch("series", series)), to_attr="loaded_exams"
            ),
            "diagnoses",
            "exclusions__excluded_by",
            Prefetch("chart_reviews", ChartReview.objects.select_related("decided_by", "taken_back_by")),
            Prefetch("scan_choices", ScanChoice.objects.select_related("chosen_by")),
        )
    )


def criteria_in_force() -> dict[str, Any]:
    """The rules of the flow, with the interval that is set, and what they made of the series there are."""
    accepted = Series.objects.filter(state=Series.State.ACCEPTED).order_by()
    counted = (
        accepted.values_list("plane", "weighting").annotate(n=Count("pk")).order_by("plane", "weighting")
    )
    return {
        **criteria.in_force(flow.current_interval()),
        "intervals": list(FlowRules.objects.values("min_interval_days", "set_at")),
        "recognised": {
            **{f"{plane} {weighting}": n for plane, weighting, n in counted},
            "sagittal T2 cervical": accepted.filter(sagittal_t2_cervical=True).count(),
        },
    }


def age(birth: date | None, on: date | None) -> float | None:
    """Years between two (equally shifted) days, to a tenth."""
    return round((on - birth).days / 365.25, 1) if birth and on else None


def series_metadata(series: Series) -> str:
    """A JSON array in the DICOM JSON model (PS3.18 Annex F), slices ascending along the normal."""
    found: list[Any] = list(series.instances.order_by("index").values_list("metadata", flat=True))
    return json.dumps(found, separators=(",", ":"))
