"""``manage.py bundle RUN``: a published run as one file for another site."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.exceptions import RuleViolation
from modeling import bundle, queries
from modeling.models import Run
from modeling.training.atomic import replacing


class Command(BaseCommand):
    help = "Pack a published run: weights, ONNX, recipe, metrics, model card and hashes, without any patient."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", type=int)
        parser.add_argument("--out", type=Path, help="file to write (default: odontoid-run-N.zip)")

    def handle(self, *args: Any, run: int, out: Path | None, **options: Any) -> None:
        found = Run.objects.select_related("label_set").filter(pk=run).first()
        if found is None:
            raise CommandError(f"there is no run {run}")
        target = (out or Path(f"odontoid-run-{run}.zip")).absolute()
        try:
            with replacing(target) as part:
                bundle.write(found, part)
        except RuleViolation as error:
            raise CommandError(error.message) from error
        except (queries.ManifestDamaged, OSError) as error:
            raise CommandError(str(error)) from error
        with target.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self.stdout.write(f"{target}\nsha256 {digest}")
