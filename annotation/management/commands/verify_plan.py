"""``manage.py verify_plan``: the read plan is what the charter's seeds give."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotation import plan_check
from annotation.models import Assignment, Charter


class Command(BaseCommand):
    help = "Regenerate every assignment's place from the frozen seeds; names each row that differs."

    def handle(self, *args: Any, **options: Any) -> None:
        failures = list(plan_check.deviations())
        for failure in failures:
            self.stderr.write(failure)
        if failures:
            raise CommandError(f"{len(failures)} failed")
        self.stdout.write(
            f"{Assignment.objects.count()} assignments under {Charter.objects.count()} charter versions:"
            " as the seeds give them"
        )
