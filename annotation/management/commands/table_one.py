"""``manage.py table_one``"""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from annotation import table_one


class Command(BaseCommand):
    help = "Print Table 1: characteristics of the included patients, by outcome where labels give one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", choices=["csv", "json"], default="csv")
        parser.add_argument("--by", choices=table_one.BY, default="outcome")

    def handle(self, *args: Any, **options: Any) -> None:
        found = table_one.table_one(options["by"])
        self.stdout.write(json.dumps(found) if options["format"] == "json" else table_one.as_csv(found))
