"""``manage.py patient_flow``"""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from cohort import flow


class Command(BaseCommand):
    help = "Print the patient flow: how many remain at each step, how many left, and why."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", choices=["json", "text"], default="text")
        parser.add_argument("--refresh", action="store_true", help="Recompute the exclusions first.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["refresh"]:
            flow.refresh()
        found = flow.flow()
        if options["format"] == "json":
            self.stdout.write(json.dumps(found))
            return
        for step in found["steps"]:
            self.stdout.write(f"{step['remaining']:>8}  {step['label']}")
            for reason, n in step["reasons"].items():
                self.stdout.write(f"{'':>8}    −{n} {reason.replace('_', ' ')}")
