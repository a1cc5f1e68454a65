"""The list of patients whose images are to be pulled: read from CSV, kept in a file until the end. No Django.

The study keeps pseudonyms only, and an archive knows only the hospital's ids, so the list must be given
each time. It lies in the incoming area, readable by the server alone, beside the images that it asks for
and that name the same people, and is deleted with them when the pull ends. Encrypting it under a key on
the same disk would keep it from nobody who can read the images.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path

MAX_LINES = 100_000
_PATIENT, _ACCESSION = ("patient_id",), ("accession", "accession_number", "exam_id")


class ListError(ValueError):
    """The list cannot be used. ``rows``: line and what is wrong with it; no ids."""

    def __init__(self, message: str, rows: list[tuple[int, str]] | None = None) -> None:
        super().__init__(message)
        self.rows = rows or []


@dataclass(frozen=True, slots=True)
class Line:
    number: int
    patient_id: str
    accession: str


def parse(content: bytes) -> list[Line]:
    """Lines of a CSV with the columns ``patient_id`` and, if wanted, ``accession``.

    Raises
    ------
    ListError
        If a column is missing or a line is empty, repeated, or holds what an archive takes for a wildcard.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ListError("The list is not UTF-8 text.") from None
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        header = [name.strip().lower() for name in next(rows, [])]
        patient = next((header.index(name) for name in _PATIENT if name in header), None)
        accession = next((header.index(name) for name in _ACCESSION if name in header), None)
        if patient is None:
            raise ListError("The list has no column patient_id.")
        lines: list[Line] = []
        bad: list[tuple[int, str]] = []
        seen: dict[tuple[str, str], int] = {}
        for row in rows:
            number = rows.line_num
            if not any(cell.strip() for cell in row):
                continue
            line = Line(number, _cell(row, patient), _cell(row, accession))
            reason = _wrong(line)
            before = seen.setdefault((line.patient_id, line.accession), number)
            if not reason and before != number:
                reason = f"repeats line {before}"
            if reason:
                bad.append((number, reason))
            lines.append(line)
            if len(lines) > MAX_LINES:
                raise ListError(f"The list has more than {MAX_LINES} lines.")
    except csv.Error as error:
        raise ListError(f"The list is not CSV: {error}.") from error
    if bad:
        raise ListError(f"{len(bad)} lines of the list cannot be used.", bad[:100])
    if not lines:
        raise ListError("The list is empty.")
    return lines


def _cell(row: list[str], column: int | None) -> str:
    return row[column].strip() if column is not None and column < len(row) else ""


def _wrong(line: Line) -> str | None:
    if not line.patient_id:
        return "has no patient_id"
    for value in (line.patient_id, line.accession):
        if len(value) > 64 or not value.isprintable():
            return "holds more than 64 characters, or unprintable ones"
        # PS3.4 C.2.2.2: these would match other patients.
        if set(value) & set("*?\\"):
            return "holds a wildcard (* ? \\)"
    return None


def write(path: Path, lines: list[Line]) -> None:
    path.touch(mode=0o600)
    path.write_text(json.dumps({line.number: [line.patient_id, line.accession] for line in lines}))


def read(path: Path) -> dict[int, Line]:
    found = json.loads(path.read_text())
    return {int(n): Line(int(n), patient, accession) for n, (patient, accession) in found.items()}
