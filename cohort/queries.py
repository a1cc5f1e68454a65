"""Reading the cohort for the lead's pages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from functools import cached_property
from typing import Any

from django.db.models import (
    Case,
    Count,
    F,
    FilteredRelation,
    Min,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from cohort import criteria, flow
from cohort.models import ChartReview, Exam, Exclusion, FlowRules, Patient, ScanChoice, Series


class PatientList:
    """Patients in the order of their keys: counted, and cut into pages, before their rows are put together.

    Parameters
    ----------
    among
        Those to list, whether or not they left.
    gone
        Those who left at one of these steps are not listed.
    """

    def __init__(self, among: QuerySet[Patient], gone: Sequence[str] = ()) -> None:
        self._among, self._gone = among, gone

    @cached_property
    def _found(self) -> QuerySet[Patient]:
        if not self._gone:
            return self._among
        stays = Q(leaving__step__in=[step for step in flow.ORDER if step not in self._gone])
        return self._among.alias(
            leaving=FilteredRelation("exclusions", condition=Q(exclusions__leaving=True))
        ).filter(stays | Q(leaving__isnull=True))

    @cached_property
    def _count(self) -> int:
        # A patient leaves once. Two counts over indexes are a fraction of asking each patient.
        count = self._among.count()
        if self._gone:
            count -= self._among.filter(exclusions__leaving=True, exclusions__step__in=self._gone).count()
        return max(count, 0)

    def count(self) -> int:
        return self._count

    def __getitem__(self, part: slice) -> list[Patient]:
        """One page: its keys, then its rows; two queries whatever its length and place."""
        start, stop = part.start or 0, min(self._count if part.stop is None else part.stop, self._count)
        if start >= stop:
            return []
        keys = self._found.values_list("pk", flat=True)
        if 2 * start > self._count:  # nearer from the end
            page = list(keys.reverse()[self._count - stop : self._count - start])
        else:
            page = list(keys[start:stop])
        return list(_shown().filter(pk__in=page))


def patients(
    *,
    step: str | None = None,
    reached: str | None = None,
    reason: str | None = None,
    site: str | None = None,
    search: str | None = None,
    delivery: int | None = None,
) -> PatientList:
    """Patients with the counts and the way out that a list shows.

    Parameters
    ----------
    step
        Only those who left at this step; ``included`` for those who did not leave.
    reached
        Only those still in the study after this step.
    """
    found = Patient.objects.order_by("pk")
    gone = flow.steps_up_to("included" if step == "included" else reached or "")
    left = {"step": None if step == "included" else step, "reason": reason}
    if asked := {f"exclusions__{name}": value for name, value in left.items() if value}:
        found = found.filter(exclusions__leaving=True, **asked)
    if site is not None:
        found = found.filter(site=site)
    if delivery:
        found = found.filter(last_import=delivery)
    if search:
        found = found.filter(Q(pseudonym__icontains=search) | Q(site__icontains=search))
    return PatientList(found, gone)


def _shown() -> QuerySet[Patient]:
    """Patients with what a row shows of them: too dear to work out for more than a page."""
    accepted = Series.objects.filter(exam__patient=OuterRef("pk"), state=Series.State.ACCEPTED)
    exams = Exam.objects.filter(patient=OuterRef("pk")).order_by().values("patient")
    return Patient.objects.annotate(
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


def patient_details() -> QuerySet[Patient]:
    """The same with everything that one patient's page shows; as many queries whatever the history."""
    series = Series.objects.defer("deidentification").order_by("pk")
    return (
        _shown()
        .select_related("scan_pair__baseline", "scan_pair__follow_up", "scan_pair__chosen_by")
        .prefetch_related(
            Prefetch(
                "exams", Exam.objects.prefetch_related(Prefetch("series", series)), to_attr="loaded_exams"
            ),
            "diagnoses",
            Prefetch("exclusions", Exclusion.objects.select_related("excluded_by").order_by(_flow_order())),
            Prefetch("chart_reviews", ChartReview.objects.select_related("decided_by", "taken_back_by")),
            Prefetch("scan_choices", ScanChoice.objects.select_related("chosen_by")),
        )
    )


def _flow_order() -> Case:
    return Case(*(When(step=step, then=Value(rank)) for rank, step in enumerate(flow.ORDER)))


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
