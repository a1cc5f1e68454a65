"""The Celery application.

Two queues: ``default`` for short work and ``gpu`` for training (``--pool=solo``, one process
per device: CUDA does not survive a fork). There is no result backend: the database row is
the truth, a message carries only its id.
"""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("odontoid")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
