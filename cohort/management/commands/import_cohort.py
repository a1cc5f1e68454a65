"""``manage.py import_cohort DIR``"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cohort.importing import ImportReport, import_directory, mapping_file


class Command(BaseCommand):
    help = (
        "Import patients.csv, diagnoses.csv, exams.csv and chart_review.csv, or an OMOP export, from a "
        "folder: all of it, or nothing when a row is in error. Prints the counts as JSON."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory")
        parser.add_argument(
            "--skip-errors", action="store_true", help="import the good rows although others are in error"
        )
        parser.add_argument("--preview", action="store_true", help="say what would happen, store nothing")
        parser.add_argument(
            "--mapping",
            metavar="FILE",
            help="JSON: for each file its columns, absent, values and dates where they differ from the "
            "documented ones; remembered for the next import",
        )
        parser.add_argument(
            "--phantom", action="store_true", help="the patients are phantoms of cohort.phantom, not people"
        )

    def handle(
        self,
        *args: Any,
        directory: str,
        phantom: bool = False,
        skip_errors: bool = False,
        preview: bool = False,
        mapping: str | None = None,
        **options: Any,
    ) -> None:
        try:
            report = import_directory(
                directory,
                phantom=phantom,
                skip_errors=skip_errors,
                commit=not preview,
                mappings=mapping_file(Path(mapping).read_text("utf-8")) if mapping else None,
            )
        except FileNotFoundError as missing:
            raise CommandError(str(missing)) from missing
        except ValueError as wrong:
            raise CommandError(f"{mapping}: {wrong}") from wrong
        for note in (*report.notices, *report.errors):
            row, column = f" row {note.row}" if note.row else "", f" {note.column}" if note.column else ""
            self.stderr.write(f"{note.file}{row}{column}: {note.message}")
        self._taken(report)
        self.stdout.write(json.dumps({kind: vars(counts) for kind, counts in report.summary.items()}))
        if preview:
            self.stderr.write("Preview: nothing was stored.")
        elif not report.committed:
            raise CommandError(self._nothing(report))
        elif report.error_count:
            self.stderr.write("The rows without errors were imported.")

    def _taken(self, report: ImportReport) -> None:
        """Say which headers were taken for which columns, where they are not the documented ones."""
        for layout in report.layouts.values():
            for column in layout["columns"]:
                if column["taken_by"] in ("similar", "said"):
                    self.stderr.write(f"{layout['name']}: {column['header']!r} is read as {column['column']}")
                if column["date_order"]:
                    order = {"dmy": "day first", "mdy": "month first"}[column["date_order"]]
                    self.stderr.write(f"{layout['name']}: dates in {column['header']!r} are read {order}")

    @staticmethod
    def _nothing(report: ImportReport) -> str:
        if len(report.refused) == len(report.layouts):
            return "Nothing was imported: every file was left out. The cohort is as it was."
        rows = sum(counts.errors for counts in report.summary.values())
        what = [f"{rows} rows are in error"] if rows else []
        what += [f"{', '.join(report.refused)} could not be read"] if report.refused else []
        return (
            f"Nothing was imported: {' and '.join(what)}. The cohort is as it was. "
            f"Mend the export, or import the good rows with --skip-errors."
        )
