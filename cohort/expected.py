"""Series that a running pull has asked an archive to send: where the receiver puts their objects.

A C-MOVE has its objects sent by associations of their own, to the receiver, which is another process. A
small file for each expected series tells it which pull they belong to; the pull reads them from there.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from pydicom.dataset import Dataset


@dataclass(frozen=True, slots=True)
class Expected:
    """One series, of one patient; ``folder`` takes its objects."""

    folder: Path
    patient_id: str

    def keep(self, path: Path, digest: str, header: Dataset) -> bool:
        """Take an object durably, unless it is of another patient."""
        if str(header.get("PatientID") or "").strip() != self.patient_id:
            return False
        take(path, digest, header, self.folder)
        return True


def take(path: Path, digest: str, header: Dataset, folder: Path) -> Path:
    """Move a written file among a pull's, by series; durably. OSError if the pull has ended meanwhile."""
    series = folder / _hash(str(header.SeriesInstanceUID))
    series.mkdir(exist_ok=True)
    target = series / f"{_hash(str(header.SOPInstanceUID))}-{digest[:16]}.dcm"
    os.rename(path, target)
    handle = os.open(series, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return target


def arrived(folder: Path, series_uid: str) -> list[Path]:
    """The files of one series that have come so far."""
    return sorted((folder / _hash(series_uid)).glob("*.dcm"))


@contextmanager
def announce(series_uid: str, folder: Path, patient_id: str) -> Iterator[None]:
    """Tell the receiver of a series while the block runs."""
    path = _place(series_uid)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps({"folder": str(folder), "patient_id": patient_id}))
    part.chmod(0o600)
    part.rename(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def look_up(series_uid: str) -> Expected | None:
    """The pull that waits for a series; none where only a killed one did."""
    try:
        found = json.loads(_place(series_uid).read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not Path(found["folder"]).is_dir():
        return None
    return Expected(Path(found["folder"]), found["patient_id"])


def _place(series_uid: str) -> Path:
    return Path(settings.INCOMING_DIR) / "expected" / _hash(series_uid)


def _hash(uid: str) -> str:
    return hashlib.sha256(uid.strip().encode()).hexdigest()[:24]
