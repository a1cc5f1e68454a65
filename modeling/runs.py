"""A run's life: created, claimed, kept alive, and ended in exactly one way.

The row is the truth; a message carries an id and may come late, twice or never. Whoever works on a
run holds a :class:`Claim`: every write of the worker says ``WHERE fence = mine AND state = running``,
so a worker that lost its lease, for whatever reason, can neither report nor publish.

All times are the database's, for web, workers and database need not agree on a clock.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now

from annotation import audit
from annotation.canonical import sha256
from config.accounts.models import User
from config.exceptions import RuleViolation
from modeling import recipe as recipes
from modeling.models import LabelSet, Prediction, Run
from modeling.recipe import Recipe
from modeling.results import Result

logger = logging.getLogger(__name__)

State = Run.State
ACTIVE = (State.QUEUED, State.RUNNING)
#: Times a run is started before it counts as failed. Stopping a worker on purpose costs none.
MAX_ATTEMPTS = 3
#: A queued run whose message was never sent, or was sent so long ago that it may be lost. The
#: second is generous: a run may rightly wait hours for the device, and a needless message is a no-op.
UNSENT_AFTER = timedelta(seconds=20)
RESEND_AFTER = timedelta(minutes=10)


class LostClaim(Exception):
    """Somebody else has taken the run, or it has ended: stop working on it, write nothing."""


@dataclass(frozen=True)
class Claim:
    """The right to work on a run, good until its fence is passed."""

    run_id: int
    fence: int


def _lease() -> timedelta:
    return timedelta(seconds=settings.RUN_LEASE_SECONDS)


def default_recipe() -> Recipe:
    """The recipe that freezing starts: the settings' profile and overrides.

    Raises
    ------
    RuleViolation
        If the environment names a profile or setting that there is not.
    """
    try:
        profile = recipes.profile(settings.DEFAULT_PROFILE)
        return profile.with_overrides(settings.DEFAULT_OVERRIDES)
    except recipes.RecipeError as error:
        raise RuleViolation(
            f"ODONTOID_DEFAULT_PROFILE and ODONTOID_DEFAULT_OVERRIDES make no recipe: {error}",
            code="bad_default_recipe",
        ) from error


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
        audit.record("create_run", run, by=by, label_set=label_set.hash, recipe=run.recipe)
        if send:
            _send_on_commit(run.pk)
    run.refresh_from_db()
    return run


def _send_on_commit(run_id: int) -> None:
    transaction.on_commit(lambda: _send(run_id))


def _send(run_id: int) -> None:
    """Put the run's id on the queue. A queue that is down loses nothing: the reconciler sends later."""
    from kombu.exceptions import OperationalError

    from modeling.tasks import train_run

    try:
        train_run.apply_async(args=(run_id,), retry=False)
    except (OperationalError, OSError) as error:
        logger.warning("run %s: the queue did not take it (%s); it will be sent again", run_id, error)
        return
    Run.objects.filter(pk=run_id, state=State.QUEUED).update(sent_at=Now())


def claim(run_id: int) -> Claim | None:
    """Take a queued run, or one whose worker went silent. None if there is nothing to take.

    Of any number of workers that ask at once, the row's update gives it to one.
    """
    fence = Run.objects.filter(pk=run_id).values_list("fence", flat=True).first()
    if fence is None:
        return None
    taken = (
        Run.objects.filter(pk=run_id, fence=fence, attempts__lt=MAX_ATTEMPTS, cancel_requested=False)
        .filter(Q(state=State.QUEUED) | Q(state=State.RUNNING, lease_until__lt=Now()))
        .update(
            state=State.RUNNING,
            fence=F("fence") + 1,
            attempts=F("attempts") + 1,
            lease_until=Now() + _lease(),
            started_at=Coalesce("started_at", Now()),
        )
    )
    return Claim(run_id, fence + 1) if taken == 1 else None


def _mine(claim: Claim) -> Any:
    return Run.objects.filter(pk=claim.run_id, fence=claim.fence, state=State.RUNNING)


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
        raise LostClaim(f"run {claim.run_id}, fence {claim.fence}")
    return bool(Run.objects.values_list("cancel_requested", flat=True).get(pk=claim.run_id))


