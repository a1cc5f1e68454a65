"""Series that are none, files and archives that are broken or hostile."""

from __future__ import annotations

import os
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
from pydicom.uid import UID

from tests.cohort.kind_registry import (
    ACCEPTED,
    QUARANTINED,
    REJECTED,
    Make,
    kind,
    series,
)
from tests.cohort.readable_kinds import JPEG, compress

# ---- series that are none


def _without(*positions: int) -> Make:
    def make(folder: Path, seed: int) -> None:
        paths = series(folder, seed, slices=9)
        for k in positions:
            paths[k].unlink()

    return make


kind("missing slice", REJECTED, "a slice is missing")(_without(3))
kind("same file twice", ACCEPTED, tolerance=0)(
    lambda f, s: shutil.copy(series(f, s)[2], f / "copy of a slice.dcm")
)


@kind("one UID, different pixels", REJECTED, "one SOPInstanceUID and different pixels")
def _(folder: Path, seed: int) -> None:
    ds = pydicom.dcmread(series(folder, seed)[2])
    ds.PixelData = bytes(len(ds.PixelData))
    ds.save_as(folder / "other.dcm")


@kind("localizer mixed in", REJECTED, "mixed orientations")
def _(folder: Path, seed: int) -> None:
    paths = series(folder, seed)
    (stray,) = series(folder / "localizer", seed + 5000, slices=1, plane="axial")
    ds = pydicom.dcmread(stray)
    ds.SeriesInstanceUID = pydicom.dcmread(paths[0]).SeriesInstanceUID
    ds.save_as(stray)


kind("NaN geometry", REJECTED, "no usable ImagePositionPatient")(
    lambda f, s: _rewrite(series(f, s)[1], lambda b: _text_value(b, b"\x20\x00\x32\x00DS", b"NaN\\0\\0"))
)
kind("two patients in one series", REJECTED, "2 different patients")(
    lambda f, s: series(f, s, edit=lambda ds, k: setattr(ds, "PatientID", f"P{1 + k % 2}"))
)
kind("unknown patient", QUARANTINED, "not in the cohort", 0)(lambda f, s: series(f, s, patient_id="P404"))
kind("no patient id", REJECTED, "no PatientID")(lambda f, s: series(f, s, tags={"PatientID": None}))
kind("CT", REJECTED, "CT Image Storage, not an MR image")(
    lambda f, s: series(f, s, slices=1, tags={"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"})
)
kind("structured report", REJECTED, "SR Storage, not an MR image")(
    lambda f, s: series(f, s, slices=1, tags={"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.22"})
)
kind("encapsulated PDF", REJECTED, "Encapsulated PDF Storage, not an MR image")(
    lambda f, s: series(f, s, slices=1, tags={"SOPClassUID": "1.2.840.10008.5.1.4.1.1.104.1"})
)
kind("mosaic", REJECTED, "mosaic")(
    lambda f, s: series(f, s, slices=1, tags={"ImageType": ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]})
)


# ---- files that are broken


