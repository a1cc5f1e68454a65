"""The network against what needs no image: comparators trained on the same folds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from modeling.comparators import COMPARATORS, fit_scores
from modeling.manifest import Manifest
from modeling.metrics import evaluate, threshold_for_sensitivity
from modeling.recipe import Recipe
from modeling.training.fold_scores import FoldScores, PatientScores, labelled
from modeling.within_folds import ScoredFold, auc_within_folds, paired_within_folds

#: What would put patients of different folds' models in one list: ranks, and slope, intercept and curve.
POOLED = ("auprc", "auprc_ci", "roc", "pr", "calibration")


def _scored_folds(
    scores: Sequence[FoldScores], test: PatientScores, values: Sequence[npt.ArrayLike]
) -> list[ScoredFold]:
    place = {patient.patient: number for number, patient in enumerate(test.patients)}
    return [
        ScoredFold(
            part.fold.repeat, np.array([place[name] for name in part.fold.test]), np.asarray(own, dtype=float)
        )
        for part, own in zip(scores, values, strict=True)
    ]


def network_folds(scores: Sequence[FoldScores], test: PatientScores) -> list[ScoredFold]:
    """Each fold's network's logits of its own test patients."""
    # Raw logits: within a fold one temperature orders nobody differently.
    return _scored_folds(scores, test, [part.test_logits for part in scores])


def _estimate(test: PatientScores, folds: Sequence[ScoredFold]) -> dict[str, Any] | None:
    if test.outcomes.min() == test.outcomes.max():
        return None
    value, low, high = auc_within_folds(test.outcomes, folds)
    return {"value": value, "low": low, "high": high, "method": "DeLong within folds, logit scale"}


def network_within_folds(scores: Sequence[FoldScores], test: PatientScores) -> dict[str, Any] | None:
    """The network's AUC as its comparators' are taken; None with one fold, where it is the AUC itself."""
    return _estimate(test, network_folds(scores, test)) if len(scores) > 1 else None


def compare(
    manifest: Manifest, recipe: Recipe, scores: Sequence[FoldScores], test: PatientScores
) -> dict[str, Any]:
    """Each comparator, trained on each fold's training patients, scored on its test patients.

    ``auc`` and ``against_network``, the network's AUC less the comparator's, are taken within folds (see
    :mod:`modeling.within_folds`); with one fold that is DeLong's. With more, ranks and calibration over all
    patients are None: a fold with more cases leaves fewer to train on and scores everybody lower, so that
    scores which know nothing would slope downwards. Calls, net benefit and the Brier score judge each
    patient's own score: averaged over repeats, at the thresholds of its own folds.
    """
    trained_on = labelled(manifest, recipe)
    by_name = {patient.patient: patient for patient in manifest.patients}
    network = network_folds(scores, test)
    result: dict[str, Any] = {}
    for name in COMPARATORS:
        gathered: dict[str, list[tuple[float, float]]] = {}
        unseen = []
        for part in scores:
            train = [trained_on[patient] for patient in part.fold.train]
            fitted, found = fit_scores(name, train, [by_name[patient] for patient in part.fold.test])
            unseen.append(found)
            threshold = threshold_for_sensitivity(
                [patient.outcome for patient in train], fitted, recipe.target_sensitivity
            )
            for patient, score in zip(part.fold.test, found, strict=True):
                gathered.setdefault(patient, []).append((float(score), threshold))
        means = np.array([np.mean(gathered[patient.patient], axis=0) for patient in test.patients])
        if all(np.ptp(own) == 0 for own in unseen if len(own)):
            # One figure for everybody; the folds' own differ by who was left to train on, and tell nothing.
            means[:] = means.mean(axis=0)
        figures = evaluate(test.outcomes, means[:, 0], means[:, 1]) | {"against_network": None}
        own = _scored_folds(scores, test, unseen)
        if figures["auc"] is not None:
            figures["against_network"] = paired_within_folds(test.outcomes, network, own)
        if len(scores) > 1:
            figures |= dict.fromkeys(POOLED) | {"auc": _estimate(test, own)}
        result[name] = figures
    return result
