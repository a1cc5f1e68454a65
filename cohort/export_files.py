"""Opening the CSV files of a cohort export: which column is which, and their rows. No Django."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, TypeAlias

from cohort.columns import COLUMNS, COMMENT, FILES, Column, plain
from cohort.csv_format import UNREADABLE, Format, find_format, open_text
from cohort.mapping import ColumnMapping
from cohort.spellings import order_evidence

# Further columns are kept as notes, but not these: notes must not bring back what was taken out.
_IDENTIFYING = re.compile(
    r"name|surname|initials|mrn|ssn|nhs|insurance|address|street|city|zip|postcode|postal|phone|mobile|fax"
    r"|e-?mail|birth|dob|accession|physician|doctor|\bid\b|_id$|^id_",
    re.IGNORECASE,
)
#: So many rows are looked at to learn whether a date column needs an order; only then all of them are.
_LOOKED_AT = 1000


@dataclass(frozen=True, slots=True)
class RowError:
    """``row`` as in a spreadsheet, where the header is row 1; None for the file as a whole.

    The message never holds a value of the file, nor does ``column``: it is a header.
    """

    file: str
    row: int | None
    column: str | None
    message: str


class Refused(Exception):
    """The file as a whole cannot be read."""

    def __init__(self, column: str | None, message: str) -> None:
        super().__init__(message)
        self.column = column
        self.message = message


#: The number of a row and its stripped cells, or what is wrong with it.
Rows: TypeAlias = Iterator["tuple[int, list[str]] | RowError"]


@dataclass
class Layout:
    """Where in a file each of our columns stands, what else it holds, and what had to be decided.

    ``taken`` says of each column why that header was taken for it: ``name``, ``said`` (by a mapping) or
    ``similar``.
    """

    kind: str
    name: str
    header: list[str]
    index: dict[str, int]
    taken: dict[str, str] = field(default_factory=dict)
    notes: list[tuple[str, int]] = field(default_factory=list)
    #: Headers of columns that are not kept: they may identify a person.
    dropped: list[str] = field(default_factory=list)
    dates: dict[str, str] = field(default_factory=dict)
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    comments: int = 0

    def label(self, column: str | None) -> str | None:
        """A column as the file itself calls it."""
        return self.header[self.index[column]] if column in self.index else column

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            **self.written,
            "columns": [
                {
                    "column": column.name,
                    "header": self.label(column.name) if column.name in self.index else None,
                    "taken_by": self.taken.get(column.name, ""),
                    "date_order": self.dates.get(column.name, ""),
                }
                for column in FILES[self.kind]
            ],
            "header": self.header,
            "notes": [name for name, _ in self.notes],
            "dropped": self.dropped,
            "comments": self.comments,
        }


class CsvTable:
    """One CSV file of a known kind, open for reading.

    Parameters
    ----------
    file
        Seekable, binary.
    name
        How errors call it.
    """

    def __init__(self, kind: str, file: BinaryIO, mapping: ColumnMapping, name: str = "") -> None:
        self.kind = kind
        self.name = name or f"{kind}.csv"
        self.file = file
        self.mapping = mapping
        self.format = Format("utf-8", ",", True)
        #: Known once ``open`` has returned; before that, as far as it came.
        self.layout = Layout(kind, self.name, [], {})

    def open(self) -> Layout:
        """Find out how the file is written and which column is which.

        Raises
        ------
        Refused
            When a column is missing or could be two, or when dates could be read in two ways.
        """
        known = {plain(header) for header in self.mapping.columns}
        known |= {name for column in FILES[self.kind] for name in (column.name, *column.names)}
        self.format = find_format(self.file, frozenset(known))
        records = self._records()
        header = next(records, (1, []))[1] or []
        # Headers are shown and kept: what is no text in them must not be.
        cells = [UNREADABLE.sub("\ufffd", cell.strip())[:100] for cell in header]
        layout = self.layout = Layout(self.kind, self.name, cells, {})
        layout.written = self.format.as_json()
        layout.values = {column: dict(words) for column, words in self.mapping.values.items()}
        self._assign(layout)
        for column in FILES[self.kind]:
            if column.kind == "date" and column.name in layout.index:
                layout.dates[column.name] = self.mapping.dates.get(column.name) or self._order(column.name)
        return layout

    def rows(self) -> Rows:
        """Every row below the header that holds anything."""
        width, looked_at = len(self.layout.header), not self.format.clean
        records = self._records()
        next(records, None)
        for number, cells in records:
            if cells is None:
                yield RowError(
                    self.name, number, None, "cannot be read: a field is longer than 131072 characters"
                )
                continue
            if len(cells) != width:
                if not any(cell.strip() for cell in cells):
                    continue
                if cells[0].startswith(COMMENT):
                    self.layout.comments += 1
                    continue
                yield RowError(
                    self.name, number, None, f"has {len(cells)} fields where the header has {width}"
                )
                continue
            if cells[0].startswith(COMMENT):
                self.layout.comments += 1
                continue
            if looked_at:
                broken = next((k for k, cell in enumerate(cells) if UNREADABLE.search(cell)), None)
                if broken is not None:
                    encoding = self.layout.written.get("encoding", "")
                    yield RowError(
                        self.name, number, self.layout.header[broken],
                        f"holds bytes that are not {encoding} text",
                    )  # fmt: skip
                    continue
            cells = [cell.strip() for cell in cells]
            if any(cells):
                yield number, cells

    def _records(self) -> Iterator[tuple[int, list[str] | None]]:
        """Records with their numbers from 1; None for one that the CSV reader refuses."""
        self.file.seek(0)
        text = open_text(self.file, self.format.encoding)
        reader = csv.reader(text, delimiter=self.format.delimiter)
        number = 0
        try:
            while True:
                number += 1
                try:
                    yield number, next(reader)
                except StopIteration:
                    return
                except csv.Error:
                    yield number, None
        finally:
            if not self.file.closed:
                text.detach()

    def _assign(self, layout: Layout) -> None:
        """Give each of our columns its header, by what was said, then by name, then by likeness."""
        headers = [plain(cell) for cell in layout.header]
        if not any(headers):
            raise Refused(None, "is empty; a header row is needed")
        ours = {column.name: column for column in FILES[self.kind]}
        by_name = {name: column.name for column in ours.values() for name in column.names}
        claims: dict[str, list[tuple[int, str, int]]] = {}
        for place, header in enumerate(headers):
            if header in self.mapping.columns:
                claim = 0, "said", self.mapping.columns[header]
            elif header in ours:
                claim = 1, "name", header
            elif header in by_name:
                claim = 2, "similar", by_name[header]
            else:
                continue
            claims.setdefault(claim[2], []).append((claim[0], claim[1], place))
        ignored = {place for _, _, place in claims.pop("", [])}
        for name, found in claims.items():
            best = min(rank for rank, _, _ in found)
            first = [(why, place) for rank, why, place in found if rank == best]
            if len(first) > 1 and headers[first[0][1]] == headers[first[1][1]]:
                raise Refused(name, f"column {name} appears twice")
            if len(first) > 1:
                which = " and ".join(layout.header[place] for _, place in first)
                raise Refused(name, f"column {name} could be {which}: say which")
            layout.taken[name], layout.index[name] = first[0]
        missing = [
            name
            for name in COLUMNS[self.kind]
            if name not in layout.index and name not in self.mapping.absent
        ]
        if missing:
            plural = "s" if len(missing) > 1 else ""
            raise Refused(missing[0], f"column{plural} {', '.join(missing)} missing")
        used = {*layout.index.values(), *ignored}
        for place, cell in enumerate(layout.header):
            if place in used or not cell:
                continue
            if _IDENTIFYING.search(cell):
                layout.dropped.append(cell)
            else:
                layout.notes.append((cell.lower()[:64], place))

    def _order(self, column: str) -> str:
        """Day or month first, from the dates of the column alone; empty when every date has its year first.

        Raises
        ------
        Refused
            When nothing in the column tells, or when its dates contradict each other.
        """
        place = self.layout.index[column]
        first: dict[str, int] = {}
        records = self._records()
        next(records, None)
        for number, cells in records:
            if number > _LOOKED_AT and not first:
                break
            if cells and place < len(cells) and (evidence := order_evidence(cells[place].strip())):
                first.setdefault(evidence, number)
        records.close()  # type: ignore[attr-defined]
        header = self.layout.label(column)
        if "dmy" in first and "mdy" in first:
            raise Refused(
                header,
                f"the date in row {first['dmy']} can only be day first, that in row {first['mdy']} only "
                f"month first: say which the column is, and the others are listed as errors",
            )
        if first.keys() == {"either"}:
            raise Refused(
                header, "every date could be read day first or month first, and nothing tells which: say it"
            )
        return "dmy" if "dmy" in first else "mdy" if "mdy" in first else ""


def column_of(kind: str, name: str) -> Column:
    return next(column for column in FILES[kind] if column.name == name)
