"""From the folds' logits to ``predictions.csv`` and ``result.json``."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from modeling.comparators import COMPARATORS, fit_scores
from modeling.manifest import POLICIES, Manifest, ManifestPatient, outcome_under
from modeling.metrics import (
    confusion,
    evaluate,
    evaluate_groups,
    table_from_counts,
    threshold_for_sensitivity,
)
from modeling.recipe import Recipe
from modeling.splits import Fold
from modeling.training.atomic import replacing

Floats = npt.NDArray[np.float64]
PREDICTION_COLUMNS = ("patient", "fold", "split", "outcome", "logit", "score", "threshold")


@dataclass(frozen=True)
class FoldScores:
    """A fold's figures: raw logits of its training and test patients, threshold and temperature."""

    fold: Fold
    train_logits: Floats
    test_logits: Floats
    threshold: float
    temperature: float
    history: list[dict[str, float]]


@dataclass(frozen=True)
class PatientScores:
    """A vector of scores with its patients: means over the repeats in which each was on this side."""

    patients: tuple[ManifestPatient, ...]
    folds: tuple[str, ...]
    logits: Floats
    scores: Floats
    raw_scores: Floats
    thresholds: Floats

    @property
    def outcomes(self) -> npt.NDArray[np.int64]:
        """(n,) outcomes, 0 or 1."""
        return np.array([patient.outcome for patient in self.patients], dtype=np.int64)


def gather(manifest: Manifest, scores: Sequence[FoldScores], side: str) -> PatientScores:
    """Average each patient's logits and calibrated scores over the folds where it was on ``side``."""
    found: dict[str, list[tuple[str, float, float, float]]] = {}
    for part in scores:
        names, logits = (
            (part.fold.train, part.train_logits) if side == "train" else (part.fold.test, part.test_logits)
        )
        for name, logit in zip(names, logits, strict=True):
            label = f"r{part.fold.repeat}f{part.fold.fold}"
            found.setdefault(name, []).append((label, float(logit), part.temperature, part.threshold))
    patients = tuple(patient for patient in manifest.patients if patient.patient in found)
    rows = [found[patient.patient] for patient in patients]

    def mean(function: Any) -> Floats:
        return np.array([np.mean([function(entry) for entry in row]) for row in rows])

    return PatientScores(
        patients,
        tuple("+".join(entry[0] for entry in row) for row in rows),
        mean(lambda e: e[1]),
        mean(lambda e: expit(e[1] / e[2])),
        mean(lambda e: expit(e[1])),
        mean(lambda e: e[3]),
    )


def _compare(manifest: Manifest, recipe: Recipe, scores: Sequence[FoldScores]) -> dict[str, Any]:
    """Each comparator, trained on each fold's training patients, scored on its test patients."""
    by_name = {patient.patient: patient for patient in manifest.patients}
    result: dict[str, Any] = {}
    for name in COMPARATORS:
        gathered: dict[str, list[tuple[float, float]]] = {}
        for part in scores:
            train = [by_name[patient] for patient in part.fold.train]
            test = [by_name[patient] for patient in part.fold.test]
            fitted, unseen = fit_scores(name, train, test)
            threshold = threshold_for_sensitivity(
                [patient.outcome for patient in train], fitted, recipe.target_sensitivity
            )
            for patient, score in zip(test, unseen, strict=True):
                gathered.setdefault(patient.patient, []).append((float(score), threshold))
        tested = [patient for patient in manifest.patients if patient.patient in gathered]
        means = np.array([np.mean(gathered[patient.patient], axis=0) for patient in tested])
        result[name] = evaluate([patient.outcome for patient in tested], means[:, 0], means[:, 1])
    return result


def _at(outcomes: npt.ArrayLike, scores: Floats, threshold: float) -> dict[str, Any]:
    counts = confusion(outcomes, scores, threshold)
    return {"threshold": threshold, "confusion": counts, "table": table_from_counts(**counts)}


