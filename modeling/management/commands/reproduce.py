"""``manage.py reproduce RUN``: train a published run again and compare; exit 0 only if all is the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from modeling import queries, reproduction
from modeling.models import Run
from modeling.repeat_settings import RepeatSettings, cpu_flags, repeat_settings


class Command(BaseCommand):
    help = (
        "Train a published run again from its label set, recipe and seed, with the threads and number format "
        "that it had, and compare bit for bit."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", type=int)
        parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the repeat's files here")
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, run: int, keep: Path | None, format: str, **options: Any) -> None:
        found = Run.objects.select_related("label_set").filter(pk=run, state=Run.State.SUCCEEDED).first()
        if found is None:
            raise CommandError(f"there is no published run {run}")
        try:
            queries.manifest(found.label_set)
        except queries.ManifestDamaged as error:
            raise CommandError(str(error)) from error
        with tempfile.TemporaryDirectory(dir=settings.DATA_DIR) as folder:
            out = keep or Path(folder) / "repeat"
            out.mkdir(parents=True, exist_ok=True)
            wanted = repeat_settings((found.result or {})["environment"], found.recipe, cpu_flags())
            for note in wanted.notes:
                self.stderr.write(note)
            self._train(found, out, wanted)
            comparison = reproduction.compare(
                Path(settings.RUNS_DIR) / found.path, out, pinned=wanted.overrides
            )
        self._say(found, comparison, format)
        if not comparison.identical:
            said = f"run {run} is not reproduced: {len(comparison.different)} difference(s)"
            if comparison.doubts:
                said += f". Equality was not to be expected: {'; '.join(comparison.doubts)}"
            raise CommandError(said)

    def _train(self, run: Run, out: Path, wanted: RepeatSettings) -> None:
        recipe = out / "recipe.json"
        recipe.write_text(json.dumps(run.recipe))
        # Images are prepared anew as well: a repeat that trusted the cache would not repeat everything.
        command = [
            *(sys.executable, "-m", "modeling.training"),
            *("--manifest", str(queries.manifest_path(run.label_set))),
            *("--images", str(settings.IMAGE_STORE_DIR)),
            *("--recipe", str(recipe), "--out", str(out), "--cache", str(out / "cache")),
            *(word for key, value in wanted.overrides.items() for word in ("--set", f"{key}={value}")),
        ]
        done = subprocess.run(
            command, cwd=settings.BASE_DIR, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env=os.environ | wanted.variables,
        )  # fmt: skip
        if done.returncode:
            raise CommandError(
                f"the repeat ended with status {done.returncode}: {done.stderr.strip()[-800:]}"
            )

    def _say(self, run: Run, found: reproduction.Comparison, format: str) -> None:
        if format == "json":
            rows = {"run": run.pk, "identical": found.identical} | vars(found)
            self.stdout.write(json.dumps(rows, indent=2))
            return
        self.stdout.write(f"run {run.pk}: {len(found.same)} parts are the same: {', '.join(found.same)}")
        for line in found.different:
            self.stdout.write(f"differs: {line}")
        for line in found.not_compared:
            self.stdout.write(f"not compared: {line}")
        for line in found.environment:
            self.stdout.write(f"environment: {line}")
        if found.identical:
            self.stdout.write(f"run {run.pk} is reproduced to the last bit")
