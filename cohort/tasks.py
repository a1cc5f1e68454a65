"""Celery's way in. The files and rows say what is to be done; a message says only that it is time."""

from __future__ import annotations

from celery import shared_task

from cohort import receiving


@shared_task
def tend() -> None:
    """Ingest what has arrived and is complete (every 10 s)."""
    receiving.sweep()
