"""Re-reads come back after the wash-out, look like any other case, and change nothing."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from scipy import stats

from annotation import placement, workflow
from annotation.models import Assignment, Case, FinalLabel, Reading
from cohort.models import Exclusion
from tests.annotation.conftest import assignment, both, disagree, make_patients, sign, unreadable

pytestmark = pytest.mark.django_db
TERMS = {"reread_share": 0.25, "washout_reads": 5}


def sign_row(row: Assignment, content: dict[str, Any] | None = None) -> Reading:
    saved = workflow.save_draft(assignment=row, by=row.reader, revision=0, content=content or both())
    return workflow.sign_reading(assignment=row, by=row.reader, revision=saved.revision)


def ranks(reader: Any) -> list[Assignment]:
    return list(Assignment.objects.filter(reader=reader).order_by("position"))


def test_the_share_comes_back_after_the_washout(study: Any, readers: dict[str, Any]) -> None:
    study(40, **TERMS)
    for name in ("observer_a", "observer_b"):
        rows = ranks(readers[name])
        assert sum(row.kind == "reread" for row in rows) == 10
        first = {row.case_id: rank for rank, row in enumerate(rows) if row.kind == "read"}
        for rank, row in enumerate(rows):
            if row.kind == "reread":
                others = [r for r in rows[first[row.case_id] + 1 : rank] if r.kind == "read"]
                assert len(others) >= 5
    assert len(set(Assignment.objects.values_list("code", flat=True))) == 100
    call_command("verify_plan")


def test_independent_rereads_keep_the_gap_to_the_other_scan(study: Any, readers: dict[str, Any]) -> None:
    study(40, read_design="independent", min_gap_reads=10, **TERMS)
    rows = ranks(readers["observer_a"])
    assert sum(row.kind == "reread" for row in rows) == 20
    patient = dict(Case.objects.values_list("pk", "patient"))
    for rank, row in enumerate(rows):
        if row.kind == "reread":
            for other, sibling in enumerate(rows):
                if sibling.kind == "read" and patient[sibling.case_id] == patient[row.case_id]:
                    low, high = sorted((rank, other))
                    assert sum(r.kind == "read" for r in rows[low + 1 : high]) >= 5
    call_command("verify_plan")


def test_a_list_too_short_for_the_washout_has_none(study: Any) -> None:
    study(5, **TERMS)
    assert not Assignment.objects.filter(kind="reread").exists()
    call_command("verify_plan")


def test_default_share_is_the_methods() -> None:
    from annotation.charter import Terms

    assert (Terms().reread_share, Terms().washout_reads) == (0.1, 20)


def test_which_cases_return_is_chance(study: Any, readers: dict[str, Any]) -> None:
    """Over 200 seeds the chosen cases' rank by what a reader must not know is uniform."""
    from annotation.charter import Terms

    cases = study(30)
    rows = list(
        Assignment.objects.filter(reader=readers["observer_a"])
        .select_related("case__patient")
        .prefetch_related("case__scans")
    )
    hidden = {case.pk: rank for rank, case in enumerate(cases)}  # dates and severity rise with it
    chosen = []
    for seed in range(200):
        terms = Terms(plan_seed=seed, sham_seed=0, reread_share=0.2, washout_reads=10)
        for row in rows:
            row.position = next(placement.places(row.case, row.reader_id, "read", terms))
        chosen += [hidden[row.case_id] for row, _ in placement.rereads(rows, [], terms)]
    assert len(chosen) == 1200
    assert stats.kstest(np.array(chosen) / 30 + 1 / 60, "uniform").pvalue > 0.001


def test_a_reread_cannot_be_told_from_a_first_read(
    study: Any, readers: dict[str, Any], as_observer_a: Any
) -> None:
    """Every answer has the same shape and differs in codes and opaque UIDs alone."""
    study(12, reread_share=0.5, washout_reads=2)
    items = as_observer_a.get("/api/reading/worklist/").json()["items"]
    assert {(item["kind"], item["status"]) for item in items} == {("case", "open")}
    assert len(items) == 18
    opaque = re.compile(r"2\.25\.\d+|\b[0-9a-f]{16}\b")
    again = Assignment.objects.filter(reader=readers["observer_a"], kind="reread").first()
    first = Assignment.objects.get(reader=readers["observer_a"], kind="read", case=again.case_id)
    pages: dict[str, Any] = {}
    for row in (first, again):
        answer = as_observer_a.get(f"/api/reading/cases/{row.code}/")
        body = answer.json() | {"next": ""}
        pages[row.kind] = (opaque.sub("#", str(body)), sorted(answer.headers))
        uids = set(re.findall(r"2\.25\.\d+", answer.content.decode()))
        pages[f"{row.kind} uids"] = uids
    assert pages["read"] == pages["reread"]
    assert not pages["read uids"] & pages["reread uids"], "the same image has another address"


