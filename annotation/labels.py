"""The final label of a scan: its own record, made once, never changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils import timezone

from annotation import rubric
from annotation.models import Assignment, Case, FinalLabel, Reading, Scan
from annotation.signature import label_hash
from cohort import flow
from cohort.models import Exclusion
from config.accounts.models import User


def common_grades(reads: Iterable[Reading], scan: str) -> dict[str, Any]:
    """Each finding's grade where all reads give the same one, else None."""
    given = [read.content[scan]["grades"] for read in reads]
    return {
        key: given[0][key] if all(grades[key] == given[0][key] for grades in given) else None
        for key in rubric.BY_KEY
    }


def decide(
    *,
    case: Case,
    how: FinalLabel.How,
    grades: Mapping[str, Mapping[str, Any]],
    categories: Mapping[str, str],
    readings: Iterable[Reading],
    by: User,
) -> list[FinalLabel]:
    """Write the final label of each of the case's scans, inside the transaction of the deciding verb.

    A baseline *case* leaves the study: that becomes an exclusion record of the cohort, so that the
    patient flow needs no labels.
    """
    decided = []
    readings = list(readings)
    for scan in case.scans.all():
        label = FinalLabel.objects.create(
            scan=scan,
            category=categories[scan.key],
            grades=dict(grades[scan.key]),
            how=how,
            charter=case.charter,
            decided_at=timezone.now(),
        )
        label.readings.set(readings)
        decided.append(label)
        if scan.key == Scan.Key.BASELINE and label.category == rubric.CASE:
            flow.exclude(
                patient=case.patient,
                step=Exclusion.Step.BASELINE_DEFORMITY,
                reason="baseline_deformity",
                source=Exclusion.Source.LABEL,
                by=by,
                note=f"Final label {label.pk}, {label.get_how_display().lower()}",
            )
    return decided


def hashes(decided: Iterable[FinalLabel]) -> dict[str, str]:
    """Label id → hash, as the audit row of the deciding verb keeps it."""
    return {str(label.pk): label_hash(label) for label in decided}


def observers_reads(case: Case) -> list[Reading]:
    """Both observers' signed readings in force, in the order of assignment."""
    return list(
        Reading.objects.filter(
            assignment__case=case, assignment__kind=Assignment.Kind.READ, state=Reading.State.SIGNED
        ).order_by("assignment_id")
    )
