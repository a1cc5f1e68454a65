"""Who may read patients: where a case's charter wants it, readers who have passed a test on phantoms.

Cases keep the charter they were opened under, so a requirement that comes later reaches none of them.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Exists, OuterRef, Q

from annotation import rubric
from annotation.models import Assignment, Charter, QualificationAttempt
from config.accounts.models import User
from config.exceptions import RuleViolation

#: What a locked reader is told, wherever they knock.
LOCKED = "The study's charter asks you to pass the qualification cases before your first case."


def among(readers: Iterable[User]) -> list[User]:
    """Those who have passed, under the present rubric. One pass is enough: later attempts only show drift."""
    readers = list(readers)
    passed = set(
        QualificationAttempt.objects.filter(
            reader__in=readers,
            state=QualificationAttempt.State.PASSED,
            rubric_version=rubric.VERSION,
        ).values_list("reader", flat=True)
    )
    return [reader for reader in readers if reader.pk in passed]


def has_passed(reader: User) -> bool:
    return bool(among([reader]))


def requiring() -> list[int]:
    """Keys of the charters that want readers to have passed."""
    versions = Charter.objects.values_list("pk", "terms")
    return [pk for pk, terms in versions if terms.get("qualification_required")]


def open_to_their_readers() -> Q:
    """Of assignments: those whose charter asks for nothing, or whose reader has passed. No query of its own;
    by EXISTS, since a setting that an older charter does not have compares as neither true nor false."""
    passed = QualificationAttempt.objects.filter(
        reader=OuterRef("reader"), state=QualificationAttempt.State.PASSED, rubric_version=rubric.VERSION
    )
    asking = Charter.objects.filter(pk=OuterRef("case__charter"), terms__qualification_required=True)
    return Q(Exists(passed)) | ~Q(Exists(asking))


def is_locked_out(reader: User) -> bool:
    """Whether the reader has yet to pass: for the charter in force, or for a case they were given."""
    asking = requiring()
    if not asking or has_passed(reader):
        return False
    newest = Charter.objects.order_by("-version").values_list("pk", flat=True).first()
    return newest in asking or waits_for(reader)


def waits_for(reader: User, code: str | None = None) -> bool:
    """Whether a case of the reader, or the one of this code, waits for them to pass."""
    rows = Assignment.objects.filter(reader=reader, withdrawn_at__isnull=True)
    rows = rows.exclude(pk__in=rows.filter(open_to_their_readers()).values("pk"))
    return (rows if code is None else rows.filter(code=code)).exists()


def may_read(reader: User, charter: Charter) -> bool:
    return not charter.terms.get("qualification_required") or has_passed(reader)


def require(reader: User, charter: Charter) -> None:
    """Refuse a reader who may not open cases of this charter yet.

    Raises
    ------
    RuleViolation
        ``qualification_required``.
    """
    if not may_read(reader, charter):
        raise RuleViolation(LOCKED, code="qualification_required")
