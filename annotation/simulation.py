"""Simulated readers: phantom truth with stated errors, drafted and signed through the real verbs.

The whole workflow, its agreement and its adjudication rate then have a known answer. Never for patients:
only phantoms are read.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from annotation import queries, rubric, workflow
from annotation.models import Assignment, Consensus
from config.accounts.models import User

Grades = Mapping[str, Any]
#: Pseudonym → scan key → true grades, as a perfect reader sees them.
Truth = Mapping[str, Mapping[str, Grades]]


@dataclass(frozen=True)
class ErrorRates:
    """Probability that a grade is off by one step (facets: the other of absent and present)."""

    pannus: float = 0.05
    vertical_translocation: float = 0.02
    dens_erosion: float = 0.05
    facet: float = 0.01

    def of(self, finding: str) -> float:
        return self.facet if finding in rubric.FACETS else getattr(self, finding)


OBSERVER = ErrorRates()
#: A neurosurgeon who errs a third as often.
EXPERT = ErrorRates(pannus=0.017, vertical_translocation=0.007, dens_erosion=0.017, facet=0.003)
FLAWLESS = ErrorRates(0, 0, 0, 0)


def known_truth(document: Mapping[str, Any], pseudonym: Callable[[str], str]) -> dict[str, dict[str, Grades]]:
    """The truth of a phantom cohort's truth.json by pseudonym; ``pseudonym`` maps the hospital's ids."""
    return {
        pseudonym(patient["patient_id"]): {scan["role"]: scan["observed"] for scan in patient["scans"]}
        for patient in document["patients"]
    }


def observe(truth: Grades, rates: ErrorRates, rng: random.Random) -> dict[str, Any]:
    """Grades of one scan as a reader with these error rates gives them."""
    seen: dict[str, Any] = {}
    for finding in rubric.FINDINGS:
        grade = truth[finding.key]
        wrong = rng.random() < rates.of(finding.key)
        steps = [value for value in finding.values if value != rubric.NOT_VISIBLE]
        if wrong and grade in steps:
            place = steps.index(grade)
            grade = rng.choice([steps[i] for i in (place - 1, place + 1) if 0 <= i < len(steps)])
        seen[finding.key] = grade
    return seen


def contradict(truth: Grades) -> dict[str, Any]:
    """Grades that give another category than the truth does: a reader who misses, or sees, a pannus."""
    seen = {**truth, "pannus": 2}
    if rubric.classify(truth) == rubric.CASE:
        absent = {key: rubric.NOT_VISIBLE if truth[key] == rubric.NOT_VISIBLE else 0 for key in rubric.FACETS}
        seen = {**truth, "pannus": 0, "vertical_translocation": 0, "dens_erosion": 0, **absent}
    return seen


def read_as(
    reader: User,
    truth: Truth,
    *,
    rates: ErrorRates = OBSERVER,
    seed: int = 0,
    skip: Collection[str] = (),
    only: Collection[str] | None = None,
    contradicting: Collection[str] = (),
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Draft and sign this reader's unread cases, in their order; returns how many.

    Parameters
    ----------
    skip, only
        Pseudonyms of patients to leave out, or to keep to.
    contradicting
        Patients whose follow-up this reader gets wrong for certain, so that a disagreement is sure.
    progress : callable(done, total), optional
        Called after each read.

    Raises
    ------
    ValueError
        If one of the cases is not a phantom's, or its truth is not given.
    """
    waiting = [
        row
        for row in queries.visible_to(reader).select_related("case__patient").prefetch_related("case__scans")
        if row.reading_state is None
        and row.case.patient.pseudonym not in skip
        and (only is None or row.case.patient.pseudonym in only)
    ]
    for done, assignment in enumerate(waiting, 1):
        patient = assignment.case.patient
        if not patient.phantom:
            raise ValueError(
                f"patient {patient.pseudonym} is no phantom; only phantoms are read by simulation"
            )
        if patient.pseudonym not in truth:
            raise ValueError(f"patient {patient.pseudonym}: no truth is given")
        # One stream per reader and patient: whom else they read changes nothing.
        again = "/again" if assignment.kind == Assignment.Kind.REREAD else ""
        rng = random.Random(f"{seed}/{reader.username}/{patient.pseudonym}{again}")
        content = {
            scan.key: _scores(
                contradict(truth[patient.pseudonym][scan.key])
                if patient.pseudonym in contradicting and not again and scan.key == "follow_up"
                else observe(truth[patient.pseudonym][scan.key], rates, rng)
            )
            for scan in assignment.case.scans.all()
        }
        _read(assignment, reader, content, active_seconds=round(rng.lognormvariate(4.6, 0.4), 1))
        if progress:
            progress(done, len(waiting))
    return len(waiting)


def _scores(grades: Grades) -> dict[str, Any]:
    return {"grades": dict(grades), "quality": "adequate", "exclusion_observation": rubric.NO_OBSERVATION}


def _read(assignment: Assignment, reader: User, content: dict[str, Any], *, active_seconds: float) -> None:
    draft = workflow.save_draft(
        assignment=assignment, by=reader, revision=0, content=content, active_seconds=active_seconds
    )
    workflow.sign_reading(assignment=assignment, by=reader, revision=draft.revision)


def meet(
    truth: Truth, *, agree_share: float = 0.5, seed: int = 0, skip: Collection[str] = ()
) -> dict[str, int]:
    """Hold every open consensus session: a share agrees, on the truth; the rest find no consensus."""
    held = {"agreed": 0, "declined": 0}
    sessions = Consensus.objects.filter(outcome=Consensus.Outcome.OPEN).select_related("case__patient")
    for session in sessions.exclude(case__patient__pseudonym__in=list(skip)).order_by("case_id"):
        patient = session.case.patient
        if not patient.phantom or patient.pseudonym not in truth:
            raise ValueError(f"patient {patient.pseudonym}: no phantom with a given truth")
        first, second = (
            row.reader
            for row in session.case.assignments.filter(kind=Assignment.Kind.READ, withdrawn_at__isnull=True)
            .select_related("reader")
            .order_by("pk")
        )
        if random.Random(f"{seed}/consensus/{patient.pseudonym}").random() >= agree_share:
            workflow.decline_consensus(session=session, by=first)
            held["declined"] += 1
            continue
        content = {scan.key: _scores(truth[patient.pseudonym][scan.key]) for scan in session.case.scans.all()}
        saved = workflow.save_consensus(session=session, by=first, revision=session.revision, content=content)
        workflow.propose_consensus(session=saved, by=first, revision=saved.revision)
        workflow.confirm_consensus(session=saved, by=second, revision=saved.revision)
        held["agreed"] += 1
    return held