def _policies(test: PatientScores) -> dict[str, Any]:
    """The same scores judged under each policy for an intermediate follow-up."""
    result: dict[str, Any] = {}
    for policy in POLICIES:
        outcomes = [outcome_under(policy, patient.follow_up_category) for patient in test.patients]
        kept = [i for i, outcome in enumerate(outcomes) if outcome is not None]
        judged = [outcome for outcome in outcomes if outcome is not None]
        if not kept:
            result[policy] = None
            continue
        figures = evaluate(judged, test.scores[kept], test.thresholds[kept])
        result[policy] = {
            key: figures[key] for key in ("n", "positives", "auc", "auprc", "brier", "confusion", "table")
        }
    return result


def _age_band(patient: ManifestPatient) -> str | None:
    age = patient.covariates.age
    if age is None:
        return None
    return "under 45" if age < 45 else "45 to 59" if age < 60 else "60 and over"


def _groups(test: PatientScores) -> dict[str, Any]:
    return evaluate_groups(
        test.outcomes,
        test.scores,
        test.thresholds,
        {
            "site": [patient.site or None for patient in test.patients],
            "sex": [patient.covariates.sex for patient in test.patients],
            "age": [_age_band(patient) for patient in test.patients],
            "provenance": [patient.provenance for patient in test.patients],
            "baseline_category": [patient.baseline_category for patient in test.patients],
        },
    )


def _write_predictions(path: Path, sides: Mapping[str, PatientScores]) -> None:
    with replacing(path) as part, part.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(PREDICTION_COLUMNS)
        for split, side in sides.items():
            for row, patient in enumerate(side.patients):
                # repr keeps every bit of a float: the file reproduces every figure exactly.
                numbers = (side.logits[row], side.scores[row], side.thresholds[row])
                writer.writerow(
                    [
                        patient.patient,
                        side.folds[row],
                        split,
                        patient.outcome,
                        *(repr(float(x)) for x in numbers),
                    ]
                )


def write_results(
    out: Path,
    manifest: Manifest,
    recipe: Recipe,
    scores: Sequence[FoldScores],
    environment: Mapping[str, Any],
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """Write ``predictions.csv``, then ``result.json``; returns the latter's content.

    ``predictions.csv`` has one row per patient and split; in cross-validation a patient's test row is
    the mean of its out-of-fold scores, and ``threshold`` that of the folds that scored it.
    """
    test, train = gather(manifest, scores, "test"), gather(manifest, scores, "train")
    _write_predictions(out / "predictions.csv", {"test": test, "train": train})
    metrics = evaluate(test.outcomes, test.scores, test.thresholds)
    result: dict[str, Any] = {
        "metrics": metrics,
        "metrics_at_half": _at(test.outcomes, test.scores, 0.5),
        "metrics_train": evaluate(train.outcomes, train.scores, train.thresholds),
        "metrics_uncalibrated": None
        if recipe.calibration == "none"
        else {
            key: value
            for key, value in evaluate(test.outcomes, test.raw_scores, 0.5).items()
            if key in ("auc", "brier", "calibration")
        },
        "comparators": _compare(manifest, recipe, scores),
        "groups": _groups(test),
        "intermediate_policies": _policies(test),
        "split": {
            "kind": recipe.split,
            "seed": recipe.seed,
            "folds": [
                {
                    "repeat": part.fold.repeat,
                    "fold": part.fold.fold,
                    "train": list(part.fold.train),
                    "test": list(part.fold.test),
                    "threshold": part.threshold,
                    "temperature": part.temperature,
                }
                for part in scores
            ],
        },
        "history": [
            {"repeat": part.fold.repeat, "fold": part.fold.fold, "epochs": part.history} for part in scores
        ],
        "saliency": sorted(f"saliency/{path.name}" for path in (out / "saliency").glob("*.npz")),
        "environment": dict(environment),
        "recipe": recipe.to_mapping(),
        "manifest_sha256": manifest.sha256,
        "study": manifest.study,
        "intermediate_policy": manifest.intermediate_policy,
        "device": environment["device"],
        "seconds": {key: round(value, 3) for key, value in seconds.items()},
    }
    with replacing(out / "result.json") as part_path:
        part_path.write_text(json.dumps(result, indent=1, allow_nan=False), encoding="utf-8")
    return result
