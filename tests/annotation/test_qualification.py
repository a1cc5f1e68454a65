"""Training and qualification: phantoms with known truth, feedback, pass marks, and the lock."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from annotation import audit, charter, plan_check, qualification, qualified, rubric, workflow
from annotation.models import (
    Assignment,
    AuditEvent,
    Case,
    QualificationAttempt,
    QualificationCase,
    QualificationRead,
    QualificationScan,
)
from annotation.qualification import TRANSITIONS, Act, State, advance
from annotation.qualification_score import FINDINGS
from config.accounts.models import User
from config.exceptions import RuleViolation
from tests.annotation.conftest import both, make_patients, sign
from tests.builders import uid_of

pytestmark = pytest.mark.django_db
TRAINING, TEST = QualificationCase.Purpose.TRAINING, QualificationCase.Purpose.QUALIFICATION
#: One block of test cases is enough here.
TERMS = {"qualification_required": True, "qualification_cases": 6, "plan_seed": 1, "sham_seed": 1}
MEANING = "mine"


def made(count: int, purpose: str = TEST) -> list[QualificationCase]:
    """Cases whose scans are rows without images, with the truth of the real plan."""
    from cohort.phantom import exercise

    cases = qualification.make_cases(purpose=purpose, count=count, seed=7, by=None)
    for case in cases:
        plan = exercise.plan_case((case.seed, 1), case.number)
        for scan in plan.scans:
            name = f"{purpose}-{case.pk}-{scan.role}"
            QualificationScan.objects.create(
                case=case,
                key=scan.role,
                truth=scan.anatomy.lesions.grades,
                study_uid=uid_of(name, "study"),
                series_uid=uid_of(name, "series"),
                path=name,
                instances=[
                    {"sop_uid": uid_of(name, k), "file": f"{k}.dcm", "metadata": {}} for k in range(3)
                ],
            )
    return cases


def perfect(case: QualificationCase, **changes: Any) -> dict[str, Any]:
    """The truth as a read; ``changes`` are grades that both scans get instead."""
    return {
        scan.key: {
            "grades": {**scan.truth, **changes},
            "quality": "adequate",
            "exclusion_observation": "none",
        }
        for scan in case.scans.all()
    }


def read_all(attempt: QualificationAttempt, **changes: Any) -> QualificationAttempt:
    for read in attempt.reads.all():
        saved = qualification.save_draft(
            read=read, by=attempt.reader, revision=read.revision, content=perfect(read.case, **changes)
        )
        qualification.sign(read=saved, by=attempt.reader, revision=saved.revision)
    attempt.refresh_from_db()
    return attempt


def passes(reader: User) -> QualificationAttempt:
    return read_all(qualification.start_attempt(by=reader))


@pytest.fixture
def required(readers: dict[str, User]) -> dict[str, User]:
    """A charter that wants six cases to be passed."""
    workflow.freeze_charter(by=readers["lead"], changes=TERMS)
    return readers


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
    signing = {"revision": 1, "password": password, "meaning": MEANING}
    answer = as_observer_a.post(f"{at}sign/", signing, format="json")
    assert (answer.status_code, answer.json()["next"]) == (200, None)
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


# --- The lock


def test_only_who_passed_is_given_cases(required: dict[str, User]) -> None:
    made(6)
    make_patients(2)
    with pytest.raises(RuleViolation, match="0 of 2 have"):
        workflow.open_reading(by=required["lead"])
    passes(required["observer_a"])
    with pytest.raises(RuleViolation, match="1 of 2 have"):
        workflow.open_reading(by=required["lead"])
    passes(required["observer_b"])
    assert len(workflow.open_reading(by=required["lead"])) == 4
    assert list(plan_check.deviations()) == []


@pytest.fixture
def locked(required: dict[str, User]) -> Assignment:
    """A dispute that went to a neurosurgeon who has yet to pass."""
    made(6)
    make_patients(1)
    for name in ("observer_a", "observer_b"):
        passes(required[name])
    workflow.open_reading(by=required["lead"])
    case = Case.objects.get()
    sign(case, required["observer_a"], both("clean", "clean"))
    sign(case, required["observer_b"], both("clean", "case"))
    case.refresh_from_db()
    workflow.decline_consensus(session=case.consensus, by=required["observer_a"])
    return case.assignments.get(kind="adjudication")


def test_nothing_opens_before_passing(
    locked: Assignment, required: dict[str, User], as_neurosurgeon: Any, password: str
) -> None:
    from annotation import wado_proxy

    page = as_neurosurgeon.get("/api/reading/worklist/").json()
    assert (page["items"], page["next"], page["progress"]) == ([], None, {"signed": 0, "total": 0})
    assert page["locked"] == qualified.LOCKED
    at = f"/api/reading/cases/{locked.code}/"
    series = locked.case.scans.first().series  # type: ignore[union-attr]
    study, uid = (wado_proxy.opaque_uid(locked, one) for one in (series.study_uid, series.series_uid))
    sop = wado_proxy.opaque_uid(locked, series.instances.all()[0].sop_uid)
    images = f"{at}wado/studies/{study}/series/{uid}/"
    draft = {"revision": 0, "content": both(), "measurements": [], "active_seconds": 1}
    signing = {"revision": 0, "password": password, "meaning": MEANING}
    for answer in (
        as_neurosurgeon.get(at),
        as_neurosurgeon.put(f"{at}draft/", draft, format="json"),
        as_neurosurgeon.post(f"{at}sign/", signing, format="json"),
        as_neurosurgeon.post(f"{at}amend/", {"reason": "x"}, format="json"),
        as_neurosurgeon.get(f"{images}metadata"),
        as_neurosurgeon.get(f"{images}instances/{sop}/frames/1"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "qualification_required")
        assert answer.json()["detail"] == qualified.LOCKED
    with pytest.raises(RuleViolation) as refusal:
        workflow.save_draft(assignment=locked, by=locked.reader, revision=0, content={})
    assert refusal.value.code == "qualification_required"
    notice = as_neurosurgeon.get("/api/notices/").json()
    assert [one["key"] for one in notice] == ["qualification"]

    passes(required["neurosurgeon"])
    assert as_neurosurgeon.get(at).status_code == 200
    assert as_neurosurgeon.get(f"{images}metadata").status_code == 200
    page = as_neurosurgeon.get("/api/reading/worklist/").json()
    assert (page["next"], page["locked"]) == (locked.code, "")


def test_a_locked_case_is_told_to_nobody_else(locked: Assignment, as_observer_a: Any) -> None:
    assert as_observer_a.get(f"/api/reading/cases/{locked.code}/").status_code == 404


def test_a_replacement_has_passed(required: dict[str, User]) -> None:
    made(6)
    make_patients(1)
    for name in ("observer_a", "observer_b"):
        passes(required[name])
    workflow.open_reading(by=required["lead"])
    joining = required["observer_c"]
    User.objects.filter(pk=joining.pk).update(is_active=True)
    joining.refresh_from_db()
    replace = {
        "leaving": required["observer_b"],
        "joining": joining,
        "by": required["lead"],
        "reason": "left",
    }
    with pytest.raises(RuleViolation) as refusal:
        workflow.replace_reader(**replace)  # type: ignore[arg-type]
    assert refusal.value.code == "qualification_required"
    passes(joining)
    assert workflow.replace_reader(**replace)  # type: ignore[arg-type]


def test_a_later_requirement_reaches_no_open_case(
    study: Callable[..., list[Case]], readers: dict[str, User], as_observer_a: Any
) -> None:
    study(1)
    workflow.freeze_charter(by=readers["lead"], changes=TERMS, reason="quality")
    page = as_observer_a.get("/api/reading/worklist/").json()
    assert len(page["items"]) == 1
    assert as_observer_a.get(f"/api/reading/cases/{page['next']}/").status_code == 200


# --- Phantoms and patients never mix


def test_nothing_of_the_study_moves(
    study: Callable[..., list[Case]], readers: dict[str, User], as_lead: Any, as_observer_a: Any
) -> None:
    """Every table and page that counts the study's reads says the same before and after a test."""
    case, *_ = study(3)
    sign(case, readers["observer_a"])
    sign(case, readers["observer_b"])
    pages = [
        "/api/progress/", "/api/agreement/", "/api/labels/", "/api/reads.csv", "/api/reads.json",
        "/api/cohort/flow/", "/api/cohort/patients/", "/api/table-one/", "/api/label-sets/",
        "/api/lead-review/", "/api/cohort/quarantine/", "/dicom-web/studies", "/dicom-web/series",
        *(f"/api/progress/tables/{name}.csv" for name in ("readers", "agreement", "reading-times")),
    ]  # fmt: skip

    def seen() -> dict[str, bytes]:
        answers = {page: as_lead.get(page) for page in pages}
        assert {answer.status_code for answer in answers.values()} <= {200, 204}
        return {page: answer.getvalue() for page, answer in answers.items()}

    before = seen()
    worklist = as_observer_a.get("/api/reading/worklist/").content
    made(12)
    made(1, TRAINING)
    for name in ("observer_a", "observer_b"):
        passes(readers[name])
        case_ = QualificationCase.objects.get(purpose=TRAINING)
        read = qualification.start_training(case=case_, by=readers[name])
        qualification.save_draft(read=read, by=readers[name], revision=0, content=perfect(case_))
    assert seen() == before
    assert as_observer_a.get("/api/reading/worklist/").content == worklist
    assert list(plan_check.deviations()) == []
    assert audit.check().failures == []


