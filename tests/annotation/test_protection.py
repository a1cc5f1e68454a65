"""What is signed, final or audited resists the ORM, bulk updates, raw SQL and REPLACE."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, models, transaction
from django.utils import timezone

from annotation import protection, qualification, workflow
from annotation.models import (
    AuditEvent,
    Case,
    Charter,
    Consensus,
    FinalLabel,
    QualificationAttempt,
    QualificationScan,
    Reading,
    ReviewDecision,
)
from annotation.qualification_score import FINDINGS, results
from tests.annotation.conftest import CLEAN, assignment, both, disagree, draft, scores, sign, unreadable

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows(study: Any, readers: dict[str, Any]) -> dict[str, models.Model]:
    """One closed row of every protected table."""
    agreed, settled, odd = study(3)
    for name in ("observer_a", "observer_b"):
        sign(agreed, readers[name])
    session = disagree(settled, readers).consensus
    workflow.decline_consensus(session=session, by=readers["observer_a"])
    sign(odd, readers["observer_a"], {**both(), "baseline": unreadable()})
    workflow.resolve_review(case=odd, by=readers["lead"], action="reread", reason="try the other window")
    attempt = QualificationAttempt.objects.create(
        reader=readers["observer_a"], marks=dict.fromkeys(FINDINGS, 0.8), rubric_version=1,
        started_at=timezone.now(),
    )  # fmt: skip
    (phantom,) = qualification.make_cases(purpose="training", count=1, seed=0, by=None)
    scan = QualificationScan.objects.create(case=phantom, key="baseline", truth=CLEAN, instances=[{}])
    read = qualification.start_training(case=phantom, by=readers["observer_a"])
    qualification.save_draft(read=read, by=readers["observer_a"], revision=0, content={"baseline": scores()})
    qualification.sign(read=read, by=readers["observer_a"], revision=1)
    qualification.advance(
        attempt, qualification.Act.PASS, results=results([], attempt.marks), finished_at=timezone.now()
    )
    label = FinalLabel.objects.first()
    assert label is not None
    found = {
        "signed": Reading.objects.filter(state="signed").first(),
        "superseded": Reading.objects.get(state="superseded"),
        "label": label,
        "label_reading": label.readings.through.objects.filter(finallabel=label).first(),
        "charter": Charter.objects.first(),
        "consensus": Consensus.objects.get(),
        "decision": ReviewDecision.objects.get(),
        "audit": AuditEvent.objects.first(),
        "phantom": phantom,
        "phantom_scan": scan,
        "phantom_read": read,
        "attempt": attempt,
    }
    assert all(found.values())
    return found  # type: ignore[return-value]


COLUMN: dict[str, tuple[str, Any]] = {
    "signed": ("content_hash", "0" * 64),
    "superseded": ("amendment_reason", "none"),
    "label": ("category", "case"),
    "label_reading": ("reading_id", 1),
    "charter": ("reason", "other"),
    "consensus": ("outcome", "open"),
    "decision": ("reason", "other"),
    "audit": ("verb", "nothing"),
    "phantom": ("seed", 3),
    "phantom_scan": ("path", "elsewhere"),
    "phantom_read": ("content_hash", "0" * 64),
    "attempt": ("state", "failed"),
}


def by_save(row: models.Model, column: str, value: Any) -> None:
    setattr(row, column, value)
    row.save(update_fields=[column.removesuffix("_id")])


def by_update(row: models.Model, column: str, value: Any) -> None:
    type(row)._default_manager.filter(pk=row.pk).update(**{column: value})


def by_bulk(row: models.Model, column: str, value: Any) -> None:
    setattr(row, column, value)
    type(row)._default_manager.bulk_update([row], [column.removesuffix("_id")])


def by_sql(row: models.Model, column: str, value: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {row._meta.db_table} SET {column} = %s WHERE id = %s", [value, row.pk])


def delete(row: models.Model, column: str, value: Any) -> None:
    type(row)._default_manager.filter(pk=row.pk)._raw_delete("default")


def delete_by_sql(row: models.Model, column: str, value: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {row._meta.db_table} WHERE id = %s", [row.pk])


def replace(row: models.Model, column: str, value: Any) -> None:
    columns = ", ".join(
        "%s" if field.column == column else f'"{field.column}"' for field in row._meta.concrete_fields
    )
    table = row._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT OR REPLACE INTO {table} SELECT {columns} FROM {table} WHERE id = %s", [value, row.pk]
        )


WAYS: list[Callable[[models.Model, str, Any], None]] = [
    by_save, by_update, by_bulk, by_sql, delete, delete_by_sql, replace,
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("name", COLUMN)
def test_refused(rows: dict[str, models.Model], name: str, way: Any) -> None:
    if way is replace and connection.vendor != "sqlite":
        pytest.skip("REPLACE is SQLite's")
    row = rows[name]
    before = type(row)._default_manager.filter(pk=row.pk).values().get()
    with pytest.raises(DatabaseError, match="never changed or removed"), transaction.atomic():
        way(row, *COLUMN[name])
    assert type(row)._default_manager.filter(pk=row.pk).values().get() == before


@pytest.mark.parametrize("state", ["draft", "signed"])
def test_a_superseded_read_stays_superseded(rows: dict[str, Any], state: str) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        by_update(rows["superseded"], "state", state)


def test_a_signature_is_not_withdrawn(rows: dict[str, Any]) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        by_update(rows["signed"], "state", "draft")


def test_superseding_changes_nothing_else(rows: dict[str, Any]) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        Reading.objects.filter(pk=rows["signed"].pk).update(state="superseded", content={})


def test_drafts_may_change_and_go(case: Case, readers: dict[str, Any]) -> None:
    saved = draft(case, readers["observer_a"], both())
    Reading.objects.filter(pk=saved.pk).update(active_seconds=4)
    assert assignment(case, readers["observer_a"]).readings.filter(pk=saved.pk).delete()[0] == 1


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="TRUNCATE is PostgreSQL's")
def test_truncate_is_refused(rows: dict[str, Any]) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE annotation_auditevent")


@pytest.fixture
def unprotected(db: None) -> Iterator[None]:
    """Somebody with the database's own password."""
    protection.remove(connection)
    yield
    protection.install(connection)


