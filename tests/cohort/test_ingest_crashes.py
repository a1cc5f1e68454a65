"""Crashes, full disks, repeated and partial deliveries: whole or not at all, and a retry works."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pydicom
import pytest
from django.db import IntegrityError
from pydicom.uid import generate_uid

from cohort.models import Instance, ScanPair, Series
from tests.builders import make_series
from tests.cohort.intake import assert_nothing_stored, ingest, only, stored_files

pytestmark = pytest.mark.django_db


def test_crash_between_write_and_row_leaves_nothing_and_a_retry_works(
    known: None, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_series(tmp_path / "in")

    def crash(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Instance.objects.__class__, "bulk_create", crash)
        with pytest.raises(KeyboardInterrupt):
            ingest(tmp_path / "in")
    assert_nothing_stored(settings)
    assert only(tmp_path / "in").outcome == "accepted"


def test_orphaned_folder_of_a_killed_process_is_replaced(known: None, tmp_path: Path, settings: Any) -> None:
    make_series(tmp_path / "in")
    only(tmp_path / "in")
    path = Path(settings.IMAGE_STORE_DIR) / Series.objects.get().path
    ScanPair.objects.all().delete()
    Series.objects.all().delete()  # as if the process had died before the commit
    (path / "0001.dcm").write_bytes(b"half")
    assert only(tmp_path / "in").outcome == "accepted"
    assert len(list(path.iterdir())) == 7
    assert (path / "0001.dcm").stat().st_size > 1000


def test_disk_full_stores_nothing(
    known: None, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_series(tmp_path / "in")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space left"):
            ingest(tmp_path / "in")
    assert_nothing_stored(settings)
    assert only(tmp_path / "in").outcome == "accepted"


def test_row_conflict_takes_the_files_back(
    known: None, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_series(tmp_path / "in")
    monkeypatch.setattr(Series, "save", lambda self, **k: (_ for _ in ()).throw(IntegrityError("unique")))
    with pytest.raises(IntegrityError):
        ingest(tmp_path / "in")
    assert_nothing_stored(settings)


def test_the_rest_of_a_series_completes_it(known: None, tmp_path: Path, settings: Any) -> None:
    paths = make_series(tmp_path / "in", slices=9)
    part = tmp_path / "part"
    part.mkdir()
    for path in paths[:6]:
        shutil.copy(path, part)
    assert only(part).slices == 6
    assert only(tmp_path / "in").outcome == "accepted"
    assert Series.objects.get().slices == 9
    assert len(stored_files(settings)) == 9
    result = only(part)
    assert result.outcome == "rejected"
    assert "stored already" in result.reason


def test_a_series_in_use_is_not_replaced(known: None, tmp_path: Path, lead: Any) -> None:
    paths = make_series(tmp_path / "in", slices=9)
    part = tmp_path / "part"
    part.mkdir()
    for path in paths[:7]:
        shutil.copy(path, part)
    make_series(tmp_path / "later", exam_id="P1-E2", study_date=date(2015, 3, 1), seed=4)
    ingest(part, tmp_path / "later")
    ScanPair.objects.update(chosen_by=lead, reason="seen")
    result = only(tmp_path / "in")
    assert result.outcome == "rejected"
    assert "being read" in result.reason
    assert Series.objects.get(pk=ScanPair.objects.get().baseline_id).slices == 7


def test_changed_pixels_under_a_stored_uid_are_refused(known: None, tmp_path: Path) -> None:
    paths = make_series(tmp_path / "in")
    only(tmp_path / "in")
    ds = pydicom.dcmread(paths[0])
    ds.PixelData = bytes(len(ds.PixelData))
    ds.save_as(paths[0])
    assert only(tmp_path / "in").outcome == "rejected"


def test_an_image_belongs_to_one_series(known: None, tmp_path: Path) -> None:
    make_series(tmp_path / "in")
    only(tmp_path / "in")
    make_series(tmp_path / "again", tags={"SeriesInstanceUID": generate_uid()})
    result = only(tmp_path / "again")
    assert result.outcome == "rejected"
    assert "part of another series" in result.reason
    assert Series.objects.count() == 1
