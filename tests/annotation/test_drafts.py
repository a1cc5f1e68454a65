"""Saving drafts: nothing is overwritten, nothing is lost, bad content is named."""

from __future__ import annotations

from typing import Any

import pytest

from annotation import workflow
from annotation.models import Case, Reading
from config.exceptions import RuleViolation
from tests.annotation.conftest import assignment, both, draft, scores, sign

pytestmark = pytest.mark.django_db
MEASUREMENT = {
    "id": "m1",
    "kind": "length",
    "scan": "follow_up",
    "slice": 1,
    "sop_uid": "",
    "points": [[0.0, 1.0, 2.5], [0.0, 4.0, 6.5]],
    "value": 5.0,
}


def test_first_and_next_save(case: Case, readers: dict[str, Any]) -> None:
    first = draft(case, readers["observer_a"], {"baseline": {"grades": {"pannus": 1}}}, active_seconds=3)
    assert (first.revision, first.state, first.version) == (1, "draft", 1)
    second = draft(case, readers["observer_a"], both(), active_seconds=9)
    assert second.pk == first.pk
    assert (second.revision, second.active_seconds) == (2, 12)


def test_the_time_before_signing_counts(
    case: Case, url: str, as_observer_a: Any, readers: dict[str, Any], password: str
) -> None:
    as_observer_a.put(url, body(), format="json")
    signing = {"revision": 1, "password": password, "meaning": "mine", "active_seconds": 40}
    answer = as_observer_a.post(url.replace("draft/", "sign/"), signing, format="json")
    assert answer.status_code == 200, answer.content
    assert Reading.objects.get().active_seconds == 41.5
    as_observer_a.post(url.replace("draft/", "sign/"), signing, format="json")
    assert Reading.objects.get().active_seconds == 41.5, "refused, so not counted again"


def test_stale_save_changes_nothing_and_shows_the_newer(case: Case, readers: dict[str, Any]) -> None:
    draft(case, readers["observer_a"], both("clean", "case"))
    for revision in (0, 2):
        with pytest.raises(RuleViolation) as refusal:
            workflow.save_draft(
                assignment=assignment(case, readers["observer_a"]),
                by=readers["observer_a"],
                revision=revision,
                content=both(),
            )
        assert refusal.value.code == "stale_draft"
        assert refusal.value.extra["current"]["revision"] == 1
        assert refusal.value.extra["current"]["content"] == both("clean", "case")
    assert Reading.objects.get().content == both("clean", "case")


def test_saving_over_a_signature_is_refused(case: Case, readers: dict[str, Any]) -> None:
    signed = sign(case, readers["observer_a"])
    with pytest.raises(RuleViolation) as refusal:
        workflow.save_draft(
            assignment=signed.assignment, by=readers["observer_a"], revision=signed.revision, content=both()
        )
    assert refusal.value.code == "already_signed"


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ({"baseline": {"grades": {"pannus": 5}}}, "baseline.grades.pannus"),
        ({"scan": scores()}, "scan"),
        ({"baseline": {"key_slices": {"pannus": 3}}}, "baseline.key_slices.pannus"),
    ],
)
def test_content_outside_the_rubric(
    case: Case, readers: dict[str, Any], content: dict[str, Any], place: str
) -> None:
    with pytest.raises(RuleViolation) as refusal:
        draft(case, readers["observer_a"], content)
    assert list(refusal.value.extra["fields"]) == [place]
    assert not Reading.objects.exists()


@pytest.mark.parametrize(("key", "value"), [("slice", 3), ("scan", "scan")])
def test_measurement_off_the_scan(case: Case, readers: dict[str, Any], key: str, value: Any) -> None:
    with pytest.raises(RuleViolation) as refusal:
        draft(case, readers["observer_a"], both(), measurements=[{**MEASUREMENT, key: value}])
    assert list(refusal.value.extra["fields"]) == [f"measurements.0.{key}"]


# --- The endpoint


@pytest.fixture
def url(case: Case, readers: dict[str, Any]) -> str:
    return f"/api/reading/cases/{assignment(case, readers['observer_a']).code}/draft/"


def body(**changes: Any) -> dict[str, Any]:
    return {"revision": 0, "content": both(), "measurements": [], "active_seconds": 1.5, **changes}


def test_endpoint_saves_and_gives_it_back(url: str, as_observer_a: Any) -> None:
    content = both("clean", "case")
    # To the last blank: the page tells by what comes back whether a save arrived.
    content["baseline"] |= {"comments": {"pannus": " slice 2 \n"}, "key_slices": {"pannus": 1}}
    content["follow_up"] |= {"exclusion_observation": "other", "exclusion_text": "metal "}
    answer = as_observer_a.put(url, body(content=content, measurements=[MEASUREMENT]), format="json")
    assert answer.status_code == 200, answer.content
    assert answer.json() == {
        "revision": 1,
        "saved": True,
        "categories": {"baseline": "clean", "follow_up": "case"},
    }
    page = as_observer_a.get(url.removesuffix("draft/")).json()
    assert page["status"] == "draft"
    assert page["reading"]["content"] == content
    assert page["reading"]["active_seconds"] == 1.5
    (kept,) = page["reading"]["measurements"]
    follow_up = next(scan for scan in page["scans"] if scan["key"] == "follow_up")
    assert kept == {**MEASUREMENT, "sop_uid": follow_up["instances"][1]["sop_uid"]}


def test_endpoint_conflict_carries_the_newer_draft(url: str, as_observer_a: Any) -> None:
    as_observer_a.put(url, body(measurements=[MEASUREMENT]), format="json")
    answer = as_observer_a.put(url, body(content={}), format="json")
    assert answer.status_code == 409
    page = answer.json()
    assert page["code"] == "stale_draft"
    assert page["current"]["revision"] == 1
    assert page["current"]["content"] == both()
    assert page["current"]["categories"] == {"baseline": "clean", "follow_up": "clean"}
    assert page["current"]["measurements"][0]["sop_uid"].startswith("2.25.")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"revision": "one"}, "revision"),
        ({"content": []}, "content"),
        ({"content": {"baseline": {"grades": {"pannus": [1]}}}}, "content"),
        ({"content": {"baseline": {"grades": {"pannus": True}}}}, "content"),
        ({"content": {"baseline": {"colour": "red"}}}, "content"),
        ({"measurements": [{"id": "x"}]}, "measurements"),
        ({"measurements": [{**MEASUREMENT, "value": 1e300}]}, "measurements"),
        ({"measurements": [{**MEASUREMENT, "points": [[1, 2]]}]}, "measurements"),
        ({"active_seconds": -1}, "active_seconds"),
        ({"severity": 3}, "severity"),
    ],
)
def test_malformed_names_the_field(url: str, as_observer_a: Any, change: dict[str, Any], field: str) -> None:
    answer = as_observer_a.put(url, body(**change), format="json")
    assert answer.status_code == 400
    assert list(answer.json()) == [field]
    assert not Reading.objects.exists()


def test_not_json(url: str, as_observer_a: Any) -> None:
    assert as_observer_a.put(url, "{", content_type="application/json").status_code == 400


def test_out_of_rubric_is_a_conflict_with_fields(url: str, as_observer_a: Any) -> None:
    answer = as_observer_a.put(url, body(content={"baseline": {"grades": {"pannus": 9}}}), format="json")
    assert answer.status_code == 409
    assert list(answer.json()["fields"]) == ["baseline.grades.pannus"]
