"""Series that wait for a person or for a later delivery: why, and the two ways out."""

from __future__ import annotations

from django.db import transaction

from cohort import flow, matching, pacs
from cohort.models import ImportBatch, Patient, Series
from config.accounts.models import User
from config.exceptions import RuleViolation

#: Code → what the lead reads. The first group is asked again at release, the second needs a reason.
REASONS = {
    "unknown_patient": "The patient is not in the cohort.",
    "no_exam": "No exam of the export matches, and the images carry no date to make one.",
    "exam_date_differs": "The exam with this accession number has another date in the export.",
    "secondary_capture": "A secondary capture: text may be burned into the pixels.",
    "burned_in": "BurnedInAnnotation says that the pixels may identify a person.",
    "maybe_incomplete": "The slice numbers have a hole: a slice at an end of the stack may be missing.",
}
NEEDS_REASON = frozenset({"exam_date_differs", "secondary_capture", "burned_in", "maybe_incomplete"})


def describe(codes: list[str]) -> str:
    return " ".join(REASONS[code] for code in codes)


@transaction.atomic
def release(*, series: Series, by: User | None, reason: str = "") -> Series:
    """Let a series join its patient and exam, if both are known by now.

    Raises
    ------
    RuleViolation
        If the patient is still unknown or no exam can be told, or if what held it back must be waived and no
        reason is given.
    """
    series = Series.objects.select_for_update().get(pk=series.pk)
    if series.state != Series.State.QUARANTINED:
        raise RuleViolation("This series is not in quarantine.", code="not_quarantined")
    waived = [code for code in series.quarantine_codes if code in NEEDS_REASON]
    patient = Patient.objects.filter(pseudonym=series.patient_pseudonym).first()
    if patient is None:
        raise RuleViolation(
            f"Patient {series.patient_pseudonym} is not in the cohort yet. Import the patient first.",
            code="unknown_patient",
        )
    if waived and not reason.strip():
        raise RuleViolation(f"Say why it may be released: {describe(waived)}", code="reason_needed")
    instance = series.instances.order_by("index").first()
    metadata = instance.metadata if instance else {}
    match = matching.find_exam(patient, series, metadata)
    if match.exam is None:
        raise RuleViolation(REASONS["no_exam"], code="no_exam")
    matching.attach(series, patient, match.exam, metadata)
    series.released_by, series.release_reason = by, reason.strip()
    series.save()
    flow.refresh([patient])
    return series


@transaction.atomic
def discard(*, series: Series, by: User | None) -> None:
    """Delete a quarantined series and its files; the delivery's record says that it happened.

    Raises
    ------
    RuleViolation
        For a series that is not in quarantine: accepted images are the study's evidence.
    """
    series = Series.objects.select_for_update().get(pk=series.pk)
    if series.state != Series.State.QUARANTINED:
        raise RuleViolation("Only a series in quarantine can be discarded.", code="not_quarantined")
    ImportBatch.objects.create(
        kind=ImportBatch.Kind.DICOM, created_by=by, summary={"discarded": 1, "series_uid": series.series_uid}
    )
    series.delete()
    # After the commit: a rolled-back row must keep its files; files without row are replaced or swept.
    transaction.on_commit(lambda: pacs.delete(series))
