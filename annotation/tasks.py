"""Celery's way into the daily digest; see ``notices``."""

from __future__ import annotations

from celery import shared_task

from annotation import notices


@shared_task
def send_digests() -> None:
    """Once a day, queue ``default``."""
    notices.send_digests()