def complaints(capsys: Any) -> list[str]:
    with pytest.raises(CommandError):
        call_command("verify_audit")
    return str(capsys.readouterr().err).splitlines()


def test_whole(rows: dict[str, Any], capsys: Any) -> None:
    call_command("verify_audit")
    assert ": whole" in capsys.readouterr().out


def test_dropped_triggers_are_named(rows: dict[str, Any], unprotected: None, capsys: Any) -> None:
    assert "trigger protect_annotation_auditevent_delete: missing" in complaints(capsys)


@pytest.mark.parametrize("name", ["signed", "superseded", "label", "charter_event", "consensus_event"])
def test_a_changed_byte_is_named(rows: dict[str, Any], capsys: Any, name: str) -> None:
    row = rows.get(name) or AuditEvent.objects.get(
        verb={"charter_event": "freeze_charter", "consensus_event": "decline_consensus"}[name]
    )
    table = row._meta.db_table
    column = {"annotation_auditevent": "detail", "annotation_finallabel": "grades"}.get(table, "content")
    protection.remove(connection)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {table} WHERE id = %s", [row.pk])
        text = cursor.fetchone()[0]
        flipped = _flip(text)
        cursor.execute(f"UPDATE {table} SET {column} = %s WHERE id = %s", [flipped, row.pk])
    protection.install(connection)
    assert [line.split(":")[0] for line in complaints(capsys)] == [f"{row._meta.label_lower} {row.pk}"]


def _flip(text: str) -> str:
    """Another digit in place of the last one."""
    place = max(i for i, letter in enumerate(text) if letter.isdigit())
    return text[:place] + str((int(text[place]) + 1) % 10) + text[place + 1 :]


def test_a_removed_row_is_named(rows: dict[str, Any], capsys: Any) -> None:
    events = list(AuditEvent.objects.order_by("pk"))
    protection.remove(connection)
    delete(events[3], "", None)
    protection.install(connection)
    assert f"annotation.auditevent {events[4].pk}: does not follow the row before it" in complaints(capsys)


def test_a_removed_signature_and_label_are_named(rows: dict[str, Any], capsys: Any) -> None:
    protection.remove(connection)
    label, reading = rows["label"], rows["superseded"]
    label.readings.through.objects.filter(finallabel=label)._raw_delete("default")
    delete(label, "", None)
    delete(reading, "", None)
    protection.install(connection)
    named = complaints(capsys)
    assert f"annotation.finallabel {label.pk}: decided, and no longer there" in named
    assert f"annotation.reading {reading.pk}: signed, and no longer there" in named


def test_another_reading_behind_a_label_is_named(rows: dict[str, Any], capsys: Any) -> None:
    """Provenance can be added to without touching a protected row; the label's hash tells."""
    rows["label"].readings.add(rows["superseded"])
    assert complaints(capsys) == [f"annotation.finallabel {rows['label'].pk}: not what was decided"]


def test_a_forged_signature_is_named(case: Case, readers: dict[str, Any], capsys: Any) -> None:
    """Setting the columns without the verb: the hash may be right, but no audit row knows it."""
    from django.utils import timezone

    from annotation.signature import reading_hash

    saved = draft(case, readers["observer_a"], both())
    saved.categories, now = {"baseline": "clean", "follow_up": "clean"}, timezone.now()
    digest = reading_hash(saved, signer_id=readers["observer_a"].pk, signed_at=now, meaning="mine")
    Reading.objects.filter(pk=saved.pk).update(
        state="signed", signed_at=now, meaning="mine", content_hash=digest, categories=saved.categories
    )
    assert complaints(capsys) == [f"annotation.reading {saved.pk}: not what was signed"]


def test_recording_outside_a_transaction_is_refused() -> None:
    from annotation import audit

    atomic, connection.in_atomic_block = connection.in_atomic_block, False
    try:
        with pytest.raises(RuntimeError, match="own transaction"):
            audit.hold(audit.Lock.TRAIL)
    finally:
        connection.in_atomic_block = atomic
