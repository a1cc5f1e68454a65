"""Whether the image store still holds what a label set froze (pydicom; no torch, no Django)."""

from __future__ import annotations

from pathlib import Path

from cohort.dicom_file import FileError
from cohort.stack import StackError, stored_content_hash
from modeling.manifest import SeriesRef
from modeling.training.volume import ImageError


def require_frozen_content(images: Path, series: SeriesRef) -> None:
    """Raise ImageError if geometry or pixels of a series below ``images`` are not those of the manifest."""
    folder = images / series.path
    try:
        found = stored_content_hash([folder / name for name in series.files])
    except FileError as error:
        raise ImageError(f"{folder}: a file {error}") from error
    except StackError as error:
        raise ImageError(f"{folder}: {error}") from error
    if found != series.content_hash:
        raise ImageError(
            f"{folder}: the stored images are not those that the label set froze (sha256 {found[:12]}…, the "
            f"manifest says {series.content_hash[:12]}…); restore them, or freeze the labels again"
        )
