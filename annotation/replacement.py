"""When a reader leaves the study: somebody else reads what is not signed, and nobody else notices."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from annotation import audit, charter, qualified, read_plan, transitions
from annotation.models import Assignment, Case, Consensus, Reading
from annotation.transitions import Act
from config.accounts.models import Role, User
from config.exceptions import RuleViolation

_READ, _REREAD, _ADJUDICATION = (
    Assignment.Kind.READ,
    Assignment.Kind.REREAD,
    Assignment.Kind.ADJUDICATION,
)


def replace_reader(*, leaving: User, joining: User, by: User, reason: str) -> list[Assignment]:
    """Give a leaving reader's unsigned cases to another, and return what was given.

    What is signed stays as it is. Each handed-over case is a new one to its reader: another code, another
    place, an empty form; the leaving reader's drafts and re-reads go with them. A case that ``joining``
    reads already goes to the other active observer with the least to read. Consensus sessions that the
    leaving observer can no longer hold are closed without consensus. The leaving account is closed.

    Raises
    ------
    RuleViolation
        ``reason_missing``; ``wrong_reader`` if the two are not readers of one role, or the joining one is
        not active; ``qualification_required`` if the joining one has yet to pass;
        ``nobody_left`` if a case has nobody who could read it independently.
    """
    if not reason.strip():
        raise RuleViolation("A replacement needs a reason.", code="reason_missing")
    if (
        leaving.pk == joining.pk
        or leaving.role != joining.role
        or leaving.role not in (Role.OBSERVER, Role.ADJUDICATOR)
        or not joining.is_active
    ):
        raise RuleViolation(
            "A reader is replaced by another active one of the same role.", code="wrong_reader"
        )
    with transaction.atomic():
        audit.hold(audit.Lock.PLAN)
        # No new consensus or referral reaches the leaving reader from here on.
        User.objects.filter(pk=leaving.pk).update(is_active=False)
        leaving.is_active = False
        cases = {pk: transitions.lock(pk) for pk in sorted({row.case_id for row in _unsigned(leaving)})}
        if not all(qualified.may_read(joining, case.charter) for case in cases.values()):
            raise RuleViolation(
                f"{joining.username} has not passed the qualification that the charter asks for.",
                code="qualification_required",
            )
        rows = _unsigned(leaving)  # once more: one may have been signed until the locks were held
        now, batch = timezone.now(), read_plan.next_batch()
        Assignment.objects.filter(pk__in=[row.pk for row in rows]).update(withdrawn_at=now)
        given = _hand_over(rows, cases, joining, batch)
        if leaving.role == Role.OBSERVER:
            given += read_plan.schedule_rereads(given)
        closed = _close_sessions(leaving, by)
        audit.record(
            "replace_reader",
            leaving,
            by=by,
            joining=joining.pk,
            batch=batch,
            withdrawn=[row.pk for row in rows],
            assignments=[row.pk for row in given],
            sessions=closed,
        )
    return given


def _unsigned(leaving: User) -> list[Assignment]:
    """The leaving reader's cases that still wait for their signature."""
    signed = Reading.objects.filter(state=Reading.State.SIGNED).values("assignment")
    return list(
        Assignment.objects.filter(reader=leaving, withdrawn_at__isnull=True)
        .exclude(case__state=Case.State.CLOSED)
        .exclude(pk__in=signed)
        .select_related("case__charter", "case__patient")
        .prefetch_related("case__scans")
        .order_by("pk")
    )


def _hand_over(
    rows: Sequence[Assignment], cases: dict[int, Case], joining: User, batch: int
) -> list[Assignment]:
    load = read_plan.current_load()
    others = list(
        User.objects.filter(role=joining.role, is_active=True).exclude(pk=joining.pk).order_by("pk")
    )
    given: list[Assignment] = []
    chosen: dict[int, User] = {}
    for row in rows:
        if row.kind == _REREAD:
            continue
        case, site = cases[row.case_id], row.case.patient.site
        # Both scans of a patient go to the same reader, as at opening.
        reader = chosen.get(case.patient_id)
        if reader is None:
            least = sorted(others, key=lambda user: load.of(site, [user.pk]))
            reader = next((user for user in (joining, *least) if _may_read(user, case, row.kind)), None)
        if reader is None:
            raise RuleViolation(
                f"Nobody active is left who could read case {case.pk} independently; add a reader first.",
                code="nobody_left",
            )
        if case.patient_id not in chosen:
            chosen[case.patient_id] = reader
            load.add(site, [reader.pk])
        given.append(
            read_plan.place(
                row.case, reader, row.kind, charter.terms_of(row.case.charter), sham=row.sham, batch=batch
            )
        )
    return given


def _may_read(user: User, case: Case, kind: str) -> bool:
    """Nobody reads a patient twice as an independent observer, or a case twice as adjudicator; and nobody
    a case whose charter wants a qualification that they have not passed."""
    if not qualified.may_read(user, case.charter):
        return False
    rows = Assignment.objects.filter(reader=user, kind=kind)
    return not (
        rows.filter(case__patient=case.patient_id) if kind == _READ else rows.filter(case=case)
    ).exists()


def _close_sessions(leaving: User, by: User) -> list[int]:
    sessions = Consensus.objects.filter(
        outcome=Consensus.Outcome.OPEN,
        case__state=Case.State.CONSENSUS,
        case__assignments__in=Assignment.objects.filter(
            reader=leaving, kind=_READ, withdrawn_at__isnull=True
        ),
    ).order_by("case_id")
    closed = []
    for session in sessions:
        case = transitions.lock(session.case_id)
        Consensus.objects.filter(pk=session.pk).update(
            outcome=Consensus.Outcome.NOT_AGREED, closed_by=by, closed_at=timezone.now()
        )
        transitions.advance(case, Act.REFER)
        read_plan.refer(case, sham=False)
        closed.append(session.pk)
    return closed
