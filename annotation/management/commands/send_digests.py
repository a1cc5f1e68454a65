"""``manage.py send_digests``: tell everybody by e-mail what waits for them, once a day."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from annotation import notices


class Command(BaseCommand):
    help = "Send today's digest to everybody with an e-mail address for whom something waits."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.EMAIL_HOST:
            raise CommandError("No mail server is set: give ODONTOID_EMAIL_HOST")
        self.stdout.write(f"{notices.send_digests()} digests sent")
