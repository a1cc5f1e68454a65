"""Search and metadata: QIDO-RS and the metadata of WADO-RS, by PS3.18."""

from __future__ import annotations

import io
import json
import re
from xml.etree import ElementTree

import pydicom

from tests.cohort.dicomweb_checks import (
    DICOM,
    JSON,
    MISSING,
    OCTETS,
    Server,
    check,
    equal,
    kind,
    parts,
    status,
    value,
)

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
