"""What a reader is shown: closed shapes, no canary, nothing of anybody else."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from annotation import workflow
from annotation.models import Assignment, Case
from tests.annotation.conftest import assignment, both, disagree, draft, sign, to_adjudicator

pytestmark = pytest.mark.django_db

UID = r"2\.25\.\d{1,39}"
CODE = r"[0-9a-f]{16}"
CASE_KEYS = {
    "code", "read_design", "status", "amendable", "scans", "reading", "categories", "next",
}  # fmt: skip
SCAN_KEYS = {"key", "label", "study_uid", "series_uid", "slices", "instances", "others"}
READING_KEYS = {
    "version", "revision", "state", "content", "measurements", "active_seconds", "signed_at", "content_hash",
}  # fmt: skip


def test_worklist_is_closed(study: Any, readers: dict[str, Any], as_observer_a: Any) -> None:
    cases = study(3)
    sign(cases[0], readers["observer_a"])
    draft(cases[1], readers["observer_a"], {})
    page = as_observer_a.get("/api/reading/worklist/").json()
    assert set(page) == {"progress", "next", "locked", "items", "consensus"}
    assert page["progress"] == {"signed": 1, "total": 3}
    assert [item["position"] for item in page["items"]] == [1, 2, 3]
    assert sorted(item["status"] for item in page["items"]) == ["draft", "open", "signed"]
    for item in page["items"]:
        assert set(item) == {"code", "kind", "status", "position"}
        assert re.fullmatch(CODE, item["code"])
        assert item["kind"] == "case"
    unsigned = [item["code"] for item in page["items"] if item["status"] != "signed"]
    assert page["next"] == unsigned[0]


def test_next_is_null_when_all_is_signed(case: Case, readers: dict[str, Any], as_observer_a: Any) -> None:
    sign(case, readers["observer_a"])
    assert as_observer_a.get("/api/reading/worklist/").json()["next"] is None


def test_case_is_closed(case: Case, readers: dict[str, Any], as_observer_a: Any) -> None:
    row = assignment(case, readers["observer_a"])
    page = as_observer_a.get(f"/api/reading/cases/{row.code}/").json()
    assert set(page) == CASE_KEYS
    assert set(page["reading"]) == READING_KEYS
    assert [scan["key"] for scan in page["scans"]] == ["baseline", "follow_up"]
    for scan in page["scans"]:
        assert set(scan) == SCAN_KEYS
        assert re.fullmatch(UID, scan["study_uid"])
        assert re.fullmatch(UID, scan["series_uid"])
        for place, one in enumerate(scan["instances"]):
            assert set(one) == {"sop_uid", "index"}
            assert one["index"] == place
            assert re.fullmatch(UID, one["sop_uid"])


def test_rubric(as_observer_a: Any, as_neurosurgeon: Any, as_lead: Any, as_outsider: Any) -> None:
    page = as_observer_a.get("/api/reading/rubric/").json()
    assert page["version"] == 1
    assert [finding["key"] for finding in page["findings"]][:3] == [
        "pannus",
        "vertical_translocation",
        "dens_erosion",
    ]
    assert page == as_neurosurgeon.get("/api/reading/rubric/").json()
    assert page == as_lead.get("/api/reading/rubric/").json()
    assert as_outsider.get("/api/reading/rubric/").status_code == 404


def test_no_canary_surfaces(
    study: Any,
    readers: dict[str, Any],
    as_observer_a: Any,
    as_observer_b: Any,
    as_neurosurgeon: Any,
    capfd: Any,
    caplog: Any,
) -> None:
    """Identity, site, maker, dates, others' words: in no answer to a reader and in no log line."""
    first, second, third = study(3)
    secret = both()
    secret["baseline"]["comments"] = {"pannus": "CANARY-COMMENT-OF-B"}
    sign(first, readers["observer_b"], secret)
    to_adjudicator(second, readers)
    draft(third, readers["observer_b"], secret)
    texts = []
    for client, name in ((as_observer_a, "observer_a"), (as_neurosurgeon, "neurosurgeon")):
        texts.append(client.get("/api/reading/worklist/").content.decode())
        for row in Assignment.objects.filter(reader=readers[name]):
            answer = client.get(f"/api/reading/cases/{row.code}/")
            texts.append(answer.content.decode())
            for scan in answer.json()["scans"]:
                series = f"wado/studies/{scan['study_uid']}/series/{scan['series_uid']}"
                texts.append(client.get(f"/api/reading/cases/{row.code}/{series}/metadata").content.decode())
    text = "\n".join(texts)
    assert "CANARY" not in text
    for date in ("2010-", "2013-", "1950-", "2010030", "1950010"):
        assert date not in text
    for hidden in Case.objects.values_list("patient__pseudonym", flat=True):
        assert hidden not in text
    assert "observer_b" not in text
    assert "CANARY" not in caplog.text + "".join(capfd.readouterr())


