"""Shorthands of the ingest tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cohort.ingest import IngestResult, ingest_paths
from cohort.models import Instance, Series


def ingest(*paths: Path) -> list[IngestResult]:
    return list(ingest_paths(paths))


def only(*paths: Path) -> IngestResult:
    (result,) = ingest(*paths)
    return result


def stored_files(settings: Any) -> list[Path]:
    return sorted(p for p in Path(settings.IMAGE_STORE_DIR).rglob("*") if p.is_file() and p.name != ".lock")


def assert_nothing_stored(settings: Any) -> None:
    assert not Series.objects.exists()
    assert not Instance.objects.exists()
    assert stored_files(settings) == []
