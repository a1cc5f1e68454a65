"""Tables from the page: received, checked, looked at, stored or left – and then forgotten.

The row is the truth and the files lie under IMPORTS_DIR until it has ended. A small delivery is worked on
within its request, a large one by a worker: what a killed worker leaves is taken up again whole, since
storing is one transaction whose last statement is the row's own. Every write of a worker asks for its fence.
"""

from __future__ import annotations

import csv
import logging
import secrets
import shutil
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from cohort import importing, mapping, omop
from cohort.columns import COLUMNS
from cohort.export_files import RowError
from cohort.models import TableImport
from config.accounts.models import User
from config.exceptions import RuleViolation

logger = logging.getLogger(__name__)

State = TableImport.State
#: Waiting for a worker or with one.
ACTIVE = (State.QUEUED, State.READING, State.STORING)
ENDED = (State.DONE, State.FAILED, State.CANCELLED, State.EXPIRED)
#: Up to so many bytes – some 15,000 rows, a second or two – the request itself does the work.
INLINE_BYTES = 1 << 20
MAX_ATTEMPTS = 3
LEASE = timedelta(seconds=60)
#: A message may be lost; sending it twice does nothing.
RESEND_AFTER = timedelta(seconds=60)
#: Nobody came back to what was checked.
EXPIRES_AFTER = timedelta(hours=24)
#: The list of errors, which holds no identities, outlives the files by so much.
ERRORS_KEPT = timedelta(days=7)
SHOWN_ERRORS = 200
_ERRORS = "errors.csv"


class _Lost(Exception):
    """Somebody else has taken the import, or it has ended."""


class _Cancelled(Exception):
    pass


# ---- what a person does


def receive(
    *,
    files: Mapping[str, BinaryIO],
    by: User | None,
    commit: bool = False,
    skip_errors: bool = False,
    said: Mapping[str, mapping.ColumnMapping] | None = None,
) -> TableImport:
    """Keep uploaded files and check them; with ``commit`` store them at once if nothing is in error."""
    token = secrets.token_hex(16)
    folder = Path(settings.IMPORTS_DIR) / token
    folder.mkdir(parents=True, mode=0o700)
    kinds = [kind for kind in (*COLUMNS, *omop.TABLES) if kind in files]
    try:
        for kind in kinds:
            with (folder / f"{kind}.csv").open("xb") as kept:
                files[kind].seek(0)
                shutil.copyfileobj(files[kind], kept, 1 << 20)
        job = TableImport.objects.create(
            folder=token,
            kinds=kinds,
            commit=commit,
            skip_errors=skip_errors,
            created_by=by,
            mapping={kind: one.as_json() for kind, one in (said or {}).items()},
        )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return _start(job)


def check_again(*, job: TableImport, said: Mapping[str, mapping.ColumnMapping]) -> TableImport:
    """Read the same files under another mapping."""
    return _restart(
        job, commit=False, mapping={kind: one.as_json() for kind, one in said.items()}, skip_errors=False
    )


def commit(*, job: TableImport, skip_errors: bool = False) -> TableImport:
    """Store what was checked: all of it, or with ``skip_errors`` the rows that are good."""
    return _restart(job, commit=True, skip_errors=skip_errors)


def _restart(job: TableImport, **changes: Any) -> TableImport:
    waiting = TableImport.objects.filter(pk=job.pk, state=State.CHECKED)
    if not waiting.update(
        state=State.QUEUED, attempts=0, progress={}, sent_at=None, changed_at=timezone.now(), **changes
    ):
        job.refresh_from_db()
        raise RuleViolation(
            f"These files are not waiting for a decision: {job.get_state_display().lower()}.",
            code="import_not_checked",
        )
    job.refresh_from_db()
    return _start(job)


def cancel(*, job: TableImport) -> TableImport:
    """Leave the files unstored and delete them; a worker that reads them stops within a second or so.

    Raises
    ------
    RuleViolation
        While they are being stored, and once they are.
    """
    job.refresh_from_db()
    if job.state == State.STORING:  # SQLite would keep any write waiting for the end of it
        raise RuleViolation("It is being stored, which ends by itself.", code="import_too_late")
    unworked = TableImport.objects.filter(pk=job.pk, state__in=(State.QUEUED, State.CHECKED))
    if unworked.update(state=State.CANCELLED, changed_at=timezone.now()):
        _forget(job)
    elif not TableImport.objects.filter(pk=job.pk, state=State.READING).update(cancel_requested=True):
        job.refresh_from_db()
        if job.state != State.CANCELLED:
            raise RuleViolation(
                f"It cannot be cancelled any more: {job.get_state_display().lower()}.", code="import_too_late"
            )
    job.refresh_from_db()
    return job


