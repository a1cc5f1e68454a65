"""The incoming area: what another machine sent, safe on disk, until its series has been ingested.

Files lie outside the image store and still name the patient; they are deleted when their outcome is
recorded. An object is acknowledged only after its file and its folder's entry are synced, so what was
acknowledged outlives a crash: whoever sweeps next finds it.

    incoming/new/          being written; nothing refers to it
    incoming/open/KEY/     one folder for a road, peer and series; ready when nothing came for a while
    incoming/taken/KEY/    being ingested

There is one sweep at a time, by a lock on a file that the kernel frees when its holder dies. Series of
different peers never mix, even under one UID.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import logging
import os
import re
import shutil
import tempfile
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import Error as DatabaseError
from pydicom.dataset import Dataset

from cohort import delivery, dicom_file, durable, ingest, pixels
from cohort.models import ImportBatch

logger = logging.getLogger(__name__)

#: After an association that broke off, the peer gets this long to send the rest of its series, seconds.
GRACE = 300.0
#: A series whose reading ends the process this often is set aside as rejected.
MAX_ATTEMPTS = 3
#: Series ingested under one record.
_AT_ONCE = 100
_ATTEMPTS = "attempts"


@dataclass(frozen=True, slots=True)
class Origin:
    """How images came: the road (ImportBatch.Road) and the sender's name."""

    road: str
    peer: str


class NoRoom(OSError):
    """The disk is full, or would be."""


def _folder(name: str) -> Path:
    path = Path(settings.INCOMING_DIR) / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def check_room() -> None:
    """Raise NoRoom before the disk is so full that the database could not write."""
    _folder("new")
    if shutil.disk_usage(settings.INCOMING_DIR).free < settings.DISK_RESERVE_BYTES:
        raise NoRoom(errno.ENOSPC, "the disk is full")


@contextlib.contextmanager
def arriving() -> Iterator[Path]:
    """A folder for files that are still being received; gone afterwards with what was not kept."""
    folder = Path(tempfile.mkdtemp(dir=_folder("new")))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write(path: Path, chunks: Iterable[bytes], *, sync: bool = True) -> str:
    """Write a file; the sha256 of what it holds. Raises NoRoom when the disk is full.

    Without ``sync`` it is durable only once ``keep`` has been told to sync it.
    """
    check_room()
    digest = hashlib.sha256()
    try:
        with _full_disk_told(), path.open("xb") as file:
            for chunk in chunks:
                digest.update(chunk)
                file.write(chunk)
            if sync:
                file.flush()
                os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return digest.hexdigest()


@contextlib.contextmanager
def _full_disk_told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoRoom(errno.ENOSPC, "the disk is full") from error
        raise


@dataclass(frozen=True, slots=True)
class Arrived:
    """A file that has been written: where, its sha256, its header."""

    path: Path
    digest: str
    header: Dataset


def keep(arrived: Sequence[Arrived], origin: Origin, *, synced: bool = True) -> set[Path]:
    """Put written files with the others of their series, durably; the folders they lie in.

    The same object sent again takes its own place; another one under the same UID lies beside it, for
    the ingest to refuse. ``synced`` says whether the files' content is on disk already: many that came at
    once are better synced together here.
    """
    series: dict[Path, list[Arrived]] = defaultdict(list)
    for one in arrived:
        series[_folder("open") / _key(origin, str(one.header.SeriesInstanceUID))].append(one)
    with _full_disk_told():
        if not synced:
            durable.sync_all(one.path for one in arrived)
        for folder, files in series.items():
            _put(files, folder)
    return set(series)


def _put(files: Iterable[Arrived], folder: Path) -> None:
    """Move files into a folder of the open area and sync its entries."""
    left = deque(files)
    while left:
        folder.mkdir(exist_ok=True)
        try:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue  # taken by a sweep in this very moment
        try:
            while left:
                one = left[0]
                name = f"{_hash(str(one.header.SOPInstanceUID))}-{one.digest[:16]}.dcm"
                try:
                    os.rename(one.path, name, dst_dir_fd=handle)
                except FileNotFoundError:
                    if not one.path.exists():
                        raise
                    break  # the folder has been taken and is gone: into a new one
                left.popleft()
            os.fsync(handle)
        finally:
            os.close(handle)


def give_time(folders: Iterable[Path], seconds: float = GRACE) -> None:
    """Wait so much longer for the rest of these series."""
    until = time.time() + seconds
    for folder in folders:
        with contextlib.suppress(FileNotFoundError):
            os.utime(folder, (until, until))


def _hash(uid: str) -> str:
    return hashlib.sha256(uid.strip().encode()).hexdigest()[:24]