def test_drift_counts_scored_phantoms_alone(required: dict[str, User], as_lead: Any) -> None:
    made(6)
    made(1, TRAINING)
    reader = required["observer_a"]
    case = QualificationCase.objects.get(purpose=TRAINING)
    read = qualification.start_training(case=case, by=reader)
    qualification.save_draft(read=read, by=reader, revision=0, content=perfect(case))
    qualification.sign(read=read, by=reader, revision=1)
    assert as_lead.get("/api/progress/monitoring/").json()["drift"] == []
    attempt = qualification.start_attempt(by=reader)
    wrong = set()
    for number, one in enumerate(attempt.reads.all()):
        content = perfect(one.case)
        if number < 2:
            scan = one.case.scans.all()[0]
            clean = rubric.classify(scan.truth) == rubric.CLEAN
            content[scan.key]["grades"] = (
                {**scan.truth, "pannus": 2} if clean else dict.fromkeys(rubric.BY_KEY, 0)
            )
            wrong.add(number)
        saved = qualification.save_draft(read=one, by=reader, revision=0, content=content)
        qualification.sign(read=saved, by=reader, revision=1)
    (row,) = as_lead.get("/api/progress/monitoring/").json()["drift"]
    assert (row["reader"], len(row["points"])) == ("observer_a", 6)
    assert {number for number, point in enumerate(row["points"]) if point["wrong"]} == wrong
    assert {(point["kind"], point["between"]) for point in row["points"]} == {("phantom", None)}
    table = as_lead.get("/api/progress/tables/drift.csv").content.decode().splitlines()
    assert len(table) == 7