def test_consensus_shows_the_other_read_only_to_the_two(
    case: Case, readers: dict[str, Any], as_observer_a: Any
) -> None:
    page = as_observer_a.get(f"/api/consensus/{disagree(case, readers).consensus.code}/").json()
    assert set(page) == {"code", "outcome", "case_code", "scans", "reads", "agreed"}
    assert all(set(read) == {"who", "content", "categories", "measurements"} for read in page["reads"])
    assert set(page["agreed"]) == {"revision", "content", "categories", "proposed_by"}
    assert "observer_b" not in json.dumps(page)


def test_measurements_of_the_other_are_on_this_readers_slices(
    case: Case, readers: dict[str, Any], as_observer_a: Any
) -> None:
    point = [[0.0, 0.0, 0.0], [0.0, 3.0, 4.0]]
    length = {"id": "1", "kind": "length", "scan": "follow_up", "slice": 2, "points": point, "value": 5.0}
    sign(case, readers["observer_a"])
    saved = draft(case, readers["observer_b"], both("clean", "case"), measurements=[length])
    workflow.sign_reading(assignment=saved.assignment, by=readers["observer_b"], revision=saved.revision)
    page = as_observer_a.get(f"/api/consensus/{case.consensus.code}/").json()
    follow_up = next(scan for scan in page["scans"] if scan["key"] == "follow_up")
    (shown,) = page["reads"][1]["measurements"]
    assert shown["sop_uid"] == follow_up["instances"][2]["sop_uid"]
    assert (shown["points"], shown["value"]) == (point, 5.0)


def test_a_closed_case_is_withdrawn_from_who_has_not_signed(
    case: Case, readers: dict[str, Any], as_observer_a: Any, as_observer_b: Any
) -> None:
    content = both()
    content["baseline"]["exclusion_observation"] = "odontoid_fracture"
    sign(case, readers["observer_a"], content)
    workflow.resolve_review(case=case, by=readers["lead"], action="exclude", reason="fracture confirmed")
    assert as_observer_b.get("/api/reading/worklist/").json()["items"] == []
    assert len(as_observer_a.get("/api/reading/worklist/").json()["items"]) == 1


@pytest.mark.parametrize("count", [2, 12])
def test_worklist_costs_the_same_whatever_its_length(
    study: Any, readers: dict[str, Any], as_observer_a: Any, count: int, django_assert_num_queries: Any
) -> None:
    study(count)
    with django_assert_num_queries(5):
        as_observer_a.get("/api/reading/worklist/")


def test_a_case_costs_few_queries(
    case: Case, readers: dict[str, Any], as_observer_a: Any, django_assert_max_num_queries: Any
) -> None:
    row = assignment(case, readers["observer_a"])
    url = f"/api/reading/cases/{row.code}/"
    with django_assert_max_num_queries(16):  # six of them leave the audit row of the opening
        as_observer_a.get(url)
    with django_assert_max_num_queries(11):
        as_observer_a.get(url)


def test_json_is_not_stored(case: Case, readers: dict[str, Any], as_observer_a: Any, as_lead: Any) -> None:
    row = assignment(case, readers["observer_a"])
    for client, url in (
        (as_observer_a, "/api/reading/worklist/"),
        (as_observer_a, f"/api/reading/cases/{row.code}/"),
        (as_observer_a, "/api/reading/cases/0123456789abcdef/"),
        (as_lead, "/api/progress/"),
    ):
        assert client.get(url)["Cache-Control"] == "no-store"
