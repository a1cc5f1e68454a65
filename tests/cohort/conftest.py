from __future__ import annotations

from pathlib import Path

import pytest

from cohort.importing import import_directory
from tests.builders import write_export


@pytest.fixture
def known(db: None, tmp_path: Path) -> None:
    """Patient P1 with exams P1-E1 (2010-03-01) and P1-E2 (2015-03-01) is in the cohort."""
    import_directory(write_export(tmp_path / "csv", ["P1"]))
