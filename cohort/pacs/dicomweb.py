"""An archive by DICOMweb: QIDO-RS to find, WADO-RS to fetch (PS3.18 chapter 10).

The archive is not trusted: it may hang, answer without end, lie about sizes, redirect elsewhere or send
other patients' images. Only addresses below the node's own are ever asked, and none that it names.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import HTTPError

from cohort import expected, multipart, receiving
from cohort.dicom_file import FileError
from cohort.pacs.archive import ArchiveError, Wanted, uid
from cohort.pacs.nodes import Node

_JSON = "application/dicom+json"
_OBJECTS = 'multipart/related; type="application/dicom"; transfer-syntax=*'
MAX_JSON_BYTES = 64 * 2**20
PAGE, MAX_PAGES = 1000, 100
#: Of one series.
LIMITS = multipart.Limits(parts=20_000, total_bytes=8 * 2**30)
#: Images asked for one by one when only these few are missing.
FEW = 50


class _NotThere(ArchiveError):
    """404, or 410."""


class DicomWeb:
    def __init__(self, node: Node) -> None:
        self.node = node
        headers = {"User-Agent": "odontoid"}
        if node.token:
            headers["Authorization"] = f"Bearer {node.token}"
        elif node.username:
            headers |= urllib3.make_headers(basic_auth=f"{node.username}:{node.password}")
        self._http = urllib3.PoolManager(
            headers=headers,
            timeout=urllib3.Timeout(connect=min(10.0, node.timeout), read=node.timeout),
            retries=False,
            ca_certs=node.ca_file or None,
        )

    def check(self) -> None:
        self._query("/studies", {"limit": "1"})

    def find(self, patient_id: str, accession: str) -> list[Wanted]:
        query = {"PatientID": patient_id, "includefield": "00080061"}
        if accession:
            query["AccessionNumber"] = accession
        wanted = []
        for study in self._all("/studies", query, "0020000D"):
            if _text(study, "00100020") != patient_id:
                continue  # a server that ignores a key it does not know answers with everybody
            if accession and _text(study, "00080050") != accession:
                continue
            study_uid = uid(_text(study, "0020000D"))
            for series in self._all(f"/studies/{study_uid}/series", {"Modality": "MR"}, "0020000E"):
                if _text(series, "00080060") != "MR":
                    continue
                series_uid = uid(_text(series, "0020000E"))
                path = f"/studies/{study_uid}/series/{series_uid}/instances"
                images = {uid(_text(image, "00080018")) for image in self._all(path, {}, "00080018")}
                wanted.append(Wanted(study_uid, series_uid, frozenset(images)))
        return wanted

    def fetch(self, series: Wanted, patient_id: str, folder: Path, beat: Callable[[], None]) -> list[str]:
        base = f"/studies/{series.study_uid}/series/{series.series_uid}"
        missing = series.sop_uids - _here(series, folder)
        paths = [base]
        if len(missing) < len(series.sop_uids) and len(missing) <= FEW:
            paths = [f"{base}/instances/{sop}" for sop in sorted(missing)]
        notes: list[str] = []
        for path in paths:
            try:
                notes += self._take(path, series, patient_id, folder, beat)
            except _NotThere:
                notes.append("it lists images that it does not have")
        return notes

    def _take(
        self, path: str, series: Wanted, patient_id: str, folder: Path, beat: Callable[[], None]
    ) -> list[str]:
        strangers, broken = 0, 0
        with self._get(path, {}, _OBJECTS) as answer, tempfile.TemporaryDirectory(dir=folder) as new:
            boundary, kind = multipart.related(answer.headers.get("Content-Type", ""))
            if kind not in ("application/dicom", ""):
                raise ArchiveError(f"it answers with {kind:.40} where DICOM objects were asked for")
            for number, part in enumerate(multipart.parts(_reader(answer), boundary, LIMITS)):
                beat()
                file = Path(new, str(number))
                digest = receiving.write(file, part.chunks)
                try:
                    header = receiving.read_header(file)
                except FileError:
                    broken += 1
                else:
                    mine = str(header.get("PatientID") or "").strip() == patient_id
                    known = str(header.SOPInstanceUID) in series.sop_uids
                    if mine and known and str(header.SeriesInstanceUID) == series.series_uid:
                        expected.take(file, digest, header, folder)
                        continue
                    strangers += 1
                file.unlink()
        notes = []
        if strangers:
            notes.append(f"{strangers} objects that nobody asked for were left out")
        if broken:
            notes.append(f"{broken} objects could not be read as MR images")
        return notes

    def _all(self, path: str, query: Mapping[str, str], key: str) -> Iterator[Mapping[str, Any]]:
        """Every match, page by page, each once: servers differ in how they cut long answers."""
        seen: set[str] = set()
        for page in range(MAX_PAGES):
            found = self._query(path, {**query, "limit": str(PAGE), "offset": str(page * PAGE)})
            new = [item for item in found if _text(item, key) not in seen]
            seen |= {_text(item, key) for item in new}
            yield from new
            if len(found) < PAGE or not new:
                return
        raise ArchiveError("its list of matches does not end")

    def _query(self, path: str, query: Mapping[str, str]) -> list[Mapping[str, Any]]:
        with self._get(path, query, _JSON) as answer:
            if answer.status == 204:
                return []
            content = bytearray()
            read = _reader(answer)
            while block := read(2**18):
                content += block
                if len(content) > MAX_JSON_BYTES:
                    raise ArchiveError("its list of matches is too long")
        try:
            found = json.loads(bytes(content))
        except (ValueError, RecursionError):
            raise ArchiveError("it answers a query with something that is no JSON") from None
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            raise ArchiveError("it answers a query with something that is no list of matches")
        return found

    @contextmanager
    def _get(self, path: str, query: Mapping[str, str], accept: str) -> Iterator[Any]:
        address = self.node.url.rstrip("/") + path + (f"?{urlencode(query)}" if query else "")
        answer = None
        try:
            answer = self._http.request(
                "GET", address, headers={**self._http.headers, "Accept": accept},
                redirect=False, preload_content=False, decode_content=True,
            )  # fmt: skip
            if 300 <= answer.status < 400:
                raise ArchiveError("it redirects to another address, which is not followed")
            if answer.status in (401, 403):
                raise ArchiveError("it refuses this server's name and password or token")
            if answer.status in (404, 410):
                raise _NotThere(f"it answers with status {answer.status}")
            if answer.status not in (200, 204):
                raise ArchiveError(f"it answers with status {answer.status}")
            yield answer
        except multipart.MultipartError as error:
            raise ArchiveError(f"its answer cannot be read: {error}") from error
        except HTTPError as error:
            raise ArchiveError(_plain(error)) from error
        finally:
            if answer is not None:
                answer.close()  # not given back: what is left unread may be without end


def _reader(answer: Any) -> Callable[[int], bytes]:
    def read(size: int) -> bytes:
        return bytes(answer.read(size))

    return read


def _here(series: Wanted, folder: Path) -> set[str]:
    return {str(receiving.read_header(p).SOPInstanceUID) for p in expected.arrived(folder, series.series_uid)}


def _text(item: Mapping[str, Any], tag: str) -> str:
    try:
        return str(item[tag]["Value"][0]).strip()
    except (KeyError, IndexError, TypeError):
        return ""


def _plain(error: HTTPError) -> str:
    """No address and no header of the request: they hold ids."""
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError | urllib3.exceptions.NewConnectionError):
        return "it cannot be reached"
    if isinstance(error, urllib3.exceptions.ReadTimeoutError):
        return "it stopped answering"
    if isinstance(error, urllib3.exceptions.SSLError):
        return "its certificate is not accepted"
    return "the connection broke off"
