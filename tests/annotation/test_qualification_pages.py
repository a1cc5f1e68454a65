"""What readers and the lead see of the qualification, and what protects it."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from annotation import audit, charter, qualification
from annotation.models import (
    QualificationAttempt,
    QualificationCase,
    QualificationRead,
)
from annotation.qualification_score import FINDINGS
from config.accounts.models import User
from config.exceptions import RuleViolation
from tests.annotation.phantoms import made, passes, read_all

pytestmark = pytest.mark.django_db


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
