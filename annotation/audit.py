"""The audit trail: append-only (database triggers, see ``protection``) and hash-chained.

Each row's hash covers the row and the hash before it, so a changed, inserted or removed row breaks
the chain at that row. Rows removed from the end leave a whole chain; the newest hash goes into every
label set's audit row, and the backup, for that.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import Any

from django.db import connection, models
from django.utils import timezone

from annotation.canonical import sha256
from annotation.models import AuditEvent
from config.accounts.models import User

#: What the first row is chained to.
GENESIS = "0" * 64
_LOCK_KEY = 0x0D0_7701D


def lock() -> None:
    """Make this transaction the only one that may extend the trail, until it ends.

    Everyone who records takes this lock last, after the case's row, so no two wait for each other.
    SQLite needs none: its transactions start IMMEDIATE, so there is one writer at a time.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("The audit trail is extended inside the transaction of what it records.")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK_KEY])


def record(verb: str, on: models.Model, *, by: User | None, **detail: Any) -> AuditEvent:
    """Append one row. ``detail`` holds ids, states and hashes; never identities or grades."""
    lock()
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


def broken_rows() -> Iterator[str]:
    """Name each row whose content or place in the chain is not what it was when written."""
    previous = GENESIS
    for event in AuditEvent.objects.order_by("pk").iterator(chunk_size=2000):
        if event.previous_hash != previous:
            yield f"annotation.auditevent {event.pk}: does not follow the row before it"
        if hash_of(event) != event.hash:
            yield f"annotation.auditevent {event.pk}: content and hash differ"
        previous = event.hash
