"""``manage.py verify_blinding``: nothing that others do changes a byte of what an observer is shown."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation import blinding, workflow
from annotation.management import scratch
from cohort.importing import import_directory
from cohort.ingest import ingest_paths
from cohort.phantom.cohort import write_cohort
from config.accounts.models import Role, User

#: Small scans: each slice is an address more to ask for in each round, and one is like another.
MATRIX, SLICES = 256, 7


class Command(BaseCommand):
    help = (
        "Replay every GET of one observer on a phantom study while the other observer and the adjudicator"
        " act at random. Runs in a folder and a database of its own; the study in use is not touched."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--patients", type=int, default=24)
        parser.add_argument("--actions", type=int, default=2000)
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument(
            "--planted-leak",
            action="store_true",
            help="plant a leak in the folder's own study: the proof must find it, and this then succeeds",
        )
        parser.add_argument("--here", action="store_true", help="internal: this process has its own folder")

    def handle(
        self,
        *args: Any,
        patients: int,
        actions: int,
        seed: int,
        here: bool,
        planted_leak: bool,
        **options: Any,
    ) -> None:
        if here:
            self._prove(patients, actions, seed)
            return
        flag = "yes" if planted_leak else "no"
        done = scratch.run(
            "verify_blinding",
            *("--patients", str(patients), "--actions", str(actions), "--seed", str(seed)),
            ODONTOID_DEBUG=flag,
            ODONTOID_PLANTED_LEAK=flag,
        )
        self.stdout.write(done.stdout, ending="")
        if planted_leak:
            if "/api/reading/worklist/: " not in done.stderr:  # its length may differ before its body does
                raise CommandError(f"the planted leak was not found\n{done.stderr.strip()}")
            self.stdout.write("The planted leak was found at /api/reading/worklist/")
            return
        if done.returncode:
            raise CommandError(done.stderr.strip() or f"ended with {done.returncode}")

    def _prove(self, patients: int, actions: int, seed: int) -> None:
        logging.disable(logging.WARNING)  # thousands of answers are refusals, as they should be
        call_command("migrate", verbosity=0, interactive=False)
        delivery = Path(settings.DATA_DIR) / "delivery"
        write_cohort(delivery, patients, seed=seed, matrix=MATRIX, slices=SLICES, leavers=False)
        import_directory(delivery)
        for result in ingest_paths([delivery / "dicom"]):
            if result.outcome != "accepted":
                raise CommandError(f"phantom series {result.outcome}: {result.reason}")
        people = {
            name: User.objects.create_user(name, role=role)
            for name, role in (
                ("observer_a", Role.OBSERVER),
                ("observer_b", Role.OBSERVER),
                ("neurosurgeon", Role.ADJUDICATOR),
            )
        }
        workflow.freeze_charter(by=None, changes={"sham_share": 0.5})
        workflow.open_reading(by=None)
        blinding.prepare(people["observer_a"], seed=seed)
        start = time.monotonic()
        proof = blinding.prove(
            people["observer_a"], actions=actions, seed=seed, stop_at_difference=settings.PLANTED_LEAK
        )
        self.stdout.write(f"{proof.summary()} ({time.monotonic() - start:.0f} s)")
        for url, what in sorted(proof.differences.items()):
            self.stderr.write(f"{url}: {what}")
        if proof.differences:
            raise CommandError(f"{len(proof.differences)} addresses differ")
