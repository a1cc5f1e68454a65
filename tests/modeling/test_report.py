"""From logits to figures, without a network: comparators, policies, readers, learning curve."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modeling.management.commands.show_run import figures
from modeling.manifest import Manifest, parse_manifest
from modeling.map_verdicts import verdicts
from modeling.model_card import labels_of, model_card
from modeling.recipe import paper, recommended
from modeling.splits import holdout, k_fold
from modeling.training.fold_scores import FoldScores
from modeling.training.report import write_results
from tests.modeling.tiny import manifest_of, patient_row

ENVIRONMENT = {"device": "CPU"}


def study(cases: int, n: int, **changes: Any) -> Manifest:
    rows = [patient_row(f"P{i:03d}", int(i < cases), ["0.dcm"]) for i in range(n)]
    return parse_manifest(manifest_of(rows) | changes)


def result_of(manifest: Manifest, out: Path, *, folds: int = 5, repeats: int = 3) -> dict[str, Any]:
    """The result of a network that tells a little: logits are the outcome and noise."""
    rng = np.random.default_rng(3)
    outcome = {patient.patient: patient.outcome for patient in manifest.patients}
    names = list(outcome)
    scores = []
    for fold in k_fold(names, list(outcome.values()), seed=1, folds=folds, repeats=repeats):
        train, test = (
            np.array([2.0 * outcome[name] - 3 for name in side]) + rng.normal(size=len(side))
            for side in (fold.train, fold.test)
        )
        scores.append(FoldScores(fold, train, test, 0.2, 1.0, []))
    result = write_results(out, manifest, recommended(), scores, ENVIRONMENT, {})
    assert json.loads((out / "result.json").read_text()) == result
    return result


@pytest.mark.parametrize(("cases", "n"), [(9, 51), (33, 187)])
def test_the_prevalence_tells_nobody_from_anybody(tmp_path: Path, cases: int, n: int) -> None:
    """Folds differ in prevalence; their own constants would rank cases below the rest (AUC .39 of 51)."""
    found = result_of(study(cases, n), tmp_path)["comparators"]["prevalence"]
    assert found["auc"]["value"] == 0.5
    assert found["brier"] == pytest.approx(cases / n * (1 - cases / n), abs=1e-3)


def test_training_patients_are_those_of_one_network(tmp_path: Path) -> None:
    split = result_of(study(10, 50), tmp_path)["split"]
    assert split["train_patients"] == 40


def test_policies_that_cannot_be_told_are_not_told(tmp_path: Path) -> None:
    told = result_of(study(10, 50), tmp_path)["intermediate_policies"]
    assert [told[name]["n"] for name in ("negative", "exclude", "positive")] == [50, 42, 50]
    rows = [
        patient_row(f"P{i:03d}", int(i < 10), ["0.dcm"], follow_up_category="case" if i < 10 else "clean")
        for i in range(50)
    ]
    without = parse_manifest(manifest_of(rows) | {"intermediate_policy": "exclude"})
    told = result_of(without, tmp_path)["intermediate_policies"]
    assert (told["negative"], told["exclude"]["n"], told["positive"]) == (None, 50, None)


def test_observers_of_more_than_one_pair_are_counted(tmp_path: Path) -> None:
    def row(i: int, pair: tuple[int, int]) -> dict[str, Any]:
        category = "case" if i < 10 else "clean"
        reads = [{"reader": reader, "category": category, "version": 1, "kind": "read"} for reader in pair]
        return patient_row(
            f"P{i:03d}", int(i < 10), ["0.dcm"], follow_up_category=category,
            labels={"follow_up": {"readings": reads}},
        )  # fmt: skip

    two = parse_manifest(manifest_of([row(i, (4, 9)) for i in range(50)]))
    three = parse_manifest(manifest_of([row(i, ((4, 9), (4, 7), (7, 9))[i % 3]) for i in range(50)]))
    assert [result_of(each, tmp_path)["readers"]["people"] for each in (two, three)] == [2, 3]


def test_comparators_and_network_are_compared_within_folds(tmp_path: Path) -> None:
    """Everybody alike but for the outcome: pooled, the folds' own constants gave AUCs of .38."""
    rows = [
        patient_row(f"P{i:03d}", int(i < 9), ["0.dcm"], baseline_category="clean", follow_up_years=5.0,
                    covariates={})
        for i in range(60)
    ]  # fmt: skip
    found = result_of(parse_manifest(manifest_of(rows)), tmp_path)
    for name, own in found["comparators"].items():
        assert (own["auc"]["value"], own["auprc"], own["roc"]) == (0.5, None, None), name
        # The same constants, below one another by their folds' cases, would have a slope.
        assert own["calibration"] is None, name
        against = own["against_network"]
        assert against["second"] == 0.5
        assert against["first"] == found["auc_within_folds"]["value"]
    assert found["auc_within_folds"]["value"] != found["metrics"]["auc"]["value"]


