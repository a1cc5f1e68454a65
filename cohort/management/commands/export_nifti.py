"""``manage.py export_nifti OUT``"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cohort import bids, nifti


class Command(BaseCommand):
    help = "Write the accepted series as NIfTI files in a BIDS data set; prints one JSON line for each."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("out", metavar="OUT", type=Path, help="A folder that is new or empty.")
        parser.add_argument(
            "--patient", nargs="+", action="extend", default=[], help="Pseudonyms; of these alone."
        )

    def handle(self, *args: Any, out: Path, patient: list[str], **options: Any) -> None:
        written = left_out = 0
        try:
            for result in bids.export(out, patients=patient):
                self.stdout.write(json.dumps(result.as_json()))
                written += result.outcome == "written"
                left_out += result.outcome == "left_out"
        except nifti.NiftiError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(
                f"{out} cannot be written: {error.strerror or error}. Nothing is kept."
            ) from error
        self.stderr.write(f"{written} written, {left_out} left out")
        if left_out:
            raise CommandError(f"{left_out} series left out of {out}; each is named above with its reason.")
