"""``manage.py patient_flow``"""

from __future__ import annotations

import csv
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cohort import flow, flow_diagram


class Command(BaseCommand):
    help = "Print the patient flow: how many remain at each step, how many left, and why."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", choices=["json", "svg", "csv", "text"], default="text")
        parser.add_argument("--site", help="Of this site alone.")
        parser.add_argument("--refresh", action="store_true", help="Recompute the exclusions first.")

    def handle(self, *args: Any, site: str | None = None, **options: Any) -> None:
        if options["refresh"]:
            flow.refresh()
        found = flow.flow()
        steps = flow.steps_of(found, site)
        if steps is None:
            known = ", ".join(one["site"] for one in found["sites"]) or "none"
            raise CommandError(f"No patient is of site {site!r}. Sites: {known}.")
        wrong = flow_diagram.sums(found["steps"], found["sites"])["contradictions"]
        if wrong:
            raise CommandError(f"The flow does not add up: {' '.join(wrong)}")
        if site is not None:
            found = {"site": site, "steps": steps, "sites": []}
        write = {"json": self._json, "svg": self._svg, "csv": self._csv, "text": self._text}
        write[options["format"]](found)

    def _json(self, found: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(found))

    def _svg(self, found: dict[str, Any]) -> None:
        self.stdout.write(flow_diagram.svg(found["steps"], title=flow_diagram.title(found.get("site"))))

    def _csv(self, found: dict[str, Any]) -> None:
        table = csv.DictWriter(self.stdout, flow.ROW_FIELDS, lineterminator="\n")
        table.writeheader()
        table.writerows(flow.rows(found))

    def _text(self, found: dict[str, Any]) -> None:
        for step in found["steps"]:
            self.stdout.write(f"{step['remaining']:>8}  {step['label']}")
            for reason, n in step["reasons"].items():
                self.stdout.write(f"{'':>8}    −{n} {reason.replace('_', ' ')}")
