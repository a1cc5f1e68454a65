"""Files that are on disk when a function returns, and not in the system's memory only. No Django."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

#: Syncs that wait together share a commit of the file system's journal; more at once gain nothing.
_TOGETHER = 4


def sync(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, is on disk; OSError if it cannot be."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_all(paths: Iterable[Path]) -> None:
    """The same for many files, which should all have been written before: the disk gathers them."""
    with ThreadPoolExecutor(_TOGETHER) as pool:
        list(pool.map(sync, paths))
