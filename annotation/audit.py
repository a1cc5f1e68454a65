"""The audit trail: append-only (database triggers, see ``protection``) and hash-chained.

Each row's hash covers the row and the hash before it, so a changed, inserted or removed row breaks
the chain at that row. Rows removed from the end leave a whole chain: only a copy of the newest hash kept
elsewhere, such as a backup's, shows that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from enum import IntEnum
from typing import Any

from django.db import connection, models
from django.utils import timezone

from annotation import protection, qualification_score, signature
from annotation.canonical import sha256
from annotation.models import (
    AuditEvent,
    Consensus,
    FinalLabel,
    QualificationAttempt,
    QualificationRead,
    Reading,
)
from config.accounts.models import User

#: What the first row is chained to.
GENESIS = "0" * 64


class Lock(IntEnum):
    """Advisory locks, in the order in which a transaction takes them: plan, a case's row, trail."""

    PLAN = 0x0D07_0001
    TRAIL = 0x0D07_0002


def hold(lock: Lock) -> None:
    """Wait until no other transaction holds this lock, then hold it until this one ends.

    SQLite needs none: its transactions start IMMEDIATE, so there is one writer at a time.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("A verb records itself inside its own transaction.")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [int(lock)])


def record(verb: str, on: models.Model, *, by: User | None, **detail: Any) -> AuditEvent:
    """Append one row. ``detail`` holds ids, states and hashes; never identities or grades."""
    hold(Lock.TRAIL)
    last = AuditEvent.objects.order_by("-pk").values_list("hash", flat=True).first()
    event = AuditEvent(
        at=timezone.now(),
        actor=by,
        verb=verb,
        object_type=on._meta.label_lower,
        object_id=str(on.pk),
        detail=detail,
        previous_hash=last or GENESIS,
    )
    event.hash = hash_of(event)
    event.save(force_insert=True)
    return event


def hash_of(event: AuditEvent) -> str:
    """sha256 over the canonical JSON of every column but the key and the hash itself."""
    return sha256(
        {
            "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "actor": event.actor_id,
            "verb": event.verb,
            "object_type": event.object_type,
            "object_id": event.object_id,
            "detail": event.detail,
            "previous_hash": event.previous_hash,
        }
    )


@dataclass(frozen=True)
class Check:
    """What a check of the whole trail found."""

    rows: int
    signed: int
    labels: int
    newest_hash: str
    #: One line per trigger, row, signature or label that fails; empty when all is whole.
    failures: list[str]


def check() -> Check:
    """Check the chain, every signature and label, and the triggers under them."""
    failures = [
        *(f"trigger {name}: missing" for name in protection.missing(connection)),
        *broken_rows(),
        *broken_seals(),
    ]
    last = AuditEvent.objects.order_by("-pk").first()
    return Check(
        rows=AuditEvent.objects.count(),
        signed=Reading.objects.exclude(state=Reading.State.DRAFT).count(),
        labels=FinalLabel.objects.count(),
        newest_hash=last.hash if last else GENESIS,
        failures=failures,
    )


def broken_rows() -> Iterator[str]:
    """Name each row whose content or place in the chain is not what it was when written."""
    previous = GENESIS
    for event in AuditEvent.objects.order_by("pk").iterator(chunk_size=2000):
        if event.previous_hash != previous:
            yield f"annotation.auditevent {event.pk}: does not follow the row before it"
        if hash_of(event) != event.hash:
            yield f"annotation.auditevent {event.pk}: content and hash differ"
        previous = event.hash


def broken_seals() -> Iterator[str]:
    """Name each signed or final record that is no longer what was signed, or that no audit row knows."""
    signed_as: dict[str, str] = {}
    decided_as: dict[str, str] = {}
    closed_as: dict[str, str] = {}
    for event in AuditEvent.objects.filter(verb__in=["sign_reading", "confirm_consensus"]).iterator():
        sealed = signed_as if event.verb == "sign_reading" else closed_as
        sealed[event.object_id] = event.detail["content_hash"]
        decided_as.update(event.detail.get("labels", {}))
    for reading in Reading.objects.exclude(state=Reading.State.DRAFT).select_related("assignment").iterator():
        if reading.signed_at is None or not reading.content_hash == signed_as.get(str(reading.pk)) == (
            signature.reading_hash(
                reading,
                signer_id=reading.assignment.reader_id,
                signed_at=reading.signed_at,
                meaning=reading.meaning,
            )
        ):
            yield f"annotation.reading {reading.pk}: not what was signed"
    for session in Consensus.objects.filter(outcome=Consensus.Outcome.AGREED).iterator():
        if (
            session.closed_at is None
            or session.closed_by_id is None
            or not (
                session.content_hash
                == closed_as.get(str(session.pk))
                == signature.consensus_hash(
                    session,
                    confirmed_by_id=session.closed_by_id,
                    confirmed_at=session.closed_at,
                    meaning=session.closed_meaning,
                )
            )
        ):
            yield f"annotation.consensus {session.pk}: not what was agreed"
    yield from _broken_qualification()
    for label in FinalLabel.objects.all():
        if signature.label_hash(label) != decided_as.pop(str(label.pk), None):
            yield f"annotation.finallabel {label.pk}: not what was decided"
    for pk in decided_as:
        yield f"annotation.finallabel {pk}: decided, and no longer there"
    there = {str(pk) for pk in Reading.objects.values_list("pk", flat=True)}
    for pk in sorted(set(signed_as) - there):
        yield f"annotation.reading {pk}: signed, and no longer there"


def _broken_qualification() -> Iterator[str]:
    signed_as = {
        event.object_id: event.detail["content_hash"]
        for event in AuditEvent.objects.filter(verb="sign_qualification").iterator()
    }
    for read in QualificationRead.objects.filter(state=QualificationRead.State.SIGNED).iterator():
        if read.signed_at is None or not read.content_hash == signed_as.pop(str(read.pk), None) == (
            signature.qualification_hash(read, signed_at=read.signed_at, meaning=read.meaning)
        ):
            yield f"annotation.qualificationread {read.pk}: not what was signed"
    for pk in sorted(signed_as):
        yield f"annotation.qualificationread {pk}: signed, and no longer there"
    ended = QualificationAttempt.objects.exclude(state=QualificationAttempt.State.OPEN)
    for attempt in ended.order_by("pk"):
        found = qualification_score.results(attempt.scans(), attempt.marks)
        passed = all(result["passed"] for result in found.values())
        if found != attempt.results or passed != (attempt.state == QualificationAttempt.State.PASSED):
            yield f"annotation.qualificationattempt {attempt.pk}: not what its reads come to"
