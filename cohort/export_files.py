"""Reading the CSV files of a cohort export row by row, and saying exactly what is wrong with one."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import BinaryIO

COLUMNS: dict[str, tuple[str, ...]] = {
    "patients": (
        "patient_id", "site", "sex", "birth_date", "ra_diagnosis_date", "rf", "anti_ccp", "infliximab",
        "other_biologic",
    ),
    "diagnoses": ("patient_id", "system", "code", "date"),
    "exams": ("patient_id", "exam_id", "date", "modality", "body_part", "sagittal_t2"),
    "chart_review": ("patient_id", "decision", "note", "date"),
}  # fmt: skip

# Further columns are kept as notes, but not these: notes must not bring back what was taken out.
_IDENTIFYING = re.compile(
    r"name|surname|initials|mrn|ssn|nhs|insurance|address|street|city|zip|postcode|postal|phone|mobile|fax"
    r"|e-?mail|birth|dob|accession|physician|doctor|\bid\b|_id$|^id_",
    re.IGNORECASE,
)
_EARLIEST = date(1890, 1, 1)
_UNREADABLE = re.compile(r"[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class RowError:
    """``row`` as in a spreadsheet, where the header is row 1; None for the file as a whole."""

    file: str
    row: int | None
    column: str | None
    message: str


class BadValue(Exception):
    def __init__(self, column: str | None, message: str) -> None:
        super().__init__(message)
        self.column = column
        self.message = message


@dataclass(slots=True)
class Row:
    number: int
    values: dict[str, str]
    notes: dict[str, str] = field(default_factory=dict)

    def text(self, column: str, limit: int, *, required: bool = False) -> str:
        value = self.values[column]
        if required and not value:
            raise BadValue(column, "is empty")
        if len(value) > limit:
            raise BadValue(column, f"is longer than {limit} characters")
        return value

    def day(self, column: str, *, required: bool = False) -> date | None:
        value = self.text(column, 40, required=required)
        if not value:
            return None
        day = as_date(value)
        if day is None:
            raise BadValue(column, f"{value!r} is not a date; write YYYY-MM-DD")
        if not _EARLIEST <= day <= datetime.now(UTC).date():
            raise BadValue(column, f"{value} lies in the future or before {_EARLIEST.year}")
        return day

    def flag(self, column: str) -> bool | None:
        value = self.text(column, 40).lower()
        if value in {"yes", "y", "true", "1"}:
            return True
        if value in {"no", "n", "false", "0"}:
            return False
        if value:
            raise BadValue(column, f"{self.values[column]!r} is neither yes nor no")
        return None

    def choice(self, column: str, allowed: tuple[str, ...], *, required: bool = False) -> str:
        value = self.text(column, 40, required=required)
        found = {option.lower(): option for option in allowed}.get(value.lower(), "")
        if value and not found:
            raise BadValue(column, f"{value!r} is none of {', '.join(allowed)}")
        return found


def as_date(text: str) -> date | None:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def read_rows(kind: str, file: BinaryIO) -> Iterator[Row | RowError]:
    """Rows of one file in order, each readable or an error; a refused file is one error without row.

    A file whose header lacks a documented column is refused, since every row would mean something else.
    """
    name = f"{kind}.csv"
    # Undecodable bytes become surrogates, so that they cost their row and not the file.
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    reader = csv.reader(text)
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
    except csv.Error as error:
        yield RowError(name, 1, None, f"the header cannot be read: {error}")
        return
    problem = _header_problem(kind, header)
    if problem:
        yield RowError(name, None, problem[0], problem[1])
        return
    extra = [column for column in header if column not in COLUMNS[kind] and column]
    for column in extra:
        if _IDENTIFYING.search(column):
            yield RowError(name, 1, column, "may identify a person; this column is not kept")
    kept = [column for column in extra if not _IDENTIFYING.search(column)]
    number = 1
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            yield RowError(name, number, None, f"cannot be read: {error}")
            continue
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            yield RowError(name, number, None, f"has {len(cells)} fields where the header has {len(header)}")
            continue
        values = dict(zip(header, (cell.strip() for cell in cells), strict=True))
        unreadable = next((c for c, v in values.items() if _UNREADABLE.search(v)), None)
        if unreadable is not None:
            yield RowError(name, number, unreadable, "holds bytes that are not UTF-8 text")
            continue
        yield Row(number, values, {column: values[column][:500] for column in kept if values[column]})
    text.detach()


def _header_problem(kind: str, header: list[str]) -> tuple[str | None, str] | None:
    missing = [column for column in COLUMNS[kind] if column not in header]
    if not header:
        return None, "is empty; a header row is needed"
    if missing:
        hint = ""
        if len(header) == 1 and (";" in header[0] or "\t" in header[0]):
            hint = " The fields are not separated by commas."
        elif any(_UNREADABLE.search(cell) for cell in header):
            hint = " The file is not UTF-8 text."
        plural = "s" if len(missing) > 1 else ""
        return missing[0], f"column{plural} {', '.join(missing)} missing; the file was left out.{hint}"
    twice = next((column for column in header if column and header.count(column) > 1), None)
    return (twice, f"column {twice} appears twice; the file was left out.") if twice else None
