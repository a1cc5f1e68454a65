"""Celery's way in. Rows say what is to be done; a message says only that it is time."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from celery.signals import worker_ready

from annotation import notices, qualification


@shared_task
def send_digests() -> None:
    """Once a day, queue ``default``."""
    notices.send_digests()


@shared_task
def draw_qualification_cases() -> None:
    """Draw the phantom cases that wait for it; when some were made, and every minute. Queue ``default``."""
    qualification.draw_waiting()


@worker_ready.connect
def draw_at_start(sender: Any, **kwargs: Any) -> None:
    """What was made while no worker ran need not wait for the next round."""
    if "default" in sender.app.amqp.queues.consume_from:
        draw_qualification_cases.apply_async(retry=False)
