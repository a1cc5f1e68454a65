"""``manage.py freeze_labels``: the final labels become a label set, and a run of it is queued."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.exceptions import RuleViolation
from modeling import snapshot


class Command(BaseCommand):
    help = "Freeze the final labels into a label set and queue a run of the default recipe on it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", default="", help="what the lead calls it")
        parser.add_argument("--no-run", action="store_true", help="queue no run")
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, name: str, no_run: bool, format: str, **options: Any) -> None:
        try:
            label_set = snapshot.freeze(by=None, name=name, start_run=not no_run)
        except RuleViolation as error:
            raise CommandError(error.message) from error
        run = label_set.runs.values_list("pk", flat=True).first()
        if format == "json":
            fields = ("pk", "hash", "patients", "positives", "charter_version")
            described = {field: getattr(label_set, field) for field in fields}
            self.stdout.write(json.dumps({"label_set": described, "run": run}))
            return
        self.stdout.write(f"label set {label_set.pk} {label_set.hash}")
        self.stdout.write(f"{label_set.patients} patients, {label_set.positives} of them cases")
        self.stdout.write(f"run {run}" if run else "no run")