def _rewrite(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


def _text_value(content: bytes, head: bytes, text: bytes) -> bytes:
    """The value of a short element replaced, padded to the length it has."""
    at = content.index(head)
    (length,) = struct.unpack_from("<H", content, at + 6)
    return content[: at + 8] + text[:length].ljust(length) + content[at + 8 + length :]


def _one(change: Callable[[bytes], bytes]) -> Make:
    return lambda folder, seed: _rewrite(series(folder, seed, slices=1)[0], change)


def _sequences(depth: int) -> Callable[[bytes], bytes]:
    def insert(content: bytes) -> bytes:
        item = b""
        for _ in range(depth):
            item = b"\x08\x00\x10\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" + item
        end = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0" * depth
        at = content.index(b"\x10\x00\x10\x00PN")
        return content[:at] + item + end + content[at:]

    return insert


def _deflate_bomb(folder: Path, seed: int) -> None:
    path = series(folder, seed, slices=1)[0]
    ds = pydicom.dcmread(path)
    ds.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.1.99")
    pydicom.dcmwrite(path, ds, implicit_vr=False, little_endian=True)
    content = path.read_bytes()
    head = 144 + int.from_bytes(content[140:144], "little")
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = deflate.compress(zlib.decompressobj(-15).decompress(content[head:]) + bytes(120 * 2**20))
    path.write_bytes(content[:head] + body + deflate.flush())


kind("truncated in the pixels", REJECTED, "truncated")(_one(lambda b: b[: int(len(b) * 0.8)]))
kind("truncated in the header", REJECTED, "truncated")(_one(lambda b: b[:300]))
kind("one slice of seven truncated", REJECTED, "left out whole")(
    lambda f, s: _rewrite(series(f, s)[2], lambda b: b[: int(len(b) * 0.8)])
)
kind("zero bytes", REJECTED, "is empty")(lambda f, s: (f / "zero.dcm").write_bytes(b""))
kind("zeros", REJECTED, "not a DICOM file")(lambda f, s: (f / "zeros.dcm").write_bytes(bytes(4096)))
kind("text named .dcm", REJECTED, "not a DICOM file")(lambda f, s: (f / "a.dcm").write_text("Dear colleague"))
kind("PDF", REJECTED, "not a DICOM file")(
    lambda f, s: (f / "letter.pdf").write_bytes(b"%PDF-1.7\n" + bytes(300))
)
kind("JPEG picture", REJECTED, "not a DICOM file")(
    lambda f, s: (f / "photo.jpg").write_bytes(imagecodecs.jpeg8_encode(np.zeros((8, 8), np.uint8)))
)
kind("wrong element length", REJECTED, "")(
    _one(lambda b: b.replace(b"\x10\x00\x10\x00PN\x0e\x00", b"\x10\x00\x10\x00PN\xff\xff"))
)
kind("pixel data shorter than they say", REJECTED, "truncated")(
    lambda f, s: series(f, s, slices=1, tags={"Rows": 64})
)
kind("codestream larger than its header", REJECTED, "inside where the header says")(
    lambda f, s: compress(
        series(f, s, slices=1)[0],
        f"{JPEG}201",
        lambda v, d: bytes(imagecodecs.htj2k_encode(np.zeros((512, 512), np.uint16), reversible=True)),
    )
)
kind("sequences 300 deep", REJECTED, "nests its sequences too deeply")(_one(_sequences(300)))
kind("deflate bomb", REJECTED, "inflates to more than")(_deflate_bomb)
kind("no transfer syntax", REJECTED, "names no transfer syntax")(
    _one(lambda b: b.replace(b"\x02\x00\x10\x00UI", b"\x02\x00\x11\x00UI"))
)


@kind("DICOMDIR by another name", REJECTED, "DICOMDIR")
def _(folder: Path, seed: int) -> None:
    from pydicom.fileset import FileSet

    source = folder / "source"
    made = FileSet()
    made.add(series(source, seed, slices=1, tags={"StudyID": "1", "StudyTime": "101500"})[0])
    made.write(folder / "set")
    shutil.move(folder / "set" / "DICOMDIR", folder / "index.dcm")
    shutil.rmtree(folder / "set")
    shutil.rmtree(source)


# ---- archives and places


def _zip(path: Path, entries: dict[str, bytes]) -> bytes:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return path.read_bytes()


def _series_in_zips(folder: Path, seed: int, depth: int) -> None:
    entries = {p.name: p.read_bytes() for p in series(folder / "plain", seed)}
    shutil.rmtree(folder / "plain")
    for level in range(depth):
        entries = {f"level{level}.zip": _zip(folder / "made.zip", entries)}
    (folder / "made.zip").unlink()
    (name, content), = entries.items()  # fmt: skip
    (folder / name).write_bytes(content)


kind("zip in zip", ACCEPTED, tolerance=0)(lambda f, s: _series_in_zips(f, s, 2))
kind("zip in zip in zip", REJECTED, "nested more than")(lambda f, s: _series_in_zips(f, s, 3))
kind("zip bomb", REJECTED, "inflates more than")(
    lambda f, s: _zip(f / "bomb.zip", {"zeros.dcm": bytes(96 * 2**20)})
)
kind("zip-slip", REJECTED, "outside the archive")(
    lambda f, s: _zip(f / "slip.zip", {"../../../evil.dcm": b"x"})
)
kind("broken zip", REJECTED, "not a readable zip")(
    lambda f, s: (f / "cut.zip").write_bytes(_zip(f / "cut.zip", {"x.dcm": bytes(99)})[:60])
)
kind("symbolic link", REJECTED, "symbolic link")(lambda f, s: (f / "link.dcm").symlink_to("/etc/hostname"))
kind("named pipe", REJECTED, "not a regular file")(lambda f, s: os.mkfifo(f / "pipe.dcm"))
