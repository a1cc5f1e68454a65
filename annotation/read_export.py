"""Signed reads given out: DICOM SR, JSON and CSV. Only of final cases, so nothing is unblinded.

Superseded versions stay behind: they are in the audit trail, and their successor is what counts.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from django.db.models import Prefetch, QuerySet
from pydicom.dataset import Dataset

from annotation import measurements, rubric
from annotation.models import Case, Reading, Scan
from annotation.structured_report import SignedRead, structured_report

#: Columns of the CSV before the grades: one row a scan of a read.
COLUMNS = (
    "pseudonym", "scan", "kind", "reader", "version", "rubric_version", "signed_at", "category", "quality",
    "exclusion_observation", "exclusion_text",
)  # fmt: skip
AFTER = (
    "mcrae_mm", "proposed_vertical_translocation", "atlantodental_mm", "retro_odontoid_mm", "comments",
    "active_seconds", "content_hash",
)  # fmt: skip
HEADER = (*COLUMNS, *rubric.BY_KEY, *AFTER)


def exportable() -> QuerySet[Reading]:
    """The signed readings of final cases, in the order of patients and readers."""
    scans = Prefetch("assignment__case__scans", Scan.objects.select_related("series"))
    return (
        Reading.objects.filter(state=Reading.State.SIGNED, assignment__case__state=Case.State.FINAL)
        .select_related("assignment__reader", "assignment__case__patient")
        .prefetch_related(scans)
        .order_by("assignment__case__patient__pseudonym", "assignment__case_id", "assignment_id")
    )


def as_json(reading: Reading) -> dict[str, Any]:
    """One reading with everything that was signed, and the signature."""
    assignment = reading.assignment
    return {
        "pseudonym": assignment.case.patient.pseudonym,
        "kind": assignment.kind,
        "reader": assignment.reader.username,
        "version": reading.version,
        "rubric_version": reading.rubric_version,
        "content": reading.content,
        "measurements": reading.measurements,
        "categories": reading.categories,
        "amendment_reason": reading.amendment_reason,
        "active_seconds": reading.active_seconds,
        "signature": {
            "signed_at": reading.signed_at.isoformat() if reading.signed_at else None,
            "meaning": reading.meaning,
            "content_hash": reading.content_hash,
        },
    }


def rows(reading: Reading) -> Iterator[list[Any]]:
    """One CSV row a scan, in the order of ``HEADER``. Named measurements: the last one made on the scan."""
    assignment = reading.assignment
    signed_at = reading.signed_at.isoformat() if reading.signed_at else ""
    for scan, scores in reading.content.items():
        last = {one["kind"]: one for one in reading.measurements if one["scan"] == scan}
        grades = scores.get("grades", {})
        comments = "; ".join(f"{key}: {text}" for key, text in scores.get("comments", {}).items() if text)
        yield [
            assignment.case.patient.pseudonym, scan, assignment.kind, assignment.reader.username,
            reading.version, reading.rubric_version, signed_at,
            reading.categories.get(scan) or "", scores.get("quality", ""),
            scores.get("exclusion_observation", ""), _plain(scores.get("exclusion_text", "")),
            *(grades.get(key, "") for key in rubric.BY_KEY),
            last.get("mcrae", {}).get("value", ""), last.get("mcrae", {}).get("proposed_grade", ""),
            *(last.get(kind, {}).get("value", "") for kind in ("atlantodental", "retro_odontoid")),
            _plain(comments), reading.active_seconds, reading.content_hash,
        ]  # fmt: skip


def _plain(text: str) -> str:
    """Free text that a spreadsheet will not run as a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def as_csv(readings: QuerySet[Reading]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    for reading in readings:
        writer.writerows(rows(reading))
    return text.getvalue()


def reports(reading: Reading) -> Iterator[tuple[str, Dataset]]:
    """(file name, SR) for each scan of a reading; the name tells patient, scan, reader and version."""
    assignment = reading.assignment
    assert reading.signed_at is not None
    for scan in assignment.case.scans.all():
        instances = [
            [Dataset.from_json(one.metadata) for one in series.instances.order_by("index")]
            for series in scan.shown_series()
        ]
        made = [one for one in reading.measurements if one["scan"] == scan.key]
        read = SignedRead(
            scan=scan.key,
            instances=instances,
            scores=reading.content.get(scan.key, {}),
            made=[one for one in made if one["kind"] in measurements.KINDS],
            category=reading.categories.get(scan.key),
            reader=assignment.reader.username,
            signed_at=reading.signed_at,
            meaning=reading.meaning,
            content_hash=reading.content_hash,
        )
        name = f"{assignment.case.patient.pseudonym}-{scan.key}-{assignment.pk}-v{reading.version}.dcm"
        yield name, structured_report(read)
