"""A run's life: created, claimed, kept alive, and ended in exactly one way.

The row is the truth; a message carries an id and may come late, twice or never. Whoever works on a
run holds a :class:`Claim`: every write of the worker says ``WHERE fence = mine AND state = running``,
so a worker that lost its lease, for whatever reason, can neither report nor publish.

All times are the database's, for web, workers and database need not agree on a clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce, Now

from annotation import audit
from annotation.canonical import sha256
from config.accounts.models import User
from config.exceptions import RuleViolation
from modeling import recipe as recipes
from modeling import sending
from modeling.models import LabelSet, Prediction, Run, RunPart, TrustJob
from modeling.recipe import Recipe
from modeling.results import Result

State = Run.State
ACTIVE = (State.QUEUED, State.RUNNING)
#: Times a run is started before it counts as failed. Stopping a worker on purpose costs none.
MAX_ATTEMPTS = 3
#: A job that is to be done again, as it goes to the queue.
_ANEW: dict[str, Any] = {
    "state": State.QUEUED, "attempts": 0, "error": "", "progress": {}, "sent_at": None, "finished_at": None,
}  # fmt: skip


class LostClaim(Exception):
    """Somebody else has taken the run, or it has ended: stop working on it, write nothing."""


@dataclass(frozen=True)
class Claim:
    """The right to work on a run, one part of it or its trust report, good until its fence is passed."""

    run_id: int
    fence: int
    part_id: int | None = None
    trust_id: int | None = None

    def __str__(self) -> str:
        part = f", part {self.part_id}" if self.part_id else ", trust report" if self.trust_id else ""
        return f"run {self.run_id}{part}, fence {self.fence}"


def _lease() -> timedelta:
    return timedelta(seconds=settings.RUN_LEASE_SECONDS)


def create(
    *,
    label_set: LabelSet,
    profile: str,
    by: User | None,
    overrides: Mapping[str, Any] | Iterable[str] = (),
    seed: int | None = None,
    send: bool = True,
) -> Run:
    """Queue a run of ``label_set`` under the profile with its settings changed.

    Parameters
    ----------
    overrides
        ``{"epochs": 3}`` or ``["epochs=3"]``.
    seed
        Takes the place of the recipe's.
    send
        False: nobody is told, the caller works on it (:func:`modeling.launch.work_on`).

    Raises
    ------
    modeling.recipe.RecipeError
        Naming the setting that is unknown, wrong or contradictory.
    """
    recipe = recipes.profile(profile).with_overrides(overrides)
    if seed is not None:
        recipe = recipe.with_overrides({"seed": seed})
    return create_from(recipe, label_set=label_set, by=by, send=send)


def create_from(recipe: Recipe, *, label_set: LabelSet, by: User | None, send: bool = True) -> Run:
    """Queue a run of a finished recipe."""
    with transaction.atomic():
        run = Run.objects.create(
            label_set=label_set,
            profile=recipe.profile,
            recipe=recipe.to_mapping(),
            seed=recipe.seed,
            created_by=by,
            # A run that the caller works on counts as sent, or the reconciler would hand it out too.
            sent_at=None if send else Now(),
        )
        if recipe.split == "kfold":
            RunPart.objects.bulk_create(
                RunPart(run=run, repeat=repeat, fold=fold, sent_at=run.sent_at)
                for repeat in range(recipe.repeats)
                for fold in range(recipe.folds)
            )
        audit.record("create_run", run, by=by, label_set=label_set.hash, recipe=run.recipe)
        if send:
            sending.send_on_commit(run.pk)
    run.refresh_from_db()
    return run


def claim(run_id: int) -> Claim | None:
    """Take what is to be done of a run: a part, the run itself once its parts have succeeded, or, of a
    published run, its trust report.

    Taken is what is queued, or what a worker left that went silent. None if there is nothing to take.
    Of any number of workers that ask at once, a row's update gives it to one.
    """
    with transaction.atomic():
        run = Run.objects.select_for_update().filter(pk=run_id).first()
        to_be_had = Q(state=State.QUEUED) | Q(state=State.RUNNING, lease_until__lt=Now())
        if run is not None and run.state == State.SUCCEEDED:
            jobs = TrustJob.objects.filter(to_be_had, run=run, attempts__lt=MAX_ATTEMPTS)
            job = jobs.first()
            taken = job is not None and _take(jobs.filter(fence=job.fence))
            return Claim(run.pk, job.fence + 1, trust_id=job.pk) if job and taken else None
        if run is None or run.cancel_requested or run.state not in ACTIVE:
            return None
        open_parts = run.parts.exclude(state=State.SUCCEEDED)
        if not open_parts.exists():
            own = Run.objects.filter(to_be_had, pk=run.pk, fence=run.fence, attempts__lt=MAX_ATTEMPTS)
            return Claim(run.pk, run.fence + 1) if _take(own) else None
        for part in open_parts.filter(to_be_had, attempts__lt=MAX_ATTEMPTS):
            if _take(open_parts.filter(to_be_had, pk=part.pk, fence=part.fence)):
                Run.objects.filter(pk=run.pk).update(
                    state=State.RUNNING, started_at=Coalesce("started_at", Now())
                )
                return Claim(run.pk, part.fence + 1, part.pk)
    return None


def _take(row: QuerySet[Any]) -> bool:
    return (
        row.update(
            state=State.RUNNING,
            fence=F("fence") + 1,
            attempts=F("attempts") + 1,
            lease_until=Now() + _lease(),
            started_at=Coalesce("started_at", Now()),
        )
        == 1
    )


def _mine(claim: Claim) -> Any:
    rows: Any = Run.objects.filter(pk=claim.run_id)
    if claim.part_id is not None:
        rows = RunPart.objects.filter(pk=claim.part_id, run_id=claim.run_id)
    elif claim.trust_id is not None:
        rows = TrustJob.objects.filter(pk=claim.trust_id, run_id=claim.run_id)
    return rows.filter(fence=claim.fence, state=State.RUNNING)


def heartbeat(claim: Claim, *, progress: Mapping[str, Any] | None = None) -> bool:
    """Keep the lease, report progress; whether somebody asked to cancel.

    Raises
    ------
    LostClaim
        If the run is no longer this worker's.
    """
    changes: dict[str, Any] = {"lease_until": Now() + _lease()}
    if progress is not None:
        changes |= {"progress": dict(progress), "device": str(progress.get("device", ""))[:80]}
    if _mine(claim).update(**changes) != 1:
        raise LostClaim(str(claim))
    if claim.part_id is not None and progress is not None:
        # Whoever looks at the run sees what was last reported of any part.
        Run.objects.filter(pk=claim.run_id, state=State.RUNNING).update(
            progress=changes["progress"], device=changes["device"]
        )
    if claim.trust_id is not None:  # whoever wanted the run cancelled came too late for it
        return False
    return bool(Run.objects.values_list("cancel_requested", flat=True).get(pk=claim.run_id))


def _end(claim: Claim, verb: str, state: str, **changes: Any) -> None:
    with transaction.atomic():
        run = Run.objects.select_for_update().get(pk=claim.run_id)
        if _mine(claim).update(state=state, lease_until=None, finished_at=Now(), **changes) != 1:
            raise LostClaim(str(claim))
        if claim.part_id is None:
            audit.record(verb, run, by=None, fence=claim.fence)
        else:
            part = RunPart.objects.get(pk=claim.part_id)
            audit.record(verb, run, by=None, part=part.key, fence=claim.fence)
            settle(run)


def settle(run: Run) -> None:
    """What the end of a part means for its run, once no part is to be worked on any more.

    One part that has failed fails the run, but only when all others have ended: their work is kept,
    and :func:`retry` repeats the failed one alone. Call it with the run's row locked.
    """
    states = Counter(run.parts.values_list("state", flat=True))
    if run.state not in ACTIVE or states[State.QUEUED] or states[State.RUNNING]:
        return
    if run.cancel_requested:
        changes: dict[str, Any] = {"state": State.CANCELLED, "finished_at": Now()}
        audit.record("end_cancelled_run", run, by=None)
    elif states[State.FAILED]:
        failed = run.parts.filter(state=State.FAILED)
        lost = "\n".join(f"Fold {p.fold + 1} of repeat {p.repeat + 1}: {p.error}" for p in failed)
        kept = f"{states[State.SUCCEEDED]} of {states.total()} folds are finished; a retry repeats the rest."
        changes = {"state": State.FAILED, "finished_at": Now(), "error": f"{lost}\n{kept}"}
        audit.record("fail_run", run, by=None, parts=[p.key for p in failed])
    else:
        changes = {"state": State.QUEUED, "sent_at": None}
        sending.send_on_commit(run.pk)
    Run.objects.filter(pk=run.pk).update(lease_until=None, **changes)


def finish_trust(claim: Claim) -> None:
    """The run's ``trust.json`` is written, whole."""
    _end(claim, "finish_trust_report", State.SUCCEEDED, error="")


