"""Celery's way in. Rows and files say what is to be done; a message says only that it is time."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from celery.signals import worker_ready

from cohort import pulls, receiving, table_imports, uploads


@shared_task
def tend() -> None:
    """Ingest what has arrived and is complete; send what may have been lost (every 10 s)."""
    uploads.tend()
    pulls.tend()
    receiving.sweep()


@shared_task
def pull_item(pull_id: int) -> None:
    """Work on one line of a pull; the next one gets a message of its own."""
    pulls.work_on(pull_id)


@shared_task
def read_upload(pk: int) -> None:
    """Ingest what a browser has sent."""
    uploads.read(pk)


@shared_task
def import_tables(pk: int) -> None:
    """Check or store a delivery of tables. Queue ``default``."""
    table_imports.work_on(pk)


@shared_task
def reconcile_imports() -> None:
    """Take up lost imports, forget left ones (every 30 s)."""
    table_imports.reconcile()


@worker_ready.connect
def reconcile_at_start(sender: Any, **kwargs: Any) -> None:
    """A starting worker need not wait for the next round to find what the last one left."""
    if "default" in sender.app.amqp.queues.consume_from:
        table_imports.reconcile()
