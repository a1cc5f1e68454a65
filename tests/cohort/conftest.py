from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

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


@pytest.fixture
def pull_queue(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What would be sent to the queue of pulls; the tests work on it themselves."""
    sent: list[int] = []
    monkeypatch.setattr("cohort.pulls._send", sent.append)
    return sent


@pytest.fixture
def node(settings: Any, tmp_path: Path) -> Callable[..., None]:
    """Writes the file of archives: the one called hospital, with these fields."""

    def write(**fields: Any) -> None:
        path = tmp_path / "nodes.toml"
        lines = [f"{k} = {json.dumps(v)}" for k, v in {"timeout": 60, **fields}.items()]
        path.write_text("[hospital]\n" + "\n".join(lines))
        settings.PACS_NODES_FILE = str(path)

    return write