# --- The pages


def test_the_leads_overview_and_table(required: dict[str, User], as_lead: Any) -> None:
    made(12)
    passes(required["observer_a"])
    read_all(qualification.start_attempt(by=required["observer_b"]), dens_erosion=0)
    page = as_lead.get("/api/qualification/overview/").json()
    passed = {row["reader"]: (row["passed"], row["fresh_cases"]) for row in page["readers"]}
    assert passed == {"observer_a": (True, 6), "observer_b": (False, 6), "neurosurgeon": (False, 12)}
    assert {(one["reader"], one["state"]) for one in page["attempts"]} == {
        ("observer_a", "passed"),
        ("observer_b", "failed"),
    }
    assert page["cases"] == [
        {"purpose": "training", "ready": 0, "waiting": 0},
        {"purpose": "qualification", "ready": 12, "waiting": 0},
    ]
    text = as_lead.get("/api/progress/tables/qualification.csv").content.decode()
    header, *rows = text.splitlines()
    assert header.startswith("reader,attempt,started_at,finished_at,passed,finding,right,scored,share")
    assert len(rows) == 2 * len(FINDINGS)
    assert [row.split(",")[5] for row in rows[:4]] == list(FINDINGS)


def test_the_leads_page_costs_a_fixed_number_of_queries(required: dict[str, User], as_lead: Any) -> None:
    made(12)

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as seen:
            as_lead.get("/api/qualification/overview/")
        return len(seen)

    passes(required["observer_a"])
    few = queries()
    passes(required["observer_b"])
    passes(required["observer_a"])
    assert queries() == few


