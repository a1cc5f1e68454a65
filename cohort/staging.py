"""Where an import's rows wait: temporary tables, in which they are checked and compared before any is stored.

Reading and checking touch no table of the study, so that a preview locks nobody out and its answer is the
same as the import's; only ``store`` writes, in few statements whatever the number of rows. Temporary tables
lie on disk: memory does not grow with rows. They are this connection's own, and hold pseudonyms only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection, models

from cohort import bulk_load
from cohort.models import ChartReview, Diagnosis, Exam, Patient

MODELS: dict[str, type[models.Model]] = {
    "patients": Patient, "diagnoses": Diagnosis, "exams": Exam, "chart_review": ChartReview,
}  # fmt: skip
#: What makes two rows of a file the same thing: named as an error there, or one fact said twice.
_KEYS = {"patients": ("pseudonym",), "exams": ("pseudonym",)}
_FACTS = {"diagnoses": ("system", "code", "date"), "chart_review": ("decision", "note", "date")}
#: A place is a file's number and a row's: one column that sorts as a person reads.
_ROWS = 1 << 40
#: What is to become of a row.
SAME, NEW, CHANGED, REPEATED = range(4)


class Staged:
    """The rows of one kind that could be read."""

    def __init__(self, kind: str, columns: Sequence[str]) -> None:
        self.kind = kind
        self.table = f"incoming_{kind}"
        self.model = MODELS[kind]
        self.stored = self.model._meta.db_table
        self.columns = tuple(columns)
        self.patient = self.columns[0]
        #: Those that are compared with and written to the study's own row.
        self.values = tuple(c for c in self.columns[1:] if c not in _KEYS.get(kind, ()))
        self._index = 0

    def create(self) -> None:
        typed = {field.column: field.db_type(connection) for field in self.model._meta.concrete_fields}
        typed["patient"] = "varchar(20)"
        columns = ", ".join(f"{_q(column)} {typed[column]}" for column in self.columns)
        _run(f"CREATE TEMPORARY TABLE {self.table} (place bigint PRIMARY KEY, fate smallint, {columns})")

    def load(self, rows: Iterable[tuple[int, tuple[Any, ...]]], file: int) -> None:
        """Append rows of the ``file``-th file: (row number, values of ``columns``)."""
        base = file * _ROWS
        bulk_load.load(
            self.table,
            ("place", "fate", *self.columns),
            ((base + number, NEW, *values) for number, values in rows),
        )

    def check(self, known: Sequence[Staged], *, phantom: bool, merge: bool) -> None:
        """Put rows that cannot be stored among the problems, and say of the others what is to become of them.

        Parameters
        ----------
        known
            Staged patients, who count as being in the cohort.
        phantom
            The delivery is of phantoms: rows of patients who are none are refused.
        merge
            A row that repeats another's key says nothing new, rather than being an error.
        """
        names = {self.patient, *(c for c in self.columns if c == "pseudonym")}
        for name in names:
            _run(f"CREATE INDEX {self.table}_{name} ON {self.table} ({name})")
        if connection.vendor == "postgresql":
            _run(f"ANALYZE {self.table}")
        if phantom:
            self._refuse(
                "patient_id",
                "'names a patient who is in the cohort and is no phantom'",
                f"EXISTS (SELECT 1 FROM cohort_patient p "
                f"WHERE p.pseudonym = s.{self.patient} AND NOT p.phantom)",
            )
        if self.kind in _KEYS:
            earlier = f"(SELECT MIN(f.place) FROM {self.table} f WHERE f.pseudonym = s.pseudonym)"
            if merge:
                _run(f"UPDATE {self.table} AS s SET fate = {REPEATED} WHERE s.place > {earlier}")
            else:
                column = "patient_id" if self.kind == "patients" else "exam_id"
                self._refuse(column, f"'repeats row ' || ({earlier} %% {_ROWS})", f"s.place > {earlier}")
        if self.kind != "patients":
            staged = "".join(
                f" AND NOT EXISTS (SELECT 1 FROM {k.table} k WHERE k.pseudonym = s.patient)" for k in known
            )
            self._refuse(
                "patient_id",
                "'names a patient who is not in the cohort'",
                f"NOT EXISTS (SELECT 1 FROM cohort_patient p WHERE p.pseudonym = s.patient){staged}",
            )
        self.compare()

    def _refuse(self, column: str, message: str, condition: str) -> None:
        _run(
            f"INSERT INTO import_problems (kind, place, about, message) "
            f"SELECT %s, s.place, %s, {message} FROM {self.table} s WHERE {condition}",
            [self.kind, column],
        )
        _run(
            f"DELETE FROM {self.table} WHERE place IN (SELECT place FROM import_problems WHERE kind = %s)",
            [self.kind],
        )

    def compare(self) -> None:
        """Say of each row whether it is new, changes what is stored, or is there already."""
        if self.kind in _FACTS:
            facts = _FACTS[self.kind]
            same = " AND ".join(_same(f"f.{c}", f"s.{c}") for c in facts if c in self.columns)
            _run(
                f"UPDATE {self.table} AS s SET fate = {REPEATED} WHERE EXISTS (SELECT 1 FROM {self.table} f "
                f"WHERE f.patient = s.patient AND f.place < s.place AND {same})"
            )
            there = " AND ".join(_same(f"d.{c}", f"s.{c}" if c in self.columns else "NULL") for c in facts)
            _run(
                f"UPDATE {self.table} AS s SET fate = {SAME} WHERE fate = {NEW} AND EXISTS "
                f"(SELECT 1 FROM cohort_patient p JOIN {self.stored} d ON d.patient_id = p.id "
                f"WHERE p.pseudonym = s.patient AND {there})"
            )
            return
        fate = f"CASE WHEN {self._differs()} THEN {CHANGED} ELSE {SAME} END"
        _run(
            f"UPDATE {self.table} AS s SET fate = {fate} FROM {self.stored} d "
            f"WHERE d.pseudonym = s.pseudonym AND s.fate <> {REPEATED}"
        )

    def _differs(self) -> str:
        return " OR ".join(f"NOT ({_same(f'd.{_q(c)}', f's.{_q(c)}')})" for c in self.values) or "1 = 0"

    def counts(self) -> dict[int, int]:
        """Fate → rows."""
        return dict(_rows(f"SELECT fate, COUNT(*) FROM {self.table} GROUP BY fate"))

    def store(self, **constants: Any) -> None:
        """Write the new rows and the changes. ``constants`` are further columns of new rows."""
        changes = ", ".join(f"{_q(c)} = s.{_q(c)}" for c in self.values)
        if self.kind in _KEYS and changes:
            _run(
                f"UPDATE {self.stored} AS d SET {changes} FROM {self.table} s "
                f"WHERE s.pseudonym = d.pseudonym AND s.fate = {CHANGED}"
            )
        others = {c: v for c, v in bulk_load.defaults(self.model).items() if c not in self.columns}
        others = {**others, **constants}
        own = tuple(c for c in self.columns if c != "patient")
        source, order = f"{self.table} s", "s.place"
        picked = [f"s.{_q(c)}" for c in own]
        if self.kind != "patients":
            others.pop("patient_id")
            own, picked = ("patient_id", *own), ["p.id", *picked]
            source += " JOIN cohort_patient p ON p.pseudonym = s.patient"
            order = "p.id, s.place"  # one patient's rows side by side: the flow reads them so
        columns = ", ".join(map(_q, (*own, *others)))
        _run(
            f"INSERT INTO {self.stored} ({columns}) "
            f"SELECT {', '.join([*picked, *map(_cast(self.model), others)])} "
            f"FROM {source} WHERE s.fate = {NEW} ORDER BY {order}",
            list(others.values()),
        )


def _cast(model: type[models.Model]) -> Any:
    """A placeholder for a column's constant: PostgreSQL wants to know of what type it is."""
    typed = {field.column: field.db_type(connection) for field in model._meta.concrete_fields}
    if connection.vendor == "postgresql":
        return lambda column: f"CAST(%s AS {typed[column]})"
    return lambda column: "%s"


