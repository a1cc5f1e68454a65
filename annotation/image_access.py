"""Who was given which images, and when: one audit row for each opening of a case."""

from __future__ import annotations

from datetime import timedelta

from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from annotation import audit
from annotation.models import Assignment, AuditEvent

VERB = "open_images"
#: Requests within this time after the first belong to the same opening.
OPENING = timedelta(minutes=30)


def note(assignment: Assignment) -> None:
    """Record that the reader was given this case's images, unless this opening is on record already.

    Called wherever image addresses, metadata or pixels leave. A frame costs a look into this process's
    memory; the database is asked once per process and opening, and written to once per opening.
    """
    key = f"{VERB}:{assignment.code}"
    if cache.get(key):
        return
    if not _on_record(assignment):
        scans = {
            scan.key: {"series": own.series_uid, "images": own.slices}
            | ({"others": {one.series_uid: one.slices for one in others}} if others else {})
            for scan in assignment.case.scans_with_series()
            for own, *others in [scan.shown_series()]
        }
        with transaction.atomic():
            audit.hold(audit.Lock.TRAIL)  # before looking again: of two requests at once, one records
            if not _on_record(assignment):
                audit.record(VERB, assignment, by=assignment.reader, case=assignment.case_id, scans=scans)
    cache.set(key, True, OPENING.total_seconds())


def _on_record(assignment: Assignment) -> bool:
    return AuditEvent.objects.filter(
        verb=VERB,
        object_type=Assignment._meta.label_lower,
        object_id=str(assignment.pk),
        actor=assignment.reader_id,
        at__gte=timezone.now() - OPENING,
    ).exists()
