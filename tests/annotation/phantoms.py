"""Phantoms for tests of the qualification: rows with the real plan's truth, and readers of them."""

from __future__ import annotations

from typing import Any

from annotation import qualification
from annotation.models import (
    QualificationAttempt,
    QualificationCase,
    QualificationScan,
)
from config.accounts.models import User
from tests.builders import uid_of

TRAINING, TEST = QualificationCase.Purpose.TRAINING, QualificationCase.Purpose.QUALIFICATION
MEANING = "mine"


def made(count: int, purpose: str = TEST) -> list[QualificationCase]:
    """Cases whose scans are rows without images, with the truth of the real plan."""
    from cohort.phantom import exercise

    cases = qualification.make_cases(purpose=purpose, count=count, seed=7, by=None)
    for case in cases:
        plan = exercise.plan_case((case.seed, 1), case.number)
        for scan in plan.scans:
            name = f"{purpose}-{case.pk}-{scan.role}"
            QualificationScan.objects.create(
                case=case,
                key=scan.role,
                truth=scan.anatomy.lesions.grades,
                study_uid=uid_of(name, "study"),
                series_uid=uid_of(name, "series"),
                path=name,
                instances=[
                    {"sop_uid": uid_of(name, k), "file": f"{k}.dcm", "metadata": {}} for k in range(3)
                ],
            )
    return cases


def perfect(case: QualificationCase, **changes: Any) -> dict[str, Any]:
    """The truth as a read; ``changes`` are grades that both scans get instead."""
    return {
        scan.key: {
            "grades": {**scan.truth, **changes},
            "quality": "adequate",
            "exclusion_observation": "none",
        }
        for scan in case.scans.all()
    }


def read_all(attempt: QualificationAttempt, **changes: Any) -> QualificationAttempt:
    for read in attempt.reads.all():
        saved = qualification.save_draft(
            read=read, by=attempt.reader, revision=read.revision, content=perfect(read.case, **changes)
        )
        qualification.sign(read=saved, by=attempt.reader, revision=saved.revision)
    attempt.refresh_from_db()
    return attempt


def passes(reader: User) -> QualificationAttempt:
    return read_all(qualification.start_attempt(by=reader))
