"""Import a cohort export: patients, diagnoses, exams, chart reviews.

Rows stream through in batches with a fixed number of queries each. A row in error is listed and left
out, the rest is imported, all in one transaction. Repeating an import changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from django.db import transaction

from cohort import criteria, deidentify, flow
from cohort.export_files import COLUMNS, BadValue, Row, RowError, as_date, read_rows
from cohort.models import ChartReview, Diagnosis, Exam, ImportBatch, Patient
from cohort.pseudonyms import study_pseudonyms
from config.accounts.models import User

_BATCH = 2000
#: A wrong column can put a million rows in error; counts stay exact.
MAX_ERRORS_LISTED = 10_000


@dataclass
class Counts:
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    errors: int = 0


@dataclass
class ImportReport:
    committed: bool
    summary: dict[str, Counts] = field(default_factory=dict)
    errors: list[RowError] = field(default_factory=list)
    #: Files left out as a whole.
    refused: list[str] = field(default_factory=list)

    def error(self, error: RowError) -> None:
        if len(self.errors) < MAX_ERRORS_LISTED:
            self.errors.append(error)


def import_directory(path: Path | str, *, by: User | None = None, phantom: bool = False) -> ImportReport:
    """Import those of patients.csv, diagnoses.csv, exams.csv and chart_review.csv that ``path`` holds.

    With ``phantom`` they are of the phantom generator: see ``import_files``.

    Raises
    ------
    FileNotFoundError
        When it holds none of them.
    """
    folder = Path(path)
    present = {kind: folder / f"{kind}.csv" for kind in COLUMNS if (folder / f"{kind}.csv").is_file()}
    if not present:
        raise FileNotFoundError(f"{folder} holds none of {', '.join(f'{kind}.csv' for kind in COLUMNS)}")
    opened: dict[str, BinaryIO] = {}
    try:
        for kind, file in present.items():
            opened[kind] = file.open("rb")
        return import_files(opened, commit=True, by=by, phantom=phantom)
    finally:
        for stream in opened.values():
            stream.close()


def import_files(
    files: Mapping[str, Any], *, commit: bool = True, by: User | None = None, phantom: bool = False
) -> ImportReport:
    """Import open binary files by kind (``patients``, ``diagnoses``, ``exams``, ``chart_review``).

    With ``commit`` false everything is tried and taken back: the report says what would happen.
    With ``phantom`` new patients are marked as phantoms, and rows of patients who are none are refused.
    """
    report = ImportReport(committed=commit)
    names = study_pseudonyms()
    with transaction.atomic():
        touched: set[int] = set()
        for kind in COLUMNS:  # patients first: the others refer to them
            if kind in files:
                stream = getattr(files[kind], "file", files[kind])
                _File(kind, report, names, touched, phantom).run(stream)
        if commit:
            ImportBatch.objects.create(
                kind=ImportBatch.Kind.CSV,
                created_by=by,
                summary={kind: vars(counts) for kind, counts in report.summary.items()},
            )
            flow.refresh(touched)
        else:
            transaction.set_rollback(True)
    return report


def _with_notes(row: Row) -> str:
    """A chart review has one note; undefined columns join it."""
    parts = [row.text("note", 4000), *(f"{column}: {text}" for column, text in row.notes.items())]
    return "; ".join(part for part in parts if part)


class _File:
    """One file on its way into the database."""

    def __init__(
        self,
        kind: str,
        report: ImportReport,
        names: deidentify.Pseudonymiser,
        touched: set[int],
        phantom: bool,
    ) -> None:
        self.phantom = phantom
        self.kind = kind
        self.name = f"{kind}.csv"
        self.report = report
        self.names = names
        self.touched = touched
        self.counts = report.summary.setdefault(kind, Counts())
        #: Key → first row that had it, to name a duplicate's original.
        self.seen: dict[Any, int] = {}

    def run(self, stream: BinaryIO) -> None:
        store = {
            "patients": self._patients, "diagnoses": self._diagnoses, "exams": self._exams,
            "chart_review": self._chart_reviews,
        }[self.kind]  # fmt: skip
        for batch in self._batches(stream):
            store(batch)

    def _batches(self, stream: BinaryIO) -> Iterator[list[tuple[Row, str]]]:
        """Rows with their patients' pseudonyms."""
        batch: list[tuple[Row, str]] = []
        for row in read_rows(self.kind, stream):
            if isinstance(row, RowError):
                self.report.error(row)
                if row.row is None:
                    self.report.refused.append(self.name)
                elif row.row > 1:
                    self.counts.errors += 1
                continue
            try:
                pseudonym = self.names.patient(row.text("patient_id", 64, required=True))
            except BadValue as error:
                self._refuse(row, error.column, error.message)
                continue
            batch.append((row, pseudonym))
            if len(batch) == _BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    def _refuse(self, row: Row, column: str | None, message: str) -> None:
        self.counts.errors += 1
        self.report.error(RowError(self.name, row.number, column, message))

    def _parsed(
        self,
        batch: list[tuple[Row, str]],
        parse: Callable[[Row], dict[str, Any]],
        key: Callable[..., Any] | None,
    ) -> Iterator[tuple[Row, str, dict[str, Any]]]:
        """Rows that make sense; with ``key`` the second of two with the same key is refused."""
        for row, pseudonym in batch:
            try:
                values = parse(row)
            except BadValue as error:
                self._refuse(row, error.column, error.message)
                continue
            if key is not None:
                first = self.seen.setdefault(key(pseudonym, values), row.number)
                if first != row.number:
                    self._refuse(row, COLUMNS[self.kind][self.kind == "exams"], f"repeats row {first}")
                    continue
            yield row, pseudonym, values

    def _known(
        self,
        batch: list[tuple[Row, str]],
        parse: Callable[[Row], dict[str, Any]],
        key: Callable[..., Any] | None = None,
    ) -> list[tuple[int, dict[str, Any]]]:
        """Parsed rows of patients who are in the cohort, by primary key."""
        parsed = list(self._parsed(batch, parse, key))
        patients = Patient.objects.filter(pseudonym__in={p for _, p, _ in parsed}).only(
            "pseudonym", "phantom"
        )
        known = {patient.pseudonym: patient for patient in patients}
        found = []
        for row, pseudonym, values in parsed:
            patient = known.get(pseudonym)
            if patient is None:
                self._refuse(row, "patient_id", f"patient {row.values['patient_id']!r} is not in the cohort")
            elif not self._real_among_phantoms(row, patient):
                found.append((patient.pk, values))
        return found

    def _real_among_phantoms(self, row: Row, patient: Patient) -> bool:
        """Refuse the row of a patient in a delivery of phantoms: the two never mix."""
        mixed = self.phantom and not patient.phantom
        if mixed:
            who = row.values["patient_id"]
            self._refuse(row, "patient_id", f"patient {who!r} is in the cohort and is no phantom")
        return mixed

    # ---- the four kinds

    def _patients(self, batch: list[tuple[Row, str]]) -> None:
        def parse(row: Row) -> dict[str, Any]:
            birth, diagnosed = row.day("birth_date"), row.day("ra_diagnosis_date")
            if birth and diagnosed and diagnosed < birth:
                raise BadValue("ra_diagnosis_date", "lies before birth_date")
            return {
                "site": row.text("site", 64),
                "sex": row.choice("sex", ("F", "M", "O")),
                "birth_date": self._shifted(row, birth),
                "ra_diagnosis_date": self._shifted(row, diagnosed),
                **{c: row.flag(c) for c in ("rf", "anti_ccp", "infliximab", "other_biologic")},
                "notes": self._notes(row),
            }

        parsed = list(self._parsed(batch, parse, lambda pseudonym, values: pseudonym))
        existing = {p.pseudonym: p for p in Patient.objects.filter(pseudonym__in=[p for _, p, _ in parsed])}
        new, changed = [], []
        refused = 0
        for row, pseudonym, values in parsed:
            patient = existing.get(pseudonym)
            if patient is None:
                new.append(Patient(pseudonym=pseudonym, phantom=self.phantom, **values))
            elif self._real_among_phantoms(row, patient):
                refused += 1
            elif self._differs(patient, values):
                changed.append(patient)
        self.touched.update(p.pk for p in Patient.objects.bulk_create(new))
        self._update(Patient, changed, parsed[0][2] if parsed else {})
        self.touched.update(p.pk for p in changed)
        self._count(len(new), len(changed), len(parsed) - refused)

    def _diagnoses(self, batch: list[tuple[Row, str]]) -> None:
        def parse(row: Row) -> dict[str, Any]:
            system = criteria.code_system(row.text("system", 16, required=True))
            if system is None:
                raise BadValue("system", f"{row.values['system']!r} is neither ICD9 nor ICD10")
            code = criteria.normal_code(row.text("code", 16, required=True))
            if not code.isalnum() or not code.isascii():
                raise BadValue("code", f"{row.values['code']!r} is not a code")
            code = f"{code[:3]}.{code[3:]}" if len(code) > 3 else code
            day = self._shifted(row, row.day("date"))
            return {"system": system, "code": code, "date": day, "notes": self._notes(row)}

        rows = self._known(batch, parse)
        have = set(
            Diagnosis.objects.filter(patient__in={pk for pk, _ in rows}).values_list(
                "patient_id", "system", "code", "date"
            )
        )
        new = []
        for pk, values in rows:
            fact = (pk, values["system"], values["code"], values["date"])
            if fact not in have:  # the same fact twice is still one fact
                have.add(fact)
                new.append(Diagnosis(patient_id=pk, **values))
        Diagnosis.objects.bulk_create(new)
        self.touched.update(d.patient_id for d in new)
        self._count(len(new), 0, len(rows))

    def _exams(self, batch: list[tuple[Row, str]]) -> None:
        def parse(row: Row) -> dict[str, Any]:
            exam_id = row.text("exam_id", 64, required=True)
            return {
                "pseudonym": self.names.exam(row.values["patient_id"], exam_id),
                "date": self._shifted(row, row.day("date", required=True)),
                "modality": row.text("modality", 16, required=True).upper(),
                "body_part": row.text("body_part", 64).upper(),
                "sagittal_t2": row.flag("sagittal_t2"),
                "notes": self._notes(row),
            }

        rows = self._known(batch, parse, lambda pseudonym, values: values["pseudonym"])
        existing = {
            e.pseudonym: e for e in Exam.objects.filter(pseudonym__in=[v["pseudonym"] for _, v in rows])
        }
        new, changed = [], []
        for pk, values in rows:
            exam = existing.get(values["pseudonym"])
            if exam is None:
                new.append(Exam(patient_id=pk, **values))
            elif self._differs(exam, values):
                changed.append(exam)
        Exam.objects.bulk_create(new)
        self._update(Exam, changed, rows[0][1] if rows else {})
        self.touched.update(e.patient_id for e in (*new, *changed))
        self._count(len(new), len(changed), len(rows))

    def _chart_reviews(self, batch: list[tuple[Row, str]]) -> None:
        def parse(row: Row) -> dict[str, Any]:
            return {
                "decision": row.choice("decision", tuple(ChartReview.Decision.values), required=True),
                "note": self._scrubbed(row, _with_notes(row)),
                "date": self._shifted(row, row.day("date")),
            }

        rows = self._known(batch, parse)
        have = set(
            ChartReview.objects.filter(patient__in={pk for pk, _ in rows}).values_list(
                "patient_id", "decision", "note", "date"
            )
        )
        new = []
        for pk, values in rows:
            fact = (pk, values["decision"], values["note"], values["date"])
            if fact not in have:
                have.add(fact)
                new.append(ChartReview(patient_id=pk, **values))
        ChartReview.objects.bulk_create(new)
        self.touched.update(r.patient_id for r in new)
        self._count(len(new), 0, len(rows))

    # ---- small parts

    def _shifted(self, row: Row, day: Any) -> Any:
        return self.names.date(row.values["patient_id"], day) if day else None

    def _scrubbed(self, row: Row, text: str) -> str:
        """Free text without the patient's own id, and with its ISO dates shifted."""
        patient_id = row.values["patient_id"]

        def moved(found: re.Match[str]) -> str:
            day = as_date(found.group())
            try:
                return self._shifted(row, day).isoformat() if day else found.group()
            except OverflowError:
                return found.group()  # year 1 and thereabouts: a placeholder, nobody's date

        text = re.sub(r"\b\d{4}-\d{2}-\d{2}\b", moved, text)
        return deidentify.scrub(text, {patient_id: self.names.patient(patient_id)})

    def _notes(self, row: Row) -> dict[str, str]:
        """Undefined columns, with dates shifted and the patient's id replaced like everywhere else."""
        return {column: self._scrubbed(row, text) for column, text in row.notes.items()}

    @staticmethod
    def _differs(row: Any, values: dict[str, Any]) -> bool:
        """Set ``values`` on a row and say whether that changed it."""
        different = [name for name, value in values.items() if getattr(row, name) != value]
        for name in different:
            setattr(row, name, values[name])
        return bool(different)

    @staticmethod
    def _update(model: Any, rows: list[Any], values: dict[str, Any]) -> None:
        fields = [name for name in values if name != "pseudonym"]
        if rows:
            model.objects.bulk_update(rows, fields, batch_size=100)

    def _count(self, new: int, changed: int, total: int) -> None:
        self.counts.new += new
        self.counts.changed += changed
        self.counts.unchanged += total - new - changed
