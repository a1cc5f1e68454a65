"""Training and qualification: phantom cases are made, read, signed and scored against their truth.

Each verb is one transaction and one audit row. Nothing here touches a case of the study.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.db.models import Count, F, QuerySet
from django.utils import timezone

from annotation import audit, charter, reading, rubric
from annotation.charter import Terms
from annotation.models import QualificationAttempt, QualificationCase, QualificationRead, QualificationScan
from annotation.qualification_score import FINDINGS, results
from annotation.signature import MEANING, qualification_hash
from cohort import pacs, phantom_series
from cohort.phantom import exercise
from config.accounts.models import User
from config.exceptions import RuleViolation

State = QualificationAttempt.State
Purpose = QualificationCase.Purpose
#: Most cases made at once: about an hour of one worker.
MOST = 600


class Act(StrEnum):
    """What can happen to an attempt."""

    #: A case of it was signed and others are still to be.
    GO_ON = "go_on"
    #: The last one was signed and every finding reached its mark.
    PASS = "pass"
    #: The last one was signed and some finding did not.
    FAIL = "fail"


TRANSITIONS: dict[tuple[str, Act], str] = {
    (State.OPEN, Act.GO_ON): State.OPEN,
    (State.OPEN, Act.PASS): State.PASSED,
    (State.OPEN, Act.FAIL): State.FAILED,
}


# --- Making cases


def make_cases(*, purpose: str, count: int, seed: int, by: User | None) -> list[QualificationCase]:
    """Add the next ``count`` cases of a seed's series; a worker draws them (``draw_waiting``).

    Raises
    ------
    RuleViolation
        ``bad_count`` or ``bad_seed``. Qualification cases come in whole blocks, in which their mix holds.
    """
    if not 1 <= count <= MOST:
        raise RuleViolation(f"From 1 to {MOST} cases can be made at once, not {count}.", code="bad_count")
    if purpose == Purpose.QUALIFICATION and count % exercise.BLOCK:
        raise RuleViolation(
            f"Qualification cases are made in multiples of {exercise.BLOCK}, within which no constant answer"
            f" comes near the truth; {count} is none.",
            code="bad_count",
        )
    if not 0 <= seed < 2**53:
        raise RuleViolation(f"A seed is a whole number from 0 to 2^53, not {seed}.", code="bad_seed")
    with transaction.atomic():
        audit.hold(audit.Lock.PLAN)  # of two leads at once, one makes the numbers after the other's
        first = QualificationCase.objects.filter(purpose=purpose, seed=seed).count()
        made = [
            QualificationCase.objects.create(purpose=purpose, seed=seed, number=first + k, made_by=by)
            for k in range(count)
        ]
        audit.record(
            "make_qualification_cases", made[0], by=by, purpose=purpose, cases=[case.pk for case in made]
        )
    return made


def waiting() -> QuerySet[QualificationCase]:
    """Cases that are still to be drawn."""
    return QualificationCase.objects.filter(scans__isnull=True)


def ready(purpose: str) -> QuerySet[QualificationCase]:
    return (
        QualificationCase.objects.filter(purpose=purpose)
        .annotate(drawn=Count("scans"))
        .filter(drawn__gt=0)
        .order_by("pk")
    )


def draw_waiting() -> int:
    """Draw every case that has no scans yet; returns how many. Two workers at once lose work, no more."""
    drawn = 0
    for case in waiting().order_by("pk"):
        if case.scans.exists():
            continue  # another worker was faster
        purposes = list(Purpose)
        patient = exercise.plan_case((case.seed, purposes.index(Purpose(case.purpose))), case.number)
        scans = phantom_series.draw(patient)
        drawn += _store(case, scans)
    return drawn


def _store(case: QualificationCase, scans: Sequence[phantom_series.DrawnScan]) -> bool:
    with pacs.writing():
        if case.scans.exists():
            return False
        first, second = scans
        with (
            pacs.staged(first.files, first.path),
            pacs.staged(second.files, second.path),
            transaction.atomic(),
        ):
            for scan in scans:
                QualificationScan.objects.create(
                    case=case,
                    key=scan.role,
                    truth=scan.truth,
                    study_uid=scan.study_uid,
                    series_uid=scan.series_uid,
                    path=scan.path,
                    instances=scan.instances,
                )
    return True


# --- Reading them


def terms() -> Terms:
    """The charter in force, or before there is one what it would be."""
    frozen = charter.current()
    return charter.terms_of(frozen) if frozen else Terms()


def unread_by(reader: User) -> QuerySet[QualificationCase]:
    """Qualification cases that this reader has not met: the truth of the others they have been shown."""
    return ready(Purpose.QUALIFICATION).exclude(reads__reader=reader)


def start_attempt(*, by: User) -> QualificationAttempt:
    """Give a reader the next cases that they have not read, in an order of their own.

    Raises
    ------
    RuleViolation
        ``attempt_open`` while one is not finished; ``cases_missing`` without enough fresh cases.
    """
    with transaction.atomic():
        audit.hold(audit.Lock.PLAN)
        if QualificationAttempt.objects.filter(reader=by, state=State.OPEN).exists():
            raise RuleViolation("Finish the attempt that is open first.", code="attempt_open")
        frozen = terms()
        cases = list(unread_by(by)[: frozen.qualification_cases])
        if len(cases) < frozen.qualification_cases:
            raise RuleViolation(
                f"An attempt takes {frozen.qualification_cases} cases that you have not read, and there are"
                f" {len(cases)}. Ask the study lead to make more.",
                code="cases_missing",
            )
        attempt = QualificationAttempt.objects.create(
            reader=by,
            marks={finding: getattr(frozen, f"pass_{finding}") for finding in FINDINGS},
            rubric_version=rubric.VERSION,
            started_at=timezone.now(),
        )
        secrets.SystemRandom().shuffle(cases)
        for case in cases:
            _give(case, by, attempt)
        audit.record("start_qualification", attempt, by=by, cases=[case.pk for case in cases])
    return attempt


def start_training(*, case: QualificationCase, by: User) -> QualificationRead:
    """A new read of a training case, or the one that is open; what was signed before stays."""
    if case.purpose != Purpose.TRAINING or not case.scans.exists():
        raise RuleViolation("This is no training case that can be read.", code="not_training")
    with transaction.atomic():
        audit.hold(audit.Lock.PLAN)
        read = QualificationRead.objects.filter(
            reader=by, case=case, state=QualificationRead.State.DRAFT
        ).first()
        if read is None:
            read = _give(case, by, None)
            audit.record("start_training", read, by=by, training_case=case.pk)
    return read


def _give(case: QualificationCase, reader: User, attempt: QualificationAttempt | None) -> QualificationRead:
    return QualificationRead.objects.create(
        reader=reader,
        case=case,
        attempt=attempt,
        code=secrets.token_hex(8),
        rubric_version=rubric.VERSION,
    )


def save_draft(
    *,
    read: QualificationRead,
    by: User,
    revision: int,
    content: Mapping[str, Any],
    measurements: Sequence[Mapping[str, Any]] = (),
    active_seconds: float = 0,
) -> QualificationRead:
    """As ``reading.save_draft``, of a phantom."""
    with transaction.atomic():
        _check_reader(read, by)
        reading.check_content(content, measurements, _slices(read.case))
        changed = QualificationRead.objects.filter(
            pk=read.pk, state=QualificationRead.State.DRAFT, revision=revision
        ).update(
            revision=revision + 1,
            content=content,
            measurements=list(measurements),
            active_seconds=F("active_seconds") + active_seconds,
            saved_at=timezone.now(),
        )
        read.refresh_from_db()
        if changed != 1:
            raise reading.conflict(read)
        audit.record("save_qualification_draft", read, by=by, revision=read.revision)
    return read


def sign(
    *,
    read: QualificationRead,
    by: User,
    revision: int,
    meaning: str = MEANING,
    active_seconds: float = 0,
) -> QualificationRead:
    """Sign a phantom's read; the last one of an attempt ends it in the same transaction.

    The caller has checked the signer's password (``signature.require_password``).

    Raises
    ------
    RuleViolation
        As ``reading.sign_reading``: ``incomplete``, ``stale_draft``, ``already_signed``.
    """
    with transaction.atomic():
        if read.attempt_id is not None:
            # Of the last two signatures at once, one must see the other.
            QualificationAttempt.objects.select_for_update().get(pk=read.attempt_id)
        _check_reader(read, by)
        read.refresh_from_db()
        keys = tuple(scan.key for scan in read.case.scans.all())
        reading.check_signable(read, revision, keys, meaning)
        read.categories = rubric.categories(read.content, keys)
        signed_at = timezone.now()
        content_hash = qualification_hash(read, signed_at=signed_at, meaning=meaning)
        reading.seal(
            read,
            signed_at=signed_at,
            meaning=meaning,
            content_hash=content_hash,
            active_seconds=active_seconds,
        )
        outcome = _settle(read.attempt_id) if read.attempt_id is not None else {}
        audit.record("sign_qualification", read, by=by, content_hash=content_hash, **outcome)
    return read


def _check_reader(read: QualificationRead, by: User) -> None:
    if read.reader_id != by.pk or not by.is_active:
        raise RuleViolation("This case is not assigned to you.", code="not_yours")


def _slices(case: QualificationCase) -> dict[str, list[int]]:
    return {scan.key: [len(scan.instances)] for scan in case.scans.all()}


def _settle(attempt_id: int) -> dict[str, Any]:
    """Score the attempt if this was its last read; what the audit row says of it."""
    attempt = QualificationAttempt.objects.get(pk=attempt_id)
    if attempt.reads.exclude(state=QualificationRead.State.SIGNED).exists():
        advance(attempt, Act.GO_ON)
        return {"attempt": attempt.pk, "state": attempt.state}
    found = results(attempt.scans(), attempt.marks)
    passed = all(result["passed"] for result in found.values())
    advance(attempt, Act.PASS if passed else Act.FAIL, results=found, finished_at=timezone.now())
    return {"attempt": attempt.pk, "state": attempt.state}


def advance(attempt: QualificationAttempt, act: Act, **changes: Any) -> None:
    """Move an attempt by an act, or refuse; with it whatever changes at the same time."""
    target = TRANSITIONS.get((attempt.state, act))
    if target is None:
        raise RuleViolation(
            f"Not possible once an attempt is {State(attempt.state).label.lower()}.", code="wrong_state"
        )
    if (
        QualificationAttempt.objects.filter(pk=attempt.pk, state=attempt.state).update(
            state=target, **changes
        )
        != 1
    ):
        raise RuleViolation("Somebody else was faster; reload and look again.", code="wrong_state")
    attempt.refresh_from_db()
