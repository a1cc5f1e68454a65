"""Blinded images: an allow-list, addresses of one's own, and one 404 for everything else."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from annotation import wado_proxy, workflow
from annotation.models import Assignment, Case
from cohort import pacs
from cohort.models import Instance, Patient
from tests.annotation.conftest import assignment

pytestmark = pytest.mark.django_db
CODE = "0123456789abcdef"
UID = "2.25.1"
FUTURE = "Thu, 01 Jan 2099 00:00:00 GMT"


def scans_of(client: Any, row: Assignment) -> Any:
    return client.get(f"/api/reading/cases/{row.code}/").json()["scans"]


def base(row: Assignment, scan: dict[str, Any]) -> str:
    return f"/api/reading/cases/{row.code}/wado/studies/{scan['study_uid']}/series/{scan['series_uid']}"


@pytest.fixture
def row(case: Case, readers: dict[str, Any]) -> Assignment:
    return assignment(case, readers["observer_a"])


@pytest.fixture
def imaged(
    readers: dict[str, Any], included: Callable[..., list[Patient]]
) -> tuple[Assignment, list[Instance]]:
    """A case whose images went through the real ingest, and its baseline's instances in slice order."""
    (patient,) = included("P1", slices=7)
    workflow.open_reading(by=readers["lead"])
    row = Assignment.objects.get(case__patient=patient, reader=readers["observer_a"])
    return row, list(patient.scan_pair.baseline.instances.order_by("index"))


def test_metadata_holds_nothing_but_the_allow_list(as_observer_a: Any, row: Assignment) -> None:
    answer = as_observer_a.get(f"{base(row, scans_of(as_observer_a, row)[0])}/metadata")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/dicom+json"
    instances = answer.json()
    assert len(instances) == 3
    made = {"00080016", "00080018", "00080060", "0020000D", "0020000E", "00200013", "00200052", "00280008"}
    for k, instance in enumerate(instances):
        assert set(instance) <= set(wado_proxy.ALLOWED) | made
        assert instance["00200013"]["Value"] == [k + 1]
        assert instance["00200032"]["Value"] == [3.3 * k, 0.0, 0.0]
        assert "00281050" not in instance, "words in a number's place stay behind"
    text = answer.content.decode()
    words = re.sub(r"2\.25\.\d+", "", text)  # random digits hold any short number some day
    for canary in ("CANARY", "2010", "1950", "060Y", "977"):
        assert canary not in words
    real = Instance.objects.filter(series__scans__case=row.case)
    for uid in {u for i in real for u in (i.sop_uid, i.series.series_uid, i.series.study_uid)}:
        assert uid not in text


def test_addresses_are_each_readers_own(
    case: Case, readers: dict[str, Any], as_observer_a: Any, as_observer_b: Any
) -> None:
    seen = []
    for client, name in ((as_observer_a, "observer_a"), (as_observer_b, "observer_b")):
        own = assignment(case, readers[name])
        scans = scans_of(client, own)
        seen.append(
            {scan[key] for scan in scans for key in ("study_uid", "series_uid")}
            | {one["sop_uid"] for scan in scans for one in scan["instances"]}
        )
    assert not seen[0] & seen[1]
    assert all(len(uid) <= 64 and uid.startswith("2.25.") for uid in seen[0] | seen[1])


def test_frames_are_the_stored_pixels(as_observer_a: Any, imaged: Any) -> None:
    row, instances = imaged
    scan = scans_of(as_observer_a, row)[0]
    assert scan["slices"] == len(scan["instances"]) == 7
    for one, instance in zip(scan["instances"], instances, strict=True):
        answer = as_observer_a.get(f"{base(row, scan)}/instances/{one['sop_uid']}/frames/1")
        assert answer.status_code == 200
        stored, syntax = pacs.read_frame(instance)
        assert answer.content == stored
        assert answer["Content-Type"] == f"image/jphc; transfer-syntax={syntax}"
        assert answer["Cache-Control"] == "private, max-age=86400, immutable"
        for header in ("ETag", "Last-Modified", "Content-Disposition"):
            assert not answer.has_header(header)


