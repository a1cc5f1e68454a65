"""What a refused write says: nothing about which scan this is, or what anybody else did."""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from annotation import canonical, queries, rubric, workflow
from annotation.models import Assignment, Case, Consensus, Reading, Scan
from tests.annotation.conftest import assignment, both, draft, scores, sign, unreadable

pytestmark = pytest.mark.django_db
LENGTH = {
    "id": "1", "kind": "length", "scan": "scan", "slice": 0, "sop_uid": "",
    "points": [[0, 0, 0], [0, 0, 1]], "value": 1,
}  # fmt: skip
#: Words that readers may try as names of a scan.
NAMES = ("scan", "baseline", "follow_up", "x", "", "measurements")
#: What is each reader's and each case's own, and may differ.
OWN = re.compile(r"2\.25\.\d+|\b[0-9a-f]{16}\b|\b[0-9a-f]{64}\b|\d{4}-\d\d-\d\dT[\d:.]+Z")
STORED = re.compile("baseline|follow.?up", re.IGNORECASE)


@pytest.fixture
def pair(study: Any) -> tuple[Case, Case]:
    """One patient's two scans, each a case of its own."""
    study(1, read_design="independent", min_gap_reads=0)
    cases = {scan.key: scan.case for scan in Scan.objects.select_related("case")}
    assert len(cases) == 2
    return cases["baseline"], cases["follow_up"]


def bad_drafts(name: str) -> Iterator[tuple[Any, Any]]:
    """Contents and measurements that a server must refuse, or take, whichever scan it is."""
    parts: tuple[Any, ...] = (
        {},
        {"grades": {"pannus": 9}},
        {"grades": {"tail": 1}},
        {"grades": {"pannus": 1}},
        {"quality": "poor"},
        {"key_slices": {"pannus": 99}},
        {"key_slices": {"tail": 0}, "comments": {"tail": "?"}, "key_series": {"tail": 0}},
        {"key_slices": {"pannus": 0}, "key_series": {"pannus": 7}},
        {"series": 7},
        {"colour": "red"},
        [],
    )
    for part in parts:
        yield {name: part}, []
    for change in ({}, {"slice": 99}, {"series": 7}, {"value": 2}, {"kind": "mcrae"}, {"kind": "tail"}):
        yield {"scan": {"grades": {"pannus": 9}}}, [LENGTH, {**LENGTH, "scan": name, **change}]


