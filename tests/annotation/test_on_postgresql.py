"""Concurrency, protection and the plan once more on PostgreSQL; the other tests run on SQLite."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import postgresql

ROOT = Path(__file__).resolve().parents[2]
FILES = ["test_races.py", "test_protection.py", "test_replacement.py", "test_image_access.py"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_races_and_protection() -> None:
    if postgresql.binaries() is None:
        pytest.skip("POSTGRESQL NOT TESTED: no initdb here; install the package postgresql")
    with postgresql.running() as url:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
        done = subprocess.run(
            [*command, *(f"tests/annotation/{name}" for name in FILES)],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": url},
            capture_output=True,
            text=True,
            check=False,
        )
    print(done.stdout[-400:])
    assert done.returncode == 0, done.stdout[-6000:]
    skipped = re.findall(r"SKIPPED \[(\d+)\] \S+ (.*)", done.stdout)
    assert {reason for _, reason in skipped} <= {"REPLACE is SQLite's"}, skipped
