"""Import a cohort export: patients, diagnoses, exams, chart reviews.

Rows stream into temporary tables, are checked and compared there, and are stored all together in one
transaction, or not at all. Where rows are in error nothing is stored, unless the caller asks for the others.
Repeating an import changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from django.db import connection, transaction

from cohort import flow, omop, staging
from cohort.columns import COLUMNS
from cohort.export_files import CsvTable, Refused, RowError
from cohort.mapping import ColumnMapping, from_json
from cohort.models import ImportBatch, RememberedMapping
from cohort.pseudonyms import study_pseudonyms
from cohort.row_parsing import RowParser
from cohort.spellings import BadValue
from config.accounts.models import User

Source: TypeAlias = CsvTable | omop.OmopTable

_BATCH = 5000
#: A wrong column can put a million rows in error; counts stay exact, and ``errors_to`` gets them all.
MAX_ERRORS_LISTED = 10_000
#: Two imports that meet on PostgreSQL wait for each other; SQLite has one writer anyway.
_LOCK = 0x0D07_0010


class Watch:
    """What an import tells whoever runs it. Whatever is raised here stops it, and nothing is stored."""

    def progress(self, rows: int, share: float) -> None:
        """So many rows, and this share of all bytes, are read."""

    def storing(self) -> None:
        """Everything is read; the transaction that stores it comes next."""

    def entered(self) -> None:
        """First in that transaction."""

    def stored(self, report: ImportReport) -> None:
        """Last in that transaction."""

    def error(self, error: RowError) -> None:
        """Every error in order, however many; the report lists the first 10,000."""


@dataclass
class Counts:
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    errors: int = 0


@dataclass
class ImportReport:
    #: Whether anything was stored.
    committed: bool = False
    #: The ``ImportBatch`` that it is on record as.
    batch: int | None = None
    summary: dict[str, Counts] = field(default_factory=dict)
    errors: list[RowError] = field(default_factory=list)
    #: What was done without being asked, such as a column that is not kept: nothing to mend.
    notices: list[RowError] = field(default_factory=list)
    #: Files that could not be read as a whole.
    refused: list[str] = field(default_factory=list)
    #: How each file was read, by kind: see ``Layout.as_json`` and ``RowParser.spelled``.
    layouts: dict[str, Any] = field(default_factory=dict)

    @property
    def error_count(self) -> int:
        """Rows in error, and files left out as a whole."""
        return sum(counts.errors for counts in self.summary.values()) + len(self.refused)

    def add(self, error: RowError) -> None:
        if len(self.errors) < MAX_ERRORS_LISTED:
            self.errors.append(error)


def remembered() -> dict[str, ColumnMapping]:
    """The mapping of each kind of file that this deployment last imported with."""
    return {row.kind: from_json(row.kind, row.mapping) for row in RememberedMapping.objects.all()}


def remember(mappings: Mapping[str, ColumnMapping]) -> None:
    """Keep what was said of files for the next import; what was said before of others stays."""
    before = remembered()
    for kind, mapping in mappings.items():
        merged = mapping.over(before.get(kind, ColumnMapping()))
        if merged != ColumnMapping():
            RememberedMapping.objects.update_or_create(kind=kind, defaults={"mapping": merged.as_json()})


def import_directory(path: Path | str, **options: Any) -> ImportReport:
    """Import those of patients.csv, diagnoses.csv, exams.csv and chart_review.csv that ``path`` holds.

    Without patients.csv but with an OMOP export's person table, that export: see ``omop``.

    Takes the options of ``import_files``.

    Raises
    ------
    FileNotFoundError
        When it holds none of them.
    """
    folder = Path(path)
    present = {kind: folder / f"{kind}.csv" for kind in COLUMNS if (folder / f"{kind}.csv").is_file()}
    if "patients" not in present:
        present = omop.tables_in(folder) or present
    if not present:
        named = ", ".join(f"{kind}.csv" for kind in COLUMNS)
        raise FileNotFoundError(f"{folder} holds none of {named}, nor an OMOP export with person.csv")
    with ExitStack() as opened:
        return import_files(
            {kind: opened.enter_context(file.open("rb")) for kind, file in present.items()}, **options
        )


def import_files(
    files: Mapping[str, Any],
    *,
    commit: bool = True,
    skip_errors: bool = False,
    by: User | None = None,
    phantom: bool = False,
    mappings: Mapping[str, ColumnMapping] | None = None,
    watch: Watch | None = None,
) -> ImportReport:
    """Import open, seekable binary files by kind (``patients``, ``diagnoses``, ``exams``, ``chart_review``),
    or by the name of an OMOP table.

    Parameters
    ----------
    commit
        False: read and compare only; the report says what would happen, and no table is touched.
    skip_errors
        Store the rows that are good although others are not. Otherwise one error stores nothing.
    phantom
        New patients are marked as phantoms, and rows of patients who are none are in error.
    mappings
        What was said of these files; what they do not say, an earlier import may have.
    """
    watch = watch or Watch()
    said = mappings or {}
    report = ImportReport()
    sources = _sources(files, said)
    with staging.room():
        staged = _read(sources, report, watch)
        if not commit:
            _check(sources, staged, report, watch, phantom=phantom)
            return report
        watch.storing()
        with transaction.atomic():
            watch.entered()
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            _check(sources, staged, report, watch, phantom=phantom)
            if (report.error_count and not skip_errors) or len(report.refused) == len(sources):
                return report
            batch = ImportBatch.objects.create(
                kind=ImportBatch.Kind.CSV,
                created_by=by,
                summary={kind: vars(counts) for kind, counts in report.summary.items()},
            )
            for table in staged.values():
                own = {"phantom": phantom, "last_import_id": batch.pk} if table.kind == "patients" else {}
                table.store(**own)
            staging.mark_touched(list(staged.values()), batch.pk)
            remember(said)
            flow.refresh(staging.touched(batch.pk))
            report.committed, report.batch = True, batch.pk
            watch.stored(report)
    return report


# ---- reading


def _sources(files: Mapping[str, Any], said: Mapping[str, ColumnMapping]) -> list[Source]:
    streams = {name: getattr(file, "file", file) for name, file in files.items()}
    tables = omop.in_order(streams)
    if tables:
        persons: dict[str, str] = {}
        return [omop.OmopTable(table, streams[table], persons) for table in tables]
    known = remembered()
    return [
        CsvTable(kind, streams[kind], said.get(kind, ColumnMapping()).over(known.get(kind, ColumnMapping())))
        for kind in COLUMNS
        if kind in streams
    ]


def _read(sources: Sequence[Source], report: ImportReport, watch: Watch) -> dict[str, staging.Staged]:
    """Stage every row that can be read on its own; list the others as problems."""
    names = study_pseudonyms()
    meter = _Meter([source.file for source in sources], watch)
    staged: dict[str, staging.Staged] = {}
    for number, source in enumerate(sources):
        counts = report.summary.setdefault(source.kind, Counts())
        try:
            layout = source.open()
        except Refused as problem:
            report.refused.append(source.name)
            report.add(RowError(source.name, None, problem.column, problem.message))
            report.layouts[source.name.removesuffix(".csv")] = source.layout.as_json()
            continue
        report.notices += [
            RowError(source.name, 1, header, "may identify a person; this column is not kept")
            for header in layout.dropped
        ]
        parser = RowParser(layout, names)
        if source.kind not in staged:
            staged[source.kind] = staging.Staged(source.kind, parser.columns)
            staged[source.kind].create()
        table = staged[source.kind]
        _stage(source, parser, table, number, meter)
        described = layout.as_json()
        for column in described["columns"]:
            spelled = parser.spelled.get(column["column"])
            column["spellings"] = spelled.spelled() if spelled else []
        report.layouts[source.name.removesuffix(".csv")] = described
        if layout.comments:
            report.notices.append(
                RowError(source.name, None, None, f"{layout.comments} comment rows passed over")
            )
        if isinstance(source, omop.OmopTable):
            report.notices += [RowError(source.name, None, None, notice) for notice in source.notices]
        counts.errors = staging.problem_count(source.kind)
    return staged


def _stage(source: Source, parser: RowParser, table: staging.Staged, number: int, meter: _Meter) -> None:
    rows = source.rows()
    parse = parser.parse
    good: list[tuple[int, tuple[Any, ...]]] = []
    bad: list[tuple[int, str | None, str]] = []
    while batch := list(islice(rows, _BATCH)):
        for row in batch:
            if isinstance(row, RowError):
                bad.append((row.row or 0, row.column, row.message))
                continue
            try:
                good.append((row[0], parse(row[1])))
            except BadValue as problem:
                bad.append((row[0], parser.layout.label(problem.column), problem.message))
        table.load(good, number)
        staging.add_problems(source.kind, number, bad)
        good, bad = [], []
        meter.read(len(batch))


class _Meter:
    """How much of several files has been read."""

    def __init__(self, files: list[BinaryIO], watch: Watch) -> None:
        self.files = files
        self.watch = watch
        self.total = sum(self._size(file) for file in files) or 1
        self.rows = 0

    @staticmethod
    def _size(file: BinaryIO) -> int:
        file.seek(0, 2)
        size = file.tell()
        file.seek(0)
        return size

    def read(self, rows: int) -> None:
        self.rows += rows
        self.watch.progress(self.rows, min(1.0, sum(file.tell() for file in self.files) / self.total))


# ---- checking


def _check(
    sources: Sequence[Source],
    staged: Mapping[str, staging.Staged],
    report: ImportReport,
    watch: Watch,
    *,
    phantom: bool,
) -> None:
    """Compare with what is stored, count, and list what is in error."""
    patients: list[staging.Staged] = []
    for kind, table in staged.items():
        table.check(patients, phantom=phantom, merge=isinstance(sources[0], omop.OmopTable))
        if kind == "patients":
            patients.append(table)
        fates = table.counts()
        counts = report.summary[kind]
        counts.new = fates.get(staging.NEW, 0)
        counts.changed = fates.get(staging.CHANGED, 0)
        counts.unchanged = fates.get(staging.SAME, 0) + fates.get(staging.REPEATED, 0)
        counts.errors = staging.problem_count(kind)
    refused, report.errors = report.errors, []
    for error in _in_order(refused, sources):
        report.add(error)
        watch.error(error)


def _in_order(refused: list[RowError], sources: Sequence[Source]) -> Iterator[RowError]:
    """Errors by file and row."""
    for number, source in enumerate(sources):
        yield from (error for error in refused if error.file == source.name)
        for row, column, message in staging.problems(source.kind, number):
            yield RowError(source.name, row, column, message)


def mapping_file(text: str) -> dict[str, ColumnMapping]:
    """A person's mappings: JSON of kind → ``ColumnMapping.as_json``.

    Raises
    ------
    ValueError
        Naming what is wrong.
    """
    said = json.loads(text)
    if not isinstance(said, dict) or not said.keys() <= COLUMNS.keys():
        raise ValueError(f"an object with {', '.join(COLUMNS)}")
    return {kind: from_json(kind, part) for kind, part in said.items()}
