"""A study with nothing but cases to read: phantoms by the real importers, reading opened, no read made.

``python -m tests.benchmarks.reading_site PATIENTS`` prepares the data directory in ``ODONTOID_DATA_DIR``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e import demo_site

SLICES, SIDE = 15, 512
PASSWORD = "phantom-bench-2026"
#: Two readers of the same cases: one is timed, the other walks through them.
TIMED, WALKING = "observer_a", "observer_b"


@contextmanager
def running(patients: int, bare_page: Path) -> Iterator[demo_site.Site]:
    """Serve a fresh study of so many patients, each a baseline and a follow-up of 15 × 512².

    ``bare_page`` is a built page of other code, served beside it under /static/bare-page/.
    """
    with tempfile.TemporaryDirectory(prefix="odontoid-bench-") as name:
        folder = Path(name)
        subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.reading_site", str(patients)],
            env=demo_site.environment(folder, ODONTOID_LOG_LEVEL="ERROR"), check=True,
        )  # fmt: skip
        shutil.copytree(bare_page, folder / "static" / "bare-page")
        with demo_site.serving(folder, "serve") as site:
            yield site


def _prepare(patients: int) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from django.core.management import call_command

    from annotation import charter, read_plan
    from cohort import flow, importing, ingest
    from cohort.phantom.cohort import write_cohort
    from config.accounts.models import Role, User

    call_command("migrate", interactive=False, verbosity=0)
    lead = User.objects.create_user("lead", password=PASSWORD, role=Role.LEAD)
    for username in (TIMED, WALKING):
        User.objects.create_user(username, password=PASSWORD, role=Role.OBSERVER)
    with tempfile.TemporaryDirectory(prefix="odontoid-bench-") as name:
        delivery = Path(name) / "delivery"
        write_cohort(
            delivery,
            patients,
            seed=1,
            matrix=SIDE,
            slices=SLICES,
            leavers=False,
            processes=os.cpu_count() or 1,
        )
        report = importing.import_directory(delivery, by=lead, phantom=True)
        assert report.committed, report.errors[:3]
        for result in ingest.ingest_paths([delivery / "dicom"], by=lead):
            assert result.outcome == "accepted", f"{result.file}: {result.reason}"
    flow.refresh()
    charter.freeze(by=lead, reason="Benchmark")
    read_plan.open_reading(by=lead)


if __name__ == "__main__":
    _prepare(int(sys.argv[1]))