def _end(claim: Claim, verb: str, state: str, **changes: Any) -> None:
    with transaction.atomic():
        updated = _mine(claim).update(state=state, lease_until=None, finished_at=Now(), **changes)
        if updated != 1:
            raise LostClaim(f"run {claim.run_id}, fence {claim.fence}")
        audit.record(verb, Run(pk=claim.run_id), by=None, fence=claim.fence)


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
            raise LostClaim(f"run {claim.run_id}, fence {claim.fence}")
        Prediction.objects.bulk_create(result.predictions)
        audit.record(
            "publish_run", Run(pk=claim.run_id), by=None, fence=claim.fence, result=sha256(result.content)
        )


def fail(claim: Claim, error: str) -> None:
    """End the run as failed: trying again would fail again."""
    _end(claim, "fail_run", State.FAILED, error=error)


def end_cancelled(claim: Claim) -> None:
    """End the run as cancelled, once its process is gone."""
    _end(claim, "end_cancelled_run", State.CANCELLED)


def give_back(claim: Claim, reason: str, *, counts: bool = True) -> str:
    """Queue the run again, to go on from its last checkpoint; failed if it has no attempt left.

    Returns the state it is in then; a run that somebody wants cancelled is cancelled.
    ``counts`` is False where the attempt ended on purpose, with the worker.
    """
    with transaction.atomic():
        run = _mine(claim).select_for_update().first()
        if run is None:
            raise LostClaim(f"run {claim.run_id}, fence {claim.fence}")
        if run.cancel_requested:  # nobody may claim it again
            _end(claim, "end_cancelled_run", State.CANCELLED)
            return State.CANCELLED
        if counts and run.attempts >= MAX_ATTEMPTS:
            error = f"{reason} (attempt {run.attempts} of {MAX_ATTEMPTS})"
            _end(claim, "fail_run", State.FAILED, error=error)
            return State.FAILED
        run.attempts -= 0 if counts else 1
        run.state, run.lease_until, run.sent_at = State.QUEUED, None, None
        run.save(update_fields=["attempts", "state", "lease_until", "sent_at"])
        audit.record("requeue_run", run, by=None, fence=claim.fence)
        _send_on_commit(run.pk)
    return State.QUEUED


def cancel(*, run: Run, by: User | None) -> Run:
    """Cancel a queued run at once; ask a running one to stop. Asking twice is asking once.

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
        changes: dict[str, Any] = {"cancel_requested": True}
        if run.state == State.QUEUED:
            changes |= {"state": State.CANCELLED, "finished_at": Now()}
        Run.objects.filter(pk=run.pk).update(**changes)
    run.refresh_from_db()
    return run


@dataclass
class Reconciled:
    """What :func:`reconcile` did: ids of runs."""

    sent: list[int]
    requeued: list[int]
    failed: list[int]
    cancelled: list[int]


def reconcile() -> Reconciled:
    """Send queued runs whose message may be lost; take back runs whose worker went silent.

    Safe to run anywhere, at any time, any number of times at once.
    """
    done = Reconciled([], [], [], [])
    silent = Run.objects.filter(state=State.RUNNING, lease_until__lt=Now())
    for run in silent.order_by("pk"):
        # Passing the fence shuts out the silent worker, should it only have been slow.
        row = silent.filter(pk=run.pk, fence=run.fence)
        changes: dict[str, Any] = {"fence": F("fence") + 1, "lease_until": None}
        with transaction.atomic():
            if run.cancel_requested:
                verb, ids = "end_cancelled_run", done.cancelled
                changes |= {"state": State.CANCELLED, "finished_at": Now()}
            elif run.attempts >= MAX_ATTEMPTS:
                verb, ids = "fail_run", done.failed
                error = f"Started {run.attempts} times, and each time its worker was lost before the end."
                changes |= {"state": State.FAILED, "finished_at": Now(), "error": error}
            else:
                verb, ids = "requeue_run", done.requeued
                changes |= {"state": State.QUEUED, "sent_at": None}
            if row.update(**changes) != 1:
                continue
            audit.record(verb, run, by=None, fence=run.fence, lost_worker=True)
            if ids is done.requeued:
                _send_on_commit(run.pk)
            ids.append(run.pk)
    waiting = Run.objects.filter(state=State.QUEUED).exclude(pk__in=done.requeued)
    stale = waiting.filter(
        Q(sent_at=None, created_at__lt=Now() - UNSENT_AFTER) | Q(sent_at__lt=Now() - RESEND_AFTER)
    )
    for run_id in stale.order_by("pk").values_list("pk", flat=True):
        _send(run_id)
        done.sent.append(run_id)
    return done
