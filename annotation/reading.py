"""The reader's verbs: save a draft, sign it, amend what was signed.

Each is one transaction with the case's row locked, and one audit row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from annotation import (
    adjudication,
    audit,
    charter,
    consensus,
    labels,
    qualified,
    read_plan,
    rubric,
    transitions,
)
from annotation.measurements import wrong_with
from annotation.models import Assignment, Case, FinalLabel, QualificationRead, Reading
from annotation.signature import MEANING, reading_hash, require_meaning
from annotation.transitions import Act
from config.accounts.models import User
from config.exceptions import RuleViolation

#: States in which an observer may change or withdraw a read without having seen the other's.
OPEN_TO_OBSERVERS = (Case.State.AWAITING_READS, Case.State.LEAD_REVIEW)


def current_reading(assignment: Assignment) -> Reading | None:
    """The reading in force: the draft or the signed one; None before the first save."""
    return assignment.readings.exclude(state=Reading.State.SUPERSEDED).first()


def scan_keys(case: Case) -> tuple[str, ...]:
    return tuple(scan.key for scan in case.scans.all())


def save_draft(
    *,
    assignment: Assignment,
    by: User,
    revision: int,
    content: Mapping[str, Any],
    measurements: Sequence[Mapping[str, Any]] = (),
    active_seconds: float = 0,
) -> Reading:
    """Save a draft over the ``revision`` it was made from (0: there is none yet).

    ``active_seconds`` are those since the last save: two tabs add to the time, neither overwrites it.

    Raises
    ------
    RuleViolation
        ``stale_draft`` with the newer draft if another tab saved in between; ``already_signed``;
        ``bad_content`` if the content does not fit the rubric or the case.
    """
    with transaction.atomic():
        case = _lock_for(assignment, by)
        check_content(content, measurements, _slices(case))
        changes = {
            "revision": revision + 1,
            "content": content,
            "measurements": list(measurements),
            "saved_at": timezone.now(),
        }
        drafts = assignment.readings.filter(state=Reading.State.DRAFT, revision=revision)
        reading = current_reading(assignment)
        if reading is None and revision == 0:
            reading = Reading.objects.create(
                assignment=assignment, rubric_version=rubric.VERSION, active_seconds=active_seconds, **changes
            )
        elif (
            reading is None
            or drafts.update(**changes, active_seconds=F("active_seconds") + active_seconds) != 1
        ):
            raise conflict(reading)
        else:
            reading.refresh_from_db()
        audit.record("save_draft", reading, by=by, assignment=assignment.pk, revision=reading.revision)
    return reading


def sign_reading(
    *,
    assignment: Assignment,
    by: User,
    revision: int,
    meaning: str = MEANING,
    active_seconds: float = 0,
) -> Reading:
    """Sign the draft at ``revision``; what follows for the case happens in the same transaction.

    ``active_seconds`` are those since the last save.

    The caller has checked the signer's password (``signature.require_password``).

    Raises
    ------
    RuleViolation
        ``incomplete`` with what is missing; ``stale_draft``; ``already_signed``.
    """
    with transaction.atomic():
        case = _lock_for(assignment, by)
        keys = scan_keys(case)
        reading = current_reading(assignment)
        if reading is None and revision != 0:
            raise conflict(None)
        if reading is None:
            raise incomplete({}, keys)
        check_signable(reading, revision, keys, meaning)
        reading.categories = rubric.categories(reading.content, keys)
        signed_at = timezone.now()
        content_hash = reading_hash(reading, signer_id=by.pk, signed_at=signed_at, meaning=meaning)
        seal(
            reading,
            signed_at=signed_at,
            meaning=meaning,
            content_hash=content_hash,
            active_seconds=active_seconds,
        )
        if assignment.kind == Assignment.Kind.ADJUDICATION:
            outcome = adjudication.conclude(case=case, assignment=assignment, reading=reading, by=by)
        elif assignment.kind == Assignment.Kind.REREAD:
            transitions.advance(case, Act.REREAD)
            outcome = {"state": case.state}
        else:
            outcome = settle(case=case, by=by)
        audit.record(
            "sign_reading",
            reading,
            by=by,
            assignment=assignment.pk,
            version=reading.version,
            content_hash=content_hash,
            case=case.pk,
            **outcome,
        )
    return reading


def amend_reading(*, assignment: Assignment, by: User, reason: str) -> Reading:
    """Open a signed read again as a new draft version; the signed one stays, superseded.

    Only an observer's own read, and only before the two reads have been compared: afterwards an
    amendment would no longer be independent, or would change a label. A re-read follows the same rule,
    or it could be told from a first read.
    """
    with transaction.atomic():
        case = _lock_for(assignment, by)
        if not reason.strip():
            raise RuleViolation("An amendment needs a reason.", code="reason_missing")
        signed = assignment.readings.filter(state=Reading.State.SIGNED).first()
        # Before the state of the case, which tells an open re-read from an open first read.
        if signed is None and assignment.kind != Assignment.Kind.ADJUDICATION:
            raise RuleViolation("There is no signed read to amend.", code="not_signed")
        if (
            signed is None
            or assignment.kind == Assignment.Kind.ADJUDICATION
            or case.state not in OPEN_TO_OBSERVERS
        ):
            raise RuleViolation("This read can no longer be amended.", code="not_amendable")
        draft = supersede(signed, reason=reason.strip())
        is_first = assignment.kind == Assignment.Kind.READ
        outcome = settle(case=case, by=by) if is_first else {"state": case.state}
        audit.record(
            "amend_reading",
            draft,
            by=by,
            assignment=assignment.pk,
            supersedes=signed.pk,
            case=case.pk,
            **outcome,
        )
    return draft


def supersede(signed: Reading, *, reason: str, empty: bool = False) -> Reading:
    """Replace a signed reading by a draft of the next version, inside the caller's transaction."""
    if (
        Reading.objects.filter(pk=signed.pk, state=Reading.State.SIGNED).update(
            state=Reading.State.SUPERSEDED
        )
        != 1
    ):
        raise RuleViolation("There is no signed read to amend.", code="not_signed")
    return Reading.objects.create(
        assignment_id=signed.assignment_id,
        version=signed.version + 1,
        # Counted on: a page still open on the signed version must not save over this one.
        revision=signed.revision + 1,
        content={} if empty else signed.content,
        measurements=[] if empty else signed.measurements,
        active_seconds=0 if empty else signed.active_seconds,
        amendment_reason=reason,
        rubric_version=rubric.VERSION,
        saved_at=timezone.now(),
    )


