"""What readers and the lead see of training and qualification. A reader sees their own alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db.models import Count

from annotation import qualification, qualified, queries, rubric, wado_proxy
from annotation.models import QualificationAttempt, QualificationCase, QualificationRead, QualificationScan
from annotation.monitoring import rate
from annotation.qualification_score import FINDINGS, compare
from cohort.models import Instance
from config.accounts.models import Role, User
from config.exceptions import RuleViolation

_SIGNED = QualificationRead.State.SIGNED
Purpose = QualificationCase.Purpose


def read_of(user: User, code: str) -> QualificationRead | None:
    """The reader's own read of a phantom; nobody else's."""
    return (
        QualificationRead.objects.filter(reader=user, code=code)
        .select_related("case", "reader")
        .prefetch_related("case__scans")
        .first()
    )


# --- The reading room


def case_page(read: QualificationRead) -> dict[str, Any]:
    """As ``queries.case_page``, of a phantom; with the truth once it is signed."""
    scans = list(read.case.scans.all())
    signed = read.state == _SIGNED
    return {
        "code": read.code,
        "read_design": "paired",
        "status": queries.status_of(read.state if read.revision else None),
        "amendable": False,
        "scans": [_blind_scan(read, scan) for scan in scans],
        "reading": {
            "version": 1,
            "revision": read.revision,
            "state": read.state,
            "content": read.content,
            "measurements": _measurements_to_reader(read, read.measurements),
            "active_seconds": read.active_seconds,
            "signed_at": read.signed_at,
            "content_hash": read.content_hash,
        },
        "categories": rubric.categories(read.content, tuple(scan.key for scan in scans)),
        "next": next_code(read),
        "purpose": read.case.purpose,
        "feedback": [row for scan in scans for row in _feedback(read, scan)] if signed else None,
    }


def _feedback(read: QualificationRead, scan: QualificationScan) -> Iterator[dict[str, Any]]:
    grades = read.content.get(scan.key, {}).get("grades", {})
    for row in compare(grades, scan.truth):
        yield {"scan": scan.key, **row._asdict()}
    yield {
        "scan": scan.key,
        "finding": "category",
        "yours": read.categories.get(scan.key),
        "truth": rubric.classify(scan.truth),
        "difference": None,
        "scored": False,
    }


def next_code(read: QualificationRead) -> str | None:
    """The next unsigned case of the attempt; None for training and at the end."""
    if read.attempt_id is None:
        return None
    rows = QualificationRead.objects.filter(attempt=read.attempt_id).exclude(pk=read.pk)
    codes = list(rows.exclude(state=_SIGNED).values_list("pk", "code"))
    later = [code for pk, code in codes if pk > read.pk]
    return later[0] if later else codes[0][1] if codes else None


def _blind_scan(read: QualificationRead, scan: QualificationScan) -> dict[str, Any]:
    return {
        "key": scan.key,
        "label": queries.LABELS[scan.key],
        "study_uid": wado_proxy.opaque_uid(read, scan.study_uid),
        "series_uid": wado_proxy.opaque_uid(read, scan.series_uid),
        "slices": len(scan.instances),
        "instances": [
            {"sop_uid": wado_proxy.opaque_uid(read, one["sop_uid"]), "index": index}
            for index, one in enumerate(scan.instances)
        ],
        "others": [],
    }


def find_images(read: QualificationRead, study_uid: str, series_uid: str) -> list[Instance]:
    """The slices behind two opaque UIDs of this read; none for any others."""
    for scan in read.case.scans.all():
        if (
            wado_proxy.opaque_uid(read, scan.series_uid) == series_uid
            and wado_proxy.opaque_uid(read, scan.study_uid) == study_uid
        ):
            return scan.images
    return []


def measurements_from_reader(measurements: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """As kept: without the UID, which is this read's alone."""
    return [{key: value for key, value in one.items() if key != "sop_uid"} for one in measurements]


