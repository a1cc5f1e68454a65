"""An archive by C-FIND and C-MOVE (PS3.4 Annex C); its objects come to ``manage.py receive_dicom``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import AE

from cohort import expected
from cohort.pacs.archive import ArchiveError, Wanted, uid
from cohort.pacs.nodes import Node
from cohort.pacs.receiver import VERIFICATION

_FIND = UID("1.2.840.10008.5.1.4.1.2.2.1")
_MOVE = UID("1.2.840.10008.5.1.4.1.2.2.2")
_PENDING = {0xFF00, 0xFF01}
MAX_MATCHES = 100_000


class Dimse:
    def __init__(self, node: Node) -> None:
        self.node = node

    def check(self) -> None:
        with self._associated(VERIFICATION) as association:
            if getattr(association.send_c_echo(), "Status", None) != 0:
                raise ArchiveError("it does not answer a C-ECHO")

    def find(self, patient_id: str, accession: str) -> list[Wanted]:
        wanted: list[Wanted] = []
        with self._associated(_FIND) as association:
            asked = _keys("STUDY", PatientID=patient_id, AccessionNumber=accession, StudyInstanceUID="")
            for study in _matches(association, asked):
                if _text(study, "PatientID") != patient_id:
                    continue
                if accession and _text(study, "AccessionNumber") != accession:
                    continue
                study_uid = uid(_text(study, "StudyInstanceUID"))
                wanted += self._series(association, study_uid)
        return wanted

    def _series(self, association: Any, study_uid: str) -> Iterator[Wanted]:
        asked = _keys("SERIES", StudyInstanceUID=study_uid, SeriesInstanceUID="", Modality="MR")
        for series in _matches(association, asked):
            if _text(series, "Modality") != "MR":
                continue
            series_uid = uid(_text(series, "SeriesInstanceUID"))
            asked = _keys(
                "IMAGE", StudyInstanceUID=study_uid, SeriesInstanceUID=series_uid, SOPInstanceUID=""
            )
            images = {uid(_text(image, "SOPInstanceUID")) for image in _matches(association, asked)}
            yield Wanted(study_uid, series_uid, frozenset(images))

    def fetch(self, series: Wanted, patient_id: str, folder: Path, beat: Callable[[], None]) -> list[str]:
        asked = _keys("SERIES", StudyInstanceUID=series.study_uid, SeriesInstanceUID=series.series_uid)
        with (
            expected.announce(series.series_uid, folder, patient_id),
            self._associated(_MOVE) as association,
        ):
            last = Dataset()
            for answer, _ in association.send_c_move(asked, settings.DICOM_AE_TITLE, _MOVE):
                last = answer
                beat()
        status = last.get("Status")
        if status is None:
            raise ArchiveError("it stopped answering a C-MOVE")
        if status == 0xA801:
            raise ArchiveError(f"it does not know the AE title {settings.DICOM_AE_TITLE}")
        failed = int(last.get("NumberOfFailedSuboperations") or 0)
        if status not in (0x0000, 0xB000):
            raise ArchiveError(
                f"its C-MOVE failed with status {status:04X}: is manage.py receive_dicom running, and does "
                f"the archive know {settings.DICOM_AE_TITLE} with its address and port?"
            )
        return [f"it could not send {failed} images"] if failed else []

    @contextmanager
    def _associated(self, context: str) -> Iterator[Any]:
        ae = AE(settings.DICOM_AE_TITLE)
        ae.add_requested_context(context)
        ae.connection_timeout = min(10.0, self.node.timeout)
        ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = self.node.timeout
        association = ae.associate(self.node.host, self.node.port, ae_title=self.node.ae_title)
        if not association.is_established:
            why = "it rejects this server's AE title" if association.is_rejected else "it cannot be reached"
            raise ArchiveError(why)
        try:
            yield association
        except BaseException:
            association.abort()
            raise
        association.release()


def _keys(level: str, **keys: str) -> Dataset:
    ds = Dataset()
    ds.QueryRetrieveLevel = level
    ds.SpecificCharacterSet = "ISO_IR 192"
    for keyword, value in keys.items():
        setattr(ds, keyword, value)
    return ds


def _matches(association: Any, asked: Dataset) -> list[Dataset]:
    found: list[Dataset] = []
    for status, match in association.send_c_find(asked, _FIND):
        if "Status" not in status:
            raise ArchiveError("it stopped answering a C-FIND")
        if status.Status in _PENDING:
            if match is not None:
                found.append(match)
            if len(found) > MAX_MATCHES:
                raise ArchiveError("its list of matches does not end")
        elif status.Status != 0:
            raise ArchiveError(f"its C-FIND failed with status {status.Status:04X}")
    return found


def _text(ds: Dataset, keyword: str) -> str:
    return str(ds.get(keyword) or "").strip()
