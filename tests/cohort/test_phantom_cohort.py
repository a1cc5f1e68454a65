"""A whole phantom study: exports, series, truth, and the prognosis planted in it."""

from __future__ import annotations

import csv
import importlib.util
import json
from datetime import date
from pathlib import Path

import numpy as np
import pydicom
import pytest
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from cohort.phantom import prognosis
from cohort.phantom.__main__ import main
from cohort.phantom.anatomy import FINDINGS
from cohort.phantom.cohort import write_cohort
from cohort.phantom.planning import PhantomPatient, oracle, plan_patient
from cohort.phantom.tables import LEAVERS

HEADERS = {
    "patients.csv": "patient_id,site,sex,birth_date,ra_diagnosis_date,rf,anti_ccp,infliximab,other_biologic",
    "diagnoses.csv": "patient_id,system,code,date",
    "exams.csv": "patient_id,exam_id,date,modality,body_part,sagittal_t2",
    "chart_review.csv": "patient_id,decision,note,date",
}


def many(
    n: int, share: float = 0.2, slope: float = prognosis.STRONG, **options: float
) -> list[PhantomPatient]:
    model = prognosis.plan(share, slope)
    return [plan_patient(f"PH{k:04d}", (99, k), model, **options) for k in range(n)]  # type: ignore[arg-type]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("study")
    seen: list[tuple[int, int]] = []
    write_cohort(
        directory,
        10,
        seed=4,
        matrix=48,
        slices=13,
        positive_share=0.4,
        progress=lambda d, t: seen.append((d, t)),
    )
    assert seen == [(k, 10) for k in range(1, 11)]
    return directory


def test_headers(study: Path) -> None:
    for name, header in HEADERS.items():
        assert (study / name).read_text(encoding="utf-8").splitlines()[0] == header


def test_every_planned_patient_qualifies(study: Path) -> None:
    truth = json.loads((study / "truth.json").read_text())
    exams = {row["exam_id"]: row for row in rows(study / "exams.csv")}
    reviews = {row["patient_id"]: row["decision"] for row in rows(study / "chart_review.csv")}
    coded = {row["patient_id"] for row in rows(study / "diagnoses.csv")}
    assert len(truth["patients"]) == 10
    for patient in truth["patients"]:
        first, last = (exams[scan["exam_id"]] for scan in patient["scans"])
        assert (date.fromisoformat(last["date"]) - date.fromisoformat(first["date"])).days >= 1000
        assert first["sagittal_t2"] == last["sagittal_t2"] == "yes"
        assert reviews[patient["patient_id"]] == "confirmed"
        assert patient["patient_id"] in coded


def test_series_match_the_export(study: Path) -> None:
    truth = json.loads((study / "truth.json").read_text())
    exams = {row["exam_id"]: row for row in rows(study / "exams.csv")}
    born = {row["patient_id"]: row["birth_date"] for row in rows(study / "patients.csv")}
    for patient in truth["patients"]:
        for scan in patient["scans"]:
            files = sorted((study / scan["directory"]).iterdir())
            assert len(files) == 13
            ds = pydicom.dcmread(files[0], stop_before_pixels=True)
            assert (ds.PatientID, ds.AccessionNumber) == (patient["patient_id"], scan["exam_id"])
            assert date.fromisoformat(exams[scan["exam_id"]]["date"]).strftime("%Y%m%d") == ds.StudyDate
            assert born[ds.PatientID].replace("-", "") == ds.PatientBirthDate
            assert tuple(scan["grades"]) == tuple(scan["observed"]) == FINDINGS
    files = list((study / "dicom").rglob("*.dcm"))
    assert len({pydicom.dcmread(f, stop_before_pixels=True).SOPInstanceUID for f in files}) == 10 * 2 * 13


def test_truth_follows_from_the_onset(study: Path) -> None:
    for patient in json.loads((study / "truth.json").read_text())["patients"]:
        baseline, follow_up = patient["scans"]
        assert baseline["category"] != "case"
        assert patient["outcome"] == int(follow_up["category"] == "case")
        assert patient["outcome"] == int(patient["onset_years"] <= patient["follow_up_years"])