def errors_file(job: TableImport) -> Path | None:
    """All errors as CSV, while they are kept."""
    path = _folder(job) / _ERRORS
    return path if path.is_file() else None


# ---- sending and working


def _start(job: TableImport) -> TableImport:
    size = sum(path.stat().st_size for path in _files(job).values())
    if size <= INLINE_BYTES:
        work_on(job.pk)
    else:
        _send(job.pk)
    job.refresh_from_db()
    return job


def _send(pk: int) -> None:
    """Put the id on the queue; a queue that is down loses nothing, ``reconcile`` sends again."""
    from kombu.exceptions import OperationalError

    from cohort.tasks import import_tables

    def send() -> None:
        try:
            import_tables.apply_async(args=(pk,), retry=False)
        except (OperationalError, OSError) as error:
            logger.warning("import %s: the queue did not take it (%s); it will be sent again", pk, error)
        TableImport.objects.filter(pk=pk).update(sent_at=timezone.now())

    transaction.on_commit(send)


def work_on(pk: int) -> None:
    """Check or store one import, if it still waits for that. Called twice, it does it once."""
    taken = TableImport.objects.filter(pk=pk, state=State.QUEUED).update(
        state=State.READING, fence=F("fence") + 1, attempts=F("attempts") + 1,
        lease_until=timezone.now() + LEASE, progress={}, changed_at=timezone.now(),
    )  # fmt: skip
    if not taken:
        return
    job = TableImport.objects.get(pk=pk)
    watch = _Watch(job)
    try:
        with ExitStack() as opened:
            streams = {kind: opened.enter_context(path.open("rb")) for kind, path in _files(job).items()}
            watch.errors = opened.enter_context(_ErrorList(_folder(job) / _ERRORS))
            report = importing.import_files(
                streams,
                commit=job.commit,
                skip_errors=job.skip_errors,
                by=job.created_by,
                mappings={kind: mapping.from_json(kind, one) for kind, one in job.mapping.items()},
                watch=watch,
            )
        if not report.committed:
            watch.end(State.CHECKED, report=described(report))
    except _Lost:
        logger.warning("import %s: taken by another worker", pk)
    except _Cancelled:
        watch.end(State.CANCELLED)
    except Exception:
        logger.exception("import %s failed", pk)  # no values: messages of the importer hold none
        watch.end(State.FAILED, error="An error of the program stopped it; nothing was stored.")
    _forget(job)


class _Watch(importing.Watch):
    """Writes to the row what an import tells, and stops it when it is no longer this worker's."""

    errors: _ErrorList

    def __init__(self, job: TableImport) -> None:
        self.job = job
        self._told = 0.0

    def _mine(self, *states: str) -> QuerySet[TableImport]:
        return TableImport.objects.filter(pk=self.job.pk, fence=self.job.fence, state__in=states)

    def progress(self, rows: int, share: float) -> None:
        now = time.monotonic()
        if now - self._told < 1:
            return
        self._told = now
        if not self._mine(State.READING).update(
            progress={"rows": rows, "share": round(share, 4)}, lease_until=timezone.now() + LEASE
        ):
            raise _Lost
        if TableImport.objects.values_list("cancel_requested", flat=True).get(pk=self.job.pk):
            raise _Cancelled

    def storing(self) -> None:
        # From here on it can no longer be cancelled: on SQLite nobody else could write that wish down.
        unwanted = self._mine(State.READING).filter(cancel_requested=True)
        if unwanted.exists():
            raise _Cancelled
        if not self._mine(State.READING).update(state=State.STORING, lease_until=timezone.now() + LEASE):
            raise _Lost

    def entered(self) -> None:
        # The row stays locked until the transaction ends, which is how others know that this worker lives.
        if self._mine(State.STORING).select_for_update().first() is None:
            raise _Lost

    def stored(self, report: importing.ImportReport) -> None:
        if not self._mine(State.STORING).update(
            state=State.DONE, report=described(report), lease_until=None, changed_at=timezone.now()
        ):
            raise _Lost

    def error(self, error: RowError) -> None:
        self.errors.add(error)

    def end(self, state: str, **changes: Any) -> None:
        self._mine(State.READING, State.STORING).update(
            state=state, lease_until=None, changed_at=timezone.now(), **changes
        )