def _key(origin: Origin, series_uid: str) -> str:
    peer = re.sub(r"[^A-Za-z0-9_-]", "_", origin.peer.strip())[:32] or "_"
    # Two names that look alike once cleaned stay apart by the hash.
    return f"{origin.road}.{peer}.{_hash(origin.peer + chr(0) + series_uid)}"


def _origin(folder: Path) -> Origin:
    road, peer, _ = folder.name.split(".")
    return Origin(road, peer)


def waiting() -> int:
    """Series that have not been ingested yet."""
    return len(list(_folder("open").iterdir())) + len(list(_folder("taken").iterdir()))


def sweep(*, quiet: float | None = None) -> list[ingest.IngestResult]:
    """Ingest every series to which nothing was added for ``quiet`` seconds; one sweep at a time.

    What an earlier sweep left behind, killed before it could record the outcome, comes first: ingesting
    twice changes nothing.
    """
    quiet = settings.DICOM_QUIET_SECONDS if quiet is None else quiet
    with _only_one() as mine:
        if not mine:
            return []
        _recover_new()
        _take(quiet)
        results: list[ingest.IngestResult] = []
        groups: dict[Origin, list[Path]] = defaultdict(list)
        for folder in sorted(_folder("taken").iterdir()):
            if _give_up(folder):
                results += _set_aside(folder)
            else:
                groups[_origin(folder)].append(folder)
        for origin, folders in groups.items():
            for start in range(0, len(folders), _AT_ONCE):
                results += _ingest(folders[start : start + _AT_ONCE], origin)
        return results


@contextlib.contextmanager
def _only_one() -> Iterator[bool]:
    with (_folder("new").parent / ".sweep").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def _recover_new() -> None:
    """Remove what a killed receiver was still writing: it was never acknowledged."""
    for path in _folder("new").iterdir():
        with contextlib.suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > 24 * 3600:
                shutil.rmtree(path, ignore_errors=True)


def _take(quiet: float) -> None:
    taken = _folder("taken")
    for folder in sorted(_folder("open").iterdir()):
        with contextlib.suppress(OSError):  # gone, or an earlier part of it is still there
            if time.time() - folder.stat().st_mtime >= quiet:
                folder.rename(taken / folder.name)


def _give_up(folder: Path) -> bool:
    """Count this attempt; whether there have been too many."""
    path = folder / _ATTEMPTS
    attempts = int(path.read_text() or 0) if path.exists() else 0
    if attempts >= MAX_ATTEMPTS:
        return True
    path.write_text(str(attempts + 1))
    return False


def _set_aside(folder: Path) -> list[ingest.IngestResult]:
    result = ingest.IngestResult(ingest.REJECTED, "", f"reading it failed {MAX_ATTEMPTS} times")
    ImportBatch.objects.create(
        kind=ImportBatch.Kind.DICOM, road=_origin(folder).road, peer=_origin(folder).peer,
        summary=ingest.summarise([result]), results=[result.as_json()],
    )  # fmt: skip
    shutil.rmtree(folder)
    return [result]


def _ingest(folders: list[Path], origin: Origin) -> list[ingest.IngestResult]:
    files = {folder: sorted(folder.glob("*.dcm")) for folder in folders}
    sources = [delivery.Source(path.name, path) for paths in files.values() for path in paths]
    try:
        results = list(ingest.ingest_sources(sources, by=None, road=origin.road, peer=origin.peer))
    except (OSError, DatabaseError) as error:
        # The place, not the images, is at fault: they stay until it is well again.
        logger.error("%s of %s: %s series wait, %s", origin.road, origin.peer, len(folders), error)
        for folder in folders:
            (folder / _ATTEMPTS).unlink(missing_ok=True)
        return []
    for folder, paths in files.items():
        _clear(folder, paths)
    return results


def _clear(folder: Path, done: Iterable[Path]) -> None:
    """Delete what was ingested. A file that came in the last moment goes back to wait for its turn."""
    for path in (*done, folder / _ATTEMPTS):
        path.unlink(missing_ok=True)
    try:
        folder.rmdir()
    except OSError:
        back = _folder("open") / folder.name
        back.mkdir(exist_ok=True)
        for path in folder.iterdir():
            path.rename(back / path.name)
        folder.rmdir()


def read_header(path: Path) -> Dataset:
    """The header of a received object, checked as far as its sender can be told at once.

    Raises
    ------
    dicom_file.FileError
        As ``dicom_file.read_header``; also for a transfer syntax that cannot be decoded.
    """
    header = dicom_file.read_header(path)
    if header.file_meta.TransferSyntaxUID not in pixels.READABLE:
        raise dicom_file.FileError("has a transfer syntax that is not supported")
    return header
