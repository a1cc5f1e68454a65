"""What becomes of a folder with more than thirty kinds of real and broken files, as a table.

``python -m tests.cohort.thirty_kinds [FOLDER]`` writes the kinds, adds the real files of FOLDER
(mr_variety of the sample data) where there is one, and ingests all of it in one ``ingest_dicom`` into
a database of its own.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cohort.kinds import KINDS, write_all


@dataclass(frozen=True)
class Line:
    kind: str
    outcome: str
    reason: str
    stored: str


def ingest(folder: Path) -> list[dict[str, Any]]:
    """The JSON lines that the command prints."""
    from django.core.management import call_command

    out = io.StringIO()
    call_command("ingest_dicom", str(folder), stdout=out, stderr=io.StringIO())
    return [json.loads(line) for line in out.getvalue().splitlines()]


def faults_of_store() -> list[str]:
    """Whatever is half there: rows without whole files, files without rows, leftovers of a delivery."""
    from django.conf import settings

    from cohort.models import Instance, Series

    root, found = Path(settings.IMAGE_STORE_DIR), []
    expected = set()
    for series in Series.objects.all():
        rows = list(Instance.objects.filter(series=series))
        if len(rows) != series.slices:
            found.append(f"{series.series_uid}: {len(rows)} rows of {series.slices}")
        expected |= {root / series.path / row.file for row in rows}
    files = {p for p in root.rglob("*") if p.is_file() and p.name != ".lock"}
    found += [f"no file {path}" for path in expected - files]
    found += [f"no row for {path}" for path in files - expected]
    found += [
        f"left over {path}" for path in Path(settings.FILE_UPLOAD_TEMP_DIR).rglob("*") if path.is_file()
    ]
    return found


def table(lines: Iterable[dict[str, Any]], folder: Path) -> list[Line]:
    """One row for each outcome, by the folder of its kind or by its own name."""
    from cohort.models import Series

    rows = []
    for line in lines:
        place = Path(line["file"]).relative_to(folder).parts
        name = KINDS[int(place[0])].name if place[0].isdigit() else f"real: {Path(*place[1:])}"
        stored = "nothing"
        if line["outcome"] in {"accepted", "quarantined"}:
            series = Series.objects.get(series_uid=line["series_uid"])
            stored = f"{series.slices} × {series.rows}×{series.columns}, {series.state}"
        rows.append(Line(name, line["outcome"], line["reason"], stored))
    return rows


def print_table(rows: Iterable[Line]) -> None:
    print(f"{'kind':<38} {'outcome':<12} {'stored':<28} reason")
    for row in rows:
        print(f"{row.kind[:38]:<38} {row.outcome:<12} {row.stored:<28} {row.reason}")


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["ODONTOID_DATA_DIR"] = f"{scratch}/data"
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        os.environ.setdefault("ODONTOID_LOG_LEVEL", "ERROR")
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        from cohort.importing import import_directory
        from tests.builders import write_export

        import_directory(write_export(Path(scratch, "csv"), ["P1"]))
        folder = Path(scratch, "in")
        write_all(folder)
        if len(sys.argv) > 1:
            shutil.copytree(sys.argv[1], folder / "real")
        rows = table(ingest(folder), folder)
        print_table(rows)
        faults = faults_of_store()
        print(f"\n{len(KINDS)} kinds, {len(rows)} outcomes, none crashed; half-stored: {faults or 'none'}")
        sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
