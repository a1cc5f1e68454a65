"""Which exam of the export a series belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from cohort import criteria
from cohort.deidentify import parse_date
from cohort.models import Exam, Patient, Series
from cohort.pseudonyms import study_pseudonyms
from cohort.recognition import Recognition

#: An export may carry the day of the order or of the report.
MAX_DAYS_APART = 31


@dataclass(frozen=True)
class Match:
    """``exam`` may be unsaved (none matched: made from the images) or None (no date to make one)."""

    exam: Exam | None
    date_differs: bool = False


def find_exam(patient: Patient, series: Series, metadata: Mapping[str, Any]) -> Match:
    """By accession number; else the one MR exam of the same day; else a new one made from the images.

    Parameters
    ----------
    metadata
        DICOM JSON of any of the series' de-identified slices: dates there are shifted as in the export.
    """
    day = _study_day(metadata)
    if series.exam_pseudonym:
        exam = Exam.objects.filter(patient=patient, pseudonym=series.exam_pseudonym).first()
        if exam is not None:
            return Match(exam, day is not None and abs((exam.date - day).days) > MAX_DAYS_APART)
    if day is None:
        return Match(None)
    same_day = [e for e in Exam.objects.filter(patient=patient, date=day) if criteria.is_mr(e.modality)]
    # Brain and neck on one day are common: the neck it is, if the export says which.
    cervical = [e for e in same_day if criteria.is_cervical(e.body_part)]
    for exams in (cervical, same_day):
        if exams:
            return Match(exams[0])
    # Of the study when there is no accession number; both are keyed by patient, so no two patients meet.
    study = series.exam_pseudonym or study_pseudonyms().exam(patient.pseudonym, series.study_uid)
    found = Exam.objects.filter(patient=patient, pseudonym=study).first()
    if found is not None:
        return Match(found)
    body_part = "CSPINE" if series.sagittal_t2_cervical else _text(metadata, "00180015")
    return Match(Exam(patient=patient, pseudonym=study, date=day, modality="MR", body_part=body_part))


def attach(series: Series, patient: Patient, exam: Exam, metadata: Mapping[str, Any]) -> None:
    """Make a series an accepted one of this exam. The caller saves the series."""
    if exam.pk is None:
        exam.save()
    series.exam = exam
    series.state = Series.State.ACCEPTED
    found = Recognition.explained(series.recognition, series.slices).of_exam(exam.body_part)
    series.sagittal_t2_cervical, series.recognition = found.sagittal_t2_cervical, found.explain()
    if _text(metadata, "0008001C") == "YES" and not patient.phantom:  # SyntheticData
        patient.phantom = True
        patient.save(update_fields=["phantom"])


def _study_day(metadata: Mapping[str, Any]) -> date | None:
    for tag in ("00080020", "00080021", "00080022", "00080023"):  # study, series, acquisition, content
        day = parse_date(_text(metadata, tag))
        if day:
            return day
    return None


def _text(metadata: Mapping[str, Any], tag: str) -> str:
    values = metadata.get(tag, {}).get("Value") or [""]
    return str(values[0])
