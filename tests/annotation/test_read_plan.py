"""The read plan: who reads what in which order, from the seed and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from scipy import stats

from annotation import placement, read_plan, workflow
from annotation.charter import Terms
from annotation.models import Assignment, Case, Charter, Scan
from cohort import flow
from cohort.models import Patient
from config.accounts.models import User
from config.exceptions import RuleViolation
from tests.annotation.conftest import make_patients, sign

pytestmark = pytest.mark.django_db


def order(reader: Any) -> list[str]:
    rows = Assignment.objects.filter(reader=reader).order_by("position").select_related("case__patient")
    return [row.case.patient.pseudonym for row in rows]


def test_everybody_is_read_by_both(study: Any, readers: dict[str, Any]) -> None:
    study(12)
    a, b = order(readers["observer_a"]), order(readers["observer_b"])
    assert len(a) == 12
    assert sorted(a) == sorted(b)
    assert a != b
    codes = set(Assignment.objects.values_list("code", flat=True))
    assert len(codes) == 24
    assert not Assignment.objects.filter(kind="adjudication").exists()


def test_repeating_adds_nothing(study: Any, readers: dict[str, Any]) -> None:
    study(3)
    assert workflow.open_reading(by=readers["lead"]) == []
    assert Charter.objects.count() == 1
    assert Assignment.objects.count() == 6


def test_later_patients_do_not_move_the_others(study: Any, readers: dict[str, Any]) -> None:
    study(8)
    before = order(readers["observer_a"])
    make_patients(5, prefix="00c")
    workflow.open_reading(by=readers["lead"])
    after = order(readers["observer_a"])
    assert [name for name in after if name in before] == before
    assert len(after) == 13
    call_command("verify_plan")


def test_excluded_patients_are_not_opened(readers: dict[str, Any]) -> None:
    inside, outside = make_patients(2)
    flow.exclude(patient=outside, step="chart_review", reason="other", source="lead", by=readers["lead"])
    workflow.open_reading(by=readers["lead"])
    assert list(Case.objects.values_list("patient", flat=True)) == [inside.pk]


def test_only_named_patients(readers: dict[str, Any]) -> None:
    first, _ = make_patients(2)
    workflow.open_reading(by=readers["lead"], patients=[first])
    assert list(Case.objects.values_list("patient", flat=True)) == [first.pk]


def test_three_observers_share_the_work(cast: dict[str, Any]) -> None:
    make_patients(60)
    workflow.freeze_charter(by=None, changes={"plan_seed": 5, "reread_share": 0.0})
    workflow.open_reading(by=cast["lead"])
    for case in Case.objects.all():
        assert case.assignments.count() == 2
    shares = [len(order(cast[name])) for name in ("observer_a", "observer_b", "observer_c")]
    assert sum(shares) == 120
    assert min(shares) > 28


def test_too_few_observers(readers: dict[str, Any]) -> None:
    make_patients(1)
    User.objects.filter(username="observer_b").update(is_active=False)
    with pytest.raises(RuleViolation) as refusal:
        workflow.open_reading(by=readers["lead"])
    assert refusal.value.code == "observers_missing"
    assert not Charter.objects.exists()


def test_order_knows_neither_date_nor_severity(study: Any, readers: dict[str, Any]) -> None:
    """Over 200 seeds the rank correlation with what a reader must not know is that of chance."""
    cases = [
        Case.objects.select_related("patient").prefetch_related("scans").get(pk=case.pk) for case in study(40)
    ]
    # make_patients dates the follow-ups in this order; let it be the order of severity as well.
    hidden = np.arange(len(cases))
    correlations = []
    for seed in range(200):
        terms = Terms(plan_seed=seed, sham_seed=0)
        places = [next(placement.places(case, readers["observer_a"].pk, "read", terms)) for case in cases]
        correlations.append(stats.spearmanr(places, hidden).statistic)
    spread = 1 / np.sqrt(len(cases) - 1)  # of Spearman's rho by chance
    assert abs(np.mean(correlations)) < 4 * spread / np.sqrt(200)
    assert np.std(correlations) == pytest.approx(spread, rel=0.2)


def test_two_readers_orders_are_unrelated(study: Any, readers: dict[str, Any]) -> None:
    cases = [
        Case.objects.select_related("patient").prefetch_related("scans").get(pk=case.pk) for case in study(40)
    ]
    correlations = []
    for seed in range(200):
        terms = Terms(plan_seed=seed, sham_seed=0)
        places = [
            [next(placement.places(case, readers[name].pk, "read", terms)) for case in cases]
            for name in ("observer_a", "observer_b")
        ]
        correlations.append(stats.spearmanr(*places).statistic)
    assert abs(np.mean(correlations)) < 4 / np.sqrt(39 * 200)


# --- Independent design


def test_independent_scans_lie_apart(study: Any, readers: dict[str, Any]) -> None:
    study(40, read_design="independent", min_gap_reads=20)
    assert Case.objects.count() == 80
    for name in ("observer_a", "observer_b"):
        seen = order(readers[name])
        gaps = [len(seen) - 1 - seen[::-1].index(p) - seen.index(p) for p in set(seen)]
        assert min(gaps) >= 20
    first = Assignment.objects.filter(reader=readers["observer_a"]).order_by("position")[:40]
    baselines = sum(row.case.scans.get().key == Scan.Key.BASELINE for row in first)
    assert 8 <= baselines <= 32, "which scan is read first is a coin"
    call_command("verify_plan")


def test_gap_that_cannot_be_kept(readers: dict[str, Any]) -> None:
    make_patients(5)
    workflow.freeze_charter(by=None, changes={"read_design": "independent", "min_gap_reads": 20})
    with pytest.raises(RuleViolation) as refusal:
        workflow.open_reading(by=readers["lead"])
    assert refusal.value.code == "gap_too_small"
    assert not Case.objects.exists()


def test_independent_reader_sees_one_unnamed_scan(
    study: Any, readers: dict[str, Any], as_observer_a: Any
) -> None:
    study(4, read_design="independent", min_gap_reads=1)
    bodies = []
    for item in as_observer_a.get("/api/reading/worklist/").json()["items"]:
        answer = as_observer_a.get(f"/api/reading/cases/{item['code']}/")
        (scan,) = answer.json()["scans"]
        assert (scan["key"], scan["label"]) == ("scan", "Scan")
        bodies.append(answer.content.decode())
    assert not [body for body in bodies if "baseline" in body or "follow" in body]


def test_independent_draft_and_refusals_in_the_readers_words(
    study: Any, readers: dict[str, Any], as_observer_a: Any, password: str
) -> None:
    study(4, read_design="independent", min_gap_reads=1)
    code = as_observer_a.get("/api/reading/worklist/").json()["next"]
    url = f"/api/reading/cases/{code}/"
    points = [[0, 0, 0], [0, 0, 1]]
    body = {
        "revision": 0,
        "content": {"scan": {"grades": {"pannus": 1}}},
        "measurements": [
            {
                "id": "1",
                "kind": "length",
                "scan": "scan",
                "slice": 0,
                "sop_uid": "",
                "points": points,
                "value": 1,
            }
        ],
        "active_seconds": 0,
    }
    saved = as_observer_a.put(f"{url}draft/", body, format="json")
    assert saved.json()["categories"] == {"scan": None}
    page = as_observer_a.get(url).json()
    assert page["reading"]["content"] == body["content"]
    assert page["reading"]["measurements"][0]["scan"] == "scan"
    stale = as_observer_a.put(f"{url}draft/", body, format="json").json()
    assert stale["current"]["content"] == body["content"]
    sign_body = {"revision": 1, "password": password, "meaning": "mine"}
    refused = as_observer_a.post(f"{url}sign/", sign_body, format="json").json()
    assert {gap["scan"] for gap in refused["missing"]} == {"scan"}


# --- Verification


def failures(capsys: Any) -> str:
    with pytest.raises(CommandError):
        call_command("verify_plan")
    return str(capsys.readouterr().err)


def test_verified(study: Any, readers: dict[str, Any], capsys: Any) -> None:
    for case in study(6, sham_share=0.5):
        for name in ("observer_a", "observer_b"):
            sign(case, readers[name])
    call_command("verify_plan")
    assert "as the seeds give them" in capsys.readouterr().out


def test_moved_case_is_named(study: Any, readers: dict[str, Any], capsys: Any) -> None:
    study(4)
    row = Assignment.objects.order_by("pk")[2]
    Assignment.objects.filter(pk=row.pk).update(position=row.position + 1)
    assert f"annotation.assignment {row.pk}: position" in failures(capsys)


def test_removed_read_is_named(study: Any, readers: dict[str, Any], capsys: Any) -> None:
    case, *_ = study(4)
    case.assignments.first().delete()
    assert f"annotation.case {case.pk}: 1 reads are planned" in failures(capsys)


def test_false_sham_is_named(study: Any, readers: dict[str, Any], capsys: Any) -> None:
    (case,) = study(1)
    for name in ("observer_a", "observer_b"):
        sign(case, readers[name])
    row = read_plan.refer(Case.objects.get(pk=case.pk), sham=True)
    assert row is not None
    assert f"annotation.assignment {row.pk}: a sham that the seed did not draw" in failures(capsys)


def test_missing_sham_is_named(study: Any, readers: dict[str, Any], capsys: Any) -> None:
    (case,) = study(1, sham_share=1.0)
    for name in ("observer_a", "observer_b"):
        sign(case, readers[name])
    Assignment.objects.get(sham=True).delete()
    assert f"annotation.case {case.pk}: the seed drew a sham" in failures(capsys)


# --- The endpoint and the command


def test_endpoint(readers: dict[str, Any], as_lead: Any) -> None:
    make_patients(2)
    answer = as_lead.post("/api/read-plan/")
    assert answer.status_code == 200
    assert answer.json() == {"cases": 2, "assignments": 4, "charter": 1}


def test_command(readers: dict[str, Any], capsys: Any) -> None:
    make_patients(2)
    call_command("open_reading", "--by", "lead")
    assert "2 new cases, 4 new assignments" in capsys.readouterr().out
    with pytest.raises(CommandError, match="no study lead"):
        call_command("open_reading", "--by", "observer_a")
    assert Patient.objects.count() == 2
