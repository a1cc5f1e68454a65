"""What de-identification did to a patient's studies, attribute by attribute; never a value."""

from __future__ import annotations

import csv
import io
from typing import Any

from pydicom.datadict import dictionary_description, tag_for_keyword

from cohort import deidentify
from cohort.models import Patient, Series

TREATMENTS = ("removed", "replaced", "kept")


def report(patient: Patient) -> list[dict[str, Any]]:
    """By study, the union over its series: what was removed, replaced and kept. One query.

    Of quarantined series too: they are on the disk as well.
    """
    studies: dict[str, dict[str, Any]] = {}
    rows = Series.objects.filter(patient_pseudonym=patient.pseudonym).order_by("study_date", "pk")
    for row in rows.only("study_uid", "study_date", "series_uid", "deidentification"):
        study = studies.setdefault(
            row.study_uid,
            {
                "study_uid": row.study_uid,
                "study_date": row.study_date,
                "method": deidentify.METHOD,
                "profile_codes": [f"{code} {meaning}" for code, meaning in deidentify.PROFILE_CODES],
                "series": [],
                "private_removed": 0,
                **{treatment: set() for treatment in TREATMENTS},
            },
        )
        study["series"].append(row.series_uid)
        study["private_removed"] += row.deidentification.get("private_removed", 0)
        for treatment in TREATMENTS:
            study[treatment] |= set(row.deidentification.get(treatment, ()))
    for study in studies.values():
        for treatment in TREATMENTS:
            study[treatment] = [_attribute(name) for name in sorted(study[treatment])]
    return list(studies.values())


def _attribute(name: str) -> dict[str, str]:
    """A keyword, or a tag in brackets where the dictionary has none, with its name in words."""
    tag = tag_for_keyword(name)
    if tag is None:
        return {"keyword": "", "tag": name, "name": "Not in the dictionary"}
    shown = f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
    return {"keyword": name, "tag": shown, "name": dictionary_description(tag)}


def as_csv(patient: Patient) -> str:
    """One line for each study and attribute."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["study_uid", "study_date_shifted", "treatment", "tag", "keyword", "name"])
    for study in report(patient):
        head = [study["study_uid"], study["study_date"] or ""]
        for treatment in TREATMENTS:
            for attribute in study[treatment]:
                writer.writerow([*head, treatment, attribute["tag"], attribute["keyword"], attribute["name"]])
        if study["private_removed"]:
            writer.writerow([*head, "removed", "", "", f"{study['private_removed']} private attributes"])
    return buffer.getvalue()
