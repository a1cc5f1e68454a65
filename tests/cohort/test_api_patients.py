"""GET /api/cohort/patients/, one patient, and POST …/scan-pair/"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from cohort import flow
from cohort.importing import import_directory
from cohort.ingest import ingest_paths
from cohort.models import Patient, Series
from cohort.pseudonyms import study_pseudonyms
from tests.builders import make_series, write_csv, write_export

pytestmark = pytest.mark.django_db
URL = "/api/cohort/patients/"


def pseudonym(patient_id: str) -> str:
    return study_pseudonyms().patient(patient_id)


def deliver(folder: Path) -> None:
    """P1 and P2 stay, P3 leaves for its short interval, P4 for having no scan."""
    write_export(folder / "stay", ["P1", "P2"])
    write_export(folder / "near", ["P3"], follow_up=date(2010, 9, 1), site="Site B")
    write_csv(folder / "none", "patients.csv", [{"patient_id": "P4", "site": "Site B"}])
    for part in ("stay", "near", "none"):
        import_directory(folder / part)


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["pseudonym"] for row in answer.json()["results"]]


def test_rows_say_who_and_where_they_left(as_lead: APIClient, tmp_path: Path) -> None:
    deliver(tmp_path)
    rows = {row["pseudonym"]: row for row in as_lead.get(URL).json()["results"]}
    assert rows[pseudonym("P1")] == {
        "pseudonym": pseudonym("P1"), "site": "Site A", "sex": "F", "age_at_baseline": 60.2, "exams": 2,
        "series": 0, "leaves_at": None, "reason": None, "phantom": False,
    }  # fmt: skip
    assert rows[pseudonym("P3")]["leaves_at"] == "interval"
    assert rows[pseudonym("P3")]["reason"] == "short_interval"
    assert rows[pseudonym("P4")]["age_at_baseline"] is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"step": "interval"}, ["P3"]),
        ({"step": "included"}, ["P1", "P2"]),
        ({"reached": "imaged"}, ["P1", "P2", "P3"]),
        ({"reason": "no_imaging"}, ["P4"]),
        ({"search": "site b"}, ["P3", "P4"]),
        ({"step": "interval", "reason": "no_imaging"}, []),
        ({"limit": 1, "offset": 1}, ["P2"]),
    ],
)
def test_filters(query: dict[str, Any], expected: list[str], as_lead: APIClient, tmp_path: Path) -> None:
    deliver(tmp_path)
    assert names(as_lead.get(URL, query)) == [pseudonym(p) for p in expected]


def test_search_by_part_of_a_pseudonym(as_lead: APIClient, tmp_path: Path) -> None:
    deliver(tmp_path)
    assert names(as_lead.get(URL, {"search": pseudonym("P2")[3:15].upper()})) == [pseudonym("P2")]


def test_every_step_of_the_flow_opens_as_many_rows_as_it_counts(as_lead: APIClient, tmp_path: Path) -> None:
    deliver(tmp_path)
    for step in flow.flow()["steps"]:
        if step["left"]:
            assert as_lead.get(URL, {"step": step["key"]}).json()["count"] == step["left"]
        assert as_lead.get(URL, {"reached": step["key"]}).json()["count"] == step["remaining"]


def test_pages_are_bounded_and_cost_the_same(as_lead: APIClient, tmp_path: Path) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            answer = as_lead.get(URL, {"limit": 1_000_000})
            assert len(answer.json()["results"]) <= 500
        return len(queries)

    write_export(tmp_path / "one", ["P1"])
    import_directory(tmp_path / "one")
    few = cost()
    Patient.objects.bulk_create([Patient(pseudonym=f"{k:020x}") for k in range(600)])
    assert cost() == few


@pytest.mark.parametrize(
    ("query", "listed"),
    [
        ({}, ["P1", "P2", "P3", "P4"]),
        ({"step": "included"}, ["P1", "P2"]),
        ({"reached": "imaged"}, ["P1", "P2", "P3"]),
        ({"reached": "interval", "site": "Site A"}, ["P1", "P2"]),
        ({"reached": "imaged", "step": "interval"}, ["P3"]),
        ({"step": "included", "reason": "no_imaging"}, []),
        ({"site": "Site B"}, ["P3", "P4"]),
    ],
)
def test_pages_from_either_end_are_cut_from_one_list(
    query: dict[str, str], listed: list[str], as_lead: APIClient, tmp_path: Path
) -> None:
    deliver(tmp_path)
    expected = [pseudonym(p) for p in listed]
    for limit in (1, 2, 3):
        for offset in range(6):
            answer = as_lead.get(URL, {**query, "limit": limit, "offset": offset})
            assert names(answer) == expected[offset : offset + limit]
            assert answer.json()["count"] == len(listed)


@pytest.mark.parametrize(
    ("query", "counts"),
    [
        ({}, 1),
        ({"step": "interval", "site": "Site B"}, 1),
        ({"step": "included"}, 2),
        ({"reached": "imaged"}, 2),
    ],
)
def test_a_page_is_counted_and_cut_before_its_rows_are_put_together(
    query: dict[str, str], counts: int, as_lead: APIClient, tmp_path: Path
) -> None:
    deliver(tmp_path)
    with CaptureQueriesContext(connection) as seen:
        answer = as_lead.get(URL, {**query, "limit": 1})
    assert len(answer.json()["results"]) == 1
    *counted, keys, rows = [query["sql"] for query in seen if "cohort_patient" in query["sql"]]
    assert len(counted) == counts
    assert not any("cohort_exam" in sql or "cohort_series" in sql for sql in (*counted, keys))
    assert "cohort_exam" in rows


def test_one_patient_with_all_that_is_known(as_lead: APIClient, included: Callable[..., Any]) -> None:
    (patient,) = included("P1")
    found = as_lead.get(f"{URL}{patient.pseudonym}/").json()
    assert [len(exam["series"]) for exam in found["exams"]] == [1, 1]
    first = found["exams"][0]["series"][0]
    assert (first["plane"], first["weighting"], first["sagittal_t2_cervical"]) == ("sagittal", "t2", True)
    assert (first["rows"], first["columns"], first["slices"]) == (32, 24, 7)
    assert first["recognition"]["weighting"] == "t2: TE 100 ms, TR 3500 ms, and SeriesDescription names T2"
    assert found["scan_pair"] == {
        "baseline": first["series_uid"],
        "follow_up": found["exams"][1]["series"][0]["series_uid"],
        "chosen_by": None,
        "reason": "",
    }
    assert found["exclusions"] == []
    assert [review["decision"] for review in found["chart_reviews"]] == ["confirmed"]
    assert (found["leaves_at"], found["series"]) == (None, 2)


def test_one_patient_without_scans(as_lead: APIClient, tmp_path: Path) -> None:
    deliver(tmp_path)
    found = as_lead.get(f"{URL}{pseudonym('P4')}/").json()
    assert (found["exams"], found["scan_pair"]) == ([], None)
    assert [(row["step"], row["leaving"]) for row in found["exclusions"]] == [
        ("imaged", True), ("coded", False),
    ]  # fmt: skip


def test_nothing_of_the_hospital_is_shown(as_lead: APIClient, included: Callable[..., Any]) -> None:
    (patient,) = included("HOSPITAL-7731")
    text = as_lead.get(f"{URL}{patient.pseudonym}/").content.decode()
    for secret in ("HOSPITAL-7731", "2010-03-01", "2015-03-01", "Nobody", "2016-01-01"):
        assert secret not in text


# ---- choosing the pair


def a_third_scan(folder: Path) -> Series:
    make_series(folder, patient_id="P1", exam_id="P1-E3", study_date=date(2014, 1, 1), seed=90)
    list(ingest_paths([folder]))
    return Series.objects.get(exam__pseudonym=study_pseudonyms().exam("P1", "P1-E3"))


def test_the_lead_chooses_another_follow_up_with_a_reason(
    as_lead: APIClient, included: Callable[..., Any], tmp_path: Path
) -> None:
    (patient,) = included("P1")
    other = a_third_scan(tmp_path / "third")
    body = {
        "baseline": patient.scan_pair.baseline.series_uid,
        "follow_up": other.series_uid,
        "reason": "the last one is blurred",
    }
    answer = as_lead.post(f"{URL}{patient.pseudonym}/scan-pair/", body)
    assert answer.status_code == 200
    assert answer.json() == {**body, "chosen_by": "lead"}
    flow.refresh()
    assert as_lead.get(f"{URL}{patient.pseudonym}/").json()["scan_pair"]["follow_up"] == other.series_uid


def test_the_rule_comes_back_and_every_choice_stays_on_record(
    as_lead: APIClient, included: Callable[..., Any], tmp_path: Path
) -> None:
    (patient,) = included("P1")
    page = f"{URL}{patient.pseudonym}/"
    other, rules = a_third_scan(tmp_path / "third"), patient.scan_pair
    baseline, by_rule = rules.baseline.series_uid, rules.follow_up.series_uid
    body = {"baseline": baseline, "follow_up": other.series_uid, "reason": "blurred"}
    answer = as_lead.post(f"{page}scan-pair/restore-rule/", {"reason": "x"})
    assert (answer.status_code, answer.json()["code"]) == (409, "not_overridden")
    assert as_lead.post(f"{page}scan-pair/", body).status_code == 200
    assert as_lead.post(f"{page}scan-pair/restore-rule/", {"reason": ""}).status_code == 400
    answer = as_lead.post(f"{page}scan-pair/restore-rule/", {"reason": "sent again, sharp"})
    assert answer.json()["scan_pair"] == {
        "baseline": baseline, "follow_up": by_rule, "chosen_by": None, "reason": "",
    }  # fmt: skip

    history = as_lead.get(page).json()["scan_choices"]
    assert [(row["follow_up"], row["reason"], row["chosen_by"]) for row in history] == [
        (other.series_uid, "blurred", "lead"), ("", "sent again, sharp", "lead"),
    ]  # fmt: skip
    trail = as_lead.get("/api/audit/").json()["results"]
    assert [(row["verb"], row["object_id"]) for row in trail][:2] == [
        ("restore_scan_rule", str(patient.pk)), ("choose_scan_pair", str(patient.pk)),
    ]  # fmt: skip


def test_a_chosen_baseline_brings_a_patient_back_who_lacked_t2(as_lead: APIClient, tmp_path: Path) -> None:
    folder = write_export(tmp_path, ["P1"])
    rows = (("P1-E1", "2010-03-01", "no"), ("P1-E2", "2011-03-01", "yes"), ("P1-E3", "2016-03-01", "yes"))
    exams = [
        {
            "patient_id": "P1",
            "exam_id": e,
            "date": d,
            "modality": "MR",
            "body_part": "CSPINE",
            "sagittal_t2": f,
        }
        for e, d, f in rows
    ]
    write_csv(folder, "exams.csv", exams)
    import_directory(folder)
    for exam, day in (("P1-E2", date(2011, 3, 1)), ("P1-E3", date(2016, 3, 1))):
        make_series(folder / "dicom" / exam, exam_id=exam, study_date=day)
    list(ingest_paths([folder / "dicom"]))
    page = f"{URL}{pseudonym('P1')}/"
    before = as_lead.get(page).json()
    assert (before["leaves_at"], before["reason"]) == ("baseline_t2", "no_sagittal_t2")

    second, third = (exam["series"][0]["series_uid"] for exam in before["exams"][1:])
    body = {"baseline": second, "follow_up": third, "reason": "the first exam has no T2"}
    assert as_lead.post(f"{page}scan-pair/", body).status_code == 200
    assert as_lead.get(page).json()["leaves_at"] is None
    flow.refresh()
    assert flow.eligible().count() == 1


def test_a_pair_too_near_is_refused(as_lead: APIClient, included: Callable[..., Any], tmp_path: Path) -> None:
    (patient,) = included("P1")
    make_series(tmp_path / "near", exam_id="P1-E4", study_date=date(2012, 11, 24), seed=91)  # 999 days
    list(ingest_paths([tmp_path / "near"]))
    near = Series.objects.get(exam__pseudonym=study_pseudonyms().exam("P1", "P1-E4"))
    body = {
        "baseline": patient.scan_pair.baseline.series_uid,
        "follow_up": near.series_uid,
        "reason": "clearer",
    }
    answer = as_lead.post(f"{URL}{patient.pseudonym}/scan-pair/", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "short_interval")
    assert "999 days" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"reason": ""}, 400, None),
        ({"reason": "   "}, 400, None),
        ({"baseline": "1.2.3"}, 409, "not_this_patients"),
        ({"swap": True}, 409, "wrong_order"),
    ],
)
def test_a_choice_that_cannot_be_is_refused_and_changes_nothing(
    change: dict[str, Any], status: int, code: str | None, as_lead: APIClient, included: Callable[..., Any]
) -> None:
    (patient,) = included("P1")
    pair = patient.scan_pair
    uids = [pair.baseline.series_uid, pair.follow_up.series_uid]
    if change.pop("swap", False):
        uids.reverse()
    body = {"baseline": uids[0], "follow_up": uids[1], "reason": "why not", **change}
    answer = as_lead.post(f"{URL}{patient.pseudonym}/scan-pair/", body)
    assert answer.status_code == status
    assert answer.json().get("code") == code
    pair.refresh_from_db()
    assert pair.chosen_by is None


def test_another_patients_series_is_refused(as_lead: APIClient, included: Callable[..., Any]) -> None:
    mine, other = included("P1", "P2")
    answer = as_lead.post(
        f"{URL}{mine.pseudonym}/scan-pair/",
        {
            "baseline": other.scan_pair.baseline.series_uid,
            "follow_up": mine.scan_pair.follow_up.series_uid,
            "reason": "mixed up",
        },
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "not_this_patients")


# ---- doors


def test_only_the_lead(
    as_lead: APIClient, as_observer_a: APIClient, as_outsider: APIClient, stranger: APIClient, tmp_path: Path
) -> None:
    deliver(tmp_path)
    page = f"{URL}{pseudonym('P1')}/"
    missing = as_lead.get(f"{URL}{'0' * 20}/")
    assert missing.status_code == 404
    for address in (URL, page):
        assert stranger.get(address).status_code == 403
        assert as_lead.post(address).status_code == 405
        for client in (as_observer_a, as_outsider):
            refused = client.get(address)
            assert (refused.status_code, refused.content) == (404, missing.content)
    assert as_observer_a.post(f"{page}scan-pair/", {"reason": "x"}).content == missing.content