def test_the_lead_makes_cases(as_lead: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from annotation import tasks

    sent: list[bool] = []
    monkeypatch.setattr(tasks.draw_qualification_cases, "apply_async", lambda **_: sent.append(True))
    body = {"purpose": "qualification", "count": 6, "seed": 1}
    answer = as_lead.post("/api/qualification/cases/", body, format="json")
    assert (answer.status_code, answer.json(), sent) == (201, {"made": 6}, [True])
    assert qualification.waiting().count() == 6
    answer = as_lead.post("/api/qualification/cases/", {**body, "count": 4}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "bad_count")


def test_a_reader_sees_their_own_alone(
    required: dict[str, User], as_observer_a: Any, as_observer_b: Any
) -> None:
    made(12)
    before = as_observer_b.get("/api/qualification/").content
    passes(required["observer_a"])
    assert as_observer_b.get("/api/qualification/").content == before
    page = as_observer_a.get("/api/qualification/").json()
    assert (page["required"], page["passed"], page["can_start"], page["fresh_cases"]) == (True, True, True, 6)
    (attempt,) = page["attempts"]
    assert [row["finding"] for row in attempt["results"]] == list(FINDINGS)
    assert attempt["results"][0]["low"] < 1 == attempt["results"][0]["share"]


# --- The real images


def test_real_phantoms_reach_the_reader_blinded(as_observer_a: Any, observer_a: User) -> None:
    from annotation import wado_proxy
    from cohort import pixels

    call_command("make_qualification", count=1, seed=5, training=True, verbosity=0)
    case = QualificationCase.objects.get()
    assert not qualification.draw_waiting(), "drawn once"
    code = as_observer_a.post(f"/api/qualification/training/{case.pk}/").json()["code"]
    at = f"/api/qualification/reads/{code}/"
    for scan in as_observer_a.get(at).json()["scans"]:
        base = f"{at}wado/studies/{scan['study_uid']}/series/{scan['series_uid']}"
        answer = as_observer_a.get(f"{base}/metadata")
        metadata = answer.json()
        assert answer["Content-Type"] == "application/dicom+json"
        assert len(metadata) == scan["slices"] == len(scan["instances"])
        for one in metadata:
            kept = set(one) - set(wado_proxy.ALLOWED)
            assert kept == {
                "00080016", "00080018", "00080060", "0020000D", "0020000E", "00200013", "00200052",
                "00280008",
            }  # fmt: skip
        sop = scan["instances"][3]["sop_uid"]
        assert metadata[3]["00080018"]["Value"] == [sop]
        frame = as_observer_a.get(f"{base}/instances/{sop}/frames/1")
        assert frame["Cache-Control"] == "private, max-age=86400, immutable"
        assert pixels.decode_htj2k(frame.content).shape == (320, 320)
        assert as_observer_a.get(f"{base}/instances/2.25.1/frames/1").status_code == 404
    assert as_observer_a.get(f"{at}wado/studies/2.25.1/series/2.25.2/metadata").status_code == 404


# --- Integrity


def test_verify_audit_names_what_was_changed(required: dict[str, User]) -> None:
    from annotation import protection

    made(6)
    attempt = passes(required["observer_a"])
    assert audit.check().failures == []
    read = attempt.reads.all()[0]
    protection.remove(connection)
    QualificationRead.objects.filter(pk=read.pk).update(content={})
    QualificationAttempt.objects.filter(pk=attempt.pk).update(results={})
    protection.install(connection)
    assert audit.check().failures == [
        f"annotation.qualificationread {read.pk}: not what was signed",
        f"annotation.qualificationattempt {attempt.pk}: not what its reads come to",
    ]


def test_an_older_charter_stays_valid_and_asks_for_nothing(lead: User) -> None:
    """One frozen before these settings were known."""
    from django.utils import timezone

    from annotation.canonical import sha256
    from annotation.models import Charter

    old = {
        key: value
        for key, value in charter.Terms(plan_seed=1, sham_seed=2).as_dict().items()
        if not key.startswith(("qualification_", "pass_"))
    }
    frozen = Charter.objects.create(version=1, terms=old, hash=sha256(old), frozen_at=timezone.now())
    assert charter.is_intact(frozen)
    assert not charter.terms_of(frozen).qualification_required
    with transaction.atomic(), pytest.raises(RuleViolation) as refusal:
        charter.freeze(by=lead, reason="again")
    assert refusal.value.code == "no_change"
    assert charter.freeze(by=lead, changes={"qualification_required": True}, reason="now").version == 2
