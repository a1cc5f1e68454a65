"""WADO-RS: instances, frames, bulk data and metadata of accepted series (PS3.18 10.4)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy.typing as npt
from django.db.models import QuerySet

from cohort import pacs, pixels
from cohort.dicomweb.accept import EXPLICIT_LITTLE, HTJ2K_LOSSLESS, STORED
from cohort.dicomweb.multipart import Part, content_type
from cohort.models import Instance, Series

PIXEL_DATA = "7FE00010"


class NotStoredSo(Exception):
    """A slice is not stored in the syntax that was asked for, and is not recoded to it. Answers 406."""


def instances(study: str, series: str | None = None, sop: str | None = None) -> QuerySet[Instance]:
    """Of accepted series only, in the order of series and position."""
    found = Instance.objects.filter(series__study_uid=study, series__state=Series.State.ACCEPTED)
    if series is not None:
        found = found.filter(series__series_uid=series)
    if sop is not None:
        found = found.filter(sop_uid=sop)
    # Files are found by these columns; the rest of a series row is long and not needed.
    return (
        found.select_related("series")
        .only(
            "sop_uid", "index", "file", "metadata", "series__path", "series__study_uid", "series__series_uid"
        )
        .order_by("series", "index")
    )


def without_metadata(found: QuerySet[Instance]) -> QuerySet[Instance]:
    return found.defer("metadata")


def files(found: Iterable[Instance], syntax: str) -> Iterator[Part]:
    """Each as one Part 10 file."""
    for instance in found:
        content, stored = file(instance, syntax)
        yield Part(content, content_type("application/dicom", stored))


def file(instance: Instance, syntax: str) -> tuple[bytes, str]:
    """A Part 10 file in the chosen syntax, and which that is."""
    if syntax == EXPLICIT_LITTLE:
        return pacs.read_file_uncompressed(instance), EXPLICIT_LITTLE
    content, stored = pacs.read_file(instance)
    if syntax not in {STORED, stored}:
        raise NotStoredSo
    return content, stored


def frame(instance: Instance, syntax: str) -> tuple[bytes, str]:
    """The pixels of one slice in the chosen syntax, and which that is."""
    content, stored = pacs.read_frame(instance)
    if syntax == EXPLICIT_LITTLE != stored:
        return pixels.raw_frame(pixels.decode_htj2k(content)), EXPLICIT_LITTLE
    if syntax not in {STORED, stored}:
        raise NotStoredSo
    return content, stored


def values(instance: Instance) -> npt.NDArray[Any]:
    """(rows, columns) stored values."""
    content, stored = pacs.read_frame(instance)
    if stored == HTJ2K_LOSSLESS:
        return pixels.decode_htj2k(content)
    return pixels.from_raw(content, instance.metadata)


def check_stored(found: Iterable[Instance], syntax: str) -> None:
    """Raise NotStoredSo before the first byte is sent, not in the middle of an answer."""
    if syntax == HTJ2K_LOSSLESS:
        for instance in found:
            if pacs.transfer_syntax(instance) != syntax:
                raise NotStoredSo


def metadata(found: QuerySet[Instance], url: Callable[..., str]) -> Iterator[bytes]:
    """A JSON array, slice by slice, with the address of each slice's pixels."""
    before = b"["
    for instance in found.iterator(chunk_size=200):
        yield before + json.dumps(with_pixels(instance, url), separators=(",", ":")).encode()
        before = b","
    yield b"[]" if before == b"[" else b"]"


def with_pixels(instance: Instance, url: Callable[..., str]) -> dict[str, Any]:
    at = url(instance.series.study_uid, instance.series.series_uid, instance.sop_uid)
    pixel_data = {"vr": "OW", "BulkDataURI": f"{at}/bulkdata/{PIXEL_DATA}"}
    return {**instance.metadata, PIXEL_DATA: pixel_data}
