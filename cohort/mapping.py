"""What a hospital's headers, spellings and date orders mean, said once and remembered. No Django."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cohort.columns import FILES, plain

ORDERS = ("dmy", "mdy")


class MappingError(ValueError):
    """What a mapping says makes no sense; the message names the part."""


@dataclass(frozen=True)
class ColumnMapping:
    """How one kind of file is to be read where its own headers and values do not tell.

    Parameters
    ----------
    columns
        Their header (as ``columns.plain`` gives it) → our column; the empty word: leave it out.
    absent
        Our columns that the file need not have. What is on record there then stays as it is.
    values
        Our column → their spelling in lower case → one of ours; the empty word: unknown.
    dates
        Our column → ``dmy`` or ``mdy``.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    dates: Mapping[str, str] = field(default_factory=dict)

    def over(self, older: ColumnMapping) -> ColumnMapping:
        """This one, and where it says nothing the older one."""
        absent = (older.absent - set(self.columns.values())) | self.absent
        columns = {
            header: column
            for header, column in {**older.columns, **self.columns}.items()
            if header in self.columns or column not in self.absent
        }
        spelled = {
            column: {**older.values.get(column, {}), **self.values.get(column, {})}
            for column in {*older.values, *self.values}
        }
        return ColumnMapping(columns, absent, spelled, {**older.dates, **self.dates})

    def as_json(self) -> dict[str, Any]:
        return {
            "columns": dict(sorted(self.columns.items())),
            "absent": sorted(self.absent),
            "values": {column: dict(sorted(words.items())) for column, words in sorted(self.values.items())},
            "dates": dict(sorted(self.dates.items())),
        }


def from_json(kind: str, said: Any) -> ColumnMapping:
    """Back from ``as_json``, or from a person's file.

    Raises
    ------
    MappingError
        Naming the part that is unknown or wrong.
    """
    if not isinstance(said, dict):
        raise MappingError("a mapping is an object with columns, absent, values, dates")
    unknown = set(said) - {"columns", "absent", "values", "dates"}
    if unknown:
        raise MappingError(f"{', '.join(map(repr, sorted(map(str, unknown))))}: no part of a mapping")
    ours = {column.name: column for column in FILES[kind]}
    columns = {plain(header): column for header, column in _words(said, "columns").items()}
    for column in columns.values():
        if column and column not in ours:
            raise MappingError(f"columns: {column!r} is no column of {kind}")
    absent = said.get("absent", [])
    if not isinstance(absent, list) or not all(isinstance(name, str) for name in absent):
        raise MappingError("absent: a list of columns")
    for name in absent:
        if name not in ours or ours[name].required:
            raise MappingError(f"absent: {name!r} is no column of {kind} that may be missing")
    values: dict[str, dict[str, str]] = {}
    spelled = said.get("values", {})
    if not isinstance(spelled, dict):
        raise MappingError("values: an object of columns")
    for name in spelled:
        allowed = ours[name].allowed() if name in ours else []
        if not allowed:
            raise MappingError(f"values: {name!r} is no column of {kind} with fixed values")
        words = {text.strip().lower(): meaning for text, meaning in _words(spelled, name).items()}
        for meaning in words.values():
            if meaning and meaning not in allowed:
                raise MappingError(f"values: {name} can be {', '.join(allowed)} or empty, not {meaning!r}")
        values[name] = words
    dates = _words(said, "dates")
    for name, order in dates.items():
        if name not in ours or ours[name].kind != "date" or order not in ORDERS:
            raise MappingError(f"dates: {name!r} must be a date column of {kind}, its order dmy or mdy")
    return ColumnMapping(columns, frozenset(absent), values, dates)


def _words(said: Mapping[str, Any], part: str) -> dict[str, str]:
    found = said.get(part, {})
    if not isinstance(found, dict) or not all(
        isinstance(k, str) and isinstance(v, str) for k, v in found.items()
    ):
        raise MappingError(f"{part}: an object of words")
    return found
