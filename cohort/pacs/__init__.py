"""The only package that talks to the image store or to a PACS.

``store`` holds the study's own files, ``nodes`` the hospital's archives that images may be pulled from,
``dicomweb`` and ``dimse`` the two languages they speak.
"""

from __future__ import annotations

from cohort.pacs.store import (
    EXPLICIT_LITTLE,
    HTJ2K_LOSSLESS,
    StoreError,
    delete,
    instance_path,
    read_file,
    read_file_uncompressed,
    read_frame,
    series_folder,
    staged,
    transfer_syntax,
    writing,
)

__all__ = [
    "EXPLICIT_LITTLE",
    "HTJ2K_LOSSLESS",
    "StoreError",
    "delete",
    "instance_path",
    "read_file",
    "read_file_uncompressed",
    "read_frame",
    "series_folder",
    "staged",
    "transfer_syntax",
    "writing",
]
