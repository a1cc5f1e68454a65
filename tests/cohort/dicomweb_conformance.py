"""A DICOMweb conformance check written from PS3.18: requirement, clause, and whether a server meets it.

Nothing in it is of this project: ``python -m tests.cohort.dicomweb_conformance http://host/dicom-web
[--header 'Cookie: …']`` checks any server that holds at least one image of grey values.
"""

from __future__ import annotations

import argparse
import email.parser
import email.policy
import io
import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pydicom
import requests
from PIL import Image
from pydicom.uid import ExplicitVRLittleEndian

JSON = "application/dicom+json"
DICOM = 'multipart/related; type="application/dicom"'
OCTETS = 'multipart/related; type="application/octet-stream"'
MISSING = "2.25.99999999999999999999"


@dataclass(frozen=True)
class Outcome:
    requirement: str
    clause: str
    passed: bool
    detail: str = ""


@dataclass
class Server:
    """A client, and one instance that was found on the server."""

    base: str
    session: requests.Session
    study: str = ""
    series: str = ""
    sop: str = ""

    def get(self, path: str, accept: str | None = None, method: str = "GET") -> requests.Response:
        headers = {"Accept": accept} if accept is not None else {"Accept": "*/*"}
        return self.session.request(method, f"{self.base}/{path}", headers=headers, timeout=60)

    def rows(self, path: str) -> list[dict[str, Any]]:
        answer = self.get(path, JSON)
        assert answer.status_code in (200, 204), f"{path}: {answer.status_code}"
        return answer.json() if answer.content else []

    @property
    def at_series(self) -> str:
        return f"studies/{self.study}/series/{self.series}"

    @property
    def at(self) -> str:
        return f"{self.at_series}/instances/{self.sop}"


