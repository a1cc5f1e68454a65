"""From the cells of a row to what is stored of it: pseudonyms, shifted dates, known words. No Django."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from cohort import criteria, deidentify
from cohort.columns import FILES
from cohort.export_files import Layout, column_of
from cohort.spellings import BadValue, DateColumn, SpelledColumn, as_date

Parse = Callable[[list[str]], "tuple[Any, ...]"]

_FLAGS = {"yes": True, "no": False, "": None}
_ANY_DATE = re.compile(r"\b(?:\d{4}-\d{2}-\d{2}|\d{1,2}[./-]\d{1,2}[./-]\d{4})\b")


class RowParser:
    """Parses the rows of one file.

    ``columns`` are those of the parsed tuples, by the names of the database: first the patient's pseudonym
    (``pseudonym`` in patients, else ``patient``), then those that the file has.
    """

    def __init__(self, layout: Layout, names: deidentify.Pseudonymiser) -> None:
        self.layout = layout
        self.names = names
        kind = layout.kind
        self.spelled = {
            c.name: SpelledColumn(c, layout.values.get(c.name, {}), required=c.required)
            for c in FILES[kind]
            if c.spellings and c.name in layout.index
        }
        self.dated = {
            c.name: DateColumn(c.name, layout.dates.get(c.name, ""), required=c.required)
            for c in FILES[kind]
            if c.kind == "date" and c.name in layout.index
        }
        # Rows of one patient mostly stand together, and a cache of this size costs some 15 MB.
        self._known = lru_cache(maxsize=1 << 15)(self._identify)
        self.columns, self._parts = self._plan(kind)
        self.parse: Parse = {
            "patients": self._patient, "diagnoses": self._row, "exams": self._row, "chart_review": self._row,
        }[kind]  # fmt: skip

    # ---- what a row becomes

    def _plan(self, kind: str) -> tuple[list[str], list[Callable[[list[str], str, timedelta], Any]]]:
        columns = ["pseudonym" if kind == "patients" else "patient"]
        parts: list[Callable[[list[str], str, timedelta], Any]] = []
        for column in FILES[kind]:
            name = column.name
            if (
                name == "patient_id"
                or name not in self.layout.index
                or (kind == "chart_review" and name == "note")
            ):
                continue
            place = self.layout.index[name]
            columns.append("pseudonym" if name == "exam_id" else name)
            if name == "exam_id":
                parts.append(self._exam(place))
            elif name == "code":
                parts.append(self._code(place))
            elif column.kind == "date":
                parts.append(self._date(name, place))
            elif column.kind == "flag":
                parts.append(self._flag(name, place))
            elif column.kind == "choice":
                parts.append(self._choice(name, place))
            else:
                upper = kind == "exams"
                parts.append(self._text(name, place, column.limit, column.required, upper))
        if kind == "chart_review":
            columns.append("note")
            parts.append(self._note())
        elif self.layout.notes:
            columns.append("notes")
            parts.append(self._notes)
        return columns, parts

    def _row(self, cells: list[str]) -> tuple[Any, ...]:
        patient_id = cells[self.layout.index["patient_id"]]
        pseudonym, shift = self._known(patient_id)
        return (pseudonym, *[part(cells, patient_id, shift) for part in self._parts])

    def _patient(self, cells: list[str]) -> tuple[Any, ...]:
        born, diagnosed = self.dated.get("birth_date"), self.dated.get("ra_diagnosis_date")
        if born and diagnosed:
            index = self.layout.index
            birth = born.read(cells[index["birth_date"]])
            if birth and (day := diagnosed.read(cells[index["ra_diagnosis_date"]])) and day < birth:
                raise BadValue("ra_diagnosis_date", "lies before birth_date")
        return self._row(cells)

    def _identify(self, patient_id: str) -> tuple[str, timedelta]:
        if not patient_id:
            raise BadValue("patient_id", "is empty")
        if len(patient_id) > 64:
            raise BadValue("patient_id", "is longer than 64 characters")
        return self.names.patient(patient_id), self.names.shift(patient_id)

    # ---- the parts of a row

    def _exam(self, place: int) -> Callable[[list[str], str, timedelta], str]:
        exam = self.names.exam

        def read(cells: list[str], patient_id: str, shift: timedelta) -> str:
            exam_id = cells[place]
            if not 0 < len(exam_id) <= 64:
                raise BadValue("exam_id", "is longer than 64 characters" if exam_id else "is empty")
            return exam(patient_id, exam_id)

        return read

    def _date(self, name: str, place: int) -> Callable[[list[str], str, timedelta], str | None]:
        column = self.dated[name].read

        def read(cells: list[str], patient_id: str, shift: timedelta) -> str | None:
            day = column(cells[place])
            return (day + shift).isoformat() if day else None

        return read

    def _flag(self, name: str, place: int) -> Callable[[list[str], str, timedelta], bool | None]:
        column = self.spelled[name].read
        return lambda cells, patient_id, shift: _FLAGS[column(cells[place])]

    def _choice(self, name: str, place: int) -> Callable[[list[str], str, timedelta], str]:
        column = self.spelled[name].read
        return lambda cells, patient_id, shift: column(cells[place])

    def _text(
        self, name: str, place: int, limit: int, required: bool, upper: bool
    ) -> Callable[[list[str], str, timedelta], str]:
        def read(cells: list[str], patient_id: str, shift: timedelta) -> str:
            text = cells[place]
            if len(text) > limit:
                raise BadValue(name, f"is longer than {limit} characters")
            if required and not text:
                raise BadValue(name, "is empty")
            return text.upper() if upper else text

        return read

    def _code(self, place: int) -> Callable[[list[str], str, timedelta], str]:
        def read(cells: list[str], patient_id: str, shift: timedelta) -> str:
            return _dotted(cells[place])

        return read

    def _note(self) -> Callable[[list[str], str, timedelta], str]:
        """A chart review has one note; undefined columns join it."""
        place = self.layout.index.get("note")
        limit = column_of("chart_review", "note").limit

        def read(cells: list[str], patient_id: str, shift: timedelta) -> str:
            note = cells[place] if place is not None else ""
            if len(note) > limit:
                raise BadValue("note", f"is longer than {limit} characters")
            further = [f"{name}: {cells[k][:500]}" for name, k in self.layout.notes if cells[k]]
            text = "; ".join(part for part in (note, *further) if part)
            return self._scrubbed(text, patient_id, shift) if text else ""

        return read

    def _notes(self, cells: list[str], patient_id: str, shift: timedelta) -> str:
        """Undefined columns as JSON, dates shifted and the patient's id replaced like everywhere else."""
        found = {
            name: self._scrubbed(cells[place][:500], patient_id, shift)
            for name, place in self.layout.notes
            if cells[place]
        }
        return json.dumps(found, sort_keys=True)

    def _scrubbed(self, text: str, patient_id: str, shift: timedelta) -> str:
        """Free text without the patient's own id, its dates shifted; those that cannot be read, taken out."""

        def moved(found: re.Match[str]) -> str:
            day: date | None = as_date(found.group())
            if day is None:
                return "[date]"
            try:
                return (day + shift).isoformat()
            except OverflowError:
                return found.group()  # year 1 and thereabouts: a placeholder, nobody's date

        text = _ANY_DATE.sub(moved, text)
        return deidentify.scrub(text, {patient_id: self.names.patient(patient_id)})


@lru_cache(maxsize=1 << 14)
def _dotted(text: str) -> str:
    """A code in one spelling: ``m0579`` → ``M05.79``."""
    if not text:
        raise BadValue("code", "is empty")
    if len(text) > 16:
        raise BadValue("code", "is longer than 16 characters")
    code = criteria.normal_code(text)
    if not code.isalnum() or not code.isascii():
        raise BadValue("code", "is not a code")
    return f"{code[:3]}.{code[3:]}" if len(code) > 3 else code
