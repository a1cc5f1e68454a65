"""``manage.py evaluate --bundle B.zip --label-set L``: another site's model on this site's labels."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from modeling import queries
from modeling.management.commands.show_run import figures
from modeling.management.commands.train import label_set_named


class Command(BaseCommand):
    help = "Evaluate a bundle on a label set of this site; no run is made and nothing is stored."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--bundle", type=Path, required=True)
        parser.add_argument(
            "--label-set", required=True, help="id, start of the hash, or the path of a manifest"
        )
        parser.add_argument("--images", type=Path, help="root of the series (default: the image store)")
        parser.add_argument("--out", type=Path, help="keep evaluation.json and predictions.csv here")
        parser.add_argument("--allow-seen", action="store_true", help="evaluate on training patients too")
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(
        self, *args: Any, bundle: Path, label_set: str, images: Path | None, out: Path | None,
        allow_seen: bool, format: str, **options: Any,
    ) -> None:  # fmt: skip
        if not bundle.is_file():
            raise CommandError(f"there is no file {bundle}")
        manifest = Path(label_set)
        if not manifest.is_file():
            chosen = label_set_named(label_set)
            try:
                queries.manifest(chosen)
            except queries.ManifestDamaged as error:
                raise CommandError(str(error)) from error
            manifest = queries.manifest_path(chosen)
        with tempfile.TemporaryDirectory() as folder:
            target = out or Path(folder)
            command = [
                *(sys.executable, "-m", "modeling.training.evaluate_bundle"),
                *("--bundle", str(bundle.absolute()), "--manifest", str(manifest.absolute())),
                *("--images", str((images or settings.IMAGE_STORE_DIR).absolute())),
                *("--out", str(target.absolute()), "--cache", str(settings.PLANES_DIR)),
                *(["--allow-seen"] if allow_seen else []),
            ]
            # A subprocess, as for a run: this process must not load torch.
            done = subprocess.run(command, cwd=settings.BASE_DIR, stderr=subprocess.PIPE, text=True)
            if done.returncode:
                raise CommandError(done.stderr.strip()[-2000:].removeprefix("error: "))
            found = json.loads((target / "evaluation.json").read_text())
        if format == "json":
            self.stdout.write(json.dumps(found, indent=2))
            return
        how = found["networks_together"] or f"{found['networks']} network"
        self.stdout.write(f"{found['bundle']}: {how}")
        for warning in found["warnings"]:
            self.stdout.write(f"warning: {warning}")
        self.stdout.write("\n".join(figures(found["metrics"])))
