"""``manage.py verify_audit``: the trail is whole and everything signed is what was signed."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from annotation import audit, protection
from annotation.models import AuditEvent, FinalLabel, Reading


class Command(BaseCommand):
    help = (
        "Check the audit chain, signatures, final labels and protecting triggers; names each row that fails."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        failures = [
            *(f"trigger {name}: missing" for name in protection.missing(connection)),
            *audit.broken_rows(),
            *audit.broken_seals(),
        ]
        for failure in failures:
            self.stderr.write(failure)
        if failures:
            raise CommandError(f"{len(failures)} failed")
        last = AuditEvent.objects.order_by("-pk").first()
        signed = Reading.objects.exclude(state=Reading.State.DRAFT).count()
        self.stdout.write(
            f"{AuditEvent.objects.count()} audit rows, {signed} signed readings, {FinalLabel.objects.count()}"
            f" final labels: whole. Newest hash {last.hash if last else audit.GENESIS}"
        )