def finish_part(claim: Claim, *, path: str) -> None:
    """Keep a part's files, in directory ``path`` under RUNS_DIR; the last one sends the run to be joined."""
    _end(claim, "finish_part", State.SUCCEEDED, path=path, error="")


def publish(claim: Claim, *, path: str, result: Result) -> None:
    """Make a finished run's result and predictions the run's own: all of it, once, or nothing.

    The files are on disk, whole, before this; the row's ``path`` is what makes them the run's.

    Parameters
    ----------
    path
        Directory of the attempt under RUNS_DIR.
    """
    with transaction.atomic():
        updated = _mine(claim).update(
            state=State.SUCCEEDED,
            lease_until=None,
            finished_at=Now(),
            path=path,
            result=result.content,
            error="",
            code_version=str(result.content["environment"]["code_version"])[:64],
        )
        if updated != 1:
            raise LostClaim(str(claim))
        Prediction.objects.bulk_create(result.predictions)
        audit.record(
            "publish_run", Run(pk=claim.run_id), by=None, fence=claim.fence, result=sha256(result.content)
        )


def fail(claim: Claim, error: str) -> None:
    """End the run, its part or its trust report as failed: trying again would fail again."""
    verb = "fail_part" if claim.part_id else "fail_trust_report" if claim.trust_id else "fail_run"
    _end(claim, verb, State.FAILED, error=error)


