"""Training and qualification of readers on phantoms: the verbs and their states."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from django.db import connection

from annotation import qualification, qualified, rubric
from annotation.models import (
    AuditEvent,
    QualificationAttempt,
    QualificationCase,
)
from annotation.qualification import TRANSITIONS, Act, State, advance
from annotation.qualification_score import FINDINGS
from config.accounts.models import User
from config.exceptions import RuleViolation
from tests.annotation.phantoms import MEANING, TEST, TRAINING, made, passes, perfect, read_all

pytestmark = pytest.mark.django_db


# --- States


@pytest.mark.parametrize(("state", "act"), list(itertools.product(State.values, Act)))
def test_pair(state: str, act: Act, observer_a: User) -> None:
    ended = None if state == State.OPEN else "2026-01-01T00:00:00Z"
    attempt = QualificationAttempt.objects.create(
        reader=observer_a,
        state=state,
        marks={},
        rubric_version=1,
        started_at="2026-01-01T00:00:00Z",
        finished_at=ended,
    )
    changes = {} if act == Act.GO_ON else {"finished_at": "2026-01-02T00:00:00Z"}
    if (state, act) in TRANSITIONS:
        advance(attempt, act, **changes)
        attempt.refresh_from_db()
        assert attempt.state == TRANSITIONS[state, act]
    else:
        with pytest.raises(RuleViolation) as refusal:
            advance(attempt, act, **changes)
        assert refusal.value.code == "wrong_state"
        attempt.refresh_from_db()
        assert attempt.state == state


def test_the_slower_of_two_is_refused(observer_a: User) -> None:
    attempt = QualificationAttempt.objects.create(
        reader=observer_a, marks={}, rubric_version=1, started_at="2026-01-01T00:00:00Z"
    )
    stale = QualificationAttempt.objects.get(pk=attempt.pk)
    advance(attempt, Act.PASS, finished_at="2026-01-02T00:00:00Z")
    with pytest.raises(RuleViolation, match="faster"):
        advance(stale, Act.FAIL, finished_at="2026-01-02T00:00:00Z")


# --- Making cases


def test_qualification_cases_come_in_whole_blocks() -> None:
    with pytest.raises(RuleViolation) as refusal:
        qualification.make_cases(purpose=TEST, count=7, seed=0, by=None)
    assert refusal.value.code == "bad_count"
    assert len(qualification.make_cases(purpose=TRAINING, count=1, seed=0, by=None)) == 1


def test_a_seed_goes_on_where_it_stopped() -> None:
    for _ in range(2):
        qualification.make_cases(purpose=TEST, count=6, seed=3, by=None)
    assert list(QualificationCase.objects.values_list("number", flat=True)) == list(range(12))


def test_an_undrawn_case_is_given_to_nobody(observer_a: User) -> None:
    qualification.make_cases(purpose=TEST, count=12, seed=0, by=None)
    with pytest.raises(RuleViolation) as refusal:
        qualification.start_attempt(by=observer_a)
    assert refusal.value.code == "cases_missing"


# --- An attempt


def test_a_perfect_reader_passes(required: dict[str, User]) -> None:
    made(6)
    attempt = passes(required["observer_a"])
    assert attempt.state == State.PASSED
    assert qualified.has_passed(required["observer_a"])
    assert not qualified.has_passed(required["observer_b"])
    assert set(attempt.results) == set(FINDINGS)
    assert attempt.results["facet_blossoming"] == {"k": 48, "n": 48, "mark": 0.8, "passed": True}
    assert attempt.results["pannus"]["n"] == 12
    row = AuditEvent.objects.get(verb="start_qualification")
    assert (row.object_id, row.actor_id) == (str(attempt.pk), required["observer_a"].pk)
    last = AuditEvent.objects.filter(verb="sign_qualification").latest("pk")
    assert (last.detail["attempt"], last.detail["state"]) == (attempt.pk, State.PASSED)


@pytest.mark.parametrize(
    ("finding", "grade"),
    [(key, grade) for f in rubric.FINDINGS for key, grade in ((f.key, g) for g in f.values[:3])],
)
def test_no_constant_answer_passes(required: dict[str, User], finding: str, grade: Any) -> None:
    made(6)
    given = dict.fromkeys(rubric.FACETS, grade) if finding in rubric.FACETS else {finding: grade}
    attempt = read_all(qualification.start_attempt(by=required["observer_a"]), **given)
    assert attempt.state == State.FAILED
    failed = {key for key, found in attempt.results.items() if not found["passed"]}
    assert failed == {"facet_blossoming" if finding in rubric.FACETS else finding}


def test_a_reader_never_meets_a_scored_case_twice(required: dict[str, User]) -> None:
    made(6)
    attempt = read_all(qualification.start_attempt(by=required["observer_a"]), pannus=0)
    with pytest.raises(RuleViolation) as refusal:
        qualification.start_attempt(by=required["observer_a"])
    assert refusal.value.code == "cases_missing"
    made(6)
    again = passes(required["observer_a"])
    cases = [set(one.reads.values_list("case", flat=True)) for one in (attempt, again)]
    assert not cases[0] & cases[1]
    assert qualified.has_passed(required["observer_a"])


def test_one_attempt_at_a_time(required: dict[str, User]) -> None:
    made(12)
    qualification.start_attempt(by=required["observer_a"])
    with pytest.raises(RuleViolation) as refusal:
        qualification.start_attempt(by=required["observer_a"])
    assert refusal.value.code == "attempt_open"
    qualification.start_attempt(by=required["observer_b"])


def test_a_later_failure_takes_nothing_away(required: dict[str, User]) -> None:
    made(12)
    passes(required["observer_a"])
    read_all(qualification.start_attempt(by=required["observer_a"]), pannus=0)
    assert qualified.has_passed(required["observer_a"])


def test_what_the_slices_do_not_show_is_not_scored(required: dict[str, User]) -> None:
    cases = made(6)
    hidden = cases[0].scans.get(key="baseline")
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER protect_{hidden._meta.db_table}_update") if connection.vendor == (
            "sqlite"
        ) else cursor.execute(f"ALTER TABLE {hidden._meta.db_table} DISABLE TRIGGER USER")
    hidden.truth["facet_c0c1_left"] = rubric.NOT_VISIBLE
    hidden.save()
    attempt = passes(required["observer_a"])
    assert attempt.results["facet_blossoming"]["n"] == 47


def test_an_unreadable_scan_has_no_right_grade(required: dict[str, User]) -> None:
    made(6)
    attempt = qualification.start_attempt(by=required["observer_a"])
    first, *others = attempt.reads.all()
    blank = {"grades": {}, "quality": "unreadable", "exclusion_observation": "none"}
    for read in (first, *others):
        content = perfect(read.case) if read is not first else {"baseline": blank, "follow_up": blank}
        saved = qualification.save_draft(read=read, by=attempt.reader, revision=0, content=content)
        qualification.sign(read=saved, by=attempt.reader, revision=1)
    attempt.refresh_from_db()
    assert attempt.results["pannus"]["k"] == 10


def test_signing_refuses_what_a_study_read_would(required: dict[str, User]) -> None:
    made(6)
    reader = required["observer_a"]
    read = qualification.start_attempt(by=reader).reads.all()[0]
    for act, code in (
        (lambda: qualification.sign(read=read, by=reader, revision=0), "incomplete"),
        (lambda: qualification.sign(read=read, by=reader, revision=3), "stale_draft"),
        (lambda: qualification.sign(read=read, by=required["observer_b"], revision=0), "not_yours"),
        (
            lambda: qualification.save_draft(
                read=read, by=reader, revision=0, content={"baseline": {"grades": {"pannus": 7}}}
            ),
            "bad_content",
        ),
    ):
        with pytest.raises(RuleViolation) as refusal:
            act()
        assert refusal.value.code == code
    saved = qualification.save_draft(read=read, by=reader, revision=0, content=perfect(read.case))
    qualification.sign(read=saved, by=reader, revision=1)
    with pytest.raises(RuleViolation) as refusal:
        qualification.save_draft(read=read, by=reader, revision=1, content=perfect(read.case))
    assert refusal.value.code == "already_signed"


# --- Training


def test_training_can_be_repeated_and_counts_for_nothing(observer_a: User) -> None:
    (case,) = made(1, TRAINING)
    reads = []
    for _ in range(2):
        read = qualification.start_training(case=case, by=observer_a)
        assert qualification.start_training(case=case, by=observer_a) == read, "the open one again"
        saved = qualification.save_draft(read=read, by=observer_a, revision=0, content=perfect(case))
        reads.append(qualification.sign(read=saved, by=observer_a, revision=1))
    assert reads[0].code != reads[1].code
    assert not QualificationAttempt.objects.exists()
    assert not qualified.has_passed(observer_a)


def test_a_test_case_is_no_training(observer_a: User) -> None:
    with pytest.raises(RuleViolation) as refusal:
        qualification.start_training(case=made(6)[0], by=observer_a)
    assert refusal.value.code == "not_training"


def test_feedback_comes_with_the_signature(as_observer_a: Any, observer_a: User, password: str) -> None:
    (case,) = made(1, TRAINING)
    code = as_observer_a.post(f"/api/qualification/training/{case.pk}/").json()["code"]
    at = f"/api/qualification/reads/{code}/"
    opened = as_observer_a.get(at)
    assert opened.json()["feedback"] is None
    truth = {scan.key: scan.truth for scan in case.scans.all()}
    assert "truth" not in opened.content.decode()
    content = perfect(case, pannus=0)
    body = {"revision": 0, "content": content, "measurements": [], "active_seconds": 3.5}
    assert as_observer_a.put(f"{at}draft/", body, format="json").json()["revision"] == 1
    assert as_observer_a.get(at).json()["feedback"] is None
    signing = {"revision": 1, "password": password, "meaning": MEANING, "active_seconds": 2}
    answer = as_observer_a.post(f"{at}sign/", signing, format="json")
    assert (answer.status_code, answer.json()["next"]) == (200, None)
    assert as_observer_a.get(at).json()["reading"]["active_seconds"] == 5.5
    rows = as_observer_a.get(at).json()["feedback"]
    assert len(rows) == 2 * (len(rubric.FINDINGS) + 1)
    for row in rows:
        true = truth[row["scan"]]
        if row["finding"] == "pannus":
            assert (row["yours"], row["truth"], row["difference"]) == (0, true["pannus"], -true["pannus"])
        elif row["finding"] == "category":
            assert row["truth"] == rubric.classify(true)
        else:
            assert row["yours"] == row["truth"] == true[row["finding"]]


def test_another_readers_phantom_is_not_there(
    as_observer_a: Any, as_observer_b: Any, as_lead: Any, observer_a: User
) -> None:
    (case,) = made(1, TRAINING)
    read = qualification.start_training(case=case, by=observer_a)
    at = f"/api/qualification/reads/{read.code}/"
    assert as_observer_a.get(at).status_code == 200
    assert as_observer_b.get(at).status_code == as_lead.get(at).status_code == 404
    assert as_observer_b.put(f"{at}draft/", {}, format="json").status_code == 404
    scan = as_observer_a.get(at).json()["scans"][0]
    images = f"{at}wado/studies/{scan['study_uid']}/series/{scan['series_uid']}/metadata"
    assert as_observer_a.get(images).status_code == 200
    assert as_observer_b.get(images).status_code == 404
