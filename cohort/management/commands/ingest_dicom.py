"""``manage.py ingest_dicom PATH…``"""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from cohort.ingest import ingest_paths, summarise


class Command(BaseCommand):
    help = (
        "Ingest DICOM files, folders and zip archives; prints one JSON line for each series or rejected file."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="+", metavar="PATH")

    def handle(self, *args: Any, paths: list[str], **options: Any) -> None:
        results = []
        for result in ingest_paths(paths):
            results.append(result)
            self.stdout.write(json.dumps(result.as_json(), ensure_ascii=False))
            self.stdout.flush()
        counts = summarise(results)
        self.stderr.write(", ".join(f"{n} {outcome}" for outcome, n in counts.items()))
