"""What stands behind a final label: who could see what, when – computed from records, never stated."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from annotation import image_access, signature
from annotation.canonical import sha256
from annotation.models import Assignment, AuditEvent, Consensus, FinalLabel, Reading

Event = dict[str, Any]


def attestation(label: FinalLabel) -> dict[str, Any]:
    """One label's readers, the time line of what each was shown, and the checks on it.

    A check's ``passed`` is None where no record speaks: a read signed without an opening of the images
    on record was made by a program, as the simulated readers' are.
    """
    case = label.scan.case
    events = _events(label)
    opened_at = _session_opened(events)
    readings = list(label.readings.select_related("assignment__reader").order_by("pk"))
    checks = list(_checks(label, readings, events, opened_at))
    page = {
        "label": label.pk,
        "case": case.pk,
        "scan": label.scan.key,
        "charter": {"version": label.charter.version, "hash": label.charter.hash},
        "readers": [_reader(reading, events, opened_at) for reading in readings],
        "timeline": sorted(_timeline(label, readings, events), key=lambda row: (row["at"], row["what"])),
        "checks": checks,
        "holds": all(check["passed"] is not False for check in checks),
    }
    return {**page, "hash": sha256(_plain(page))}


def _events(label: FinalLabel) -> list[AuditEvent]:
    """The audit rows that speak of this case or of images of this scan."""
    case = label.scan.case
    assignments = [str(pk) for pk in case.assignments.values_list("pk", flat=True)]
    of_case = AuditEvent.objects.filter(detail__case=case.pk)
    of_images = AuditEvent.objects.filter(verb=image_access.VERB, object_id__in=assignments)
    of_series = AuditEvent.objects.filter(
        verb=image_access.VERB, object_type="cohort.series", object_id=str(label.scan.series_id)
    )
    return list((of_case | of_images | of_series).select_related("actor").order_by("pk"))


def _session_opened(events: list[AuditEvent]) -> datetime | None:
    """When the two reads were first shown to both observers: the signature that opened the session."""
    return next((e.at for e in events if e.verb in _SETTLING and "consensus" in e.detail), None)


_SETTLING = ("sign_reading", "amend_reading", "resolve_review")


def _openings(events: list[AuditEvent], assignment: Assignment) -> list[datetime]:
    return [
        event.at
        for event in events
        if event.verb == image_access.VERB
        and event.object_type == Assignment._meta.label_lower
        and event.object_id == str(assignment.pk)
    ]


def _reader(reading: Reading, events: list[AuditEvent], opened_at: datetime | None) -> dict[str, Any]:
    row = reading.assignment
    observer = row.kind == Assignment.Kind.READ
    shown = ["the images, with no name, date or place", "their own drafts"]
    return {
        "reader": row.reader.username,
        "kind": row.kind,
        "assigned_at": row.created_at,
        "opened_images": _openings(events, row),
        "signed_at": reading.signed_at,
        "version": reading.version,
        "content_hash": reading.content_hash,
        "could_see_until_signing": shown,
        "could_see_others_from": opened_at if observer else None,
    }


def _timeline(label: FinalLabel, readings: list[Reading], events: list[AuditEvent]) -> Iterator[Event]:
    case = label.scan.case
    for row in case.assignments.select_related("reader").order_by("pk"):
        kind = {"read": "an independent read", "reread": "a re-read", "adjudication": "an adjudication"}
        control = ", as a control" if row.sham else ""
        yield _line(row.created_at, row.reader.username, f"was given the case for {kind[row.kind]}{control}")
        if row.withdrawn_at:
            yield _line(row.withdrawn_at, row.reader.username, "left; the case was withdrawn")
    words = {
        image_access.VERB: "was given the images",
        "sign_reading": "signed",
        "amend_reading": "opened their signed read again",
        "save_consensus": "edited the agreed form",
        "propose_consensus": "proposed the agreed form",
        "confirm_consensus": "confirmed the agreed form",
        "decline_consensus": "declared no consensus",
        "resolve_review": "decided what a reader had put to the lead",
    }
    for event in events:
        if event.verb in words:
            name = event.actor.username if event.actor else "the system"
            yield _line(event.at, name, words[event.verb], event.pk)
        if event.verb in _SETTLING and "consensus" in event.detail:
            yield _line(event.at, "the system", "opened both reads to the two observers", event.pk)
    yield _line(label.decided_at, "the system", f"decided the label: {label.get_how_display().lower()}")


def _line(at: datetime, who: str, what: str, event: int | None = None) -> Event:
    return {"at": at, "who": who, "what": what, "event": event}


def _checks(
    label: FinalLabel, readings: list[Reading], events: list[AuditEvent], opened_at: datetime | None
) -> Iterator[dict[str, Any]]:
    observers = [r for r in readings if r.assignment.kind == Assignment.Kind.READ]
    adjudicators = [r for r in readings if r.assignment.kind == Assignment.Kind.ADJUDICATION]
    last_signed = max((r.signed_at for r in observers if r.signed_at), default=None)

    def check(key: str, text: str, passed: bool | None) -> dict[str, Any]:
        return {"key": key, "text": text, "passed": passed}

    yield check(
        "two_observers",
        "Two different people read independently",
        len(observers) == 2 and len({r.assignment.reader_id for r in observers}) == 2,
    )
    yield check(
        "blind_to_each_other",
        "Each observer signed before either read was shown to the other",
        all(r.signed_at is not None and (opened_at is None or r.signed_at <= opened_at) for r in observers),
    )
    known = {r.pk: _openings(events, r.assignment) for r in readings}
    silent = [r for r in readings if not known[r.pk]]
    yield check(
        "opened_before_signing",
        "Each reader had been given the images before signing",
        None
        if silent
        else all(r.signed_at is not None and min(known[r.pk]) <= r.signed_at for r in readings),
    )
    if adjudicators:
        people = {r.assignment.reader_id for r in adjudicators}
        yield check(
            "adjudicator_apart",
            "The adjudicator was neither of the observers and was asked only after both had signed",
            not people & {r.assignment.reader_id for r in observers}
            and last_signed is not None
            and all(r.assignment.created_at >= last_signed for r in adjudicators),
        )
    if label.how == FinalLabel.How.CONSENSUS:
        session = Consensus.objects.get(case=label.scan.case_id)
        yield check(
            "agreed_by_two",
            "The agreed read was proposed by one observer and confirmed by the other",
            {session.proposed_by_id, session.closed_by_id} == {r.assignment.reader_id for r in observers},
        )
    yield check(
        "signatures",
        "Every signature still fits what was signed",
        all(
            r.signed_at is not None
            and r.content_hash
            == signature.reading_hash(
                r, signer_id=r.assignment.reader_id, signed_at=r.signed_at, meaning=r.meaning
            )
            for r in readings
        ),
    )
    sealed = [e.detail["labels"].get(str(label.pk)) for e in events if "labels" in e.detail]
    yield check(
        "label_sealed",
        "The label is the one that the audit trail recorded",
        signature.label_hash(label) in sealed,
    )


def _plain(value: Any) -> Any:
    """Times as text, so that the whole can be hashed."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return value.isoformat() if isinstance(value, datetime) else value
