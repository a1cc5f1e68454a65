"""``manage.py check_published [FILE]``"""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from modeling.metrics import check_published
from modeling.paper import PAPER
from modeling.published import not_searched


class Command(BaseCommand):
    help = "Say which of a publication's figures cannot be true together; the paper's own without a file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "file", nargs="?", help="JSON as modeling.metrics.check_published takes; - is stdin."
        )
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, file: str | None = None, **options: Any) -> None:
        try:
            table = PAPER if file is None else _read(file)
            findings, skipped = check_published(table), not_searched(table)
        except (OSError, ValueError) as error:
            raise CommandError(f"{file}: {error}") from error
        if options["format"] == "json":
            self.stdout.write(json.dumps(findings, ensure_ascii=False))
            return
        for finding in findings:
            self.stdout.write(finding)
        if skipped:
            self.stdout.write(skipped)
        clear = "No contradiction found." if skipped else "All can be true together."
        self.stdout.write(f"{len(findings)} contradictions" if findings else clear)


def _read(file: str) -> Any:
    if file == "-":
        table = json.load(sys.stdin)
    else:
        with open(file, encoding="utf-8") as stream:
            table = json.load(stream)
    if not isinstance(table, dict):
        raise ValueError("a JSON object of figures is needed")
    return table
