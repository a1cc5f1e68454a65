"""The test database: a file, as in use, and emptied after transactional tests despite its triggers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A file for SQLite: threads that share an in-memory database meet locks that no user ever sees."""
    from django.db import connections

    for connection in connections.all():
        if connection.vendor == "sqlite":
            name = tmp_path_factory.mktemp("database") / "test.sqlite3"
            connection.settings_dict["TEST"]["NAME"] = str(name)


@pytest.fixture(scope="session", autouse=True)
def flush_protected() -> Iterator[None]:
    """Transactional tests end by emptying every table, which the protecting triggers refuse."""
    from django.db import connection
    from django.test import TransactionTestCase

    from annotation import protection

    flush = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]

    def lift_and_flush(case: TransactionTestCase) -> None:
        protection.remove(connection)
        try:
            flush(case)
        finally:
            protection.install(connection)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lift_and_flush)
        yield
