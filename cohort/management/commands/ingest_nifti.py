"""``manage.py ingest_nifti FOLDER``"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cohort.bids_ingest import NotBids, ingest_folder
from cohort.ingest import summarise


class Command(BaseCommand):
    help = "Ingest the NIfTI files of a BIDS-like folder; prints one JSON line for each."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", metavar="FOLDER", type=Path)

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        results = []
        try:
            for result in ingest_folder(folder):
                results.append(result)
                self.stdout.write(json.dumps(result.as_json(), ensure_ascii=False))
                self.stdout.flush()
        except NotBids as error:
            raise CommandError(str(error)) from error
        counts = summarise(results)
        self.stderr.write(", ".join(f"{n} {outcome}" for outcome, n in counts.items()))