def settle(*, case: Case, by: User) -> dict[str, Any]:
    """Compare what the observers have signed so far and move the case accordingly."""
    reads = list(
        Reading.objects.filter(assignment__case=case, assignment__kind=Assignment.Kind.READ, state="signed")
        .select_related("assignment__reader")
        .order_by("assignment_id")
    )
    planned = case.assignments.filter(kind=Assignment.Kind.READ, withdrawn_at__isnull=True).count()
    made: dict[str, Any] = {}
    if any(rubric.is_unreadable(scores) for read in reads for scores in read.content.values()):
        transitions.advance(case, Act.FIND_UNREADABLE)
    elif len(reads) < planned:
        transitions.advance(case, Act.AWAIT)
    elif not is_discrepant(reads, charter.terms_of(case.charter).discrepancy_rule):
        transitions.advance(case, Act.CONCUR)
        decided = labels.decide(
            case=case,
            how=FinalLabel.How.CONCORDANT,
            grades={key: labels.common_grades(reads, key) for key in scan_keys(case)},
            categories=reads[0].categories,
            readings=reads,
            by=by,
        )
        made["labels"] = labels.hashes(decided)
        if read_plan.is_sham(case, charter.terms_of(case.charter)):
            read_plan.refer(case, sham=True)
    elif charter.terms_of(case.charter).consensus and all(read.assignment.reader.is_active for read in reads):
        # An observer who has left cannot meet the other.
        transitions.advance(case, Act.MEET)
        made["consensus"] = consensus.open_session(case=case, reads=reads).pk
    else:
        transitions.advance(case, Act.REFER)
        read_plan.refer(case, sham=False)
    return {"state": case.state, **made}


def is_discrepant(reads: Sequence[Reading], rule: str) -> bool:
    """Whether complete reads of one case differ under the charter's rule."""
    first, *others = reads
    if rule == "category":
        return any(read.categories != first.categories for read in others)
    return any(
        read.content[scan]["grades"] != scores["grades"]
        for read in others
        for scan, scores in first.content.items()
    )


def _lock_for(assignment: Assignment, by: User) -> Case:
    case = transitions.lock(assignment.case_id)
    if not Assignment.objects.filter(pk=assignment.pk, reader=by, withdrawn_at__isnull=True).exists():
        raise RuleViolation("This case is not assigned to you.", code="not_yours")
    # Who has signed is told the same as ever: why a case is closed may be what the other reader saw.
    signed = assignment.readings.filter(state=Reading.State.SIGNED)
    if case.state == Case.State.CLOSED and not signed.exists():
        raise RuleViolation("This case is closed.", code="wrong_state")
    qualified.require(by, case.charter)
    return case


