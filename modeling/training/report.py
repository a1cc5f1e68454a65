"""From the folds' logits to ``predictions.csv`` and ``result.json``."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import cohen_kappa_score

from modeling.hazard import fit_hazard, hazard_view
from modeling.manifest import (
    CATEGORIES,
    POLICIES,
    Manifest,
    ManifestPatient,
    outcome_under,
)
from modeling.metrics import (
    confusion,
    evaluate,
    evaluate_groups,
    table_from_counts,
    wilson,
)
from modeling.recipe import Recipe
from modeling.training.atomic import replacing
from modeling.training.comparisons import compare, network_folds, network_within_folds
from modeling.training.fold_scores import FoldScores, PatientScores, gather, labelled

Floats = npt.NDArray[np.float64]
PREDICTION_COLUMNS = ("patient", "fold", "split", "outcome", "logit", "score", "threshold")


def _hazard(manifest: Manifest, recipe: Recipe, scores: Sequence[FoldScores], test: PatientScores) -> Any:
    """The hazard view: fitted in each fold on its training patients, its risks averaged like the scores."""
    by_name = labelled(manifest, recipe)
    held_out = all(part.held_out_logits is not None for part in scores)
    fits = []
    for part in scores:
        train = [by_name[name] for name in part.fold.train]
        logits = part.held_out_logits if part.held_out_logits is not None else part.train_logits
        fits.append(fit_hazard([p.outcome for p in train], logits, [p.follow_up_years for p in train]))
    return hazard_view(
        fits,
        network_folds(scores, test),
        test.outcomes,
        [patient.follow_up_years for patient in test.patients],
        fitted_on="inner folds" if held_out else "training patients",
    )


def _readers(test: PatientScores, policy: str) -> dict[str, Any]:
    """What one observer's label would score against the final one: no network can be known to be better.

    The observers see the follow-up scan, the network only the baseline: this bounds what the labels can
    show, it is not a contest. ``people`` is how many observers there were: of more than two, "reader" 1 and
    2 are the places in each patient's own pair, not persons.
    """
    rows = []
    count = max((len(patient.reads) for patient in test.patients), default=0)
    by_reader = []
    for position in range(count):
        calls = [
            outcome_under(policy, patient.reads[position] or "")
            if len(patient.reads) > position and patient.reads[position] in CATEGORIES
            else None
            for patient in test.patients
        ]
        by_reader.append(calls)
        for group in ("all", *sorted({patient.provenance for patient in test.patients})):
            judged = [
                (patient.outcome, call)
                for patient, call in zip(test.patients, calls, strict=True)
                if call is not None and group in ("all", patient.provenance)
            ]
            if judged:
                final, own = zip(*judged, strict=True)
                counts = confusion(final, own, 0.5)
                row = {"reader": position + 1, "provenance": group, "n": len(judged), "confusion": counts}
                table = table_from_counts(**counts)
                rows.append(row | {key: table[key] for key in ("sensitivity", "specificity", "accuracy")})
    agreement = None
    if count >= 2:
        pairs = [(a, b) for a, b in zip(*by_reader[:2], strict=True) if a is not None and b is not None]
        if pairs:
            first, second = zip(*pairs, strict=True)
            agree = sum(a == b for a, b in pairs)
            agreement = {
                "n": len(pairs),
                "agree": agree,
                "wilson": list(wilson(agree, len(pairs))),
                "kappa": _kappa(first, second),
            }
    people = len({reader for patient in test.patients for reader in patient.readers})
    return {"rows": rows, "agreement": agreement, "people": people}


def _kappa(first: Sequence[int], second: Sequence[int]) -> float | None:
    value = float(cohen_kappa_score(first, second)) if len(set(first) | set(second)) > 1 else float("nan")
    return value if np.isfinite(value) else None


def _at(outcomes: npt.ArrayLike, scores: Floats, threshold: float) -> dict[str, Any]:
    counts = confusion(outcomes, scores, threshold)
    return {"threshold": threshold, "confusion": counts, "table": table_from_counts(**counts)}


def _policies(test: PatientScores, own: str) -> dict[str, Any]:
    """The same scores judged under each policy for an intermediate follow-up.

    Where the study's ``own`` policy leaves such patients out, none was scored: the others cannot be told.
    """
    result: dict[str, Any] = {}
    for policy in POLICIES:
        if own == "exclude" and policy != own:
            result[policy] = None
            continue
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
            "scanner": [patient.scanner or None for patient in test.patients],
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
    trust: Mapping[str, Any] | None = None,
    *,
    onnx_refused: str | None = None,
    warnings: Sequence[str] = (),
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
        "auc_within_folds": network_within_folds(scores, test),
        "comparators": compare(manifest, recipe, scores, test),
        "hazard": _hazard(manifest, recipe, scores, test),
        "readers": _readers(test, manifest.intermediate_policy),
        "groups": _groups(test),
        "intermediate_policies": _policies(test, manifest.intermediate_policy),
        "split": {
            "kind": recipe.split,
            "seed": recipe.seed,
            # Those of one network, not of all folds together.
            "train_patients": round(np.mean([len(part.fold.train) for part in scores])),
            "folds": [
                {
                    "repeat": part.fold.repeat,
                    "fold": part.fold.fold,
                    "train": list(part.fold.train),
                    "test": list(part.fold.test),
                    # Before the mean over repeats, for another run is compared within the folds.
                    "test_logits": [float(logit) for logit in part.test_logits],
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
        "trust": dict(trust) if trust else None,
        "onnx_refused": onnx_refused,
        "warnings": list(warnings),
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
