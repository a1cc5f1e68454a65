"""``manage.py import_cohort DIR``"""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cohort.importing import import_directory


class Command(BaseCommand):
    help = "Import patients.csv, diagnoses.csv, exams.csv and chart_review.csv from a folder."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory")
        parser.add_argument(
            "--phantom", action="store_true", help="the patients are phantoms of cohort.phantom, not people"
        )

    def handle(self, *args: Any, directory: str, phantom: bool = False, **options: Any) -> None:
        try:
            report = import_directory(directory, phantom=phantom)
        except FileNotFoundError as missing:
            raise CommandError(str(missing)) from missing
        for error in report.errors:
            row, column = f" row {error.row}" if error.row else "", f" {error.column}" if error.column else ""
            self.stderr.write(f"{error.file}{row}{column}: {error.message}")
        summary = {kind: vars(counts) for kind, counts in report.summary.items()}
        self.stdout.write(json.dumps(summary))
        if len(report.refused) == len(report.summary):
            raise CommandError("Nothing was imported: every file was left out.")