def _slices(case: Case) -> dict[str, list[int]]:
    return {scan.key: [series.slices for series in scan.shown_series()] for scan in case.scans_with_series()}


def check_content(
    content: Mapping[str, Any], measurements: Sequence[Mapping[str, Any]], slices: Mapping[str, Sequence[int]]
) -> None:
    """Refuse a draft that does not fit the rubric or the scans; ``slices`` of each series, by scan key.

    Raises
    ------
    RuleViolation
        ``bad_content`` with a reason for each field.
    """
    wrong = rubric.check_draft(content, tuple(slices))
    for number, measurement in enumerate(measurements):
        scan = measurement.get("scan", "")
        if scan not in slices:
            wrong[f"measurements.{number}.scan"] = rubric.NO_SUCH_SCAN
        else:
            place = measurement.get("series", 0), measurement.get("slice", -1)
            wrong |= _off_stack(
                slices[scan], *place, f"measurements.{number}.series", f"measurements.{number}.slice"
            )
        for field, reason in wrong_with(measurement).items():
            wrong[f"measurements.{number}.{field}"] = reason
    for scan, scores in content.items():
        if scan not in slices:
            continue
        wrong |= _off_stack(slices[scan], scores.get("series", 0), 0, f"{scan}.series", "")
        series_of = scores.get("key_series", {})
        for finding, index in scores.get("key_slices", {}).items():
            fields = f"{scan}.key_series.{finding}", f"{scan}.key_slices.{finding}"
            wrong |= _off_stack(slices[scan], series_of.get(finding, 0), index, *fields)
    if wrong:
        raise RuleViolation("The draft does not fit the rubric.", code="bad_content", fields=wrong)


def _off_stack(
    slices: Sequence[int], series: int, index: int, series_field: str, field: str
) -> dict[str, str]:
    """What is wrong with a place in a scan whose series have so many slices."""
    if not 0 <= series < len(slices):
        return {series_field: f"the scan has series 0 to {len(slices) - 1}"}
    if not 0 <= index < slices[series]:
        return {field: f"the scan has slices 0 to {slices[series] - 1}"}
    return {}


def check_signable(
    reading: Reading | QualificationRead, revision: int, keys: tuple[str, ...], meaning: str
) -> None:
    """Refuse to sign anything but the whole draft that the signer saw, with a meaning.

    Raises
    ------
    RuleViolation
        ``already_signed``, ``stale_draft``, ``incomplete`` with what is missing, ``meaning_missing``.
    """
    if reading.state != Reading.State.DRAFT or reading.revision != revision:
        raise conflict(reading)
    if rubric.missing(reading.content, keys):
        raise incomplete(reading.content, keys)
    require_meaning(meaning)


def incomplete(content: Mapping[str, Any], keys: tuple[str, ...]) -> RuleViolation:
    return RuleViolation(
        "Some findings still need a grade.", code="incomplete", missing=rubric.missing(content, keys)
    )


def seal(
    reading: Reading | QualificationRead,
    *,
    signed_at: datetime,
    meaning: str,
    content_hash: str,
    active_seconds: float,
) -> None:
    """Close a draft with its ``categories``, unless it was saved or signed elsewhere since it was read."""
    rows = type(reading)._default_manager.filter(pk=reading.pk)
    won = rows.filter(state=Reading.State.DRAFT, revision=reading.revision).update(
        state=Reading.State.SIGNED,
        categories=reading.categories,
        signed_at=signed_at,
        meaning=meaning,
        content_hash=content_hash,
        active_seconds=F("active_seconds") + active_seconds,
    )
    reading.refresh_from_db()
    if won != 1:
        raise conflict(reading)


def conflict(reading: Reading | QualificationRead | None) -> RuleViolation:
    """Why a save or a signature over an older revision is refused, with what is there now."""
    if reading is not None and reading.state == Reading.State.SIGNED:
        return RuleViolation("This read is signed already.", code="already_signed")
    return RuleViolation(
        "This read was saved elsewhere in the meantime; nothing was overwritten.",
        code="stale_draft",
        current={
            "revision": reading.revision if reading else 0,
            "content": reading.content if reading else {},
            "measurements": reading.measurements if reading else [],
        },
    )
