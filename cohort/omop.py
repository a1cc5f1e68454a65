"""A plain OMOP export read as the four files: person, condition_, procedure_ and image_occurrence. No Django.

Columns used (OMOP CDM 5.4, and the image_occurrence of the Medical Imaging extension); all others are passed
over, and concept ids are needed for nothing:

person
    ``person_id``; ``person_source_value`` – where it is filled it is the hospital's id, by which DICOM files
    find their patients; ``gender_source_value``, else ``gender_concept_id`` 8507 (M), 8532 (F);
    ``birth_datetime``, else ``year_of_birth``, ``month_of_birth``, ``day_of_birth``; ``care_site_id``.
condition_occurrence
    ``person_id``, ``condition_source_value`` (an ICD code, alone or as ``ICD10CM:M05.79``),
    ``condition_start_date``. A code alone is ICD-9 when it begins with a digit, else ICD-10.
procedure_occurrence
    ``procedure_occurrence_id``, ``person_id``, ``procedure_date``, ``procedure_source_value``: a code of
    cervical MRI (CPT 72141, 72142, 72156) or a text that says MR. Other procedures are no exams.
image_occurrence (or imaging_occurrence)
    ``image_occurrence_id``, ``person_id``, ``image_occurrence_date``, ``image_study_UID`` or
    ``procedure_occurrence_id`` (one exam for all of its series), ``modality_source_value``,
    ``anatomic_site_source_value``.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from cohort.columns import COLUMNS, plain
from cohort.csv_format import UNREADABLE, find_format, open_text
from cohort.export_files import Layout, Refused, RowError, Rows

TABLES = {
    "person": "patients",
    "condition_occurrence": "diagnoses",
    "procedure_occurrence": "exams",
    "image_occurrence": "exams",
    "imaging_occurrence": "exams",
}
_NEEDED = {
    "person": ("person_id",),
    "condition_occurrence": ("person_id", "condition_source_value"),
    "procedure_occurrence": (
        "procedure_occurrence_id",
        "person_id",
        "procedure_date",
        "procedure_source_value",
    ),
    "image_occurrence": (
        "image_occurrence_id",
        "person_id",
        "image_occurrence_date",
        "modality_source_value",
    ),
}  # fmt: skip
#: Of our columns, those that an OMOP export can fill.
_FILLED = {
    "patients": ("patient_id", "site", "sex", "birth_date"),
    "diagnoses": COLUMNS["diagnoses"],
    "exams": ("patient_id", "exam_id", "date", "modality", "body_part"),
}
#: Where an error about our column is to be looked for.
_THEIRS = {
    "person": {"patient_id": "person_id", "site": "care_site_id", "sex": "gender_source_value",
               "birth_date": "year_of_birth"},
    "condition_occurrence": {"patient_id": "person_id", "system": "condition_source_value",
                             "code": "condition_source_value", "date": "condition_start_date"},
    "procedure_occurrence": {"patient_id": "person_id", "exam_id": "procedure_occurrence_id",
                             "date": "procedure_date", "modality": "procedure_source_value",
                             "body_part": "procedure_source_value"},
    "image_occurrence": {"patient_id": "person_id", "exam_id": "image_occurrence_id",
                         "date": "image_occurrence_date", "modality": "modality_source_value",
                         "body_part": "anatomic_site_source_value"},
}  # fmt: skip
#: CPT: MRI of the cervical spinal canal without, with, and without and with contrast.
_CERVICAL_MRI = re.compile(r"\b(?:72141|72142|72156)\b")
_MR = re.compile(r"\b(?:MRI?|MRT|magnetic resonance)\b", re.IGNORECASE)
_GENDERS = {"8507": "M", "8532": "F"}
_PREFIX = re.compile(r"(ICD-?(?:9|10)[A-Z-]*)\s*[:|]\s*(.+)", re.IGNORECASE)

Cells = Mapping[str, str]


def tables_in(folder: Path) -> dict[str, Path]:
    """The OMOP tables in a folder by their plain names, whatever the case and ending of the files'."""
    if not folder.is_dir():
        return {}
    found = {}
    for path in sorted(folder.iterdir()):
        name = table_of(path.name)
        if name and path.is_file():
            found[name] = path
    return found if "person" in found else {}


def table_of(file: str) -> str | None:
    """``PERSON.csv`` → ``person``; None for what is no table that is used."""
    stem, _, ending = file.lower().rpartition(".")
    if ending not in ("csv", "tsv", "txt") or stem not in TABLES:
        return None
    return "image_occurrence" if stem == "imaging_occurrence" else stem