def parts(answer: requests.Response) -> list[tuple[dict[str, str], bytes]]:
    """The parts of a multipart answer, read by the standard library's MIME parser."""
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + answer.content)
    assert message.is_multipart(), answer.headers["Content-Type"]
    assert not message.defects, message.defects
    # The parser may touch line ends in binary bodies: take the bytes by hand, the headers from it.
    boundary = re.search(r'boundary="?([^";]+)', answer.headers["Content-Type"])
    assert boundary
    raw = answer.content.split(b"--" + boundary.group(1).encode())[1:-1]
    bodies = [part.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n") for part in raw]
    assert answer.content.rstrip().endswith(b"--"), "no closing boundary"
    heads = [{k.lower(): str(v) for k, v in part.items()} for part in message.iter_parts()]
    return list(zip(heads, bodies, strict=True))


def value(row: dict[str, Any], tag: str) -> Any:
    return (row.get(tag, {}).get("Value") or [None])[0]


Check = Callable[[Server], Any]
CHECKS: list[tuple[str, str, Check]] = []


def check(requirement: str, clause: str) -> Callable[[Check], Check]:
    def register(function: Check) -> Check:
        CHECKS.append((requirement, clause, function))
        return function

    return register


def equal(found: Any, expected: Any) -> None:
    assert found == expected, f"{found!r} instead of {expected!r}"


def status(answer: requests.Response, *expected: int) -> requests.Response:
    assert answer.status_code in expected, f"status {answer.status_code} instead of {expected}"
    return answer


def kind(answer: requests.Response) -> str:
    return answer.headers.get("Content-Type", "").split(";")[0].strip()


# ---- search


@check("Search answers DICOM JSON by default and for */*", "10.6.3, 8.7.3.2")
def _(s: Server) -> None:
    equal(kind(status(s.get("studies"), 200)), JSON)
    equal(kind(status(s.get("studies", JSON), 200)), JSON)


@check("Search answers application/json when asked", "8.7.3.2")
def _(s: Server) -> None:
    equal(kind(status(s.get("studies", "application/json"), 200)), "application/json")


@check("Search answers multipart application/dicom+xml when asked", "8.7.3.2, F; PS3.19 A.1")
def _(s: Server) -> None:
    answer = status(s.get("studies", 'multipart/related; type="application/dicom+xml"'), 200)
    root = ElementTree.fromstring(parts(answer)[0][1])
    assert root.tag.endswith("NativeDicomModel"), root.tag


@check("An unknown media type answers 406", "8.7.5, 10.6.3.2")
def _(s: Server) -> None:
    status(s.get("studies", "image/gif"), 406)


@check("Studies carry the required attributes", "Table 10.6.3-3")
def _(s: Server) -> None:
    row = s.rows("studies?limit=1")[0]
    for tag in ("00080020", "00080030", "00080050", "00080061", "00080090", "00100010", "00100020",
                "00100030", "00100040", "0020000D", "00200010", "00201206", "00201208"):  # fmt: skip
        assert tag in row, f"{tag} is absent"


@check("Series carry the required attributes", "Table 10.6.3-4")
def _(s: Server) -> None:
    row = s.rows(f"studies/{s.study}/series")[0]
    for tag in ("00080060", "0020000E", "00200011", "00201209"):
        assert tag in row, f"{tag} is absent"


@check("Instances carry the required attributes", "Table 10.6.3-5")
def _(s: Server) -> None:
    row = s.rows(f"{s.at_series}/instances")[0]
    for tag in ("00080016", "00080018", "00200013", "00280010", "00280011", "00280100", "00280008"):
        assert tag in row, f"{tag} is absent"


@check("RetrieveURL leads back to what was found", "Table 10.6.3-3")
def _(s: Server) -> None:
    for path in ("studies?limit=1", f"studies/{s.study}/series?limit=1", f"{s.at_series}/instances?limit=1"):
        address = value(s.rows(path)[0], "00081190")
        status(s.session.get(f"{address}/metadata", headers={"Accept": JSON}, timeout=60), 200)


@check("All six search resources answer", "Table 10.6.1-1")
def _(s: Server) -> None:
    for path in ("studies", "series", "instances", f"studies/{s.study}/series",
                 f"studies/{s.study}/instances", f"{s.at_series}/instances"):  # fmt: skip
        assert s.rows(f"{path}?limit=1"), path


@check("UID matching, and a list of UIDs", "8.3.4.1; PS3.4 C.2.2.2.2")
def _(s: Server) -> None:
    found = s.rows(f"studies?StudyInstanceUID={s.study}")
    assert {value(row, "0020000D") for row in found} == {s.study}
    found = s.rows(f"studies?StudyInstanceUID={s.study},{MISSING}")
    assert {value(row, "0020000D") for row in found} == {s.study}


@check("Attributes by keyword and by tag are the same", "8.3.4.1")
def _(s: Server) -> None:
    equal(s.rows(f"studies?0020000D={s.study}"), s.rows(f"studies?StudyInstanceUID={s.study}"))


@check("Wildcards * and ? match", "PS3.4 C.2.2.2.4")
def _(s: Server) -> None:
    patient = value(s.rows(f"studies?StudyInstanceUID={s.study}")[0], "00100020")
    for pattern in (f"{patient[:-1]}*", f"*{patient[1:]}", f"{patient[:-1]}?"):
        found = {value(row, "0020000D") for row in s.rows(f"studies?PatientID={pattern}")}
        assert s.study in found, pattern
    equal(s.rows(f"studies?PatientID={patient}?"), [])


@check("Date ranges match: closed, open at either end, single day", "PS3.4 C.2.2.2.5")
def _(s: Server) -> None:
    day = value(s.rows(f"studies?StudyInstanceUID={s.study}")[0], "00080020")
    for span, inside in ((day, True), (f"{day}-{day}", True), (f"-{day}", True), (f"{day}-", True),
                         ("19000101-19000102", False)):  # fmt: skip
        found = {value(row, "0020000D") for row in s.rows(f"studies?StudyDate={span}")}
        assert (s.study in found) is inside, span


@check("limit and offset page without overlap; Warning 299 tells what remains", "8.3.4.4, 8.3.4.4.1")
def _(s: Server) -> None:
    whole = [value(row, "00080018") for row in s.rows(f"{s.at_series}/instances")]
    first = s.get(f"{s.at_series}/instances?limit=1", JSON)
    second = s.rows(f"{s.at_series}/instances?limit=1&offset=1")
    equal([value(first.json()[0], "00080018"), *(value(r, "00080018") for r in second)], whole[:2])
    if len(whole) > 1:
        assert re.search(
            rf'299 .*"There are {len(whole) - 1} additional', first.headers.get("Warning", "")
        ), first.headers.get("Warning")


@check("includefield adds an attribute; all adds more", "8.3.4.3")
def _(s: Server) -> None:
    plain = s.rows(f"{s.at_series}/instances?limit=1")[0]
    assert "00280101" not in plain
    assert "00280101" in s.rows(f"{s.at_series}/instances?limit=1&includefield=00280101")[0]
    assert len(s.rows(f"{s.at_series}/instances?limit=1&includefield=all")[0]) > len(plain)


@check("fuzzymatching that is not supported is admitted by Warning 299", "8.3.4.2")
def _(s: Server) -> None:
    answer = status(s.get("studies?fuzzymatching=true&PatientName=x*", JSON), 200, 204)
    assert re.match(r'299 \S+ "The fuzzymatching', answer.headers.get("Warning", "")), answer.headers


@check("A search that finds nothing answers 204 without a body", "8.3.4.4.1, Table 10.6.3-2")
def _(s: Server) -> None:
    answer = status(s.get(f"studies?StudyInstanceUID={MISSING}", JSON), 204)
    equal(answer.content, b"")


@check("Malformed parameters answer 400", "10.6.3.2, Table 8.5-1")
def _(s: Server) -> None:
    for query in ("limit=x", "offset=-1", "StudyDate=yesterday", "NoSuchAttribute=1", "includefield=Nothing"):
        status(s.get(f"studies?{query}", JSON), 400)


@check("Results are DICOM JSON: tags upper case, VR in each, values in arrays, names as objects", "F.2.2")
def _(s: Server) -> None:
    for row in (*s.rows("studies"), *s.get(f"{s.at}/metadata", JSON).json()):
        for tag, attribute in row.items():
            assert re.fullmatch(r"[0-9A-F]{8}", tag), tag
            assert re.fullmatch(r"[A-Z]{2}", attribute["vr"]), attribute
            assert isinstance(attribute.get("Value", []), list), tag
            if attribute["vr"] == "PN":
                assert all(isinstance(name, dict) for name in attribute.get("Value", []))
            if attribute["vr"] in {"IS", "DS", "US", "SS", "UL", "FD"}:
                assert all(isinstance(v, int | float) for v in attribute.get("Value", [])), tag


# ---- metadata


@check("Metadata of study, series and instance; as many data sets as instances", "10.4.1.1.2")
def _(s: Server) -> None:
    for path in (f"studies/{s.study}", s.at_series, s.at):
        count = len(s.rows(f"{path}/instances")) if path != s.at else 1
        answer = status(s.get(f"{path}/metadata", JSON), 200)
        equal(kind(answer), JSON)
        equal(len(answer.json()), count)


@check("Metadata keeps pixel data out, with a BulkDataURI that leads to it", "10.4.1.1.2, F.2.6")
def _(s: Server) -> None:
    pixels = s.get(f"{s.at}/metadata", JSON).json()[0]["7FE00010"]
    assert "InlineBinary" not in pixels
    assert "Value" not in pixels
    answer = s.session.get(pixels["BulkDataURI"], headers={"Accept": OCTETS}, timeout=60)
    equal(len(parts(status(answer, 200))), 1)


@check("Metadata says what the Part 10 file says", "10.4.1.1.2")
def _(s: Server) -> None:
    row = s.get(f"{s.at}/metadata", JSON).json()[0]
    whole = pydicom.dcmread(io.BytesIO(parts(s.get(s.at, DICOM))[0][1]))
    del whole.PixelData
    ours = {tag: attribute for tag, attribute in row.items() if tag != "7FE00010"}
    equal(json.loads(whole.to_json()), ours)


@check("Metadata as Native DICOM Model in XML", "8.7.3.2; PS3.19 A.1")
def _(s: Server) -> None:
    answer = status(s.get(f"{s.at}/metadata", 'multipart/related; type="application/dicom+xml"'), 200)
    head, content = parts(answer)[0]
    assert head["content-type"].startswith("application/dicom+xml")
    root = ElementTree.fromstring(content)
    node = next(n for n in root if n.get("tag") == "00080018")
    equal(node[0].text, s.sop)
    equal(node.get("keyword"), "SOPInstanceUID")


# ---- instances


@check("Instances come as multipart/related with type and boundary, closed", "8.6.1.2, 10.4.3")
def _(s: Server) -> None:
    for path in (f"studies/{s.study}", s.at_series, s.at):
        answer = status(s.get(path, DICOM), 200)
        assert re.match(
            r'multipart/related; ?type="?application/dicom"?; ?boundary=', answer.headers["Content-Type"]
        )
        count = len(s.rows(f"{path}/instances")) if path != s.at else 1
        found = parts(answer)
        equal(len(found), count)
        for head, content in found:
            assert head["content-type"].startswith("application/dicom"), head
            equal(content[128:132], b"DICM")


@check("Without a transfer syntax, and for */*, instances are Explicit VR Little Endian", "8.7.3.5.2")
def _(s: Server) -> None:
    for accept in (DICOM, "*/*"):
        for _head, content in parts(s.get(s.at, accept)):
            ds = pydicom.dcmread(io.BytesIO(content))
            equal(ds.file_meta.TransferSyntaxUID, ExplicitVRLittleEndian)
            assert ds.pixel_array.size == ds.Rows * ds.Columns


@check("transfer-syntax=* gives the stored file, of the same pixels", "8.7.3.5.2")
def _(s: Server) -> None:
    head, content = parts(s.get(s.at, f"{DICOM}; transfer-syntax=*"))[0]
    stored, plain = pydicom.dcmread(io.BytesIO(content)), parts(s.get(s.at, DICOM))[0][1]
    assert stored.file_meta.TransferSyntaxUID in head["content-type"]
    np.testing.assert_array_equal(stored.pixel_array, pydicom.dcmread(io.BytesIO(plain)).pixel_array)


@check("The stored transfer syntax can be asked for by its UID", "8.7.3.5.2")
def _(s: Server) -> None:
    stored = pydicom.dcmread(io.BytesIO(parts(s.get(s.at, f"{DICOM}; transfer-syntax=*"))[0][1]))
    uid = stored.file_meta.TransferSyntaxUID
    _head, content = parts(status(s.get(s.at, f"{DICOM}; transfer-syntax={uid}"), 200))[0]
    equal(pydicom.dcmread(io.BytesIO(content)).file_meta.TransferSyntaxUID, uid)


@check("A transfer syntax that cannot be made answers 406", "8.7.3.5.2, Table 10.4.3-1")
def _(s: Server) -> None:
    status(s.get(s.at, f"{DICOM}; transfer-syntax=1.2.840.10008.1.2.4.100"), 406)


@check("The client's preference (q) decides", "8.7.5; RFC 9110 12.5.1")
def _(s: Server) -> None:
    accept = (
        f"{DICOM}; transfer-syntax=1.2.840.10008.1.2.4.100, {DICOM}; transfer-syntax=*; q=0.1, {DICOM}; q=0.9"
    )
    content = parts(status(s.get(s.at, accept), 200))[0][1]
    equal(pydicom.dcmread(io.BytesIO(content)).file_meta.TransferSyntaxUID, ExplicitVRLittleEndian)


@check("The accept query parameter stands for the header", "8.3.3.1")
def _(s: Server) -> None:
    equal(kind(status(s.get("studies?accept=application/json", "image/gif"), 200)), "application/json")


@check("What is not there answers 404: study, series, instance, metadata, frames", "Table 10.4.3-1")
def _(s: Server) -> None:
    for path in (
        f"studies/{MISSING}",
        f"studies/{s.study}/series/{MISSING}",
        f"{s.at_series}/instances/{MISSING}",
    ):
        status(s.get(path, DICOM), 404)
        status(s.get(f"{path}/metadata", JSON), 404)
    status(s.get(f"{s.at_series}/instances/{MISSING}/frames/1", OCTETS), 404)


@check("HEAD gives the status and headers of GET without a body", "RFC 9110 9.3.2")
def _(s: Server) -> None:
    for path, accept in ((s.at, DICOM), (f"{s.at_series}/metadata", JSON), ("studies", JSON)):
        answer = status(s.get(path, accept, "HEAD"), 200)
        equal(answer.content, b"")
        equal(kind(answer), kind(s.get(path, accept)))
    status(s.get(f"studies/{MISSING}", DICOM, "HEAD"), 404)


# ---- frames, bulk data


@check("Frames come as multipart octets of the uncompressed pixels", "10.4.1.1.6, 8.7.3.3.2")
def _(s: Server) -> None:
    ds = pydicom.dcmread(io.BytesIO(parts(s.get(s.at, DICOM))[0][1]))
    head, content = parts(status(s.get(f"{s.at}/frames/1", OCTETS), 200))[0]
    assert head["content-type"].startswith("application/octet-stream"), head
    equal(content, ds.PixelData[: len(content)])
    assert len(content) >= ds.Rows * ds.Columns * ds.BitsAllocated // 8


@check("A frame list gives one part for each, in order", "10.4.1.1.6")
def _(s: Server) -> None:
    single = parts(s.get(f"{s.at}/frames/1", OCTETS))[0][1]
    equal([content for _h, content in parts(s.get(f"{s.at}/frames/1,1", OCTETS))], [single, single])


@check("Frames as stored by transfer-syntax=*, with their syntax named in the part", "8.7.3.5")
def _(s: Server) -> None:
    head, content = parts(status(s.get(f"{s.at}/frames/1", f"{OCTETS}; transfer-syntax=*"), 200))[0]
    assert "transfer-syntax=" in head["content-type"], head
    assert content


@check("Malformed frame lists answer 400, absent frames 404", "10.4.1.1.6, Table 8.5-1")
def _(s: Server) -> None:
    for frames in ("0", "x", "1,,1", "-1"):
        status(s.get(f"{s.at}/frames/{frames}", OCTETS), 400)
    status(s.get(f"{s.at}/frames/999999", OCTETS), 404)


# ---- rendered


@check("Rendered is JPEG by default, PNG on demand, of the image's size", "10.4.1.1.3, 8.7.4")
def _(s: Server) -> None:
    row = s.get(f"{s.at}/metadata", JSON).json()[0]
    size = (value(row, "00280011"), value(row, "00280010"))
    for path in (f"{s.at}/rendered", f"{s.at}/frames/1/rendered"):
        for accept, media in (
            ("*/*", "image/jpeg"),
            ("image/jpeg", "image/jpeg"),
            ("image/png", "image/png"),
        ):
            answer = status(s.get(path, accept), 200)
            equal(kind(answer), media)
            equal(Image.open(io.BytesIO(answer.content)).size, size)


@check("viewport bounds the picture, window changes it, nonsense answers 400", "8.3.5.1")
def _(s: Server) -> None:
    small = Image.open(io.BytesIO(s.get(f"{s.at}/rendered?viewport=20,20", "image/png").content))
    assert max(small.size) <= 20
    plain = s.get(f"{s.at}/rendered", "image/png").content
    assert s.get(f"{s.at}/rendered?window=50,20,LINEAR", "image/png").content != plain
    for query in ("window=1", "window=a,b,LINEAR", "window=1,2,CUBIC", "viewport=0,0", "quality=0"):
        status(s.get(f"{s.at}/rendered?{query}", "image/jpeg"), 400)


@check("Rendered refuses other types with 406", "8.7.4")
def _(s: Server) -> None:
    status(s.get(f"{s.at}/rendered", "video/mp4"), 406)


@check("Thumbnails of study, series and instance", "10.4.1.1.4")
def _(s: Server) -> None:
    for path in (f"studies/{s.study}", s.at_series, s.at):
        answer = status(s.get(f"{path}/thumbnail", "image/jpeg"), 200)
        assert max(Image.open(io.BytesIO(answer.content)).size) <= 256


def run(server: Server) -> Iterator[Outcome]:
    """Every check in turn; a server without images fails at the first."""
    row = server.rows("instances?limit=1")[0]
    server.study, server.series, server.sop = (value(row, t) for t in ("0020000D", "0020000E", "00080018"))
    for requirement, clause, function in CHECKS:
        try:
            function(server)
        except Exception as error:  # whatever goes wrong, it is the server's answer that did it
            detail = str(error).splitlines()[0][:200] if str(error) else ""
            yield Outcome(requirement, clause, False, f"{type(error).__name__}: {detail}")
        else:
            yield Outcome(requirement, clause, True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--header", action="append", default=[], help="e.g. 'Authorization: Bearer …'")
    options = parser.parse_args()
    session = requests.Session()
    session.headers.update(line.split(": ", 1) for line in options.header)
    outcomes = list(run(Server(options.url.rstrip("/"), session)))
    for outcome in outcomes:
        verdict = "pass" if outcome.passed else "FAIL"
        print(f"{verdict}  {outcome.requirement} [{outcome.clause}] {outcome.detail}")
    failed = sum(not outcome.passed for outcome in outcomes)
    print(f"{len(outcomes) - failed} of {len(outcomes)} requirements met")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
