"""Until a reader has passed nothing opens; and phantoms never mix with patients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from annotation import audit, plan_check, qualification, qualified, rubric, workflow
from annotation.models import (
    Assignment,
    Case,
    QualificationCase,
)
from config.accounts.models import User
from config.exceptions import RuleViolation
from tests.annotation.conftest import QUALIFICATION, both, make_patients, sign
from tests.annotation.phantoms import MEANING, TRAINING, made, passes, perfect

pytestmark = pytest.mark.django_db


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
    workflow.freeze_charter(by=readers["lead"], changes=QUALIFICATION, reason="quality")
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
