"""``manage.py simulate_study``: do the study's statistics come to what is known to be true?"""

from __future__ import annotations

import logging
import time
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation import simulated_study, workflow
from annotation.management import scratch


class Command(BaseCommand):
    help = (
        "Simulate a study with stated error rates and compare its statistics with their true values. Runs in"
        " a folder and a database of its own; the study in use is not touched."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--patients", type=int, default=300)
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--here", action="store_true", help="internal: this process has its own folder")

    def handle(self, *args: Any, patients: int, seed: int, here: bool, **options: Any) -> None:
        if not here:
            done = scratch.run("simulate_study", "--patients", str(patients), "--seed", str(seed))
            self.stdout.write(done.stdout, ending="")
            if done.returncode:
                raise CommandError(done.stderr.strip() or f"ended with {done.returncode}")
            return
        logging.disable(logging.INFO)
        call_command("migrate", verbosity=0, interactive=False)
        start = time.monotonic()
        readers = simulated_study.make_readers()
        truth = simulated_study.make_patients(patients, seed=seed)
        workflow.freeze_charter(
            by=None,
            changes={"sham_share": simulated_study.SHAM_SHARE, "plan_seed": seed, "sham_seed": seed},
        )
        workflow.open_reading(by=None)
        outcome = simulated_study.run(truth, readers=readers, seed=seed, progress=self.stdout.write)
        self._print(outcome)
        self.stdout.write(f"{patients} patients in {time.monotonic() - start:.0f} s")
        outside = [row.name for row in outcome.rows if not row.inside]
        # Of eleven 95 % intervals one misses by chance in every second study, three in one of fifty.
        if len(outside) > 2:
            raise CommandError(f"outside their intervals: {', '.join(outside)}")
        if not outcome.labels_are_better:
            raise CommandError("the final labels are no better than the better observer's reads")

    def _print(self, outcome: simulated_study.Outcome) -> None:
        self.stdout.write(f"{'':<34}{'truth':>8}{'found':>8}   95 % interval")
        for row in outcome.rows:
            mark = "inside" if row.inside else "OUTSIDE"
            self.stdout.write(
                f"{row.name:<34}{row.truth:>8.3f}{row.value:>8.3f}   {row.low:.3f} to {row.high:.3f}  {mark}"
            )
        for name, error in outcome.errors.items():
            self.stdout.write(f"{'error of ' + name:<34}{'':>8}{error:>8.4f}")