def test_leavers_are_added_without_images(study: Path) -> None:
    ids = [row["patient_id"] for row in rows(study / "patients.csv")]
    assert ids == [f"PH{k:04d}" for k in range(1, 14)]
    assert sorted(p.name for p in (study / "dicom").iterdir()) == ids[:10]


def test_each_leaver_breaks_its_own_rule(tmp_path: Path) -> None:
    write_cohort(tmp_path, 44, seed=1, matrix=16, slices=1)  # 13 leavers: one of each in turn
    exams, codes, reviews = (rows(tmp_path / n) for n in ("exams.csv", "diagnoses.csv", "chart_review.csv"))
    for k, kind in enumerate(LEAVERS):
        pid = f"PH{45 + k:04d}"
        mri = [
            e for e in exams if e["patient_id"] == pid and (e["modality"], e["body_part"]) == ("MR", "CSPINE")
        ]
        days = sorted(date.fromisoformat(e["date"]).toordinal() for e in mri)
        apart = days[-1] - days[0] if days else 0
        decisions = [r["decision"] for r in reviews if r["patient_id"] == pid]
        coded = any(
            c["code"].replace(".", "").startswith(("7140", "7142", "M05", "M060", "M069"))
            for c in codes
            if c["patient_id"] == pid
        )
        broken = {
            "no_cervical_mri": not mri,
            "no_imaging": not mri,
            "single_mri": len(mri) == 1,
            "short_interval": len(mri) == 2 and apart < 1000,
            "not_ra_coded": not coded,
            "no_baseline_t2": len(mri) == 2 and mri[0]["sagittal_t2"] == "no",
        }
        broken.update(
            {
                d: d in decisions
                for d in ("ra_refuted", "no_adequate_follow_up", "junction_surgery", "odontoid_fracture")
            }
        )
        assert broken[kind], kind
        if kind not in ("no_cervical_mri", "no_imaging"):  # without any MRI every later rule fails too
            others = {name for name, value in broken.items() if value} - {kind}
            assert others == set(), kind


def test_same_seed_same_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_cohort(tmp_path / name, 3, seed=8, matrix=32, slices=13)
    write_cohort(tmp_path / "parallel", 3, seed=8, matrix=32, slices=13, processes=2)
    for other in ("b", "parallel"):
        for path in sorted((tmp_path / "a").rglob("*.*")):
            assert path.read_bytes() == (tmp_path / other / path.relative_to(tmp_path / "a")).read_bytes()


@pytest.mark.parametrize(("share", "slope"), [(0.2, 8.0), (0.15, 8.0), (0.3, 4.0), (0.25, 0.0)])
def test_share_of_positives_is_binomial(share: float, slope: float) -> None:
    positives = sum(p.outcome or 0 for p in many(1200, share, slope))
    low, high = binomtest(positives, 1200).proportion_ci(0.999)
    assert low < share < high


def test_hazard_predicts_onset() -> None:
    """Among patients in tenths of the true probability, as many have the outcome as it says."""
    patients = sorted(many(2000, 0.3, 6.0), key=lambda p: p.probability)
    for k in range(10):
        tenth = patients[k * 200 : (k + 1) * 200]
        expected = np.mean([p.probability for p in tenth])
        low, high = binomtest(sum(p.outcome or 0 for p in tenth), 200).proportion_ci(0.9995)
        assert low <= expected <= high


def test_oracle_auc_is_sklearns_and_strong() -> None:
    patients = many(1200)
    found = oracle(patients)
    y = [p.outcome for p in patients]
    assert found["auc_degeneration"] == pytest.approx(roc_auc_score(y, [p.degeneration for p in patients]))
    assert found["auc_probability"] == pytest.approx(roc_auc_score(y, [p.probability for p in patients]))
    assert found["auc_probability"] == pytest.approx(0.955, abs=0.025)
    assert prognosis.auc([1, 0, 1, 0], [1, 1, 2, 2]) == roc_auc_score([1, 0, 1, 0], [1, 1, 2, 2])  # ties
    assert prognosis.auc([1, 1], [0.2, 0.3]) is None


