"""Database triggers under the rows that must never change, for SQLite and PostgreSQL.

They hold against the ORM, bulk updates, raw SQL and REPLACE alike; only whoever may drop a trigger gets
past them, and then ``verify_audit`` names the trigger and the row. Altering a protected table on SQLite
rebuilds it without its triggers, so such a migration ends with ``RunPython(install)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

_PREFIX = "protect_"


@dataclass(frozen=True)
class Rule:
    """When a table's rows are closed, what may still change then, and which keys REPLACE could hit."""

    table: str
    #: SQL on OLD; empty: from the moment a row is there.
    closed: str = ""
    #: The one change a closed row may still see: (column, from, to).
    exception: tuple[str, str, str] | None = None
    unique: tuple[tuple[str, ...], ...] = ()


RULES = (
    Rule("annotation_auditevent", unique=(("hash",), ("previous_hash",))),
    Rule("annotation_charter", unique=(("version",),)),
    Rule("annotation_finallabel", unique=(("scan_id",),)),
    Rule("annotation_finallabel_readings", unique=(("finallabel_id", "reading_id"),)),
    Rule("annotation_reviewdecision"),
    Rule(
        "annotation_reading",
        closed="OLD.state <> 'draft'",
        exception=("state", "signed", "superseded"),
        unique=(("assignment_id", "version"),),
    ),
    Rule("annotation_consensus", closed="OLD.outcome <> 'open'", unique=(("case_id",), ("code",))),
    Rule("annotation_qualificationcase", unique=(("purpose", "seed", "number"),)),
    Rule("annotation_qualificationscan", unique=(("case_id", "key"), ("series_uid",), ("path",))),
    Rule("annotation_qualificationattempt", closed="OLD.state <> 'open'"),
    Rule("annotation_qualificationread", closed="OLD.state <> 'draft'", unique=(("code",),)),
)


def install(connection: BaseDatabaseWrapper) -> None:
    """Create every trigger that is not there, on the tables that there are so far."""
    remove(connection)
    tables = set(connection.introspection.table_names())
    rules = [rule for rule in RULES if rule.table in tables]
    with connection.cursor() as cursor:
        for statement in _STATEMENTS[connection.vendor](cursor, connection, rules):
            cursor.execute(statement)


def remove(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        for table, name in sorted(_present(cursor, connection.vendor)):
            on = f" ON {table}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER {name}{on}")


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """Triggers that should be there and are not, by name."""
    acts = ["update", "delete", "truncate" if connection.vendor == "postgresql" else "replace"]
    expected = {(rule.table, f"{_PREFIX}{rule.table}_{act}") for rule in RULES for act in acts}
    with connection.cursor() as cursor:
        return sorted(name for _, name in expected - _present(cursor, connection.vendor))


def _present(cursor: Any, vendor: str) -> set[tuple[str, str]]:
    if vendor == "postgresql":
        # "O" and "A": enabled. A disabled trigger protects nothing.
        cursor.execute(
            "SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
            " WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND starts_with(t.tgname, %s)",
            [_PREFIX],
        )
    else:
        cursor.execute(
            "SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger' AND substr(name, 1, %s) = %s",
            [len(_PREFIX), _PREFIX],
        )
    return {(table, name) for table, name in cursor.fetchall()}


def _sqlite(cursor: Any, connection: BaseDatabaseWrapper, rules: Sequence[Rule]) -> list[str]:
    statements = []
    for rule in rules:
        refuse = f"BEGIN SELECT RAISE(ABORT, '{rule.table}: such a row is never changed or removed'); END"
        columns = [
            column.name for column in connection.introspection.get_table_description(cursor, rule.table)
        ]
        closed = rule.closed or "1"
        changing = closed
        if rule.exception:
            column, before, after = rule.exception
            same = " AND ".join(f'OLD."{name}" IS NEW."{name}"' for name in columns if name != column)
            allowed = f"OLD.{column} = '{before}' AND NEW.{column} = '{after}' AND {same}"
            changing = f"{closed} AND NOT ({allowed})"
        # INSERT OR REPLACE removes the row in its way without firing a DELETE trigger.
        keys = (("id",), *rule.unique)
        in_the_way = " OR ".join(
            "(" + " AND ".join(f"OLD.{column} = NEW.{column}" for column in key) + ")" for key in keys
        )
        exists = f"EXISTS (SELECT 1 FROM {rule.table} AS OLD WHERE ({in_the_way}) AND {closed})"
        for act, event, when in (
            ("update", "UPDATE", changing),
            ("delete", "DELETE", closed),
            ("replace", "INSERT", exists),
        ):
            statements.append(
                f"CREATE TRIGGER {_PREFIX}{rule.table}_{act} BEFORE {event} ON {rule.table}"
                f" FOR EACH ROW WHEN {when} {refuse}"
            )
    return statements


def _postgresql(cursor: Any, connection: BaseDatabaseWrapper, rules: Sequence[Rule]) -> list[str]:
    statements = [
        "CREATE OR REPLACE FUNCTION annotation_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION '%: such a row is never changed or removed', TG_TABLE_NAME"
        " USING ERRCODE = 'integrity_constraint_violation'; END $$"
    ]
    for rule in rules:
        closed = rule.closed or "true"
        changing = closed
        if rule.exception:
            column, before, after = rule.exception
            same = f"to_jsonb(OLD) - '{column}' = to_jsonb(NEW) - '{column}'"
            allowed = f"OLD.{column} = '{before}' AND NEW.{column} = '{after}' AND {same}"
            changing = f"{closed} AND NOT ({allowed})"
        for act, when in (("update", changing), ("delete", closed)):
            statements.append(
                f"CREATE TRIGGER {_PREFIX}{rule.table}_{act} BEFORE {act.upper()} ON {rule.table}"
                f" FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION annotation_refuse()"
            )
        statements.append(
            f"CREATE TRIGGER {_PREFIX}{rule.table}_truncate BEFORE TRUNCATE ON {rule.table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION annotation_refuse()"
        )
    return statements


_STATEMENTS = {"sqlite": _sqlite, "postgresql": _postgresql}
