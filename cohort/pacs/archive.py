"""What a pull asks of an archive, whichever language it speaks."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cohort.pacs.nodes import Node

_UID = re.compile(r"[0-9]+(\.[0-9]+)*")


class ArchiveError(Exception):
    """The archive cannot be reached or does not keep to the protocol. It may do so later."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One MR series of the patient, and the images that the archive says it has."""

    study_uid: str
    series_uid: str
    sop_uids: frozenset[str]


class Archive(Protocol):
    def check(self) -> None:
        """Raise ArchiveError unless it answers."""

    def find(self, patient_id: str, accession: str) -> list[Wanted]:
        """The patient's MR series, of one study where an accession number is given."""

    def fetch(self, series: Wanted, patient_id: str, folder: Path, beat: Callable[[], None]) -> list[str]:
        """Bring what is missing of a series into ``folder`` (expected.take); what was wrong, in words.

        ``beat`` is called while it lasts; it raises to stop the work.
        """


def uid(value: object) -> str:
    """A UID from the archive, fit for an address or a query. ArchiveError if it is none."""
    text = str(value or "").strip().rstrip("\0")
    if len(text) > 64 or not _UID.fullmatch(text):
        raise ArchiveError("it answers with something that is no UID")
    return text


def connect(node: Node) -> Archive:
    from cohort.pacs import dicomweb, dimse

    return dicomweb.DicomWeb(node) if node.kind == "dicomweb" else dimse.Dimse(node)
