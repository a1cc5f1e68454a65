"""Scores as probabilities: calibration and net benefit.

``y`` holds outcomes 0 or 1, ``p`` probabilities, both of shape (n,).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

from modeling.discrimination import checked
from modeling.proportions import normal_quantile, wilson

Floats = npt.NDArray[np.float64]
#: Probabilities are moved this far from 0 and 1 before a logit is taken.
LOGIT_EPSILON = 1e-7
#: A log likelihood this near to 0 says that the scores separate the outcomes.
SEPARATED = 1e-6


def _logit(p: Floats) -> Floats:
    clipped = np.clip(p, LOGIT_EPSILON, 1 - LOGIT_EPSILON)
    return np.log(clipped / (1 - clipped))


def _logistic_fit(design: Floats, offset: Floats, y: Floats) -> tuple[Floats, Floats] | None:
    """Maximum-likelihood coefficients and standard errors by Newton's method; None if none are finite.

    Where a whole step would make the outcomes less likely it is halved: from far off, with scores that are
    all too low, Newton's own step leads away.
    """

    def likelihood(beta: Floats) -> float:
        linear = design @ beta + offset
        return float(np.sum(y * linear - np.logaddexp(0, linear)))

    beta = np.zeros(design.shape[1])
    reached = likelihood(beta)
    for _ in range(200):
        p = scipy.special.expit(design @ beta + offset)
        information = design.T @ (design * (p * (1 - p))[:, None])
        if reached > -SEPARATED or np.linalg.cond(information) > 1e12:
            return None  # separated outcomes or a constant predictor: no finite maximum
        step = np.linalg.solve(information, design.T @ (y - p))
        for _ in range(60):
            new = likelihood(beta + step)
            if new >= reached - 1e-12 * abs(reached):
                break
            step = step / 2
        beta, reached = beta + step, new
        if np.abs(step).max() < 1e-9 * max(1.0, float(np.abs(beta).max())):
            return beta, np.sqrt(np.diag(np.linalg.inv(information)))
    return None


def _groups(ranked: Floats, bins: int) -> list[slice]:
    """About equal groups of ascending scores; equal scores stay in one, whatever the order of the rows."""
    edges = [0]
    for wanted in np.cumsum([len(part) for part in np.array_split(ranked, min(bins, ranked.size))])[:-1]:
        first, last = (int(np.searchsorted(ranked, ranked[wanted], side)) for side in ("left", "right"))
        # Between two different scores the edge stays; within a run of equal ones it goes to the nearer end.
        edge = first if wanted - first <= last - wanted else last
        if edges[-1] < edge < ranked.size:
            edges.append(edge)
    return [slice(a, b) for a, b in zip(edges, [*edges[1:], ranked.size], strict=True)]


def calibration(
    y: npt.ArrayLike, p: npt.ArrayLike, bins: int = 10, *, confidence: float = 0.95
) -> dict[str, Any]:
    """Calibration of probabilities: curve, intercept, slope, expected calibration error.

    Intercept is calibration in the large (slope held at 1); slope is that of a logistic regression of
    the outcome on logit(p) (Cox 1958; Van Calster, J Clin Epidemiol 2016;74:167). The curve has about
    equal groups of patients by score, equal scores together, each with its Wilson interval.

    Returns
    -------
    dict
        ``intercept``, ``slope`` as {"value", "low", "high"} or None where no finite fit exists;
        ``observed_expected``; ``ece``; ``curve``: [{"predicted", "observed", "k", "n", "wilson"}].
    """
    outcomes, scores = checked(y, p)
    if scores.min() < 0 or scores.max() > 1:
        raise ValueError("calibration needs probabilities in [0, 1]")
    if bins < 1:
        raise ValueError("at least one bin")
    logit, ones = _logit(scores), np.ones_like(outcomes)
    z = normal_quantile(confidence)

    def estimate(fit: tuple[Floats, Floats] | None, term: int) -> dict[str, float] | None:
        if fit is None:
            return None
        value, se = float(fit[0][term]), float(fit[1][term])
        return {"value": value, "low": value - z * se, "high": value + z * se}

    one_outcome = outcomes.min() == outcomes.max()
    level = None if one_outcome else _logistic_fit(ones[:, None], logit, outcomes)
    line = None if one_outcome else _logistic_fit(np.stack([ones, logit], 1), np.zeros_like(logit), outcomes)
    curve = []
    error = 0.0
    order = np.argsort(scores, kind="stable")
    for group in _groups(scores[order], bins):
        k, n = int(outcomes[order][group].sum()), group.stop - group.start
        predicted = float(scores[order][group].mean())
        error += n * abs(k / n - predicted)
        interval = list(wilson(k, n, confidence))
        curve.append({"predicted": predicted, "observed": k / n, "k": k, "n": n, "wilson": interval})
    return {
        "intercept": estimate(level, 0),
        "slope": estimate(line, 1),
        "observed_expected": float(outcomes.sum() / scores.sum()) if scores.sum() else None,
        "ece": error / len(scores),
        "curve": curve,
    }


def net_benefit(
    y: npt.ArrayLike, p: npt.ArrayLike, thresholds: Sequence[float] | None = None
) -> dict[str, list[float]]:
    """Decision curve: TP/n − FP/n · t/(1 − t) (Vickers & Elkin, Med Decis Making 2006;26:565).

    Returns ``thresholds``, ``model``, ``treat_all`` and ``treat_none`` (zero), thresholds .01–.99
    unless given; each must lie in [0, 1).
    """
    outcomes, scores = checked(y, p)
    grid = np.arange(1, 100) / 100 if thresholds is None else np.asarray(thresholds, dtype=float)
    if grid.size == 0 or grid.min() < 0 or grid.max() >= 1:
        raise ValueError("decision thresholds must lie in [0, 1)")
    odds, prevalence = grid / (1 - grid), outcomes.mean()
    called = scores[None, :] >= grid[:, None]
    model = (called & (outcomes == 1)).mean(axis=1) - odds * (called & (outcomes == 0)).mean(axis=1)
    treat_all = prevalence - odds * (1 - prevalence)
    return {
        "thresholds": grid.tolist(),
        "model": model.tolist(),
        "treat_all": treat_all.tolist(),
        "treat_none": [0.0] * grid.size,
    }
