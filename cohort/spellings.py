"""Reading one value: dates in the order of their column, fixed values by their spellings. No Django."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from cohort.columns import Column

EARLIEST = date(1890, 1, 1)
#: A column spelled in more ways than this is not listed in full.
MAX_SPELLINGS = 50

_YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{2})\2(\d{2})(?:[T ][\d:.]+(?:Z|[+-]\d{2}:?\d{2})?)?")
_COMPACT = re.compile(r"(18|19|20)\d{6}")
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})(?: [\d:]+)?")
_NAMED = re.compile(r"(\d{1,2})[- ]([A-Za-z]{3})[a-z]*[- ](\d{4})")
_MONTHS = {
    name: k
    for k, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)  # noqa: SIM905
}


class BadValue(Exception):
    """A value that cannot be read. The message never holds the value: it may be an identity."""

    def __init__(self, column: str | None, message: str) -> None:
        super().__init__(message)
        self.column = column
        self.message = message


@lru_cache(maxsize=1 << 16)
def as_date(text: str, order: str = "") -> date | None:
    """A date, its year first, as YYYYMMDD, with an English month, or in ``order`` (dmy, mdy); else None."""
    if found := _YEAR_FIRST.fullmatch(text):
        year, month, day = found[1], found[3], found[4]
    elif _COMPACT.fullmatch(text):
        year, month, day = text[:4], text[4:6], text[6:]
    elif order and (found := _YEAR_LAST.fullmatch(text)):
        day, month = (found[1], found[3]) if order == "dmy" else (found[3], found[1])
        year = found[4]
    elif (found := _NAMED.fullmatch(text)) and found[2].lower() in _MONTHS:
        return _date(int(found[3]), _MONTHS[found[2].lower()], int(found[1]))
    else:
        return None
    return _date(int(year), int(month), int(day))


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def order_evidence(text: str) -> str:
    """What one date says of its column: ``dmy``, ``mdy``, ``either``, or nothing when it needs no order."""
    found = _YEAR_LAST.fullmatch(text)
    if not found:
        return ""
    first, second = int(found[1]), int(found[3])
    if first > 12 >= second:
        return "dmy"
    if second > 12 >= first:
        return "mdy"
    return "either"


class DateColumn:
    """Reads one column of dates. ``order`` is empty until somebody, or the column itself, has said it."""

    def __init__(self, column: str, order: str, *, required: bool = False) -> None:
        self.column = column
        self.order = order
        self.required = required
        self.today = datetime.now(UTC).date()

    def read(self, text: str) -> date | None:
        if not text:
            if self.required:
                raise BadValue(self.column, "is empty")
            return None
        day = as_date(text, self.order) if len(text) <= 40 else None
        if day is None:
            if not self.order and order_evidence(text):
                raise BadValue(self.column, "is not written year first, as the dates before it are")
            raise BadValue(self.column, "is not a date; write YYYY-MM-DD")
        if not EARLIEST <= day <= self.today:
            raise BadValue(self.column, f"lies in the future or before {EARLIEST.year}")
        return day


class SpelledColumn:
    """Reads one column of fixed values, and counts how it was spelled.

    Parameters
    ----------
    spellings
        More spellings in lower case, which stand before the built-in ones.
    """

    def __init__(self, column: Column, spellings: Mapping[str, str], *, required: bool = False) -> None:
        self.column = column
        self.required = required
        self.known = {"": "", **dict(column.spellings), **spellings}
        #: Text as found → rows that hold it.
        self.seen: dict[str, int] = {}
        self._read: dict[str, str] = {}

    def read(self, text: str) -> str:
        try:
            value = self._read[text]
        except KeyError:
            value = self._first(text)
        if text in self.seen:
            self.seen[text] += 1
        elif len(self.seen) < MAX_SPELLINGS:
            self.seen[text] = 1
        if not value and self.required:
            raise BadValue(self.column.name, "is empty")
        if value == _UNREAD:
            raise BadValue(self.column.name, f"is none of {', '.join(self.column.allowed())}")
        return value

    def _first(self, text: str) -> str:
        value = self.known.get(text.strip().lower(), _UNREAD)
        if len(self._read) < 1000:
            self._read[text] = value
        return value

    def spelled(self) -> list[dict[str, Any]]:
        """Each spelling found, what it was read as (None: nothing), and in how many rows."""
        found = []
        for text, rows in sorted(self.seen.items(), key=lambda item: -item[1]):
            value = self._first(text)
            if text:
                found.append({"text": text, "read_as": None if value == _UNREAD else value, "rows": rows})
        return found


#: Not a meaning that any column allows.
_UNREAD = "\0"
