"""A registry's tables into the cohort, at growing sizes: time, peak memory, growth, against the bare floor.

Sizes are those of BENCH_PATIENTS, by default 10,000 and 100,000 patients; BENCH_PATIENTS=10000,100000,1000000
adds a million (4.1 million rows, some minutes). Each import is a process of its own on a fresh SQLite file.
The floor does none of the work: pandas reads the same four files and writes them to SQLite as they are.
"""

from __future__ import annotations

import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks.registry import write_registry

SIZES = [int(size) for size in os.environ.get("BENCH_PATIENTS", "10000,100000").split(",")]


def run() -> tuple[dict[str, Any], str]:
    """Measure every size once; the result, and as text."""
    measured = [_measure(size) for size in SIZES]
    result: dict[str, Any] = {"title": "Cohort import", "unit": "registry", "sizes": measured}
    lines = [
        "Cohort import – a registry's four files, each size once in a process of its own",
        f"  {'patients':>10}{'rows':>11}{'import s':>10}{'rows/s':>9}{'peak MB':>9}{'again s':>9}"
        f"{'flow s':>8}{'page s':>8}{'last page s':>12}{'floor s':>9}{'floor MB':>9}{'× floor':>9}",
    ]
    for row in measured:
        ours, floor = row["odontoid"], row["pandas"]
        lines.append(
            f"  {row['patients']:>10,}{row['rows']:>11,}{ours['import']:>10.1f}"
            f"{row['rows'] / ours['import']:>9,.0f}{ours['peak_mb']:>9.0f}{ours['again']:>9.1f}"
            f"{ours['flow']:>8.2f}{ours['page']:>8.2f}{ours['last_page']:>12.2f}{floor['import']:>9.1f}"
            f"{floor['peak_mb']:>9.0f}{ours['import'] / floor['import']:>9.2f}"
        )
    if len(measured) > 1:
        result["growth"] = {
            what: _exponent([(row["patients"], row["odontoid"][what]) for row in measured])
            for what in ("import", "peak_mb")
        }
        lines.append(
            f"  growth (log-log slope; 1 is linear): time {result['growth']['import']:.2f}, "
            f"memory {result['growth']['peak_mb']:.2f}"
        )
    return result, "\n".join(lines)


def _measure(size: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="odontoid-bench-") as name:
        folder = Path(name)
        rows = write_registry(folder / "export", size)
        measured: dict[str, Any] = {"patients": size, "rows": rows}
        for contender in ("odontoid", "pandas"):
            data = folder / contender
            data.mkdir()
            done = subprocess.run(
                [sys.executable, "-m", "tests.benchmarks.bench_cohort", contender, str(folder / "export")],
                env={**os.environ, "ODONTOID_DATA_DIR": str(data), "DATABASE_URL": f"sqlite://{data / 'db'}",
                     "ODONTOID_LOG_LEVEL": "ERROR"},
                stdout=subprocess.PIPE, text=True, check=True,
            )  # fmt: skip
            measured[contender] = json.loads(done.stdout.splitlines()[-1])
        return measured


def _exponent(points: list[tuple[int, float]]) -> float:
    """Least-squares slope of log y over log x."""
    xs, ys = [math.log(x) for x, _ in points], [math.log(y) for _, y in points]
    mx, my = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((x - mx) * (y - my) for x, y in zip(xs, ys, strict=True)) / sum((x - mx) ** 2 for x in xs)


def _seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _odontoid(export: str) -> dict[str, float]:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from django.core.management import call_command
    from rest_framework.test import APIClient

    from cohort.importing import import_directory
    from cohort.models import Patient
    from config.accounts.models import User

    call_command("migrate", interactive=False, verbosity=0)
    found = {"import": _seconds(lambda: _committed(import_directory(export)))}
    found["peak_mb"] = _peak_mb()
    lead = User.objects.create_user("lead", password="not used here", role="lead")
    client = APIClient(SERVER_NAME="localhost")
    client.force_login(lead, backend="django.contrib.auth.backends.ModelBackend")
    client.get("/api/auth/me/")  # a server's first request imports every page there is: not what is timed
    for name, address in (
        ("flow", "/api/cohort/flow/"),
        ("page", "/api/cohort/patients/?limit=25"),
        ("last_page", f"/api/cohort/patients/?limit=25&offset={Patient.objects.count() - 25}"),
    ):
        start = time.perf_counter()
        answer = client.get(address)
        found[name] = time.perf_counter() - start
        assert answer.status_code == 200, answer.content[:300]
    found["again"] = _seconds(lambda: _committed(import_directory(export)))
    return found


def _committed(report: Any) -> None:
    assert report.committed, report.errors[:3]


def _pandas(export: str) -> dict[str, float]:
    import sqlite3

    import pandas

    def store() -> None:
        with sqlite3.connect(Path(os.environ["ODONTOID_DATA_DIR"]) / "db") as database:
            for path in sorted(Path(export).glob("*.csv")):
                pandas.read_csv(path).to_sql(path.stem, database, index=False)

    return {"import": _seconds(store), "peak_mb": _peak_mb()}


def _peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024**2 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    print(json.dumps({"odontoid": _odontoid, "pandas": _pandas}[sys.argv[1]](sys.argv[2])))
