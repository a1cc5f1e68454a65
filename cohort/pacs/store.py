"""The image store: the only module that writes or reads its files.

``IMAGE_STORE_DIR/<Series.path>/<Instance.file>``, one de-identified Part 10 file a slice. A series
appears under its name whole or not at all: it is written beside the store's folders and renamed.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import shutil
import struct
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom
from django.conf import settings
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID

from cohort import durable, pixels

if TYPE_CHECKING:
    from cohort.models import Instance, Series

HTJ2K_LOSSLESS = "1.2.840.10008.1.2.4.201"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"

# (7FE0,0010) as this store writes it: encapsulated OB of undefined length, or OW of a length.
_ENCAPSULATED = b"\xe0\x7f\x10\x00OB\x00\x00\xff\xff\xff\xff"
_NATIVE = b"\xe0\x7f\x10\x00OW\x00\x00"
_ITEM = b"\xfe\xff\x00\xe0"


class StoreError(Exception):
    """A file of the store is missing or not as it was written."""


def _root() -> Path:
    return Path(settings.IMAGE_STORE_DIR)


def instance_path(instance: Instance) -> Path:
    """Where one slice's de-identified file lies."""
    return _root() / instance.series.path / instance.file


def series_folder(series: Series) -> Path:
    return _root() / series.path


def read_frame(instance: Instance) -> tuple[bytes, str]:
    """The pixels of one slice as stored, and their transfer syntax UID.

    No DICOM parser: the store writes PixelData last and in two known forms, so a search for its tag is
    enough, and a page of thirty frames costs thirty reads.

    Raises
    ------
    StoreError
        If the file is missing or cut off.
    """
    content, start, end, syntax = _located(instance)
    return content[start:end], syntax


def read_file(instance: Instance) -> tuple[bytes, str]:
    """The Part 10 file of one slice as stored, and its transfer syntax UID; StoreError as above."""
    content, _, _, syntax = _located(instance)
    return content, syntax


def read_file_uncompressed(instance: Instance) -> bytes:
    """The same file in explicit VR little endian; the data set but for its pixels is taken over byte by byte.

    Raises
    ------
    StoreError
        If the file is missing or damaged.
    """
    content, start, end, syntax = _located(instance)
    if syntax == EXPLICIT_LITTLE:
        return content
    values = pixels.decode_htj2k(content[start:end])
    raw = pixels.raw_frame(values)
    (length,) = struct.unpack_from("<I", content, 140)  # (0002,0000), behind preamble, "DICM" and its header
    # The syntax is written anew and nothing else: its UID has an even length here and there.
    meta = pydicom.dcmread(io.BytesIO(content[: 144 + length]), force=True).file_meta
    meta.TransferSyntaxUID = UID(EXPLICIT_LITTLE)
    head = DicomBytesIO()
    write_file_meta_info(head, meta)
    body = content[144 + length : content.index(_ENCAPSULATED, 132)]
    return b"".join((content[:132], head.getvalue(), body, _NATIVE, struct.pack("<I", len(raw)), raw))


def transfer_syntax(instance: Instance) -> str:
    """The transfer syntax UID of one slice, from the first bytes of its file; StoreError as above."""
    try:
        with instance_path(instance).open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise StoreError(f"instance {instance.pk}: its file cannot be read ({error.strerror})") from error
    at = head.find(b"\x02\x00\x10\x00UI")
    if at < 0:
        raise StoreError(f"instance {instance.pk}: its file is damaged")
    (length,) = struct.unpack_from("<H", head, at + 6)
    return head[at + 8 : at + 8 + length].rstrip(b"\0").decode("ascii", "replace")


def _located(instance: Instance) -> tuple[bytes, int, int, str]:
    """A file's bytes, where its pixels begin and end in them, and their transfer syntax."""
    path = instance_path(instance)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StoreError(f"instance {instance.pk}: its file cannot be read ({error.strerror})") from error
    at = content.find(_ENCAPSULATED, 132)
    if at >= 0:
        table = at + len(_ENCAPSULATED)
        (length,) = struct.unpack_from("<I", content, table + 4)
        item = table + 8 + length  # behind the basic offset table
        if content[table : table + 4] == _ITEM == content[item : item + 4]:
            (length,) = struct.unpack_from("<I", content, item + 4)
            if item + 8 + length <= len(content):
                return content, item + 8, item + 8 + length, HTJ2K_LOSSLESS
    at = content.find(_NATIVE, 132)
    if at >= 0:
        (length,) = struct.unpack_from("<I", content, at + 8)
        if at + 12 + length <= len(content):
            return content, at + 12, at + 12 + length, EXPLICIT_LITTLE
    raise StoreError(f"instance {instance.pk}: its file is damaged")


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """One writer of the store at a time, over all processes.

    Two deliveries of one series would otherwise each take the other's folder for an orphan.
    """
    root = _root()
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def staged(files: Mapping[str, bytes], path: str) -> Iterator[None]:
    """Write a series, put it in place under ``path``, and take it away again if the block fails.

    The rows are written inside the block. If the process dies between rename and commit, the folder has
    no row: nothing refers to it, and the next delivery of the series replaces it.
    """
    root = _root()
    target = root / path
    incoming = root / ".incoming"
    incoming.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=incoming))
    try:
        for name, content in files.items():
            (folder / name).write_bytes(content)
        durable.sync_all(folder / name for name in files)
        durable.sync(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        before = folder.with_suffix(".before")
        if target.exists():
            target.rename(before)  # an orphan, or a part of the series that is being replaced
        folder.rename(target)
        durable.sync(target.parent)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    try:
        yield
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        if before.exists():
            before.rename(target)
        raise
    shutil.rmtree(before, ignore_errors=True)


def delete(series: Series) -> None:
    """Delete the files of a series whose row is gone."""
    shutil.rmtree(series_folder(series), ignore_errors=True)