def test_with_one_test_set_there_is_nothing_to_pool(tmp_path: Path) -> None:
    names = [f"P{i:03d}" for i in range(60)]
    outcome = [int(i < 12) for i in range(60)]
    fold = holdout(names, outcome, seed=1)
    train, test = (np.array([float(name[1:]) for name in side]) for side in (fold.train, fold.test))
    scores = [FoldScores(fold, train, test, 0.2, 1.0, [])]
    found = write_results(tmp_path, study(12, 60), paper(), scores, ENVIRONMENT, {})
    own = found["comparators"]["clinical"]
    assert found["auc_within_folds"] is None
    assert own["against_network"]["second"] == own["auc"]["value"]
    assert own["auprc"] is not None
    assert own["calibration"]["slope"] is not None


def card_of(result: dict[str, Any]) -> str:
    environment = {"code_version": "v1", "packages": {"torch": "2"}, "device": "CPU"}
    return model_card(
        result | {"environment": environment}, title="Run 1", trust=verdicts(None),
        label_set={"hash": "ab", "patients": 50, "positives": 10, "labels": "as recorded"},
    )  # fmt: skip


def test_the_card_tells_the_folds_figures_from_those_of_their_networks_together(tmp_path: Path) -> None:
    result = result_of(study(10, 50), tmp_path) | {"warnings": ["Read with care."]}
    mean = f"{result['metrics']['threshold']:.3f}"
    card = card_of(result)
    assert (
        f"Each patient at the thresholds of its own folds (mean {mean}, which the run never applied)" in card
    )
    assert (
        "`evaluate` takes the mean of 5 networks at the mean of their thresholds; the run evaluated" in card
    )
    assert "- Read with care." in card
    assert "10 with deformity at follow-up. Labels: as recorded. Split:" in card
    within = result["auc_within_folds"]["value"]
    assert f"| AUC within folds, each patient among those of its own (DeLong) | {within:.3f} (" in card
    mostly_cases = result["metrics"] | {"prevalence": 0.65, "no_information_rate": 0.65}
    assert "Always calling negative would be right in 0.350;" in card_of(result | {"metrics": mostly_cases})
    assert f"each fold's own threshold (mean {mean}): TP" in figures(result["metrics"], folds=5)[0]
    assert f"; threshold {mean}: TP" in figures(result["metrics"])[0]


def test_the_card_says_of_the_labels_what_the_manifest_records() -> None:
    def row(how: str, *readings: tuple[int, str]) -> dict[str, Any]:
        kinds = [{"reader": reader, "kind": kind} for reader, kind in readings]
        return {"provenance": how, "labels": {"follow_up": {"readings": kinds}}}

    both = (4, "read"), (9, "read")
    rows = [
        row("concordant", *both),
        row("concordant", *both),
        row("adjudicated", *both, (7, "adjudication")),
    ]
    terms = {
        "read_design": "independent",
        "discrepancy_rule": "any_finding",
        "consensus": False,
        "rubric_version": 1,
    }
    told = {"study": "patients", "charter": {"version": 2, "terms": terms}, "patients": rows}
    assert labels_of(told) == (
        "final follow-up labels as recorded: 1 adjudicated, 2 concordant; observers who read "
        "independently: 2; adjudicators: 1; charter version 2 (read design independent, "
        "discrepancy rule any_finding, rubric version 1, consensus meetings not held)"
    )
    bare = labels_of({"study": "phantoms", "patients": [{"provenance": "concordant"}]})
    assert bare == (
        "the images are simulated, and their observers may be; final follow-up labels as recorded: 1 "
        "concordant; observers who read independently: NOT PROVIDED; adjudicators: NOT PROVIDED; charter "
        "version NOT PROVIDED"
    )
