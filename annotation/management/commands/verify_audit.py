"""``manage.py verify_audit``: the trail is whole and everything signed is what was signed."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotation import audit


class Command(BaseCommand):
    help = (
        "Check the audit chain, signatures, final labels and protecting triggers; names each row that fails."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        found = audit.check()
        for failure in found.failures:
            self.stderr.write(failure)
        if found.failures:
            raise CommandError(f"{len(found.failures)} failed")
        self.stdout.write(
            f"{found.rows} audit rows, {found.signed} signed readings, {found.labels} final labels: whole."
            f" Newest hash {found.newest_hash}"
        )
