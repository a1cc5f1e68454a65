"""``manage.py verify_blinding``: nothing that others do changes a byte of what an observer is shown."""

from __future__ import annotations

import logging
import os
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation import blinding, workflow
from cohort.importing import import_directory
from cohort.ingest import ingest_paths
from cohort.phantom.cohort import write_cohort
from config.accounts.models import Role, User


class Command(BaseCommand):
    help = (
        "Replay every GET of one observer on a phantom study while the other observer and the adjudicator"
        " act at random. Runs in a folder and a database of its own; the study in use is not touched."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--patients", type=int, default=6)
        parser.add_argument("--actions", type=int, default=200)
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--here", action="store_true", help="internal: this process has its own folder")

    def handle(self, *args: Any, patients: int, actions: int, seed: int, here: bool, **options: Any) -> None:
        if here:
            self._prove(patients, actions, seed)
            return
        with tempfile.TemporaryDirectory(prefix="odontoid-blinding-") as folder:
            # A fresh process: Django's database and folders are fixed once it has started.
            environment = {
                **os.environ,
                "ODONTOID_DATA_DIR": folder,
                "DATABASE_URL": f"sqlite://{folder}/blinding.sqlite3",
                "ODONTOID_SECRET_KEY": secrets.token_urlsafe(),
                "ODONTOID_PSEUDONYM_KEY": secrets.token_urlsafe(),
                "ODONTOID_LOG_LEVEL": "ERROR",
                "ODONTOID_HTTPS": "no",
            }
            command = [sys.executable, "manage.py", "verify_blinding", "--here"]
            command += ["--patients", str(patients), "--actions", str(actions), "--seed", str(seed)]
            done = subprocess.run(
                command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=False
            )
        self.stdout.write(done.stdout, ending="")
        if done.returncode:
            raise CommandError(done.stderr.strip() or f"ended with {done.returncode}")

    def _prove(self, patients: int, actions: int, seed: int) -> None:
        logging.disable(logging.WARNING)  # thousands of answers are refusals, as they should be
        call_command("migrate", verbosity=0, interactive=False)
        delivery = Path(settings.DATA_DIR) / "delivery"
        write_cohort(delivery, patients, seed=seed, matrix=256, slices=13, leavers=False)
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
        proof = blinding.prove(people["observer_a"], actions=actions, seed=seed)
        self.stdout.write(f"{proof.summary()} ({time.monotonic() - start:.0f} s)")
        for url, what in sorted(proof.differences.items()):
            self.stderr.write(f"{url}: {what}")
        if proof.differences:
            raise CommandError(f"{len(proof.differences)} addresses differ")
