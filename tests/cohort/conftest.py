from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cohort.importing import import_directory
from tests import orthanc
from tests.builders import write_export


@pytest.fixture
def known(db: None, tmp_path: Path) -> None:
    """Patient P1 with exams P1-E1 (2010-03-01) and P1-E2 (2015-03-01) is in the cohort."""
    import_directory(write_export(tmp_path / "csv", ["P1"]))


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[orthanc.Orthanc]:
    """A real Orthanc, started once for all tests of a process; skips loudly without one."""
    reason = orthanc.missing()
    if reason:
        pytest.skip(reason)
    server = orthanc.start(tmp_path_factory.mktemp("orthanc"))
    yield server
    server.stop()


@pytest.fixture
def pacs(archive: orthanc.Orthanc) -> orthanc.Orthanc:
    """The same, empty."""
    archive.empty()
    return archive