class OmopTable:
    """One OMOP table, read as one of the four files. The same face as ``CsvTable``.

    Parameters
    ----------
    persons
        Filled by ``person``, read by the others: person_id → the hospital's id, where the two differ.
    """

    def __init__(self, table: str, file: BinaryIO, persons: dict[str, str]) -> None:
        self.table = table
        self.kind = TABLES[table]
        self.name = f"{table}.csv"
        self.file = file
        self.persons = persons
        self.layout = Layout(self.kind, self.name, [], {})
        self.notices: list[str] = []
        self._places: dict[str, int] = {}
        self._convert: Callable[[Cells], tuple[str, ...] | None] = {
            "person": self._person, "condition_occurrence": self._condition,
            "procedure_occurrence": self._procedure, "image_occurrence": self._image,
        }[table]  # fmt: skip
        self._by_source = False
        self._passed_over = 0
        self._estimated = 0

    def open(self) -> Layout:
        """Find the table's columns.

        Raises
        ------
        Refused
            When one that is needed is missing.
        """
        self.format = find_format(self.file, frozenset(_NEEDED[self.table]))
        header = next(self._records(), (1, []))[1]
        self._places = {plain(cell): place for place, cell in reversed(list(enumerate(header)))}
        missing = [name for name in _NEEDED[self.table] if name not in self._places]
        if missing:
            raise Refused(missing[0], f"column{'s' if len(missing) > 1 else ''} {', '.join(missing)} missing")
        filled = _FILLED[self.kind]
        labels = [_THEIRS[self.table][column] for column in filled]
        self.layout = Layout(self.kind, self.name, labels, {column: k for k, column in enumerate(filled)})
        self.layout.taken = dict.fromkeys(filled, "name")
        self.layout.written = self.format.as_json()
        self.layout.dates = {}
        if self.table == "person" and "person_source_value" in self._places:
            self._learn_ids()
        return self.layout

    def rows(self) -> Rows:
        """Rows as the importer's own files have them."""
        names = list(self._places.items())
        records = self._records()
        next(records, None)
        width = max(self._places.values()) + 1
        for number, cells in records:
            if not any(cells):
                continue
            if len(cells) < width:
                yield RowError(
                    self.name, number, None, f"has {len(cells)} fields where the header has {width}"
                )
                continue
            found = {name: cells[place].strip() for name, place in names}
            broken = next((name for name, value in found.items() if UNREADABLE.search(value)), None)
            if broken is not None:
                yield RowError(self.name, number, broken, "holds bytes that are no text")
                continue
            converted = self._convert(found)
            if converted is None:
                self._passed_over += 1
                continue
            yield number, list(converted)
        if self._passed_over:
            self.notices.append(f"{self._passed_over} rows are no MR exams and were passed over")
        if self._estimated:
            self.notices.append(
                f"{self._estimated} persons have no full date of birth: the middle of month or year is taken"
            )

    def _records(self) -> Iterator[tuple[int, list[str]]]:
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
                    yield number, ["\ufffd"]  # too few fields: an error of its row
        finally:
            if not self.file.closed:
                text.detach()

    def _learn_ids(self) -> None:
        """The hospital's id is the source value where any is filled; then every row needs one."""
        key, source = self._places["person_id"], self._places["person_source_value"]
        records = self._records()
        next(records, None)
        for _, cells in records:
            if max(key, source) < len(cells) and cells[source].strip():
                self.persons[cells[key].strip()] = cells[source].strip()
        self._by_source = bool(self.persons)

    def _who(self, cells: Cells) -> str:
        person = cells["person_id"]
        return self.persons.get(person, "") if self._by_source else self.persons.get(person, person)

    def _person(self, cells: Cells) -> tuple[str, ...]:
        sex = cells.get("gender_source_value") or _GENDERS.get(cells.get("gender_concept_id", ""), "")
        born = cells.get("birth_datetime", "")[:10]
        if not born and (year := cells.get("year_of_birth", "")):
            month, day = cells.get("month_of_birth", ""), cells.get("day_of_birth", "")
            if not (month and day):
                self._estimated += 1
                month, day = (month, "15") if month else ("7", "1")
            born = f"{year:0>4}-{month:0>2}-{day:0>2}"
        return self._who(cells), cells.get("care_site_id", ""), sex, born

    def _condition(self, cells: Cells) -> tuple[str, ...]:
        code = cells["condition_source_value"]
        if found := _PREFIX.fullmatch(code):
            system, code = found[1], found[2]
        else:
            system = "ICD9" if code[:1].isdigit() else "ICD10"
        return self._who(cells), system, code, cells.get("condition_start_date", "")[:10]

    def _procedure(self, cells: Cells) -> tuple[str, ...] | None:
        value = cells["procedure_source_value"]
        if _CERVICAL_MRI.search(value):
            part = "CSPINE"
        elif _MR.search(value):
            part = value[:64]
        else:
            return None
        return self._who(cells), cells["procedure_occurrence_id"], cells["procedure_date"][:10], "MR", part

    def _image(self, cells: Cells) -> tuple[str, ...]:
        exam = (
            cells.get("procedure_occurrence_id")
            or cells.get("image_study_uid")
            or cells["image_occurrence_id"]
        )
        modality = cells["modality_source_value"]
        return (
            self._who(cells), exam, cells["image_occurrence_date"][:10],
            "MR" if _MR.search(modality) else modality, cells.get("anatomic_site_source_value", "")[:64],
        )  # fmt: skip


def in_order(tables: Iterable[str]) -> list[str]:
    """Persons first, since the others refer to them."""
    return [table for table in dict.fromkeys(TABLES) if table in set(tables)]
