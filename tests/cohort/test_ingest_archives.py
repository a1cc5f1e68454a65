"""Zip archives and folders that are not to be trusted."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cohort import delivery
from cohort.ingest import summarise
from tests.builders import make_series
from tests.cohort.intake import ingest, only

pytestmark = pytest.mark.django_db


def archive(
    path: Path, entries: dict[str, bytes], change: Callable[[zipfile.ZipInfo], None] | None = None
) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            if change:
                change(info)
            file.writestr(info, content)
    return path


def test_zip_of_a_series_with_clutter(known: None, tmp_path: Path, settings: Any) -> None:
    entries = {f"a/b/{p.name}": p.read_bytes() for p in make_series(tmp_path / "in")}
    entries |= {"__MACOSX/._x": b"x", "a/.DS_Store": b"x", "DICOMDIR": b"x"}
    result = only(archive(tmp_path / "study.zip", entries))
    assert (result.outcome, result.slices) == ("accepted", 7)
    assert list(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir()) == []


def test_zip_slip_and_symlinks_are_refused_and_the_rest_read(known: None, tmp_path: Path) -> None:
    entries = {p.name: p.read_bytes() for p in make_series(tmp_path / "in")}
    entries |= {"../../evil.dcm": b"x", "/etc/evil.dcm": b"x", "C:/evil.dcm": b"x", "..\\evil.dcm": b"x"}
    results = ingest(archive(tmp_path / "slip.zip", entries))
    assert summarise(results)["accepted"] == 1
    refused = [r for r in results if r.outcome == "rejected"]
    assert len(refused) == 4
    assert {r.reason for r in refused} == {"names a place outside the archive"}
    assert not list(tmp_path.rglob("evil*"))

    def link(info: zipfile.ZipInfo) -> None:
        info.external_attr = 0o120777 << 16

    result = only(archive(tmp_path / "link.zip", {"link": b"/etc/passwd"}, link))
    assert result.reason == "is a symbolic link"


def test_symlink_in_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.dcm").symlink_to("/etc/passwd")
    assert only(tmp_path / "in").reason == "is a symbolic link"


def test_zip_bomb_stops_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setattr(delivery, "RATIO_COUNTS_FROM", 2**20)
    bomb = archive(tmp_path / "bomb.zip", {"zeros.dcm": bytes(64 * 2**20), "more.dcm": b"x"})
    result = only(bomb)
    assert "inflates more than" in result.reason
    monkeypatch.setattr(delivery, "MAX_INFLATED", 2**20)
    monkeypatch.setattr(delivery, "MAX_RATIO", 10**9)
    assert "inflates to more than" in only(bomb).reason
    assert list(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir()) == []


def test_too_many_entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "MAX_ENTRIES", 3)
    results = ingest(archive(tmp_path / "many.zip", {f"{k}.dcm": b"x" for k in range(9)}))
    assert any("holds more than 3 files" in r.reason for r in results)


def test_nested_archives_end_somewhere(known: None, tmp_path: Path) -> None:
    inner = archive(tmp_path / "1.zip", {p.name: p.read_bytes() for p in make_series(tmp_path / "in")})
    two = archive(tmp_path / "2.zip", {"1.zip": inner.read_bytes()})
    assert only(two).outcome == "accepted"
    three = archive(tmp_path / "3.zip", {"2.zip": two.read_bytes()})
    assert "nested more than" in only(three).reason


def test_broken_archives(tmp_path: Path) -> None:
    whole = archive(tmp_path / "a.zip", {"x.dcm": bytes(range(256)) * 50}).read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    assert "not a readable zip archive" in only(tmp_path / "cut.zip").reason
    damaged = bytearray(whole)
    damaged[60] ^= 0xFF
    (tmp_path / "damaged.zip").write_bytes(bytes(damaged))
    assert "damaged inside the archive" in only(tmp_path / "damaged.zip").reason