def test_signed_pages_are_alike_too(study: Any, readers: dict[str, Any], as_observer_a: Any) -> None:
    """Also when the case went to consensus meanwhile, and when an amendment is refused."""
    for case in study(12, reread_share=0.5, washout_reads=2):
        if case.pk % 2:
            disagree(case, readers)
        else:
            for name in ("observer_a", "observer_b"):
                sign(case, readers[name])
    final = Assignment.objects.filter(reader=readers["observer_a"], kind="read", case__state="final").first()
    for row in Assignment.objects.filter(reader=readers["observer_a"], kind="reread"):
        sign_row(row)
        page = as_observer_a.get(f"/api/reading/cases/{row.code}/").json()
        model = as_observer_a.get(f"/api/reading/cases/{final.code}/").json()
        assert (page["amendable"], page["status"]) == (model["amendable"], model["status"])
        refused = [
            as_observer_a.post(f"/api/reading/cases/{code}/amend/", {"reason": "again"}, format="json")
            for code in (row.code, final.code)
        ]
        assert refused[0].content == refused[1].content
        assert refused[0].status_code == 409


@pytest.mark.parametrize("content", [both("clean", "case"), {**both(), "follow_up": unreadable()}])
def test_nothing_follows_from_a_reread(study: Any, readers: dict[str, Any], content: Any) -> None:
    cases = study(12, reread_share=0.5, washout_reads=2)
    for case in cases[:6]:
        for name in ("observer_a", "observer_b"):
            sign(case, readers[name])
    before = (
        dict(Case.objects.values_list("pk", "state")),
        list(FinalLabel.objects.values_list("pk", "category")),
        Exclusion.objects.count(),
    )
    for row in Assignment.objects.filter(kind="reread").select_related("reader"):
        sign_row(row, content)
    assert before == (
        dict(Case.objects.values_list("pk", "state")),
        list(FinalLabel.objects.values_list("pk", "category")),
        Exclusion.objects.count(),
    )
    from annotation import lead_review

    assert lead_review.open_reviews() == []
    call_command("verify_audit")
    call_command("verify_plan")


def test_a_moved_missing_or_added_reread_is_named(study: Any, readers: dict[str, Any], capsys: Any) -> None:
    study(12, reread_share=0.5, washout_reads=2)
    moved, gone, *_ = Assignment.objects.filter(kind="reread")
    Assignment.objects.filter(pk=moved.pk).update(position=moved.position + 1)
    gone.delete()
    free = Case.objects.exclude(assignments__in=Assignment.objects.filter(kind="reread", reader=moved.reader))
    added = Assignment.objects.create(
        case_id=free.exclude(pk=gone.case_id).values_list("pk", flat=True)[0],
        reader=moved.reader,
        kind="reread",
        code="x",
        position=7,
        batch=moved.batch,
    )
    with pytest.raises(CommandError):
        call_command("verify_plan")
    named = capsys.readouterr().err
    assert f"annotation.assignment {moved.pk}: position" in named
    assert f"annotation.case {gone.case_id}: a re-read by user {gone.reader_id}" in named
    assert f"annotation.assignment {added.pk}: a re-read that the seed did not draw" in named


def test_later_patients_get_rereads_of_their_own(study: Any, readers: dict[str, Any]) -> None:
    study(12, **TERMS)
    before = list(Assignment.objects.order_by("pk").values_list("pk", "position"))
    make_patients(12, prefix="00c")
    workflow.open_reading(by=readers["lead"])
    assert list(Assignment.objects.order_by("pk").values_list("pk", "position"))[: len(before)] == before
    assert Assignment.objects.filter(kind="reread", batch=2).count() == 6
    call_command("verify_plan")


def test_the_usual_fixture_has_none(case: Case, readers: dict[str, Any]) -> None:
    sign(case, readers["observer_a"])
    assert assignment(case, readers["observer_a"]).kind == "read"
