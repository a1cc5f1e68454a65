"""The flow sums at every step, and everybody leaves once, at the first step that fails."""

from __future__ import annotations

import io
import json
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from cohort import flow, scan_pairs
from cohort.importing import import_directory
from cohort.ingest import ingest_paths
from cohort.models import ChartReview, Exam, Exclusion, Patient, ScanPair, Series
from cohort.pseudonyms import study_pseudonyms
from config.exceptions import RuleViolation
from tests.builders import make_series, write_csv, write_export, write_study

pytestmark = pytest.mark.django_db

FIRST = date(2008, 1, 1)
KEYS = [
    "identified", "imaged", "interval", "coded", "baseline_t2", "chart_review", "baseline_deformity",
    "included",
]  # fmt: skip


class Cohort:
    """Rows of an export, written one patient at a time."""

    def __init__(self) -> None:
        self.tables: dict[str, list[dict[str, Any]]] = {
            "patients.csv": [], "diagnoses.csv": [], "exams.csv": [], "chart_review.csv": [],
        }  # fmt: skip

    def add(
        self, patient: str, *, days: tuple[int, ...] = (0, 1000), part: str = "CSPINE", modality: str = "MR",
        flags: tuple[str, ...] = ("yes", "yes", "yes"), code: str = "M05.9", decision: str = "",
        site: str = "A",
    ) -> None:  # fmt: skip
        self.tables["patients.csv"].append({"patient_id": patient, "site": site})
        if code:
            self.tables["diagnoses.csv"].append({"patient_id": patient, "system": "ICD10", "code": code})
        for k, day in enumerate(days):
            self.tables["exams.csv"].append({
                "patient_id": patient, "exam_id": f"{patient}-{k}", "date": FIRST + timedelta(days=day),
                "modality": modality, "body_part": part, "sagittal_t2": flags[k],
            })  # fmt: skip
        if decision:
            self.tables["chart_review.csv"].append({"patient_id": patient, "decision": decision})

    def load(self, folder: Path) -> dict[str, Any]:
        for name, rows in self.tables.items():
            write_csv(folder, name, rows)
        report = import_directory(folder)
        assert report.errors == []
        return checked()


def checked() -> dict[str, Any]:
    """The flow, after showing that it sums in every way it can be summed."""
    found = flow.flow()
    for steps in (found["steps"], *(site["steps"] for site in found["sites"])):
        assert [s["key"] for s in steps] == KEYS
        for before, step in pairwise(steps):
            assert step["remaining"] == before["remaining"] - step["left"]
            assert step["left"] == sum(step["reasons"].values())
    assert found["steps"][0]["remaining"] == Patient.objects.count()
    for k in range(len(KEYS)):
        assert found["steps"][k]["remaining"] == sum(s["steps"][k]["remaining"] for s in found["sites"])
    leaving = Exclusion.objects.filter(leaving=True)
    assert leaving.count() == leaving.values("patient").distinct().count()
    assert set(leaving.values_list("patient", flat=True)) == set(
        Exclusion.objects.values_list("patient", flat=True)
    )
    for patient in Patient.objects.all():
        steps = sorted(
            patient.exclusions.values_list("step", "leaving"), key=lambda s: flow.ORDER.index(s[0])
        )
        assert [leaves for _, leaves in steps] == [k == 0 for k in range(len(steps))]
    return found


def left(found: dict[str, Any]) -> dict[str, dict[str, int]]:
    return {s["key"]: s["reasons"] for s in found["steps"] if s["left"]}


def of(patient: str) -> Patient:
    return Patient.objects.get(pseudonym=study_pseudonyms().patient(patient))


def test_empty_cohort() -> None:
    assert [s["remaining"] for s in checked()["steps"]] == [0] * 8