def writes(password: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, what is asked for, and body; some are fine, so that the state moves on."""
    for name in NAMES:
        for content, measurements in bad_drafts(name):
            body = {"revision": 1, "content": content, "measurements": measurements}
            yield "put", "draft", {**body, "active_seconds": 0}
            if not measurements:
                yield "put", "consensus", {"revision": 0, "content": content}
    for revision in (0, 1, 10**6):
        body = {"revision": revision, "content": {"scan": {"grades": {"pannus": 1}}}}
        yield "put", "draft", {**body, "measurements": [LENGTH], "active_seconds": 0}
        yield "put", "consensus", body
        for given in (password, "wrong"):
            signing = {"revision": revision, "password": given}
            yield "post", "sign", {**signing, "meaning": "mine"}
            yield "post", "propose", signing
            yield "post", "confirm", signing
    yield "post", "amend", {}
    yield "post", "amend", {"reason": " "}
    yield "post", "decline", {}
    yield "post", "decline", {"password": "wrong"}


def address(row: Assignment, what: str) -> str:
    if what in ("draft", "sign", "amend"):
        return f"/api/reading/cases/{row.code}/{what}/"
    session = Consensus.objects.filter(case=row.case_id).first()
    return (
        f"/api/consensus/{session.code if session else '0' * 16}/{'draft' if what == 'consensus' else what}/"
    )


def said(answer: Any) -> tuple[int, list[tuple[str, str]], str]:
    """An answer without what is each case's own."""
    headers = sorted((k, v) for k, v in answer.items() if k not in ("Content-Length", "Set-Cookie"))
    return answer.status_code, headers, OWN.sub("…", answer.content.decode())


def compare(client: Any, rows: list[Assignment], password: str) -> dict[int, int]:
    """Write the same to each; the answers' statuses, counted."""
    seen: dict[int, int] = {}
    for method, what, body in writes(password):
        answers = [getattr(client, method)(address(row, what), body, format="json") for row in rows]
        first, *others = [said(answer) for answer in answers]
        assert all(other == first for other in others), (method, what, body)
        if not STORED.search(json.dumps(body)):
            assert not STORED.search(first[2]), (method, what, body, first)
        seen[first[0]] = seen.get(first[0], 0) + 1
    return seen


def drafted(case: Case, readers: dict[str, Any]) -> None:
    (scan,) = case.scans.all()
    measured = [{**{k: v for k, v in LENGTH.items() if k != "sop_uid"}, "scan": scan.key}]
    draft(case, readers["observer_a"], {scan.key: scores()}, measurements=measured)


def signed(case: Case, readers: dict[str, Any]) -> None:
    (scan,) = case.scans.all()
    sign(case, readers["observer_a"], {scan.key: scores()})


def disagreed(case: Case, readers: dict[str, Any]) -> None:
    (scan,) = case.scans.all()
    sign(case, readers["observer_a"], {scan.key: scores()})
    sign(case, readers["observer_b"], {scan.key: scores("case")})


def referred(case: Case, readers: dict[str, Any]) -> None:
    disagreed(case, readers)
    workflow.decline_consensus(session=Consensus.objects.get(case=case), by=readers["observer_a"])


#: State → who writes, and the statuses that must be among the answers.
STATES: dict[Callable[[Case, dict[str, Any]], None], tuple[str, set[int]]] = {
    lambda case, readers: None: ("observer_a", {200, 400, 404, 409}),
    drafted: ("observer_a", {200, 400, 404, 409}),
    signed: ("observer_a", {400, 404, 409}),
    disagreed: ("observer_a", {200, 400, 409}),
    referred: ("neurosurgeon", {200, 400, 404, 409}),
}


@pytest.mark.parametrize("state", STATES, ids=("open", "drafted", "signed", "consensus", "adjudication"))
def test_refusals_are_the_same_for_either_scan(
    pair: tuple[Case, Case], readers: dict[str, Any], request: Any, password: str, settings: Any, state: Any
) -> None:
    settings.AXES_ENABLED = False  # a lockout would end the wrong passwords, and with them the right ones
    name, expected = STATES[state]
    for case in pair:
        state(case, readers)
    rows = [assignment(case, readers[name]) for case in pair]
    seen = compare(request.getfixturevalue(f"as_{name}"), rows, password)
    assert set(seen) - {403} >= expected, seen
    assert sum(seen.values()) > 150


def test_a_stored_name_is_refused_as_any_other_word(
    pair: tuple[Case, Case], readers: dict[str, Any], as_observer_a: Any
) -> None:
    for case in pair:
        url = address(assignment(case, readers["observer_a"]), "draft")
        for name in NAMES[1:]:
            body = {"revision": 0, "content": {name: {}}, "measurements": [], "active_seconds": 0}
            answer = as_observer_a.put(url, body, format="json")
            assert (answer.status_code, answer.json()["fields"]) == (409, {name: rubric.NO_SUCH_SCAN})
    assert not Reading.objects.exists()


def test_fields_are_in_the_readers_words(
    pair: tuple[Case, Case], readers: dict[str, Any], as_observer_a: Any
) -> None:
    content = {"scan": {"key_slices": {"pannus": 99}, "grades": {"pannus": 9}}}
    body = {"revision": 0, "content": content, "measurements": [], "active_seconds": 0}
    for case in pair:
        answer = as_observer_a.put(
            address(assignment(case, readers["observer_a"]), "draft"), body, format="json"
        )
        assert list(answer.json()["fields"]) == ["scan.grades.pannus", "scan.key_slices.pannus"]


def test_a_signatures_hash_does_not_tell_the_scan(
    pair: tuple[Case, Case], readers: dict[str, Any], as_observer_a: Any, password: str
) -> None:
    """The signer knows, or can guess, everything that is hashed but the scan's key."""
    for case in pair:
        drafted(case, readers)
        row = assignment(case, readers["observer_a"])
        signing = {"revision": 1, "password": password, "meaning": "mine"}
        answered = as_observer_a.post(address(row, "sign"), signing, format="json").json()
        shown = as_observer_a.get(f"/api/reading/cases/{row.code}/").json()["reading"]["content_hash"]
        kept = Reading.objects.get(assignment=row)
        assert re.fullmatch("[0-9a-f]{64}", shown)
        assert shown != kept.content_hash
        assert shown != hashlib.sha256(canonical.canonical_bytes(kept.content_hash)).hexdigest()
        assert answered["content_hash"] == shown, "the same at every look"


def test_refusals_do_not_tell_a_reread(study: Any, readers: dict[str, Any], as_observer_a: Any) -> None:
    """Neither while it is open nor once it is signed and its case decided."""
    study(16, reread_share=0.5, washout_reads=1)
    again = Assignment.objects.filter(reader=readers["observer_a"], kind="reread").first()
    assert again is not None
    other = Assignment.objects.filter(reader=readers["observer_a"], kind="read").exclude(case=again.case_id)
    first = other.first()
    assert first is not None
    for name in ("observer_a", "observer_b"):
        sign(again.case, readers[name])
    body = {"revision": 0, "content": {"x": {}}, "measurements": [], "active_seconds": 0}
    for state in ("open", "signed"):
        for what, asked in (("amend", {"reason": "wrong side"}), ("draft", body)):
            method = "post" if what == "amend" else "put"
            one, two = (
                said(getattr(as_observer_a, method)(address(row, what), asked, format="json"))
                for row in (again, first)
            )
            assert one == two, (state, what)
        if state == "open":
            for row in (again, first):
                saved = workflow.save_draft(assignment=row, by=row.reader, revision=0, content=both())
                workflow.sign_reading(assignment=row, by=row.reader, revision=saved.revision)
            sign(first.case, readers["observer_b"])


def test_refusals_do_not_tell_why_a_case_was_closed(
    study: Any, readers: dict[str, Any], as_observer_a: Any
) -> None:
    """The other observer found it unreadable, so the lead closed it: its first reader cannot tell."""
    closed, other = study(2)
    for case in (closed, other):
        sign(case, readers["observer_a"])
    for case, content in ((closed, {"baseline": unreadable(), "follow_up": scores()}), (other, None)):
        sign(case, readers["observer_b"], content)
    Case.objects.filter(pk=closed.pk).update(state=Case.State.CLOSED)
    draft_body = {"revision": 1, "content": {}, "measurements": [], "active_seconds": 0}
    for what, body in (("amend", {"reason": "wrong side"}), ("draft", draft_body)):
        one, two = (
            said(
                getattr(as_observer_a, "post" if what == "amend" else "put")(
                    address(assignment(case, readers["observer_a"]), what), body, format="json"
                )
            )
            for case in (closed, other)
        )
        assert one == two


def test_random_drafts_are_answered_alike(
    pair: tuple[Case, Case], readers: dict[str, Any], as_observer_a: Any
) -> None:
    """Bodies put together by chance from good and bad parts."""
    rng = random.Random(5)
    urls = [address(assignment(case, readers["observer_a"]), "draft") for case in pair]
    values: list[Any] = [
        None,
        0,
        1,
        2,
        9,
        -1,
        "not_visible",
        "follow_up",
        "baseline",
        True,
        [],
        {},
        1.5,
        "x" * 40,
    ]
    statuses = set()
    for _ in range(100):
        body = {
            "revision": rng.choice([0, 1, 2, 3, 99]),
            "content": {
                rng.choice(NAMES): {
                    rng.choice(["grades", "key_slices", "comments", "key_series"]): {
                        rng.choice([*rubric.BY_KEY, "tail"]): rng.choice(values)
                    },
                    rng.choice(["quality", "series", "exclusion_observation", "exclusion_text"]): rng.choice(
                        values
                    ),
                }
                for _ in range(rng.choice([1, 1, 1, 2]))
            },
            "measurements": [
                {**LENGTH, "scan": rng.choice(NAMES), rng.choice(list(LENGTH)): rng.choice(values)}
                for _ in range(rng.choice([0, 0, 1, 2]))
            ],
            "active_seconds": 0,
        }
        one, two = (said(as_observer_a.put(url, body, format="json")) for url in urls)
        assert one == two, body
        statuses.add(one[0])
    assert statuses >= {400, 409}


def test_paired_cases_keep_their_names_and_their_hash(case: Case) -> None:
    """A paired reader knows both names, and the hash of their signature is the one that is kept."""
    content: dict[str, Any] = {"follow_up": {}}
    measured = [{**LENGTH, "scan": "baseline"}]
    assert queries.from_reader(case, content, measured) == (
        content,
        [{name: value for name, value in measured[0].items() if name != "sop_uid"}],
    )
    assert queries.hash_to_reader(case, "ab") == "ab"
