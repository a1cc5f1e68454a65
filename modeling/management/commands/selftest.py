"""``manage.py selftest``: phantoms through the training code; exit status 0 only if it can be trusted."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    help = "Train on phantoms: a planted signal must be found, shuffled outcomes must not."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        size = parser.add_mutually_exclusive_group()
        size.add_argument("--quick", action="store_true", help="fewer and smaller phantoms, under a minute")
        size.add_argument("--full", action="store_true", help="ResNet-101 at 512², for a GPU")
        parser.add_argument("--seed", type=int, default=0, help="seed of necks, outcomes and network")

    def handle(self, *args: Any, **options: Any) -> None:
        command = [sys.executable, "-m", "modeling.training.selftest", "--seed", str(options["seed"])]
        command += [f"--{size}" for size in ("quick", "full") if options[size]]
        # A subprocess, as for a run: this process must not load torch.
        done = subprocess.run(command, cwd=settings.BASE_DIR, stdout=subprocess.PIPE, text=True, check=False)
        self.stdout.write(done.stdout.rstrip())
        if done.returncode:
            raise CommandError("the self-test failed: do not trust this installation's training")
        result = json.loads(done.stdout)
        energy = result["disc_energy"]["planted"]["layercam"]["ratio"]
        self.stderr.write(
            f"passed: planted AUC {result['planted_auc']['value']:.2f} (oracle "
            f"{result['oracle_auc']['value']:.2f}), shuffled {result['shuffled_auc']['value']:.2f}, LayerCAM "
            f"energy at the discs {energy:.1f} × their share of the area; read from DICOM, necks correlate "
            f"{result['dicom']['least_correlation']:.3f} with those trained on"
        )
        if result["comparison"]:
            change = result["comparison"]["recommended_minus_paper"]
            self.stderr.write(f"recommended − paper on the same phantoms: {change['difference']:+.3f}")
