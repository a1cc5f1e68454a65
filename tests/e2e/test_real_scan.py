"""McRae's line on a real craniocervical junction, by mouse; the picture stays out of the repository.

The sample is a T1 series of a child: its timing is overwritten so that it counts as what a study reads, T2.
``python -m tests.e2e.test_real_scan SAMPLES`` prepares the data directory in ``ODONTOID_DATA_DIR``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
from playwright.sync_api import Browser

from tests.builders import write_export
from tests.e2e import demo_site, phantom_truth
from tests.e2e.pages import sign_in, wait_until

PASSWORD = "real-scan-2026"
PATIENT = "INVENTED"
#: What a reader sees on the slice of this number: column and row of the pixel, found by eye.
NUMBER = 95
LANDMARKS = {"basion": (130.25, 176.9), "opisthion": (165.0, 191.9), "dens_tip": (131.9, 189.0)}
#: Distance of the tip from the line on those pixels, mm: signed area over the line's length.
BELOW = 8.98
HALF_A_PIXEL = 0.859375 / 2


def test_mcrae_on_a_real_scan(browser: Browser, sample_data: Path, tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "tests.e2e.test_real_scan", str(sample_data)],
        cwd=demo_site.ROOT, env=demo_site.environment(tmp_path, ODONTOID_LOG_LEVEL="ERROR"), check=True,
    )  # fmt: skip
    with demo_site.serving(tmp_path, "serve") as site:
        reader = sign_in(browser, site.url, "observer_a", PASSWORD)
        page = reader.page
        code = reader.opens_next_case()
        page.keyboard.press("b")
        page.keyboard.press("e")
        viewport = page.get_by_test_id("viewport-baseline")
        wait_until(lambda: not page.get_by_test_id("viewport-follow_up").is_visible(), "one scan")
        wanted = json.loads((tmp_path / "demo_truth.json").read_text())["slice"]

        def at() -> int:
            return int(viewport.get_attribute("data-slice") or -1)

        while at() != wanted:
            before = at()
            page.keyboard.press("ArrowRight" if before < wanted else "ArrowLeft")
            wait_until(lambda: at() != before, "the next slice")  # noqa: B023
        assert reader.image_is_drawn("baseline").std() > 15
        shown = phantom_truth.shown(reader, tmp_path, code, "baseline")
        page.keyboard.press("v")
        for name in LANDMARKS:
            page.mouse.click(*shown.on_screen(name))
        line = page.locator("[data-testid=measurement][data-kind=mcrae]").first
        line.wait_for()
        assert float(line.get_attribute("data-mm") or "nan") == pytest.approx(-BELOW, abs=HALF_A_PIXEL)
        page.get_by_role("radiogroup", name="Baseline: Vertical translocation").focus()
        page.get_by_test_id("proposal").wait_for()
        picture = tmp_path / "mcrae-real-scan.png"
        page.screenshot(path=picture)
        print(f"\n{picture}")
        page.context.close()


def _prepare(samples: Path) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from annotation import charter, read_plan
    from cohort import flow, importing, ingest
    from config.accounts.models import Role, User

    call_command("migrate", interactive=False, verbosity=0)
    lead = User.objects.create_user("lead", password=PASSWORD, role=Role.LEAD)
    for letter in "ab":
        User.objects.create_user(f"observer_{letter}", password=PASSWORD, role=Role.OBSERVER)
    with tempfile.TemporaryDirectory() as name:
        delivery = Path(name)
        write_export(delivery / "csv", [PATIENT])
        report = importing.import_directory(delivery / "csv", by=lead)
        assert report.committed, report.errors[:3]
        t2 = {
            "RepetitionTime": 3500, "EchoTime": 100, "InversionTime": None, "ScanningSequence": "SE",
            "SequenceVariant": "SK", "SequenceName": None, "SeriesDescription": "T2 SAG",
            "ProtocolName": "T2 SAG", "BodyPartExamined": "CSPINE", "StudyDescription": "C SPINE",
            "ImageType": ["ORIGINAL", "PRIMARY", "M"],
        }  # fmt: skip
        baseline = _delivered(samples / "cvj_t1_dicom" / "cvj_t1.zip", delivery / "1", 1, "20100301", t2)
        _delivered(samples / "t2_sagittal_dicom" / "errsm_20.zip", delivery / "2", 2, "20150301", {})
        (settings.DATA_DIR / "demo_truth.json").write_text(json.dumps(_truth(baseline)))
        for result in ingest.ingest_paths([delivery / "1", delivery / "2"], by=lead):
            assert result.outcome == "accepted", result.reason
    flow.refresh()
    charter.freeze(by=lead, reason="Tests")
    read_plan.open_reading(by=lead)


def _delivered(
    archive: Path, folder: Path, exam: int, day: str, changes: dict[str, object]
) -> list[pydicom.Dataset]:
    """The archive's images as an exam of the one invented patient."""
    folder.mkdir(parents=True)
    found: list[pydicom.Dataset] = []
    identity = {"PatientID": PATIENT, "AccessionNumber": f"{PATIENT}-E{exam}", "StudyDate": day}
    with zipfile.ZipFile(archive) as packed:
        for name in packed.namelist():
            if not name.endswith(".dcm"):
                continue
            with packed.open(name) as file:
                ds = pydicom.dcmread(file)
            for keyword, value in {**changes, **identity}.items():
                if value is None and keyword in ds:
                    delattr(ds, keyword)
                elif value is not None:
                    setattr(ds, keyword, value)
            ds.save_as(folder / Path(name).name)
            found.append(ds)
    return found


def _truth(series: list[pydicom.Dataset]) -> dict[str, object]:
    """Where the landmarks lie in the patient, in the way of the phantoms' truth."""
    orientation = np.array(series[0].ImageOrientationPatient, dtype=float)
    row, column = orientation[:3], orientation[3:]
    along = np.cross(row, column)
    series = sorted(series, key=lambda ds: float(along @ np.array(ds.ImagePositionPatient, dtype=float)))
    index = next(k for k, ds in enumerate(series) if int(ds.InstanceNumber) == NUMBER)
    ds = series[index]
    origin = np.array(ds.ImagePositionPatient, dtype=float)
    down, across = (float(v) for v in ds.PixelSpacing)
    points = {name: list(origin + row * across * x + column * down * y) for name, (x, y) in LANDMARKS.items()}
    scans = [{"role": "baseline", "landmarks": points}]
    return {"slice": index, "patients": [{"patient_id": PATIENT, "scans": scans}]}


if __name__ == "__main__":
    _prepare(Path(sys.argv[1]))
