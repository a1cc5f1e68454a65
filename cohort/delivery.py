"""Find the files of a delivery: folders, files, zip archives; nothing in them is trusted. No Django."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

MAX_ENTRIES = 50_000
MAX_INFLATED = 16 * 2**30
#: A delivery may be a zip of zips, one for each study; deeper nesting is an attack.
MAX_ARCHIVE_DEPTH = 2
#: Empty slices deflate a thousandfold; megabytes of nothing are no MRI.
MAX_RATIO, RATIO_COUNTS_FROM = 200, 64 * 2**20
MAX_FILE = 2 * 2**30
_BLOCK = 2**20
_CLUTTER = {".ds_store", "thumbs.db", "desktop.ini", "dicomdir", "__macosx"}


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read. ``name`` is how the deliverer knows it; it may identify a person and is not stored."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Refused:
    name: str
    reason: str


class _Stop(Exception):
    """The rest of an archive is not unpacked."""


def find(sources: Iterable[Source], scratch: Path) -> Iterator[Source | Refused]:
    """Every regular file below ``sources``, archives unpacked into ``scratch`` (which the caller removes)."""
    budget = _Budget(scratch)
    for source in sources:
        yield from _visit(source, budget, 0)


def _visit(source: Source, budget: _Budget, depth: int) -> Iterator[Source | Refused]:
    path = source.path
    if path.is_dir():
        for folder, folders, files in os.walk(path):
            folders[:] = sorted(name for name in folders if not _is_clutter(name))
            for name in sorted(files):
                if _is_clutter(name):
                    continue
                file = Path(folder, name)
                label = str(Path(source.name, file.relative_to(path)))
                if file.is_symlink():
                    yield Refused(label, "is a symbolic link")
                else:
                    yield from _visit(Source(label, file), budget, depth)
    elif not path.exists():
        yield Refused(source.name, "does not exist")
    elif not path.is_file():
        yield Refused(source.name, "is not a regular file")
    elif _is_archive(path):
        if depth >= MAX_ARCHIVE_DEPTH:
            yield Refused(source.name, f"is an archive nested more than {MAX_ARCHIVE_DEPTH} deep")
        else:
            yield from _unpack(source, budget, depth)
    elif path.stat().st_size > MAX_FILE:
        yield Refused(source.name, f"is larger than {MAX_FILE >> 30} GiB")
    else:
        yield source


def _is_clutter(name: str) -> bool:
    return name.lower() in _CLUTTER or name.startswith("._")


def _is_archive(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) in {b"PK\x03\x04", b"PK\x05\x06"}


class _Budget:
    """What one delivery may unpack, over all its archives."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.files = 0
        self.bytes = 0

    def next_path(self) -> Path:
        self.files += 1
        if self.files > MAX_ENTRIES:
            raise _Stop(f"holds more than {MAX_ENTRIES} files")
        # A number, never the entry's own name: whatever path it claims, it lands here.
        return self.scratch / f"{self.files:06d}"


def _unpack(source: Source, budget: _Budget, depth: int) -> Iterator[Source | Refused]:
    try:
        with zipfile.ZipFile(source.path) as archive:
            for entry in archive.infolist():
                if entry.is_dir() or any(_is_clutter(p) for p in PurePosixPath(entry.filename).parts):
                    continue
                label = f"{source.name}/{entry.filename}"
                reason = _forbidden(entry)
                if reason:
                    yield Refused(label, reason)
                    continue
                path = budget.next_path()
                reason = _inflate(archive, entry, path, budget)
                if reason:
                    path.unlink(missing_ok=True)
                    yield Refused(label, reason)
                    continue
                yield from _visit(Source(label, path), budget, depth + 1)
    except _Stop as stop:
        yield Refused(source.name, f"{stop}; the rest of it is not read")
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        yield Refused(source.name, f"is not a readable zip archive ({error})")
    except OSError as error:
        yield Refused(source.name, f"cannot be unpacked ({error.strerror})")


def _forbidden(entry: zipfile.ZipInfo) -> str | None:
    name = PurePosixPath(entry.filename.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts or (name.parts and ":" in name.parts[0]):
        return "names a place outside the archive"
    mode = entry.external_attr >> 16
    if mode and stat.S_ISLNK(mode):
        return "is a symbolic link"
    if stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
        return "is not a regular file"
    if entry.flag_bits & 1:
        return "is encrypted"
    return None


def _inflate(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, budget: _Budget) -> str | None:
    """Write one entry, counting real bytes, not the ones it claims; the reason if it was refused."""
    written = 0
    try:
        with archive.open(entry) as packed, path.open("xb") as file:
            while block := packed.read(_BLOCK):
                written += len(block)
                budget.bytes += len(block)
                if budget.bytes > MAX_INFLATED:
                    raise _Stop(f"inflates to more than {MAX_INFLATED >> 30} GiB")
                if written > RATIO_COUNTS_FROM and written > MAX_RATIO * max(1, entry.compress_size):
                    raise _Stop(f"holds a file that inflates more than {MAX_RATIO}-fold")
                if written > MAX_FILE:
                    return f"is larger than {MAX_FILE >> 30} GiB"
                file.write(block)
    except _Stop:
        path.unlink(missing_ok=True)
        raise
    except (zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError) as error:
        return f"is damaged inside the archive ({error})"
    except Exception as error:
        if type(error).__module__ in {"zlib", "lzma", "bz2"} or isinstance(error, ValueError):
            return f"is damaged inside the archive ({error})"
        raise
    return None