def end_cancelled(claim: Claim) -> None:
    """End the run, or its part, as cancelled, once its process is gone."""
    _end(claim, "end_cancelled_run" if claim.part_id is None else "end_cancelled_part", State.CANCELLED)


def give_back(claim: Claim, reason: str, *, counts: bool = True) -> str:
    """Queue it again, to go on from its last checkpoint; failed if it has no attempt left.

    Returns the state it is in then; what somebody wants cancelled is cancelled.
    ``counts`` is False where the attempt ended on purpose, with the worker.
    """
    with transaction.atomic():
        run = Run.objects.select_for_update().get(pk=claim.run_id)
        job = _mine(claim).select_for_update().first()
        if job is None:
            raise LostClaim(str(claim))
        if run.cancel_requested and claim.trust_id is None:  # nobody may claim it again
            end_cancelled(claim)
            return State.CANCELLED
        if counts and job.attempts >= MAX_ATTEMPTS:
            fail(claim, f"{reason} (attempt {job.attempts} of {MAX_ATTEMPTS})")
            return State.FAILED
        job.attempts -= 0 if counts else 1
        job.state, job.lease_until, job.sent_at = State.QUEUED, None, None
        job.save(update_fields=["attempts", "state", "lease_until", "sent_at"])
        part = {} if claim.part_id is None else {"part": job.key}
        verb = "requeue_run" if claim.trust_id is None else "requeue_trust_report"
        audit.record(verb, run, by=None, fence=claim.fence, **part)
        sending.send_on_commit(run.pk)
    return State.QUEUED


def cancel(*, run: Run, by: User | None) -> Run:
    """Cancel what waits at once; ask what runs to stop. Asking twice is asking once.

    Raises
    ------
    RuleViolation
        If the run has ended.
    """
    with transaction.atomic():
        run = Run.objects.select_for_update().get(pk=run.pk)
        if run.state in (State.SUCCEEDED, State.FAILED):
            raise RuleViolation(
                f"Run {run.pk} has {run.state}; only a queued or running one can be cancelled.",
                code="run_has_ended",
            )
        if run.cancel_requested:
            return run
        audit.record("cancel_run", run, by=by, was=run.state)
        parts = run.parts.filter(state=State.QUEUED).update(state=State.CANCELLED, finished_at=Now())
        changes: dict[str, Any] = {"cancel_requested": True}
        if run.state == State.QUEUED:
            changes |= {"state": State.CANCELLED, "finished_at": Now()}
        Run.objects.filter(pk=run.pk).update(**changes)
        run.refresh_from_db()
        if parts:
            settle(run)
    run.refresh_from_db()
    return run


def retry(*, run: Run, by: User | None) -> Run:
    """Queue a failed run again with fresh attempts; the folds that have succeeded are not repeated.

    Raises
    ------
    RuleViolation
        If the run has not failed.
    """
    with transaction.atomic():
        run = Run.objects.select_for_update().get(pk=run.pk)
        if run.state != State.FAILED:
            raise RuleViolation(
                f"Run {run.pk} is {run.state}; only a failed one can be retried.", code="run_has_not_failed"
            )
        run.parts.exclude(state=State.SUCCEEDED).update(**_ANEW)
        Run.objects.filter(pk=run.pk).update(**_ANEW, cancel_requested=False)
        audit.record("retry_run", run, by=by, error=run.error)
        sending.send_on_commit(run.pk)
    run.refresh_from_db()
    return run


def request_trust(*, run: Run, by: User | None) -> TrustJob:
    """Queue the making of a published run's trust report, the first time or again.

    Raises
    ------
    RuleViolation
        If the run is not published, or its report is being made.
    """
    with transaction.atomic():
        run = Run.objects.select_for_update().get(pk=run.pk)
        if run.state != State.SUCCEEDED:
            raise RuleViolation(
                f"Run {run.pk} is {run.state}; only a published one has maps to test.",
                code="run_not_published",
            )
        job, _ = TrustJob.objects.get_or_create(run=run, defaults={"state": State.CANCELLED})
        if job.state in ACTIVE:
            raise RuleViolation(
                f"The trust report of run {run.pk} is {job.state} already.", code="trust_report_under_way"
            )
        TrustJob.objects.filter(pk=job.pk).update(**_ANEW)
        audit.record("request_trust_report", run, by=by)
        sending.send_on_commit(run.pk)
    job.refresh_from_db()
    return job
