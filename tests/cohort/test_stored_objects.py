"""What is stored, judged by others: dciodvfy for the object, Orthanc for the exchange."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cohort import pacs
from cohort.models import Series
from tests.builders import make_series
from tests.cohort.intake import ingest

CAPTURE = {
    "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7", "ImageOrientationPatient": None,
    "FrameOfReferenceUID": None, "Modality": None, "ImagePositionPatient": None,
}  # fmt: skip


@pytest.mark.django_db
@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (Debian dicom3tools) is not installed")
@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"FrameOfReferenceUID": None, "BodyPartExamined": None, "ScanOptions": None, "Laterality": "L"},
        {
            "Manufacturer": "Somebody^Else",
            "SliceThickness": "",
            "PatientPosition": "NOWHERE",
            "EchoTime": None,
        },
        CAPTURE,
    ],
    ids=["plain", "bare", "cleaned", "capture"],
)
def test_dciodvfy_finds_no_error(known: None, tmp_path: Path, tags: dict[str, Any]) -> None:
    """As explicit little endian: dciodvfy knows no HTJ2K."""
    make_series(tmp_path / "in", tags=tags)
    (result,) = ingest(tmp_path / "in")
    assert result.outcome in {"accepted", "quarantined"}, result
    for instance in Series.objects.get().instances.all()[:2]:
        path = tmp_path / "stored.dcm"
        path.write_bytes(pacs.read_file_uncompressed(instance))
        done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, timeout=60)
        said = [line for line in done.stderr.splitlines() if line.startswith("Error")]
        assert said == []
        assert "MRImage" in done.stderr or "SCImage" in done.stderr, done.stderr