class _ErrorList:
    """A CSV of errors, without values of the files."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> _ErrorList:
        self._file = self.path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow(["file", "row", "column", "message"])
        return self

    def add(self, error: RowError) -> None:
        # A header that a spreadsheet would run as a formula gets a leading apostrophe.
        column = error.column or ""
        column = f"'{column}" if column[:1] in ("=", "+", "-", "@", "\t", "\r") else column
        self._writer.writerow([error.file, error.row or "", column, error.message])

    def __exit__(self, *exception: object) -> None:
        self._file.close()


def described(report: importing.ImportReport) -> dict[str, Any]:
    """A report as the row keeps it and the page shows it."""
    return {
        "batch": report.batch,
        "summary": {kind: vars(counts) for kind, counts in report.summary.items()},
        "errors": [asdict(error) for error in report.errors[:SHOWN_ERRORS]],
        "error_count": report.error_count,
        "notices": [asdict(notice) for notice in report.notices],
        "refused": report.refused,
        "layouts": report.layouts,
    }


# ---- keeping house


def reconcile() -> None:
    """Send what may be lost, take back what fell silent, forget what nobody came back to (every 30 s)."""
    now = timezone.now()
    _take_back()
    lost = TableImport.objects.filter(state=State.QUEUED).filter(
        Q(sent_at=None, changed_at__lt=now - RESEND_AFTER) | Q(sent_at__lt=now - RESEND_AFTER)
    )
    for pk in lost.values_list("pk", flat=True):
        _send(pk)
    for job in TableImport.objects.filter(state=State.CHECKED, changed_at__lt=now - EXPIRES_AFTER):
        if TableImport.objects.filter(pk=job.pk, state=State.CHECKED, changed_at=job.changed_at).update(
            state=State.EXPIRED
        ):
            _forget(job)
    _sweep()


def _take_back() -> None:
    silent = TableImport.objects.filter(
        state__in=(State.READING, State.STORING), lease_until__lt=timezone.now()
    )
    if not silent.exists():
        return
    with transaction.atomic():
        # A row that is locked is being stored this moment, however long ago its lease ended.
        for job in silent.select_for_update(
            skip_locked=connection.features.has_select_for_update_skip_locked
        ):
            again = job.attempts < MAX_ATTEMPTS
            TableImport.objects.filter(pk=job.pk).update(
                state=State.QUEUED if again else State.FAILED,
                fence=F("fence") + 1,
                lease_until=None,
                sent_at=None,
                changed_at=timezone.now(),
                error="" if again else f"Its worker was lost {job.attempts} times; nothing was stored.",
            )
            if again:
                _send(job.pk)


def _sweep() -> None:
    """Delete what a crash between a row and its files has left."""
    root = Path(settings.IMPORTS_DIR)
    if not root.is_dir():
        return
    jobs = {
        job.folder: job for job in TableImport.objects.filter(folder__in=[p.name for p in root.iterdir()])
    }
    for folder in root.iterdir():
        job = jobs.get(folder.name)
        if job is None:
            if time.time() - folder.stat().st_mtime > 3600:  # its row may be about to be written
                shutil.rmtree(folder, ignore_errors=True)
        elif job.state in ENDED:
            _forget(job)
            if job.changed_at < timezone.now() - ERRORS_KEPT:
                shutil.rmtree(folder, ignore_errors=True)
    for upload in Path(settings.FILE_UPLOAD_TEMP_DIR).glob("*.upload*"):
        if time.time() - upload.stat().st_mtime > 3600:  # of a request whose process was killed
            upload.unlink(missing_ok=True)


def _forget(job: TableImport) -> None:
    """Delete the files of an import that has ended."""
    job.refresh_from_db()
    if job.state not in ENDED:
        return
    for path in _files(job).values():
        path.unlink(missing_ok=True)
    # Spellings were shown so that they could be given a meaning; a shifted column may bring anything there.
    layouts = job.report.get("layouts", {})
    found = [c for layout in layouts.values() for c in layout["columns"] if c.get("spellings")]
    if found:
        for column in found:
            column["spellings"] = []
        TableImport.objects.filter(pk=job.pk).update(report=job.report)


def _folder(job: TableImport) -> Path:
    return Path(settings.IMPORTS_DIR) / job.folder


def _files(job: TableImport) -> dict[str, Path]:
    paths = {kind: _folder(job) / f"{kind}.csv" for kind in job.kinds}
    return {kind: path for kind, path in paths.items() if path.is_file()}
