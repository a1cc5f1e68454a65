"""Electronic signatures (21 CFR 11.50, 11.70, 11.200): who, when, what it means, of exactly which content."""

from __future__ import annotations

from datetime import UTC, datetime

from django.contrib.auth import authenticate
from rest_framework.request import Request
from rest_framework.serializers import ValidationError

from annotation.canonical import sha256
from annotation.models import Consensus, FinalLabel, QualificationRead, Reading
from config.exceptions import RuleViolation

#: What a reader's signature says unless they say otherwise.
MEANING = "I read these images independently and these scores are mine."
#: The same of an observer's signature in the consensus room, by what it does.
PROPOSES = "I propose this as our one read of the case."
CONFIRMS = "I agree with this read, which becomes final with my signature."
DECLINES = "We cannot agree on one read of this case."


def require_password(request: Request, password: str) -> None:
    """The signer proves again to be the account's owner; failures count towards the lockout.

    This is the one place that checks it: verbs below the views trust their ``by``.
    """
    user = authenticate(request._request, username=request.user.get_username(), password=password)
    if user is None or user.pk != request.user.pk:
        raise ValidationError(
            {"password": ["The password is not right, or the account is locked for a while."]}
        )


def require_meaning(meaning: str) -> None:
    if not meaning.strip():
        raise RuleViolation("A signature says what it means.", code="meaning_missing")


def reading_hash(reading: Reading, *, signer_id: int, signed_at: datetime, meaning: str) -> str:
    """sha256 over the canonical JSON of what is signed and of the signature itself.

    Bound: the assignment and version, content, measurements, categories, rubric version, the signer's
    user id, the time (UTC, microseconds) and the meaning. Any later edit voids it; ``verify_audit`` tells.
    """
    return sha256(
        {
            "assignment": reading.assignment_id,
            "version": reading.version,
            "content": reading.content,
            "measurements": reading.measurements,
            "categories": reading.categories,
            "rubric_version": reading.rubric_version,
            "signer": signer_id,
            "signed_at": _utc(signed_at),
            "meaning": meaning,
        }
    )


def qualification_hash(read: QualificationRead, *, signed_at: datetime, meaning: str) -> str:
    """As :func:`reading_hash`, of a phantom case; bound to it, to the reader and to the attempt."""
    return sha256(
        {
            "qualification_case": read.case_id,
            "attempt": read.attempt_id,
            "content": read.content,
            "measurements": read.measurements,
            "categories": read.categories,
            "rubric_version": read.rubric_version,
            "signer": read.reader_id,
            "signed_at": _utc(signed_at),
            "meaning": meaning,
        }
    )


def consensus_hash(session: Consensus, *, confirmed_by_id: int, confirmed_at: datetime, meaning: str) -> str:
    """As :func:`reading_hash`, over the agreed content, the case and both signatures.

    ``meaning`` is the confirmation's. Sessions that were agreed before meanings were kept have none, and
    their hash is as it was then; to take a meaning off a newer one, or give an older one some, breaks it.
    """
    assert session.proposed_at is not None  # the database refuses an agreement without a proposal
    signed = {
        "case": session.case_id,
        "content": session.content,
        "revision": session.revision,
        "proposed_by": session.proposed_by_id,
        "proposed_at": _utc(session.proposed_at),
        "confirmed_by": confirmed_by_id,
        "confirmed_at": _utc(confirmed_at),
    }
    if meaning or session.proposed_meaning:
        signed |= {"proposed_meaning": session.proposed_meaning, "confirmed_meaning": meaning}
    return sha256(signed)


def label_hash(label: FinalLabel) -> str:
    """sha256 over a final label and the signed readings it rests on; kept in the audit trail."""
    return sha256(
        {
            "scan": label.scan_id,
            "category": label.category,
            "grades": label.grades,
            "how": label.how,
            "charter": label.charter_id,
            "decided_at": _utc(label.decided_at),
            "readings": sorted(label.readings.values_list("content_hash", flat=True)),
        }
    )


def _utc(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="microseconds")