def test_each_reason_once(tmp_path: Path) -> None:
    cohort = Cohort()
    cohort.add("included")
    cohort.add("no imaging", days=())
    cohort.add("lumbar", part="LSPINE")
    cohort.add("ct", modality="CT")
    cohort.add("single", days=(0,))
    cohort.add("short", days=(0, 999))
    cohort.add("still", code="M06.1")
    cohort.add("uncoded", code="")
    cohort.add("no t2", flags=("no", "yes"))
    cohort.add("t2 unknown", flags=("", "yes"))
    for decision in ChartReview.Decision.values:
        cohort.add(f"chart {decision}", decision=decision, site="B")
    found = cohort.load(tmp_path)
    assert left(found) == {
        "imaged": {"no_cervical_mri": 2, "no_imaging": 1},
        "interval": {"short_interval": 1, "single_mri": 1},
        "coded": {"no_ra_code": 2},
        "baseline_t2": {"no_sagittal_t2": 1, "sagittal_t2_unknown": 1},
        "chart_review": {
            "junction_surgery": 1, "no_adequate_follow_up": 1, "odontoid_fracture": 1, "other": 1,
            "ra_refuted": 1,
        },
    }  # fmt: skip
    assert found["steps"][-1]["remaining"] == 2


def test_a_patient_who_fails_several_steps_leaves_at_the_first(tmp_path: Path) -> None:
    cohort = Cohort()
    cohort.add("P1", days=(0, 10), code="", flags=("no", "no"), decision="ra_refuted")
    found = cohort.load(tmp_path)
    assert left(found) == {"interval": {"short_interval": 1}}
    assert set(of("P1").exclusions.values_list("step", flat=True)) == {
        "interval", "coded", "baseline_t2", "chart_review",
    }  # fmt: skip


def test_interval_is_a_setting_and_reaches_from_first_to_last(tmp_path: Path) -> None:
    cohort = Cohort()
    cohort.add("P1", days=(0, 500, 1000))
    cohort.add("P2", days=(0, 500, 999))
    assert left(cohort.load(tmp_path)) == {"interval": {"short_interval": 1}}
    flow.refresh([of("P1")], min_interval_days=999)  # a setting holds for everybody
    assert left(checked()) == {}
    flow.refresh()  # and stays
    assert left(checked()) == {}
    flow.refresh(min_interval_days=1001)
    assert left(checked()) == {"interval": {"short_interval": 2}}


def test_rows_follow_the_records(tmp_path: Path) -> None:
    cohort = Cohort()
    cohort.add("P1", code="", decision="ra_refuted")
    assert left(cohort.load(tmp_path)) == {"coded": {"no_ra_code": 1}}
    of("P1").diagnoses.create(system="ICD10", code="M06.9")
    flow.refresh([of("P1")])
    assert left(checked()) == {"chart_review": {"ra_refuted": 1}}
    ChartReview.objects.create(patient=of("P1"), decision="confirmed", date=date(2020, 1, 1))
    flow.refresh()
    assert left(checked()) == {}


def test_label_and_lead_rows_stay(tmp_path: Path, lead: Any) -> None:
    cohort = Cohort()
    cohort.add("P1")
    cohort.add("P2", decision="ra_refuted")
    cohort.load(tmp_path)
    flow.exclude(patient=of("P1"), step="baseline_deformity", reason="baseline_deformity", source="label")
    flow.exclude(patient=of("P1"), step="baseline_deformity", reason="baseline_deformity", source="label")
    flow.exclude(patient=of("P2"), step="chart_review", reason="other", source="lead", by=lead, note="seen")
    for _ in range(2):
        flow.refresh()
        assert left(checked()) == {
            "baseline_deformity": {"baseline_deformity": 1},
            "chart_review": {"other": 1},
        }
    row = of("P2").exclusions.get()
    assert (row.source, row.excluded_by, row.note, row.leaving) == ("lead", lead, "seen", True)


def test_an_earlier_failure_takes_over_the_leaving_step(tmp_path: Path) -> None:
    cohort = Cohort()
    cohort.add("P1")
    cohort.load(tmp_path)
    flow.exclude(patient=of("P1"), step="baseline_deformity", reason="baseline_deformity", source="label")
    of("P1").diagnoses.all().delete()
    flow.refresh()
    assert left(checked()) == {"coded": {"no_ra_code": 1}}