def test_any_accept_header_gets_the_one_type(as_observer_a: Any, imaged: Any) -> None:
    row, _ = imaged
    scan = scans_of(as_observer_a, row)[0]
    for accept in ("multipart/related; type=application/octet-stream; transfer-syntax=*", "text/html", ""):
        answer = as_observer_a.get(
            f"{base(row, scan)}/instances/{scan['instances'][0]['sop_uid']}/frames/1", HTTP_ACCEPT=accept
        )
        assert (answer.status_code, answer["Content-Type"].split(";")[0]) == (200, "image/jphc")
        answer = as_observer_a.get(f"{base(row, scan)}/metadata", HTTP_ACCEPT=accept)
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/dicom+json")


def test_ranges_and_queries_change_nothing(as_observer_a: Any, imaged: Any) -> None:
    row, _ = imaged
    scan = scans_of(as_observer_a, row)[0]
    url = f"{base(row, scan)}/instances/{scan['instances'][0]['sop_uid']}/frames/1"
    whole = as_observer_a.get(url)
    for answer in (
        as_observer_a.get(url, HTTP_RANGE="bytes=0-3"),
        as_observer_a.get(url, {"format": "dicom", "includefield": "all", "requestType": "WADO"}),
        as_observer_a.get(url, HTTP_IF_NONE_MATCH="*", HTTP_IF_MODIFIED_SINCE=FUTURE),
    ):
        assert (answer.status_code, answer.content) == (200, whole.content)
        assert dict(answer.items()) == dict(whole.items())
    metadata = as_observer_a.get(f"{base(row, scan)}/metadata")
    more = as_observer_a.get(f"{base(row, scan)}/metadata", {"includefield": "all"})
    assert metadata.content == more.content


def test_one_404_for_foreign_missing_and_forged(
    case: Case, readers: dict[str, Any], as_observer_a: Any, as_observer_b: Any, row: Assignment
) -> None:
    own = scans_of(as_observer_a, row)
    theirs_row = assignment(case, readers["observer_b"])
    theirs = scans_of(as_observer_b, theirs_row)
    series = case.scans.get(key="baseline").series
    real: dict[str, Any] = {
        "study_uid": series.study_uid,
        "series_uid": series.series_uid,
        "instances": [{"sop_uid": series.instances.get(index=0).sop_uid}],
    }
    mixed = {**own[0], "study_uid": own[1]["study_uid"]}
    urls = [
        f"/api/reading/cases/{CODE}/wado/studies/{UID}/series/{UID}/metadata",
        f"/api/reading/cases/{CODE}/wado/studies/{UID}/series/{UID}/instances/{UID}/frames/1",
        f"{base(theirs_row, theirs[0])}/metadata",
        f"{base(theirs_row, theirs[0])}/instances/{theirs[0]['instances'][0]['sop_uid']}/frames/1",
        f"{base(row, theirs[0])}/metadata",
        f"{base(row, real)}/metadata",
        f"{base(row, real)}/instances/{real['instances'][0]['sop_uid']}/frames/1",
        f"{base(row, own[0])}/instances/{real['instances'][0]['sop_uid']}/frames/1",
        f"{base(row, own[0])}/instances/{own[1]['instances'][0]['sop_uid']}/frames/1",
        f"{base(row, own[0])}/instances/{UID}/frames/1",
        f"{base(row, mixed)}/metadata",
        f"/api/reading/cases/{CODE}/",
        f"/api/reading/cases/{theirs_row.code}/",
    ]
    answers = [as_observer_a.get(url) for url in urls]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert len({tuple(sorted(answer.items())) for answer in answers}) == 1


def test_only_frame_1(as_observer_a: Any, row: Assignment) -> None:
    scan = scans_of(as_observer_a, row)[0]
    url = f"{base(row, scan)}/instances/{scan['instances'][0]['sop_uid']}"
    assert as_observer_a.get(f"{url}/frames/2").status_code == 404
    assert as_observer_a.get(url).status_code == 404


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_read_only(as_observer_a: Any, row: Assignment, method: str) -> None:
    scan = scans_of(as_observer_a, row)[0]
    assert getattr(as_observer_a, method)(f"{base(row, scan)}/metadata").status_code == 405


def test_a_frame_costs_few_queries(
    as_observer_a: Any, imaged: Any, django_assert_max_num_queries: Any
) -> None:
    row, _ = imaged
    scan = scans_of(as_observer_a, row)[0]
    with django_assert_max_num_queries(7):
        as_observer_a.get(f"{base(row, scan)}/instances/{scan['instances'][0]['sop_uid']}/frames/1")
