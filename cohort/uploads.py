"""Uploads from a browser that survive a lost network, a reload and a killed server.

The browser first lists its files; the server answers what it has of each. Files then come in pieces, each
at the offset that the server names, so nothing is sent twice. When all are here the whole delivery is
ingested at once by a worker: a series may be spread over any number of requests.

    incoming/uploads/CODE/manifest    one JSON line a file: key, path, size
    incoming/uploads/CODE/files/KEY   what has come of it
    incoming/uploads/CODE/results     one JSON line a result, once read

Paths may name patients. They stand in these files only, which go a week after the upload.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from cohort import delivery, ingest, receiving
from cohort.models import ImportBatch, Upload
from config.accounts.models import User
from config.exceptions import RuleViolation

logger = logging.getLogger(__name__)

State = Upload.State
MAX_FILES = 200_000
MAX_BYTES = 512 * 2**30
#: One file of it, such as a zip archive.
MAX_FILE_BYTES = 64 * 2**30
MAX_ATTEMPTS = 3
LEASE = timedelta(minutes=10)
#: An upload that nothing is added to, and the results of one that has ended, are deleted after so long.
KEEP_SECONDS = 7 * 24 * 3600
_BLOCK = 2**20
_KEY = re.compile(r"[0-9a-f]{32}-[0-9]{1,12}")


def folder(upload: Upload) -> Path:
    return Path(settings.INCOMING_DIR) / "uploads" / upload.code


def start(*, by: User) -> Upload:
    upload = Upload.objects.create(created_by=by)
    (folder(upload) / "files").mkdir(parents=True, mode=0o700)
    return upload


def _key(path: str, size: int, modified: int) -> str:
    """A file the browser offers again after a reload is the same by path, size and time of change."""
    same = f"{path}\0{size}\0{modified}".encode()
    return f"{hashlib.sha256(same).hexdigest()[:32]}-{size}"


def _must_be_open(upload: Upload) -> None:
    if upload.state != State.OPEN:
        raise RuleViolation("This upload takes no more files.", code="upload_closed")


def _manifest(upload: Upload) -> dict[str, dict[str, Any]]:
    try:
        lines = (folder(upload) / "manifest").read_text().splitlines()
    except FileNotFoundError:
        return {}
    found: dict[str, dict[str, Any]] = {}
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # cut off by a kill: the browser lists that file again
        found[entry["key"]] = entry
    return found


def _received(upload: Upload, key: str) -> int:
    try:
        return (folder(upload) / "files" / key).stat().st_size
    except FileNotFoundError:
        return 0


def add(*, upload: Upload, files: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """List files; for each its key, and how many of its bytes are here already.

    Raises
    ------
    RuleViolation
        If the upload is closed or would be too large.
    """
    _must_be_open(upload)
    with (folder(upload) / "manifest").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        known = _manifest(upload)
        total = sum(entry["size"] for entry in known.values())
        answer: list[dict[str, Any]] = []
        for offered in files:
            path, size = offered["path"], offered["size"]
            key = _key(path, size, offered["modified"])
            if key not in known:
                total += size
                if len(known) >= MAX_FILES or total > MAX_BYTES or size > MAX_FILE_BYTES:
                    raise RuleViolation(
                        f"One upload holds at most {MAX_FILES} files, {MAX_BYTES >> 30} GiB in all and "
                        f"{MAX_FILE_BYTES >> 30} GiB a file. Send the rest in another.",
                        code="upload_too_large",
                    )
                (folder(upload) / "files" / key).touch()
                known[key] = {"key": key, "path": path, "size": size}
                file.write("\n" * (not answer) + json.dumps(known[key]) + "\n")
            answer.append({"key": key, "received": _received(upload, key)})
    return answer


def write(*, upload: Upload, key: str, offset: int, read: Callable[[int], bytes]) -> int:
    """Add a piece to a file; how many of its bytes are here then.

    Raises
    ------
    RuleViolation
        If the file is not listed, the piece begins elsewhere than where the file ends (``received`` says
        where that is), or goes beyond the size that was listed.
    """
    _must_be_open(upload)
    receiving.check_room()
    path = folder(upload) / "files" / key
    if not _KEY.fullmatch(key) or not path.exists():
        raise RuleViolation("This file was not listed.", code="not_listed")
    size = int(key.partition("-")[2])
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        here = path.stat().st_size
        if offset != here:
            raise RuleViolation(
                "The piece does not begin where the file ends.", "wrong_offset", received=here
            )
        while block := read(_BLOCK):
            here += len(block)
            if here > size:
                file.truncate(offset)
                raise RuleViolation("The file is larger than was said.", code="wrong_size", received=offset)
            file.write(block)
        file.flush()
        if here == size:
            os.fsync(file.fileno())
    return here


def progress(upload: Upload) -> dict[str, int]:
    """Files and bytes that were listed, and that are here."""
    entries = _manifest(upload).values()
    here = [min(entry["size"], _received(upload, entry["key"])) for entry in entries]
    return {
        "files": len(here),
        "bytes": sum(entry["size"] for entry in entries),
        "files_received": sum(n == entry["size"] for n, entry in zip(here, entries, strict=True)),
        "bytes_received": sum(here),
    }


def finish(*, upload: Upload, leave_out: bool = False) -> Upload:
    """Close an upload and have it read. Finishing twice is finishing once.

    Raises
    ------
    RuleViolation
        If files are still missing, unless they are to be left out, or if it was cancelled.
    """
    if upload.state in (State.CANCELLED, State.FAILED):
        raise RuleViolation("This upload has ended.", code="upload_closed")
    here = progress(upload)
    lacking = here["files"] - here["files_received"]
    if upload.state == State.OPEN and ((lacking and not leave_out) or not here["files_received"]):
        raise RuleViolation(
            f"{lacking} files are not here yet." if lacking else "There are no files in it.",
            code="files_missing", missing=lacking,
        )  # fmt: skip
    with transaction.atomic():
        Upload.objects.filter(pk=upload.pk, state=State.OPEN).update(state=State.QUEUED)
        transaction.on_commit(lambda: _send(upload.pk))
    upload.refresh_from_db()
    return upload


def cancel(*, upload: Upload) -> None:
    """Delete an upload that has not been read. RuleViolation while it is being read, or after."""
    cancelled = Upload.objects.filter(pk=upload.pk, state__in=(State.OPEN, State.QUEUED)).update(
        state=State.CANCELLED, finished_at=Now()
    )
    if not cancelled:
        raise RuleViolation("This upload is being read, or has been.", code="upload_closed")
    shutil.rmtree(folder(upload), ignore_errors=True)


def results(upload: Upload, start: int = 0) -> list[dict[str, Any]]:
    """Results from number ``start`` on, while they come."""
    try:
        lines = (folder(upload) / "results").read_text().split("\n")[:-1]
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines[start:]]


def _send(pk: int) -> None:
    from kombu.exceptions import OperationalError

    from cohort.tasks import read_upload

    try:
        read_upload.apply_async(args=(pk,), retry=False)
    except (OperationalError, OSError) as error:
        logger.warning("upload %s: the queue did not take it (%s); it will be sent again", pk, error)


def _due() -> Q:
    return Q(state=State.QUEUED) | Q(state=State.RUNNING, lease_until__lte=Now())


def read(pk: int) -> None:
    """Ingest a finished upload, if no other worker does. Reading again after a crash changes nothing."""
    upload = Upload.objects.filter(_due(), pk=pk).first()
    if upload is None:
        return
    if upload.attempts >= MAX_ATTEMPTS:
        Upload.objects.filter(pk=pk, fence=upload.fence).update(
            state=State.FAILED, finished_at=Now(), fence=F("fence") + 1,
            error=f"Reading it ended {MAX_ATTEMPTS} times before its end.",
        )  # fmt: skip
        shutil.rmtree(folder(upload) / "files", ignore_errors=True)
        return
    taken = Upload.objects.filter(_due(), pk=pk, fence=upload.fence).update(
        state=State.RUNNING,
        fence=F("fence") + 1,
        attempts=F("attempts") + 1,
        lease_until=Now() + LEASE,
        done=0,
    )
    if taken != 1:
        return
    mine = Upload.objects.filter(pk=pk, fence=upload.fence + 1, state=State.RUNNING)
    entries = _manifest(upload).values()
    whole = [entry for entry in entries if _received(upload, entry["key"]) == entry["size"]]
    lacking = [entry for entry in entries if _received(upload, entry["key"]) != entry["size"]]
    found = [ingest.IngestResult(ingest.REJECTED, e["path"], "did not arrive in full") for e in lacking]
    sources = [delivery.Source(e["path"], folder(upload) / "files" / e["key"]) for e in whole]
    try:
        with (folder(upload) / "results").open("w") as out:
            for result in found:
                out.write(json.dumps(result.as_json()) + "\n")
            for result in ingest.ingest_sources(sources, by=upload.created_by, road=ImportBatch.Road.UPLOAD):
                found.append(result)
                out.write(json.dumps(result.as_json()) + "\n")
                out.flush()
                if mine.update(done=len(found), lease_until=Now() + LEASE) != 1:
                    return
    except OSError as error:
        # The disk is full, say: the files stay, and it is tried again when the lease runs out.
        mine.update(lease_until=Now(), error=f"This server: {error.strerror}.")
        raise
    mine.update(
        state=State.DONE, finished_at=Now(), lease_until=None, error="", summary=ingest.summarise(found)
    )
    shutil.rmtree(folder(upload) / "files", ignore_errors=True)


def tend() -> None:
    """Send what may have been lost; delete what is old."""
    for pk in Upload.objects.filter(_due()).values_list("pk", flat=True):
        _send(pk)
    root = Path(settings.INCOMING_DIR) / "uploads"
    for path in root.iterdir() if root.is_dir() else ():
        newest = max((p.stat().st_mtime for p in (path, path / "files") if p.exists()), default=0.0)
        if time.time() - newest > KEEP_SECONDS:
            changed = Upload.objects.filter(code=path.name, state=State.OPEN).update(
                state=State.CANCELLED, finished_at=Now(), error="Nothing was added for a week."
            )
            if changed or not Upload.objects.filter(_due(), code=path.name).exists():
                shutil.rmtree(path, ignore_errors=True)
