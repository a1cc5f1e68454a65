"""A folder with more than thirty kinds of real and broken files: none crashes, none is half-stored."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest

from cohort import pacs, pixels
from cohort.models import Series
from cohort.stack import stored_content_hash
from tests.cohort.kinds import FIRST_SEED, KINDS, VALUES, write_all
from tests.cohort.thirty_kinds import faults_of_store, ingest, table


@pytest.mark.django_db
def test_each_kind_ends_as_it_must_and_nothing_is_half_stored(known: None, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    write_all(folder)
    lines = ingest(folder)
    for line in lines:
        assert set(line) <= {"outcome", "file", "reason", "series_uid", "patient", "slices"}
        assert line["reason"]
    rows = table(lines, folder)
    assert {row.kind for row in rows} == {made.name for made in KINDS}  # each says something
    assert len(KINDS) > 60
    for made in KINDS:
        mine = [row for row in rows if row.kind == made.name]
        assert {row.outcome for row in mine} == {made.outcome}, mine
        assert any(made.reason in row.reason for row in mine), mine
    assert faults_of_store() == []
    held = {
        int(Path(line["file"]).relative_to(folder).parts[0]): line for line in lines if "series_uid" in line
    }
    for number, line in held.items():
        made = KINDS[number]
        assert made.tolerance is not None, made
        series = Series.objects.get(series_uid=line["series_uid"])
        if series.orientation:
            files = [pacs.instance_path(instance) for instance in series.instances.all()]
            assert stored_content_hash(files) == series.content_hash, made.name
        stored = np.stack([_values(instance) for instance in series.instances.all()]).astype(int)
        given = np.stack(VALUES[FIRST_SEED + number]).astype(int)
        worst = min(np.abs(stored - given).max(), np.abs(stored - given[::-1]).max())
        assert worst <= made.tolerance, (made.name, worst)
    lossy = {KINDS[number].name for number, line in held.items() if _says_lossy(line["series_uid"])}
    assert lossy == {made.name for made in KINDS if made.tolerance}


def _values(instance: object) -> np.ndarray:
    content, syntax = pacs.read_frame(instance)
    assert syntax == pacs.HTJ2K_LOSSLESS
    return pixels.decode_htj2k(content)


def _says_lossy(series_uid: str) -> bool:
    first = Series.objects.get(series_uid=series_uid).instances.all()[0]
    return bool(pydicom.dcmread(pacs.instance_path(first)).get("LossyImageCompression") == "01")


@pytest.mark.django_db
def test_every_real_file_has_an_outcome(known: None, sample_data: Path, tmp_path: Path) -> None:
    """Vendors and syntaxes as they come; GDCM or pydicom read the same values from the originals."""
    folder = tmp_path / "in"
    shutil.copytree(sample_data / "mr_variety", folder / "real")
    lines = ingest(folder)
    files = [path for path in (folder / "real").rglob("*") if path.is_file()]
    assert len(files) > 50
    assert {line["outcome"] for line in lines} <= {"accepted", "quarantined", "rejected"}
    assert faults_of_store() == []
    # Each file is named itself, or lies in a folder whose series is.
    named = [line["file"] for line in lines]
    for path in files:
        assert any(str(path) == name or str(path).startswith(f"{name}/") for name in named) or any(
            str(path.parent) in name for name in named
        ), path
