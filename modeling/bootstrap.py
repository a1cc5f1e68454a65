"""Percentile intervals by resampling patients, for figures without a closed form.

Patients are drawn with replacement within each outcome, so that every resample has both; the draws
come from a fixed seed, so that the same scores give the same interval to the last bit. Efron &
Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from modeling.discrimination import checked

Floats = npt.NDArray[np.float64]
Interval = tuple[float, float]
REPEATS = 2000
SEED = 20250101
FIGURES = ("f1", "mcc", "balanced_accuracy", "youden", "auprc", "brier")


def resample_counts(y: npt.ArrayLike, repeats: int = REPEATS, seed: int = SEED) -> Floats:
    """How often each patient is drawn in each resample, (repeats, n), stratified by outcome."""
    outcomes = np.asarray(y)
    rng = np.random.default_rng(seed)
    drawn = np.zeros((repeats, outcomes.size))
    for outcome in (0, 1):
        members = np.flatnonzero(outcomes == outcome)
        if members.size:
            drawn[:, members] = rng.multinomial(
                members.size, np.full(members.size, 1 / members.size), repeats
            )
    return drawn


def _percentiles(values: Floats, confidence: float) -> Interval | None:
    """None where a resample in twenty or more has no value: the interval would be of the others only."""
    known = values[np.isfinite(values)]
    if known.size < 0.95 * values.size:
        return None
    low, high = np.quantile(known, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def average_precision_weighted(outcomes: Floats, scores: Floats, weights: Floats) -> Floats:
    """Average precision of each row of patient weights (repeats, n): Σ ΔRecall · Precision, ties as one."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last_of_tie = np.append(ranked[1:] != ranked[:-1], True)
    true = np.cumsum(weights[:, order] * outcomes[order], axis=1)[:, last_of_tie]
    called = np.cumsum(weights[:, order], axis=1)[:, last_of_tie]
    gained = np.diff(true, axis=1, prepend=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(called > 0, true / called, 0.0)
        result: Floats = (gained * precision).sum(axis=1) / true[:, -1]
    return result


def bootstrap_intervals(
    y: npt.ArrayLike,
    s: npt.ArrayLike,
    threshold: float | npt.ArrayLike,
    *,
    confidence: float = 0.95,
    repeats: int = REPEATS,
    seed: int = SEED,
) -> dict[str, Interval | None]:
    """Intervals of ``f1``, ``mcc``, ``balanced_accuracy``, ``youden``, ``auprc`` and ``brier``.

    None where the figure is undefined in too many resamples (nobody called), or where an outcome has
    one patient: drawn every time, that one would pass for certainty.
    """
    outcomes, scores = checked(y, s)
    if min(int(outcomes.sum()), int((1 - outcomes).sum())) == 1:
        return dict.fromkeys(FIGURES)
    called = (scores >= np.asarray(threshold, dtype=float)).astype(float)
    weights = resample_counts(outcomes, repeats, seed)
    tp, fp = weights @ (called * outcomes), weights @ (called * (1 - outcomes))
    fn, tn = weights @ ((1 - called) * outcomes), weights @ ((1 - called) * (1 - outcomes))
    with np.errstate(invalid="ignore", divide="ignore"):
        sensitivity, specificity = tp / (tp + fn), tn / (tn + fp)
        margins = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
        figures = {
            "f1": 2 * tp / (2 * tp + fp + fn),
            "mcc": (tp * tn - fp * fn) / margins,
            "balanced_accuracy": (sensitivity + specificity) / 2,
            "youden": sensitivity + specificity - 1,
            "auprc": average_precision_weighted(outcomes, scores, weights),
            "brier": weights @ (scores - outcomes) ** 2 / weights.sum(axis=1),
        }
    return {name: _percentiles(values, confidence) for name, values in figures.items()}
