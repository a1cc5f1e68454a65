"""Celery's way in. A message carries a run's id and nothing else; the row says what is to be done."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from celery.signals import worker_ready
from celery.worker import state

from modeling import launch, sending


@shared_task
def train_run(run_id: int) -> None:
    """Do a job of the run, a fold or the whole, if there is one. Queue ``gpu``, ``--pool=solo``."""
    launch.work_on(run_id, stopping=_worker_stops)


def _worker_stops() -> bool:
    """Whether this worker was told to end. It tells nobody who does not ask while a task runs."""
    # The flags are exit codes once set, and 0 is one.
    return any(flag is not None and flag is not False for flag in (state.should_stop, state.should_terminate))


@shared_task
def reconcile() -> None:
    """Send what may have been lost, take back what fell silent (every 30 s, queue ``default``)."""
    sending.reconcile()


@worker_ready.connect
def reconcile_at_start(sender: Any, **kwargs: Any) -> None:
    """A starting trainer need not wait for the next round to find what the last one left."""
    if "gpu" in sender.app.amqp.queues.consume_from:
        sending.reconcile()
