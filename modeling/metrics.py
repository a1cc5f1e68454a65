"""Figures of merit of a binary classifier, with the patient as the unit (numpy, scipy and sklearn only).

Conventions: ``y`` holds outcomes 0 or 1, ``s`` scores where higher means more likely 1, both of
shape (n,). A patient is called positive when ``s >= threshold``. Intervals are two-sided, 95 % unless
``confidence`` says otherwise. A figure that cannot be computed (no predicted positive, one outcome
only) is ``None`` in dictionaries, never NaN: every dictionary here is plain JSON.

The figures live by subject in ``discrimination``, ``two_by_two``, ``probabilities``, ``bootstrap``,
``proportions`` and ``published``; this module puts a run's together and names them all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score

from modeling.bootstrap import bootstrap_intervals
from modeling.discrimination import (
    Floats,
    auc_delong,
    checked,
    delong_paired,
    hanley_mcneil_se,
    pr_points,
    roc_points,
    threshold_for_sensitivity,
)
from modeling.probabilities import calibration, net_benefit
from modeling.proportions import clopper_pearson, wilson
from modeling.published import check_published
from modeling.two_by_two import confusion, mcnemar_exact, mcnemar_paired, table_from_counts

__all__ = [
    "auc_delong",
    "bootstrap_intervals",
    "calibration",
    "check_published",
    "clopper_pearson",
    "confusion",
    "delong_paired",
    "evaluate",
    "evaluate_groups",
    "hanley_mcneil_se",
    "mcnemar_exact",
    "mcnemar_paired",
    "net_benefit",
    "pr_points",
    "roc_points",
    "table_from_counts",
    "threshold_for_sensitivity",
    "wilson",
]


def _auc_or_none(outcomes: Floats, scores: Floats, confidence: float) -> dict[str, Any] | None:
    if outcomes.min() == outcomes.max():
        return None
    value, low, high = auc_delong(outcomes, scores, confidence)
    return {"value": value, "low": low, "high": high, "method": "DeLong, logit scale"}


def evaluate(
    y: npt.ArrayLike,
    s: npt.ArrayLike,
    threshold: float | npt.ArrayLike,
    *,
    confidence: float = 0.95,
    bins: int = 10,
) -> dict[str, Any]:
    """Every figure of a run from one vector of scores, as plain JSON.

    Parameters
    ----------
    y, s
        Outcomes, and probabilities in [0, 1], of shape (n,).
    threshold
        One number, or one per patient (cross-validation); ``threshold`` in the result is the mean.

    Notes
    -----
    ``mcnemar`` compares this classifier's calls with calling everybody negative: ``b`` patients only
    the classifier got right (TP), ``c`` only the other did (FP). ``auprc_ci``, ``brier_ci`` and the
    ``bootstrap`` of F1, MCC, balanced accuracy and Youden's index are percentiles over resampled patients.
    """
    outcomes, scores = checked(y, s)
    counts = confusion(outcomes, scores, threshold)
    both = outcomes.min() != outcomes.max()
    prevalence = float(outcomes.mean())
    table = table_from_counts(**counts, confidence=confidence)
    resampled = {
        name: list(interval) if interval else None
        for name, interval in bootstrap_intervals(outcomes, scores, threshold, confidence=confidence).items()
    }
    for name in ("f1", "mcc", "balanced_accuracy", "youden"):
        table[name]["bootstrap"] = resampled[name]
    return {
        "n": len(outcomes),
        "positives": int(outcomes.sum()),
        "prevalence": prevalence,
        "confidence": confidence,
        "auc": _auc_or_none(outcomes, scores, confidence),
        "auprc": float(average_precision_score(outcomes, scores)) if outcomes.any() else None,
        "roc": roc_points(outcomes, scores) if both else None,
        "auprc_ci": resampled["auprc"],
        "pr": pr_points(outcomes, scores) if outcomes.any() else None,
        "threshold": float(np.mean(np.asarray(threshold, dtype=float))),
        "confusion": counts,
        "table": table,
        "brier": float(np.mean((scores - outcomes) ** 2)),
        "brier_ci": resampled["brier"],
        "calibration": calibration(outcomes, scores, bins, confidence=confidence),
        "net_benefit": net_benefit(outcomes, scores),
        "no_information_rate": max(prevalence, 1 - prevalence),
        "mcnemar": {
            "against": "always negative",
            "b": counts["tp"],
            "c": counts["fp"],
            "p": mcnemar_exact(counts["tp"], counts["fp"]),
        },
    }


def evaluate_groups(
    y: npt.ArrayLike,
    s: npt.ArrayLike,
    threshold: float | npt.ArrayLike,
    groups: Mapping[str, Iterable[str | None]],
    *,
    confidence: float = 0.95,
) -> dict[str, list[dict[str, Any]]]:
    """Short evaluation within each level of each grouping (site, sex, provenance …).

    ``groups`` maps a name to one label per patient; unknown (None) is its own level. Each level gives
    ``{"level", "n", "positives", "auc", "confusion", "sensitivity", "specificity"}``.
    """
    outcomes, scores = checked(y, s)
    limits = np.broadcast_to(np.asarray(threshold, dtype=float), outcomes.shape)
    result: dict[str, list[dict[str, Any]]] = {}
    for name, labels in groups.items():
        levels = np.array(["unknown" if label is None else str(label) for label in labels])
        if levels.shape != outcomes.shape:
            raise ValueError(f"grouping {name} has {levels.size} labels for {outcomes.size} patients")
        rows = []
        for level in sorted(set(levels.tolist())):
            inside = levels == level
            counts = confusion(outcomes[inside], scores[inside], limits[inside])
            table = table_from_counts(**counts, confidence=confidence)
            rows.append(
                {
                    "level": level,
                    "n": int(inside.sum()),
                    "positives": int(outcomes[inside].sum()),
                    "auc": _auc_or_none(outcomes[inside], scores[inside], confidence),
                    "confusion": counts,
                    "sensitivity": table["sensitivity"],
                    "specificity": table["specificity"],
                }
            )
        result[name] = rows
    return result
