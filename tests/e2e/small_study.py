"""Four phantom patients to read and nothing else: a study for tests that sign, amend or stop the server.

``python -m tests.e2e.small_study`` prepares the data directory in ``ODONTOID_DATA_DIR``: reading is opened
through the real importers, no read is made. One exam has a second adequate series.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

from tests.e2e import demo_site

PASSWORD = "phantom-study-2026"
PATIENTS, SIDE, SLICES = 4, 256, 13
#: Fewer slices than the first, so that the rule goes on choosing that one.
SECOND_SLICES = 11


def prepare(folder: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "tests.e2e.small_study"],
        cwd=demo_site.ROOT, env=demo_site.environment(folder, ODONTOID_LOG_LEVEL="ERROR"), check=True,
    )  # fmt: skip


def _prepare() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from annotation import charter, read_plan
    from cohort import flow, importing, ingest
    from cohort.phantom.cohort import write_cohort
    from config.accounts.models import Role, User

    call_command("migrate", interactive=False, verbosity=0)
    lead = User.objects.create_user("lead", password=PASSWORD, role=Role.LEAD)
    for username in ("observer_a", "observer_b"):
        User.objects.create_user(username, password=PASSWORD, role=Role.OBSERVER)
    with tempfile.TemporaryDirectory() as name:
        delivery = Path(name) / "delivery"
        truth = write_cohort(delivery, PATIENTS, seed=3, matrix=SIDE, slices=SLICES, leavers=False)
        # Where phantom_truth looks for it.
        (settings.DATA_DIR / "demo_truth.json").write_text(json.dumps(truth))
        _add_second_series(delivery, truth["patients"][0])
        report = importing.import_directory(delivery, by=lead, phantom=True)
        assert report.committed, report.errors[:3]
        for result in ingest.ingest_paths([delivery / "dicom"], by=lead):
            assert result.outcome == "accepted", f"{result.file}: {result.reason}"
    flow.refresh()
    charter.freeze(by=lead, changes={"reread_share": 0.0}, reason="Tests")
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
    _prepare()
