"""More series of a scan's exam: offered by number, kept with the case, named in the read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from annotation import queries, read_export, workflow
from annotation.models import Case
from cohort.models import Exam, Instance, Series
from config.accounts.models import User
from config.exceptions import RuleViolation
from tests.annotation.conftest import assignment, both, draft, make_patients, make_series, sign
from tests.builders import uid_of

#: Attributes that the rows of these tests fill with canaries, against their type.
_SPOILT = ("00281050", "00091001")
#: What a report copies from the images, and these rows lack.
_COMPLETE = {
    "00080030": {"vr": "TM", "Value": ["101500"]},
    "00080060": {"vr": "CS", "Value": ["MR"]},
    "00080090": {"vr": "PN"},
    "00100040": {"vr": "CS", "Value": ["F"]},
    "00200010": {"vr": "SH", "Value": ["1"]},
    "00200011": {"vr": "IS", "Value": [3]},
}
pytestmark = pytest.mark.django_db


def add_series(exam: Exam, name: str, slices: int, **changes: Any) -> Series:
    """Another series of an exam, as rows."""
    before = exam.pseudonym
    exam.pseudonym = name  # its UIDs are made from it
    made = make_series(exam, slices)
    exam.pseudonym = before
    for field, value in changes.items():
        setattr(made, field, value)
    made.save()
    return made


@pytest.fixture
def two_series(readers: dict[str, User]) -> Case:
    """A case whose baseline exam has two adequate series, a T1 and one in quarantine."""
    workflow.freeze_charter(
        by=readers["lead"], changes={"plan_seed": 1, "sham_seed": 1, "sham_share": 0.0, "reread_share": 0.0}
    )
    (patient,) = make_patients(1)
    exam = patient.scan_pair.baseline.exam
    add_series(exam, "second", 2)
    add_series(exam, "t1", 3, sagittal_t2_cervical=False, weighting="T1")
    add_series(exam, "held", 3, state=Series.State.QUARANTINED)
    workflow.open_reading(by=readers["lead"])
    add_series(exam, "late", 3)
    return Case.objects.get()


def page(client: APIClient, code: str) -> dict[str, Any]:
    answer = client.get(f"/api/reading/cases/{code}/")
    assert answer.status_code == 200
    return dict(answer.json())


def on_second(sop_uid: str = "", **changes: Any) -> dict[str, Any]:
    return {
        "id": "m1", "kind": "length", "scan": "baseline", "series": 1, "slice": 1, "sop_uid": sop_uid,
        "points": [[0, 0, 0], [0, 3, 4]], "value": 5.0, **changes,
    }  # fmt: skip


def test_only_adequate_series_that_were_there_at_opening(
    two_series: Case, readers: dict[str, User], as_observer_a: APIClient, as_observer_b: APIClient
) -> None:
    pages = [
        page(client, assignment(two_series, readers[name]).code)
        for name, client in (("observer_a", as_observer_a), ("observer_b", as_observer_b))
    ]
    for shown in pages:
        baseline, follow_up = shown["scans"]
        (other,) = baseline["others"]
        assert (baseline["slices"], other["slices"], follow_up["others"]) == (3, 2, [])
        assert set(other) == {"study_uid", "series_uid", "slices", "instances"}
        assert "CANARY" not in json.dumps(shown)
    # Each reader's own UIDs, and none of the store's.
    a, b = (shown["scans"][0]["others"][0]["series_uid"] for shown in pages)
    assert len({a, b, uid_of("second", "series")}) == 3


def test_its_headers_are_blinded_and_others_are_not_found(
    two_series: Case, readers: dict[str, User], as_observer_a: APIClient, as_observer_b: APIClient
) -> None:
    code = assignment(two_series, readers["observer_a"]).code
    other = page(as_observer_a, code)["scans"][0]["others"][0]
    url = f"/api/reading/cases/{code}/wado/studies/{other['study_uid']}/series/{other['series_uid']}/metadata"
    headers = as_observer_a.get(url)
    assert [one["00080018"]["Value"][0] for one in headers.json()] == [
        one["sop_uid"] for one in other["instances"]
    ]
    assert b"CANARY" not in headers.content
    assert as_observer_b.get(url).status_code == 404
    raw = (
        f"/api/reading/cases/{code}/wado/studies/{uid_of('late', 'study')}/series/{uid_of('late', 'series')}"
    )
    assert as_observer_a.get(f"{raw}/metadata").status_code == 404


def test_a_read_knows_its_series(
    two_series: Case, readers: dict[str, User], as_observer_a: APIClient
) -> None:
    content = both()
    content["baseline"] |= {"series": 1, "key_slices": {"pannus": 1}, "key_series": {"pannus": 1}}
    draft(two_series, readers["observer_a"], content, measurements=[on_second()])
    code = assignment(two_series, readers["observer_a"]).code
    shown = page(as_observer_a, code)
    (measured,) = shown["reading"]["measurements"]
    other = shown["scans"][0]["others"][0]
    assert measured["series"] == 1
    assert measured["sop_uid"] == other["instances"][1]["sop_uid"]
    assert shown["reading"]["content"]["baseline"]["series"] == 1

    saved = assignment(two_series, readers["observer_a"]).readings.get()
    workflow.sign_reading(assignment=saved.assignment, by=readers["observer_a"], revision=saved.revision)
    sign(two_series, readers["observer_b"])
    for instance in Instance.objects.all():
        # A header as ingest leaves it: no words where a number belongs.
        instance.metadata = {tag: item for tag, item in instance.metadata.items() if tag not in _SPOILT}
        instance.metadata |= _COMPLETE
        instance.save()
    reading = read_export.exportable().get(assignment__reader=readers["observer_a"])
    reports = dict(read_export.reports(reading))
    report = next(sr for name, sr in reports.items() if "-baseline-" in name)
    assert uid_of("second", "series") in str(report)
    record = two_series.assignments.get(reader=readers["observer_a"])
    assert queries.blind_scans(record)[0]["others"][0]["slices"] == 2


@pytest.mark.parametrize(
    ("measurement", "scores", "field"),
    [
        (on_second(series=2), {}, "measurements.0.series"),
        (on_second(slice=2), {}, "measurements.0.slice"),
        (None, {"series": 2}, "baseline.series"),
        (None, {"key_slices": {"pannus": 2}, "key_series": {"pannus": 1}}, "baseline.key_slices.pannus"),
        (None, {"key_slices": {"pannus": 0}, "key_series": {"pannus": 5}}, "baseline.key_series.pannus"),
        (None, {"key_series": {"nose": 0}}, "baseline.key_series.nose"),
    ],
)
def test_places_off_the_stack_are_refused(
    two_series: Case, readers: dict[str, User], measurement: Any, scores: dict[str, Any], field: str
) -> None:
    content = both()
    content["baseline"] |= scores
    with pytest.raises(RuleViolation) as refused:
        draft(two_series, readers["observer_a"], content, measurements=[measurement] if measurement else [])
    assert list(refused.value.extra["fields"]) == [field]


def test_the_audit_says_which_series_were_given(
    two_series: Case, readers: dict[str, User], as_observer_a: APIClient
) -> None:
    from annotation.models import AuditEvent

    page(as_observer_a, assignment(two_series, readers["observer_a"]).code)
    row = AuditEvent.objects.get(verb="open_images")
    assert row.detail["scans"]["baseline"]["others"] == {uid_of("second", "series"): 2}
    assert "others" not in row.detail["scans"]["follow_up"]
