"""``manage.py trust_report RUN``: test a published run's maps, after the fact or in full."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from modeling import launch, map_queries
from modeling.models import Run


class Command(BaseCommand):
    help = "Make a published run's trust report: whether its saliency maps may be believed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", type=int)
        parser.add_argument(
            "--full", action="store_true", help="also train on shuffled labels and from a second seed"
        )

    def handle(self, *args: Any, run: int, full: bool, **options: Any) -> None:
        found = Run.objects.select_related("label_set").filter(pk=run, state=Run.State.SUCCEEDED).first()
        if found is None:
            raise CommandError(f"there is no published run {run}")
        command = launch.trust_command(found, full=full)
        # What it says of its progress goes with its errors.
        done = subprocess.run(command, cwd=settings.BASE_DIR, stdout=sys.stderr)
        if done.returncode:
            raise CommandError(f"no trust report was made (status {done.returncode})")
        self.stdout.write(map_queries.verdicts(found)["statement"])
