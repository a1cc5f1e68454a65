"""Which two series stand for a patient: by rule, or by the lead with a reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TypeAlias

from django.db import transaction
from django.db.models import QuerySet

from cohort import criteria
from cohort.models import Patient, ScanChoice, ScanPair, Series
from config import trail
from config.accounts.models import User
from config.exceptions import RuleViolation

#: Primary keys of some patients, to be iterated over and to filter by.
Chunk: TypeAlias = "QuerySet[Patient, int] | list[int]"


@dataclass(slots=True)
class ExamFacts:
    """What the rules ask of an exam. ``adequate``: its sagittal T2 cervical series, the best sorts first."""

    pk: int
    date: date
    cervical_mr: bool
    flag: bool | None  # sagittal_t2 of the export
    imaged: bool = False  # some series has arrived
    adequate: list[tuple[int, float, int]] = field(default_factory=list)  # (-slices, spacing, Series.pk)


def rule(exams: Sequence[ExamFacts], min_days: int) -> tuple[int, int] | None:
    """Primary keys of baseline and follow-up series, or None when one of them is not there.

    Baseline is the earliest cervical MRI; follow-up the last one, far enough, with an adequate series. Of
    several series in an exam: the most slices, then the finest grid, then the first ingested.
    """
    mri = [exam for exam in exams if exam.cervical_mr]
    if not mri or not mri[0].adequate:
        return None
    for exam in reversed(mri[1:]):
        if not criteria.long_enough(mri[0].date, exam.date, min_days):
            return None
        if exam.adequate:
            return min(mri[0].adequate)[2], min(exam.adequate)[2]
    return None


def refresh(patients: Chunk, exams: Mapping[int, list[ExamFacts]], min_days: int) -> None:
    """Bring the rule's pairs up to date; pairs that a person chose stay."""
    wanted = {p: pair for p in patients if (pair := rule(exams.get(p, []), min_days))}
    stale, changed = [], []
    for row in ScanPair.objects.filter(patient__in=patients):
        pair = wanted.pop(row.patient_id, None)
        if row.chosen_by_id is not None:
            continue
        if pair is None:
            stale.append(row.pk)
        elif pair != (row.baseline_id, row.follow_up_id):
            row.baseline_id, row.follow_up_id = pair
            changed.append(row)
    ScanPair.objects.filter(pk__in=stale).delete()
    ScanPair.objects.bulk_update(changed, ["baseline", "follow_up"], batch_size=200)
    ScanPair.objects.bulk_create(
        [ScanPair(patient_id=p, baseline_id=b, follow_up_id=f) for p, (b, f) in wanted.items()]
    )


def chosen_exams(patients: Chunk) -> dict[int, tuple[int, int]]:
    """Exams of baseline and follow-up of those patients whose pair a person chose."""
    rows = ScanPair.objects.filter(patient__in=patients, chosen_by__isnull=False)
    return {
        patient: (baseline, follow_up)
        for patient, baseline, follow_up in rows.values_list(
            "patient_id", "baseline__exam_id", "follow_up__exam_id"
        )
    }


def adequate_beside(series: Series) -> QuerySet[Series]:
    """The other adequate series of a series' exam, the best first, as the rule ranks them."""
    return (
        Series.objects.filter(exam=series.exam_id, state=Series.State.ACCEPTED, sagittal_t2_cervical=True)
        .exclude(pk=series.pk)
        .order_by("-slices", "row_spacing", "pk")
    )


@transaction.atomic
def choose(*, patient: Patient, baseline: str, follow_up: str, reason: str, by: User) -> ScanPair:
    """Override the rule for one patient, and let the patient's place in the flow follow.

    Raises
    ------
    RuleViolation
        Unless both are accepted series of this patient, baseline comes first, and they lie far enough apart.
    """
    from cohort import flow  # it imports this module

    if not reason.strip():
        raise RuleViolation("A choice of scans needs a reason.", code="reason_missing")
    patient = Patient.objects.select_for_update().get(pk=patient.pk)
    found = {
        series.series_uid: series
        for series in Series.objects.filter(
            series_uid__in=[baseline, follow_up], exam__patient=patient, state=Series.State.ACCEPTED
        ).select_related("exam")
    }
    if {baseline, follow_up} - found.keys():
        raise RuleViolation("Both must be accepted series of this patient.", code="not_this_patients")
    first, last = found[baseline].exam, found[follow_up].exam
    if first is None or last is None or first.date >= last.date:
        raise RuleViolation("Baseline must be earlier than follow-up.", code="wrong_order")
    if not criteria.long_enough(first.date, last.date, flow.current_interval()):
        raise RuleViolation(
            f"They lie {(last.date - first.date).days} days apart; "
            f"the study asks for {flow.current_interval()}.",
            code="short_interval",
        )
    pair, _ = ScanPair.objects.update_or_create(
        patient=patient,
        defaults={
            "baseline": found[baseline],
            "follow_up": found[follow_up],
            "chosen_by": by,
            "reason": reason.strip(),
        },
    )
    flow.refresh([patient])
    _remember("choose_scan_pair", patient, baseline, follow_up, reason=reason, by=by)
    return pair


@transaction.atomic
def restore_rule(*, patient: Patient, reason: str, by: User) -> ScanPair | None:
    """Take back the lead's choice: the rule chooses again, and may find no pair (None).

    Raises
    ------
    RuleViolation
        If nobody chose by hand, or without a reason.
    """
    from cohort import flow

    if not reason.strip():
        raise RuleViolation("Going back to the rule needs a reason.", code="reason_missing")
    patient = Patient.objects.select_for_update().get(pk=patient.pk)
    if not ScanPair.objects.filter(patient=patient, chosen_by__isnull=False).delete()[0]:
        raise RuleViolation("The rule's choice stands already.", code="not_overridden")
    flow.refresh([patient])
    _remember("restore_scan_rule", patient, "", "", reason=reason, by=by)
    return ScanPair.objects.filter(patient=patient).first()


def _remember(verb: str, patient: Patient, baseline: str, follow_up: str, *, reason: str, by: User) -> None:
    choice = ScanChoice.objects.create(
        patient=patient, baseline=baseline, follow_up=follow_up, reason=reason.strip(), chosen_by=by
    )
    trail.record(
        verb,
        patient,
        by=by,
        choice=choice.pk,
        patient=patient.pseudonym,
        baseline=baseline,
        follow_up=follow_up,
    )