@pytest.mark.parametrize(("share", "wanted"), [(0.2, 0.95), (0.45, 0.95), (0.3, 0.9)])
def test_the_slope_is_set_by_the_oracle(share: float, wanted: float) -> None:
    model = prognosis.plan_for_auc(share, wanted)
    assert prognosis.expected_auc(model) == pytest.approx(wanted, abs=1e-4)
    rng = np.random.default_rng(3)
    d, years = rng.beta(*prognosis.DEGENERATION, 20_000), rng.uniform(*prognosis.FOLLOW_UP, 20_000)
    probability = model.probability(d, years)
    outcomes = rng.uniform(size=20_000) < probability
    assert outcomes.mean() == pytest.approx(share, abs=0.015)
    assert roc_auc_score(outcomes, probability) == pytest.approx(wanted, abs=0.01)
    with pytest.raises(ValueError, match=r"no slope gives an oracle AUC of 0\.5"):
        prognosis.plan_for_auc(share, 0.5)


def test_without_signal_nothing_is_to_be_known_but_the_time() -> None:
    patients = many(1500, 0.25, 0.0)
    assert oracle(patients)["auc_degeneration"] == pytest.approx(0.5, abs=0.05)


def test_doubtful_findings_say_nothing() -> None:
    patients = many(2000, 0.3)
    doubtful = np.array([p.scans[0].category == "intermediate" for p in patients])
    outcome = np.array([p.outcome for p in patients])
    assert doubtful.mean() == pytest.approx(0.15, abs=0.03)
    assert outcome[doubtful].mean() == pytest.approx(outcome[~doubtful].mean(), abs=0.07)


def test_baseline_cases_on_request() -> None:
    patients = many(400, baseline_case_share=0.25)
    started = [p for p in patients if p.outcome is None]
    assert len(started) / 400 == pytest.approx(0.25, abs=0.07)
    for p in started:
        before, after = (scan.anatomy.lesions.grades for scan in p.scans)
        assert all(after[key] >= before[key] for key in FINDINGS)  # lesions do not heal
    assert oracle(patients)["eligible"] == 400 - len(started)
    assert all(p.outcome is not None for p in many(200))


def test_both_scans_are_of_one_neck() -> None:
    for p in many(20):
        before, after = (scan.anatomy for scan in p.scans)
        assert before.with_lesions(after.lesions) == after
        assert p.scans[0].acquisition != p.scans[1].acquisition


@pytest.mark.skipif(
    importlib.util.find_spec("annotation.rubric") is None,
    reason="the rubric is not installed: NOT CHECKED against it",
)
def test_planted_categories_are_the_rubrics() -> None:
    from annotation.rubric import classify

    for p in many(150, 0.4, baseline_case_share=0.2):
        for scan in p.scans:
            assert classify(scan.anatomy.lesions.grades) == scan.category


def test_refusals(tmp_path: Path, study: Path) -> None:
    with pytest.raises(ValueError, match="positive_share"):
        write_cohort(tmp_path / "x", 2, positive_share=0)
    with pytest.raises(ValueError, match="patients"):
        write_cohort(tmp_path / "x", 0)
    with pytest.raises(ValueError, match="baseline_case_share"):
        write_cohort(tmp_path / "x", 2, baseline_case_share=1.5)
    assert not (tmp_path / "x").exists()
    with pytest.raises(FileExistsError, match="already holds"):
        write_cohort(study, 2)


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = str(tmp_path / "c")
    arguments = ["write", target, "--patients", "2", "--matrix", "32", "--slices", "3", "--no-leavers"]
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["eligible"] == 2
    assert len(rows(tmp_path / "c" / "patients.csv")) == 2
    assert main(arguments) == 2
    assert "already holds a cohort" in capsys.readouterr().err
