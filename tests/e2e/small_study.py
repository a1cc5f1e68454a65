"""A few phantom patients to read and nothing else: studies for tests that sign, amend or stop the server.

``python -m tests.e2e.small_study DESIGN`` prepares the data directory in ``ODONTOID_DATA_DIR``: reading is
opened through the real importers, no read is made. One exam has a second adequate series.

"paired": four patients; the charter asks for a qualification, which the observers with cases have passed and
``observer_c`` has not. "plain": two patients and no qualification. "independent": two patients, a scan at a
time; one of each observer's four comes back.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from tests.e2e import demo_site
from tests.ports import free_port

PASSWORD = "phantom-study-2026"
#: The second stands for an address of plain HTTP; a test maps it to this machine.
HOSTS = "127.0.0.1,reading.test"
PATIENTS, SIDE, SLICES = 4, 256, 13
#: Which case comes when, the same each time.
SEEDS = {"plan_seed": 1, "sham_seed": 1}
SINGLES = {"read_design": "independent", "min_gap_reads": 0, "reread_share": 0.25, "washout_reads": 1}
FEW_PATIENTS = 2
#: Fewer slices than the first, so that the rule goes on choosing that one.
SECOND_SLICES = 11
#: Phantoms of a reader's qualification.
TEST_CASES = 6


class Study:
    """The study, served; its server can be stopped and started again at its address."""

    def __init__(self, folder: Path, design: str = "paired") -> None:
        prepare(folder, design)
        self.folder, self.port = folder, free_port()
        self.running = ExitStack()
        self.start()

    def start(self) -> None:
        self.site = self.running.enter_context(
            demo_site.serving(self.folder, "serve", port=self.port, ODONTOID_ALLOWED_HOSTS=HOSTS)
        )
        self.url = self.site.url

    def stop(self) -> None:
        self.running.close()

    def kill(self) -> None:
        demo_site.kill(self.site)
        self.running.close()

    def truth(self, code: str) -> dict[str, dict[str, int]]:
        """True grades of the phantom that a reader has under this code: scan → finding → grade."""
        query = (
            "SELECT key, truth FROM annotation_qualificationscan WHERE case_id ="
            " (SELECT case_id FROM annotation_qualificationread WHERE code = ?)"
        )
        with closing(sqlite3.connect(self.folder / "odontoid.sqlite3")) as database:
            return {key: json.loads(truth) for key, truth in database.execute(query, [code])}


@contextmanager
def running(folder: Path, design: str = "paired") -> Iterator[Study]:
    here = Study(folder, design)
    try:
        yield here
    finally:
        here.stop()


def prepare(folder: Path, design: str = "paired") -> None:
    subprocess.run(
        [sys.executable, "-m", "tests.e2e.small_study", design],
        cwd=demo_site.ROOT, env=demo_site.environment(folder, ODONTOID_LOG_LEVEL="ERROR"), check=True,
    )  # fmt: skip


def _prepare(design: str) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from annotation import charter, qualification, read_plan
    from cohort import flow, importing, ingest
    from cohort.phantom.cohort import write_cohort
    from config.accounts.models import Role, User
    from tests.annotation import phantoms

    call_command("migrate", interactive=False, verbosity=0)
    lead = User.objects.create_user("lead", password=PASSWORD, role=Role.LEAD)
    qualified = design == "paired"
    readers = [
        User.objects.create_user(f"observer_{letter}", password=PASSWORD, role=Role.OBSERVER)
        for letter in ("abc" if qualified else "ab")
    ]
    patients = PATIENTS if qualified else FEW_PATIENTS
    with tempfile.TemporaryDirectory() as name:
        delivery = Path(name) / "delivery"
        truth = write_cohort(delivery, patients, seed=3, matrix=SIDE, slices=SLICES, leavers=False)
        # Where phantom_truth looks for it.
        (settings.DATA_DIR / "demo_truth.json").write_text(json.dumps(truth))
        _add_second_series(delivery, truth["patients"][0])
        report = importing.import_directory(delivery, by=lead, phantom=True)
        assert report.committed, report.errors[:3]
        for result in ingest.ingest_paths([delivery / "dicom"], by=lead):
            assert result.outcome == "accepted", f"{result.file}: {result.reason}"
    flow.refresh()
    terms = SINGLES if design == "independent" else {"reread_share": 0.0}
    if qualified:
        terms = {**terms, "qualification_required": True, "qualification_cases": TEST_CASES}
    charter.freeze(by=lead, changes={**terms, **SEEDS}, reason="Tests")
    if qualified:
        qualification.make_cases(purpose=phantoms.TEST, count=TEST_CASES, seed=1, by=lead)
        qualification.draw_waiting()
        for observer in readers[:2]:
            assert phantoms.passes(observer).state == "passed"
    read_plan.open_reading(by=lead)


def _add_second_series(delivery: Path, patient: dict[str, Any]) -> None:
    """Another neck under the first exam's name: what is on screen then tells which series it is."""
    import numpy as np

    from cohort.phantom.acquire import Acquisition, render
    from cohort.phantom.anatomy import make_patient
    from cohort.phantom.dicom import Identity, write_series

    exam = patient["scans"][0]
    acquisition = Acquisition(matrix=SIDE, slices=SECOND_SLICES, spacing=4.0)
    volume, _, geometry = render(make_patient(77), acquisition, np.random.default_rng(7), with_masks=False)
    number = patient["patient_id"]
    who = Identity(number, f"Phantom^{number}", exam["exam_id"], date.fromisoformat(exam["date"]))
    write_series(
        delivery / exam["directory"] / "second", volume, geometry, who, series_number=4, uid_seed="second"
    )


if __name__ == "__main__":
    _prepare(sys.argv[1])
