from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotation import read_export


class Command(BaseCommand):
    help = "Write the signed reads of final cases: DICOM SR (TID 1500) into a folder, or CSV or JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=("sr", "csv", "json"), default="csv")
        parser.add_argument(
            "--out", type=Path, help="a folder for sr (needed), a file otherwise (default: stdout)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        readings, out, kind = read_export.exportable(), options["out"], options["format"]
        if kind == "sr":
            if out is None:
                raise CommandError("--format sr needs --out FOLDER")
            out.mkdir(parents=True, exist_ok=True)
            count = 0
            for reading in readings:
                for name, report in read_export.reports(reading):
                    report.save_as(out / name, enforce_file_format=True)
                    count += 1
            self.stdout.write(f"{count} structured reports in {out}")
            return
        if kind == "csv":
            text = read_export.as_csv(readings)
        else:
            text = json.dumps([read_export.as_json(one) for one in readings], indent=1) + "\n"
        if out is None:
            self.stdout.write(text, ending="")
        else:
            out.write_text(text, encoding="utf-8")