def _measurements_to_reader(
    read: QualificationRead, measurements: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    scans = {scan.key: scan.instances for scan in read.case.scans.all()}
    return [
        {**one, "sop_uid": wado_proxy.opaque_uid(read, scans[one["scan"]][one["slice"]]["sop_uid"])}
        for one in measurements
    ]


@contextmanager
def in_readers_words(read: QualificationRead) -> Iterator[None]:
    """Put what a refusal holds of measurements into the UIDs its reader knows; add the categories."""
    try:
        yield
    except RuleViolation as refusal:
        if "current" in refusal.extra:
            current = refusal.extra["current"]
            keys = tuple(scan.key for scan in read.case.scans.all())
            current["measurements"] = _measurements_to_reader(read, current["measurements"])
            current["categories"] = rubric.categories(current["content"], keys)
        raise


# --- The reader's page


def own_page(user: User) -> dict[str, Any]:
    """Training cases, attempts and what is asked of this reader."""
    terms = qualification.terms()
    fresh = qualification.unread_by(user).count()
    attempts = [_attempt(one) for one in _attempts().filter(reader=user)]
    return {
        "required": terms.qualification_required,
        "passed": qualified.has_passed(user),
        "marks": [{"finding": key, "mark": getattr(terms, f"pass_{key}")} for key in FINDINGS],
        "cases_of_an_attempt": terms.qualification_cases,
        "can_start": fresh >= terms.qualification_cases
        and not any(attempt["state"] == QualificationAttempt.State.OPEN for attempt in attempts),
        "fresh_cases": fresh,
        "training": list(_training(user)),
        "attempts": attempts,
    }


def _training(user: User) -> Iterator[dict[str, Any]]:
    reads: dict[int, list[QualificationRead]] = {}
    for read in user.qualification_reads.filter(attempt=None).prefetch_related("case__scans"):
        reads.setdefault(read.case_id, []).append(read)
    for place, case in enumerate(qualification.ready(Purpose.TRAINING), start=1):
        mine = reads.get(case.pk, [])
        signed = [read for read in mine if read.state == _SIGNED]
        yield {
            "id": case.pk,
            "place": place,
            "open": next((read.code for read in mine if read.state != _SIGNED), None),
            "signed": [
                {"code": read.code, "signed_at": read.signed_at, "right": _right(read)} for read in signed
            ],
        }


def _right(read: QualificationRead) -> dict[str, int]:
    rows = [
        row
        for scan in read.case.scans.all()
        for row in compare(read.content.get(scan.key, {}).get("grades", {}), scan.truth)
        if row.scored
    ]
    return {"k": sum(row.yours == row.truth for row in rows), "n": len(rows)}


def _attempts() -> Any:
    return QualificationAttempt.objects.select_related("reader").prefetch_related("reads").order_by("-pk")


def _attempt(attempt: QualificationAttempt) -> dict[str, Any]:
    return {
        "id": attempt.pk,
        "state": attempt.state,
        "started_at": attempt.started_at,
        "finished_at": attempt.finished_at,
        "results": [_result(key, found) for key, found in sorted_results(attempt)],
        "reads": [
            {"code": read.code, "status": queries.status_of(read.state if read.revision else None)}
            for read in attempt.reads.all()
        ],
    }


def sorted_results(attempt: QualificationAttempt) -> list[tuple[str, dict[str, Any]]]:
    """Results in the rubric's order: JSON of a database keeps none."""
    return [(key, attempt.results[key]) for key in FINDINGS if key in attempt.results]


def _result(finding: str, found: Mapping[str, Any]) -> dict[str, Any]:
    share = rate(found["k"], found["n"])
    known = found["n"] > 0
    return {
        "finding": finding,
        **found,
        "share": share.value if known else None,
        "low": share.low if known else None,
        "high": share.high if known else None,
    }


# --- The lead's


def lead_page() -> dict[str, Any]:
    """Who passed, when, by finding; and how many cases there are."""
    readers = User.objects.filter(role__in=(Role.OBSERVER, Role.ADJUDICATOR), is_active=True)
    passed = {user.pk for user in qualified.among(readers)}
    terms = qualification.terms()
    waiting = qualification.waiting()
    ready = {purpose: qualification.ready(purpose).count() for purpose in Purpose}
    reads = QualificationRead.objects.filter(case__purpose=Purpose.QUALIFICATION).order_by()
    met = dict(reads.values_list("reader").annotate(Count("case", distinct=True)))
    return {
        "required": terms.qualification_required,
        "cases_of_an_attempt": terms.qualification_cases,
        "readers": [
            {
                "reader": user.username,
                "role": user.role,
                "passed": user.pk in passed,
                "fresh_cases": ready[Purpose.QUALIFICATION] - met.get(user.pk, 0),
            }
            for user in readers.order_by("username")
        ],
        "attempts": [{"reader": one.reader.username, **_without_codes(one)} for one in _attempts()],
        "cases": [
            {
                "purpose": purpose.value,
                "ready": ready[purpose],
                "waiting": waiting.filter(purpose=purpose).count(),
            }
            for purpose in Purpose
        ],
    }


def _without_codes(attempt: QualificationAttempt) -> dict[str, Any]:
    page = _attempt(attempt)
    reads = page.pop("reads")
    signed = sum(read["status"] == "signed" for read in reads)
    return {**page, "signed": signed, "cases": len(reads)}


def result_rows() -> Iterator[dict[str, Any]]:
    """One row for each finding of each finished attempt."""
    for attempt in _attempts().exclude(state=QualificationAttempt.State.OPEN).order_by("pk"):
        for key, found in sorted_results(attempt):
            row = _result(key, found)
            yield {
                "reader": attempt.reader.username,
                "attempt": attempt.pk,
                "started_at": attempt.started_at.isoformat(),
                "finished_at": attempt.finished_at.isoformat(),
                "passed": attempt.state == QualificationAttempt.State.PASSED,
                "finding": key,
                "right": row["k"],
                "scored": row["n"],
                "share": row["share"],
                "share_low": row["low"],
                "share_high": row["high"],
                "pass_mark": row["mark"],
                "finding_passed": row["passed"],
            }
