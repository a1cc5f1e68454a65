"""Celery's way in. Rows and files say what is to be done; a message says only that it is time."""

from __future__ import annotations

from celery import shared_task

from cohort import pulls, receiving


@shared_task
def tend() -> None:
    """Ingest what has arrived and is complete; send what may have been lost (every 10 s)."""
    pulls.tend()
    receiving.sweep()


@shared_task
def pull_item(pull_id: int) -> None:
    """Work on one line of a pull; the next one gets a message of its own."""
    pulls.work_on(pull_id)