@pytest.mark.parametrize(
    "change", [{"step": "identified"}, {"step": "nonsense"}, {"source": "rumour"}, {"reason": ""}]
)
def test_exclude_refuses_nonsense(change: dict[str, str]) -> None:
    patient = Patient.objects.create(pseudonym="x")
    arguments: dict[str, Any] = {"step": "coded", "reason": "x", "source": "lead", **change}
    with pytest.raises(ValueError, match=r"unknown step|needs a reason"):
        flow.exclude(patient=patient, **arguments)
    assert not Exclusion.objects.exists()


def test_database_allows_one_leaving_step() -> None:
    patient = Patient.objects.create(pseudonym="x")
    Exclusion.objects.create(patient=patient, step="coded", reason="r", source="rule", leaving=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        Exclusion.objects.create(patient=patient, step="imaged", reason="r", source="rule", leaving=True)


def test_images_outweigh_the_export(tmp_path: Path) -> None:
    folder = write_study(tmp_path, ["P1", "P2"])
    write_csv(folder, "exams.csv", [
        {"patient_id": p, "exam_id": f"{p}-E{k}", "date": on, "modality": "MR", "body_part": "CSPINE",
        "sagittal_t2": f}
        for p, f in (("P1", "no"), ("P2", "yes")) for k, on in ((1, "2010-03-01"), (2, "2015-03-01"))
    ])  # fmt: skip
    import_directory(folder)
    assert left(checked()) == {"baseline_t2": {"no_sagittal_t2": 1}}
    list(ingest_paths([folder / "dicom" / "P1"]))
    make_series(
        tmp_path / "t1", patient_id="P2", exam_id="P2-E1", tags={"EchoTime": 10, "RepetitionTime": 500}
    )
    list(ingest_paths([tmp_path / "t1"]))
    assert left(checked()) == {"baseline_t2": {"no_sagittal_t2": 1}}
    assert not of("P1").exclusions.exists()
    list(ingest_paths([folder / "dicom" / "P2"]))
    assert left(checked()) == {}


def test_follow_up_without_an_adequate_series_is_no_follow_up(tmp_path: Path) -> None:
    import_directory(write_export(tmp_path, ["P1"]))
    make_series(tmp_path / "a", exam_id="P1-E1")
    make_series(
        tmp_path / "b", exam_id="P1-E2", study_date=date(2015, 3, 1), seed=1,
        tags={"EchoTime": 10, "RepetitionTime": 500},
    )  # fmt: skip
    list(ingest_paths([tmp_path / "a"]))
    assert left(checked()) == {}
    list(ingest_paths([tmp_path / "b"]))
    assert left(checked()) == {"chart_review": {"no_adequate_follow_up": 1}}
    make_series(tmp_path / "c", exam_id="P1-E2", study_date=date(2015, 3, 1), seed=2)
    list(ingest_paths([tmp_path / "c"]))
    assert left(checked()) == {}
    assert flow.eligible().get() == of("P1")


# ---- scan pairs


def facts(*exams: tuple[int, bool, int]) -> list[scan_pairs.ExamFacts]:
    """(day, is a cervical MRI, number of adequate series)"""
    return [
        scan_pairs.ExamFacts(k, FIRST + timedelta(days=day), mri, None, True, [(-15, 0.5,
        10 * k + s) for s in range(n)])
        for k, (day, mri, n) in enumerate(exams)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("exams", "pair"),
    [
        ([(0, True, 1), (1000, True, 1)], (0, 10)),
        ([(0, True, 1), (999, True, 1)], None),
        ([(0, True, 1), (1500, True, 1), (3000, True, 1)], (0, 20)),
        ([(0, True, 1), (1500, True, 1), (3000, True, 0)], (0, 10)),
        ([(0, True, 1), (500, True, 1), (3000, True, 0)], None),
        ([(0, False, 0), (10, True, 1), (3000, True, 1)], (10, 20)),
        ([(0, True, 0), (10, True, 1), (3000, True, 1)], None),
        ([(0, True, 2), (3000, True, 3)], (0, 10)),
        ([], None),
    ],
)
def test_rule_of_the_pair(exams: list[tuple[int, bool, int]], pair: tuple[int, int] | None) -> None:
    assert scan_pairs.rule(facts(*exams), 1000) == pair


def test_of_several_series_the_one_with_most_slices_then_the_finest() -> None:
    first, last = facts((0, True, 1), (2000, True, 0))
    last.adequate = [(-13, 0.4, 1), (-15, 0.6, 2), (-15, 0.5, 3), (-15, 0.5, 4)]
    assert scan_pairs.rule([first, last], 1000) == (0, 3)


def test_a_leads_choice_outlasts_the_rule(included: Any, lead: Any, tmp_path: Path) -> None:
    (patient,) = included("P1")
    pair = patient.scan_pair
    make_series(tmp_path / "late", exam_id="P1-E3", study_date=date(2017, 1, 1), seed=9)
    list(ingest_paths([tmp_path / "late"]))
    assert ScanPair.objects.get().follow_up != pair.follow_up
    scan_pairs.choose(
        patient=patient, baseline=pair.baseline.series_uid, follow_up=pair.follow_up.series_uid,
        reason="the later scan shows metal", by=lead,
    )  # fmt: skip
    flow.refresh()
    chosen = ScanPair.objects.get()
    assert (chosen.follow_up, chosen.chosen_by, chosen.reason) == (
        pair.follow_up,
        lead,
        "the later scan shows metal",
    )


def test_choice_must_be_this_patients_and_in_order(included: Any, lead: Any) -> None:
    one, two = included("P1", "P2")
    pair, other = one.scan_pair, two.scan_pair
    with pytest.raises(RuleViolation, match="this patient"):
        scan_pairs.choose(
            patient=one,
            baseline=pair.baseline.series_uid,
            follow_up=other.follow_up.series_uid,
            reason="x",
            by=lead,
        )
    with pytest.raises(RuleViolation, match="earlier"):
        scan_pairs.choose(
            patient=one,
            baseline=pair.follow_up.series_uid,
            follow_up=pair.baseline.series_uid,
            reason="x",
            by=lead,
        )


# ---- size, command


def test_queries_do_not_grow_with_patients(tmp_path: Path) -> None:
    def queries(prefix: str, n: int) -> int:
        cohort = Cohort()
        for k in range(n):
            cohort.add(f"{prefix}{k}", code="" if k % 2 else "M05")
        cohort.load(tmp_path / prefix)
        with CaptureQueriesContext(connection) as seen:
            flow.refresh()
        return len(seen)

    assert queries("a", 4) == queries("b", 80)
    with CaptureQueriesContext(connection) as seen:
        flow.flow()
    assert len(seen) == 1


def test_chunks_cover_everybody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow, "_CHUNK", 3)
    cohort = Cohort()
    for k in range(10):
        cohort.add(f"P{k}", days=())
    assert left(cohort.load(tmp_path)) == {"imaged": {"no_imaging": 10}}
    Exclusion.objects.all().delete()
    flow.refresh()
    assert left(checked()) == {"imaged": {"no_imaging": 10}}


def test_command(tmp_path: Path) -> None:
    cohort = Cohort()
    cohort.add("P1", days=())
    cohort.load(tmp_path)
    out = io.StringIO()
    call_command("patient_flow", "--format", "json", stdout=out)
    steps = json.loads(out.getvalue())["steps"]
    assert [s["key"] for s in steps] == KEYS
    assert {"key", "remaining", "left", "reasons"} <= steps[0].keys()
    out = io.StringIO()
    call_command("patient_flow", "--refresh", stdout=out)
    assert "−1 no imaging" in out.getvalue()
    assert Exam.objects.count() == Series.objects.count() == 0
