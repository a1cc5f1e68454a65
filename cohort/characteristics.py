"""What is known of each included patient, for tables: age, sex, serology, treatment, scans, scanner."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from typing import Any

from django.db.models import F

from cohort import criteria
from cohort.models import Exam, Exclusion, Patient, Series

DAYS_PER_YEAR = 365.25


def included() -> Iterator[dict[str, Any]]:
    """One mapping for each patient whom nothing excludes, by primary key; None where it is not known.

    Keys: patient (pk), site, sex, age, disease_years, age_at_diagnosis, rf, anti_ccp, infliximab,
    other_biologic, never_biologic, interval_years, cervical_mris, field_strength (T), manufacturer. Baseline
    and follow-up are the chosen pair's, else the first and last cervical MRI. Three queries.
    """
    leaving = Exclusion.objects.filter(leaving=True).values("patient")
    scans = _scans(leaving)
    rows = (
        Patient.objects.exclude(pk__in=leaving)
        .order_by("pk")
        .values(
            "pk", "site", "sex", "birth_date", "ra_diagnosis_date", "rf", "anti_ccp", "infliximab",
            "other_biologic",
            start=F("scan_pair__baseline__exam__date"),
            end=F("scan_pair__follow_up__exam__date"),
            field=F("scan_pair__baseline__field_strength"),
            maker=F("scan_pair__baseline__manufacturer"),
        )
    )  # fmt: skip
    for row in rows.iterator(chunk_size=2000):
        days = scans.get(row["pk"], [])
        start = row["start"] or (days[0] if days else None)
        end = row["end"] or (days[-1] if len(days) > 1 else None)
        biologics = (row["infliximab"], row["other_biologic"])
        yield {
            "patient": row["pk"],
            "site": row["site"] or None,
            "sex": row["sex"] or None,
            "age": _years(row["birth_date"], start),
            "age_at_diagnosis": _years(row["birth_date"], row["ra_diagnosis_date"]),
            "disease_years": _years(row["ra_diagnosis_date"], start),
            "rf": row["rf"],
            "anti_ccp": row["anti_ccp"],
            "infliximab": row["infliximab"],
            "other_biologic": row["other_biologic"],
            # One known use answers it; "never" needs both to be known.
            "never_biologic": False if True in biologics else None if None in biologics else True,
            "interval_years": _years(start, end),
            "cervical_mris": len(days),
            "field_strength": f"{row['field']:g} T" if row["field"] else None,
            "manufacturer": row["maker"] or None,
        }


def _scans(leaving: Any) -> dict[int, list[date]]:
    """Dates of each included patient's cervical MRIs, ascending."""
    seen = set(
        Series.objects.filter(state=Series.State.ACCEPTED, sagittal_t2_cervical=True)
        .exclude(exam__patient__in=leaving)
        .values_list("exam_id", flat=True)
    )
    found: dict[int, list[date]] = defaultdict(list)
    exams = Exam.objects.exclude(patient__in=leaving).order_by("date", "pk")
    for pk, patient, day, modality, part in exams.values_list(
        "pk", "patient_id", "date", "modality", "body_part"
    ):
        if pk in seen or (criteria.is_mr(modality) and criteria.is_cervical(part)):
            found[patient].append(day)
    return found


def _years(start: date | None, end: date | None) -> float | None:
    return (end - start).days / DAYS_PER_YEAR if start and end else None
