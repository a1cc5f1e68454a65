"""Runs on their way to a worker: a message for each job, and what makes good lost ones."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from annotation import audit
from modeling.models import Run, RunPart, TrustJob

logger = logging.getLogger(__name__)

State = Run.State
#: A queued job whose message was never sent, or was sent so long ago that it may be lost. The
#: second is generous: a run may rightly wait hours for the device, and a needless message is a no-op.
UNSENT_AFTER = timedelta(seconds=20)
RESEND_AFTER = timedelta(minutes=10)


def send_on_commit(run_id: int) -> None:
    """Send what is queued of a run and was not sent, when the transaction is committed."""
    transaction.on_commit(lambda: send(run_id))


def send(run_id: int) -> None:
    """Put the run's id on the queue, once for each of its parts that nobody was told of.

    A queue that is down loses nothing: the reconciler sends later.
    """
    parts = list(RunPart.objects.filter(run_id=run_id, state=State.QUEUED, sent_at=None))
    for _ in range(max(len(parts), 1)):
        if not _send_message(run_id):
            return
    RunPart.objects.filter(pk__in=[part.pk for part in parts], state=State.QUEUED).update(sent_at=Now())
    for model in (Run, TrustJob):
        own = {"pk": run_id} if model is Run else {"run_id": run_id}
        model.objects.filter(**own, state=State.QUEUED).update(sent_at=Now())


def _send_message(run_id: int) -> bool:
    from kombu.exceptions import OperationalError

    from modeling.tasks import train_run

    try:
        train_run.apply_async(args=(run_id,), retry=False)
    except (OperationalError, OSError) as error:
        logger.warning("run %s: the queue did not take it (%s); it will be sent again", run_id, error)
        return False
    return True


@dataclass
class Reconciled:
    """What :func:`reconcile` did: ids of runs, once for each of their jobs."""

    sent: list[int] = field(default_factory=list)
    requeued: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    cancelled: list[int] = field(default_factory=list)


def reconcile() -> Reconciled:
    """Take back jobs whose worker went silent; send queued ones whose message may be lost.

    Safe to run anywhere, at any time, any number of times at once.
    """
    done = Reconciled()
    for model in (Run, RunPart, TrustJob):
        silent = model.objects.filter(state=State.RUNNING, lease_until__lt=Now())
        for job in silent.order_by("pk"):
            _take_back(job, silent, done)
    old = Q(sent_at__lt=Now() - RESEND_AFTER)
    waiting = Run.objects.filter(state=State.QUEUED).exclude(pk__in=done.requeued)
    # A run whose parts wait is sent by them.
    whole = waiting.exclude(parts__state__in=(State.QUEUED, State.RUNNING))
    for run_id in (
        whole.filter(Q(sent_at=None, created_at__lt=Now() - UNSENT_AFTER) | old)
        .order_by("pk")
        .values_list("pk", flat=True)
    ):
        send(run_id)
        done.sent.append(run_id)
    parts = RunPart.objects.filter(state=State.QUEUED).exclude(run_id__in=done.requeued)
    stale = parts.filter(Q(sent_at=None, run__created_at__lt=Now() - UNSENT_AFTER) | old)
    by_run: dict[int, list[int]] = {}
    for run_id, part_id in stale.order_by("pk").values_list("run_id", "pk"):
        by_run.setdefault(run_id, []).append(part_id)
    for run_id, ids in by_run.items():
        RunPart.objects.filter(pk__in=ids, state=State.QUEUED).update(sent_at=None)
        send(run_id)
        done.sent += [run_id] * len(ids)
    reports = TrustJob.objects.filter(state=State.QUEUED).exclude(run_id__in=done.requeued)
    # One that was just asked for is sent by its transaction's end; a second message does no harm.
    for run_id in reports.filter(Q(sent_at=None) | old).order_by("pk").values_list("run_id", flat=True):
        send(run_id)
        done.sent.append(run_id)
    return done


def _take_back(job: Run | RunPart | TrustJob, silent: Any, done: Reconciled) -> None:
    from modeling import runs  # which sends through this module

    run_id = job.pk if isinstance(job, Run) else job.run_id
    part = {"part": job.key} if isinstance(job, RunPart) else {}
    what = "trust_report" if isinstance(job, TrustJob) else "run"
    changes: dict[str, Any] = {"fence": F("fence") + 1, "lease_until": None}
    with transaction.atomic():
        run = Run.objects.select_for_update().get(pk=run_id)
        if run.cancel_requested and what == "run":
            verb, ids = "end_cancelled_run", done.cancelled
            changes |= {"state": State.CANCELLED, "finished_at": Now()}
        elif job.attempts >= runs.MAX_ATTEMPTS:
            verb, ids = f"fail_{what}", done.failed
            error = f"Started {job.attempts} times, and each time its worker was lost before the end."
            changes |= {"state": State.FAILED, "finished_at": Now(), "error": error}
        else:
            verb, ids = f"requeue_{what}", done.requeued
            changes |= {"state": State.QUEUED, "sent_at": None}
        # Passing the fence shuts out the silent worker, should it only have been slow.
        if silent.filter(pk=job.pk, fence=job.fence).update(**changes) != 1:
            return
        audit.record(verb, run, by=None, fence=job.fence, lost_worker=True, **part)
        if ids is done.requeued:
            send_on_commit(run_id)
        elif part:
            runs.settle(run)
        ids.append(run_id)