@contextmanager
def room() -> Iterator[None]:
    """The temporary tables' life; a larger page cache meanwhile, where SQLite would keep 2 MB."""
    tables = ["import_problems", *(f"incoming_{kind}" for kind in MODELS)]

    def drop() -> None:
        for table in tables:
            _run(f"DROP TABLE IF EXISTS {table}")

    sqlite = connection.vendor == "sqlite"
    cache = 0
    drop()
    _run("CREATE TEMPORARY TABLE import_problems (kind varchar(20), place bigint, about text, message text)")
    if sqlite:
        ((cache,),) = _rows("PRAGMA cache_size")
        _run("PRAGMA cache_size = -131072")  # 128 MB
    try:
        yield
    finally:
        if not connection.needs_rollback:
            drop()
        if sqlite:
            _run(f"PRAGMA cache_size = {int(cache)}")


def add_problems(kind: str, file: int, problems: Iterable[tuple[int, str | None, str]]) -> None:
    """Rows that could not be read: (row number, column, message)."""
    bulk_load.load(
        "import_problems",
        ("kind", "place", "about", "message"),
        ((kind, file * _ROWS + row, column, message) for row, column, message in problems),
    )


def problems(kind: str, file: int) -> Iterator[tuple[int, str | None, str]]:
    """Those of the ``file``-th file in order: (row, column, message)."""
    for place, column, message in _rows(
        "SELECT place, about, message FROM import_problems WHERE kind = %s AND place >= %s AND place < %s "
        "ORDER BY place",
        [kind, file * _ROWS, (file + 1) * _ROWS],
    ):
        yield place % _ROWS, column, message


def problem_count(kind: str) -> int:
    ((n,),) = _rows("SELECT COUNT(*) FROM import_problems WHERE kind = %s", [kind])
    return int(n)


def mark_touched(staged: Sequence[Staged], batch: int) -> None:
    """Note on the patients that new and changed rows are about that this delivery was."""
    about = " UNION ALL ".join(
        f"SELECT {s.patient} AS pseudonym FROM {s.table} WHERE fate IN ({NEW}, {CHANGED})" for s in staged
    )
    _run(
        f"UPDATE cohort_patient SET last_import_id = %s WHERE pseudonym IN ({about}) "
        f"AND (last_import_id IS NULL OR last_import_id <> %s)",
        [batch, batch],
    )


def touched(batch: int) -> Iterator[int]:
    """Primary keys, ascending, of the patients whom a delivery told something new."""
    for (pk,) in _rows("SELECT id FROM cohort_patient WHERE last_import_id = %s ORDER BY id", [batch]):
        yield pk


def _same(left: str, right: str) -> str:
    """Equal, or both unknown."""
    if connection.vendor == "sqlite":
        return f"{left} IS {right}"
    return f"{left} IS NOT DISTINCT FROM {right}"


def _q(column: str) -> str:
    return str(connection.ops.quote_name(column))


def _run(sql: str, values: Sequence[Any] = ()) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values or None)


def _rows(sql: str, values: Sequence[Any] = ()) -> Iterator[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values or None)
        while found := cursor.fetchmany(2000):
            yield from found
