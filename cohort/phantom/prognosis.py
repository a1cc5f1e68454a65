"""The planted prognosis: who develops a lesion, when, and how well that can be known at best.

Onset is exponential with hazard ``exp(intercept + slope · d)`` per year, d the subaxial degeneration at
baseline. Everything else is independent of it, so the area under the ROC curve of d, or of the true
probability by each patient's own follow-up, is the best any reader of baseline scans can reach.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from cohort.phantom.anatomy import Rng

#: Follow-up in years, uniform between these.
FOLLOW_UP = (3.0, 14.0)
#: Degeneration is Beta distributed: most necks little, some much.
DEGENERATION = (0.5, 1.0)
#: Slope at which the oracle's AUC is about .95 where a fifth to a third have the outcome.
STRONG = 8.0
#: Steps in which the distributions of degeneration and follow-up are gone through.
STEPS = 200


@dataclass(frozen=True, slots=True)
class Prognosis:
    intercept: float
    slope: float

    def hazard(self, degeneration: ArrayLike) -> NDArray[np.float64]:
        """Onsets per year."""
        return np.asarray(np.exp(self.intercept + self.slope * np.asarray(degeneration, dtype=float)))

    def probability(self, degeneration: ArrayLike, years: ArrayLike) -> NDArray[np.float64]:
        """Probability of onset within ``years``."""
        return np.asarray(-np.expm1(-self.hazard(degeneration) * np.asarray(years, dtype=float)))


def plan(positive_share: float, slope: float = STRONG) -> Prognosis:
    """The prognosis under which the expected share of patients with onset by follow-up is as wanted."""
    if not 0 < positive_share < 1:
        raise ValueError(f"positive_share must lie between 0 and 1, not {positive_share}")

    def excess(intercept: float) -> float:
        return float(_population(Prognosis(intercept, slope)).mean()) - positive_share

    return Prognosis(float(scipy.optimize.brentq(excess, -60 - abs(slope), 20 + abs(slope))), slope)


def plan_for_auc(positive_share: float, wanted: float) -> Prognosis:
    """The prognosis with that expected share of cases whose oracle has the AUC ``wanted`` (.87 to .99)."""

    def excess(slope: float) -> float:
        return expected_auc(plan(positive_share, slope)) - wanted

    try:
        return plan(positive_share, float(scipy.optimize.brentq(excess, 4.0, 20.0, xtol=1e-4)))
    except ValueError:
        raise ValueError(f"no slope gives an oracle AUC of {wanted} at {positive_share} positives") from None


def expected_auc(model: Prognosis) -> float:
    """The oracle's AUC in the population: of the true probability by each patient's own follow-up."""
    p = np.sort(_population(model), axis=None)
    below = np.cumsum(1 - p) - (1 - p) / 2  # of patients without onset, by weight
    return float((p * below).sum() / (p.sum() * (1 - p).sum()))


def _population(model: Prognosis) -> NDArray[np.float64]:
    """Probabilities over equally likely (degeneration, follow-up), (STEPS, STEPS)."""
    middle = (np.arange(STEPS) + 0.5) / STEPS
    d = scipy.stats.beta.ppf(middle, *DEGENERATION)[:, None]
    return model.probability(d, FOLLOW_UP[0] + (FOLLOW_UP[1] - FOLLOW_UP[0]) * middle[None, :])


def draw_degeneration(rng: Rng) -> float:
    return float(rng.beta(*DEGENERATION))


def auc(outcome: ArrayLike, score: ArrayLike) -> float | None:
    """Area under the ROC curve as the Mann–Whitney statistic with mid-ranks; None with one class only."""
    y, s = np.asarray(outcome, dtype=bool), np.asarray(score, dtype=float)
    positives, negatives = int(y.sum()), int((~y).sum())
    if not positives or not negatives:
        return None
    ranks = scipy.stats.rankdata(s)
    return float((ranks[y].sum() - positives * (positives + 1) / 2) / (positives * negatives))
