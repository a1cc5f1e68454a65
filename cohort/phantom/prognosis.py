"""The planted prognosis: who develops a lesion, when, and how well that can be known at best.

Onset is exponential with hazard ``exp(intercept + slope · d)`` per year, d the subaxial degeneration at
baseline. Everything else is independent of it, so the area under the ROC curve of d, or of the true
probability by each patient's own follow-up, is the best any reader of baseline scans can reach.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.stats import beta, rankdata

from cohort.phantom.anatomy import Rng

#: Follow-up in years, uniform between these.
FOLLOW_UP = (3.0, 14.0)
#: Degeneration is Beta distributed: most necks little, some much.
DEGENERATION = (0.5, 1.0)
#: Slope at which the oracle's AUC is about .95.
STRONG = 8.0


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
    middle = (np.arange(200) + 0.5) / 200
    d = beta.ppf(middle, *DEGENERATION)[:, None]
    years = FOLLOW_UP[0] + (FOLLOW_UP[1] - FOLLOW_UP[0]) * middle[None, :]

    def excess(intercept: float) -> float:
        return float(Prognosis(intercept, slope).probability(d, years).mean()) - positive_share

    return Prognosis(float(brentq(excess, -60 - abs(slope), 20 + abs(slope))), slope)


def draw_degeneration(rng: Rng) -> float:
    return float(rng.beta(*DEGENERATION))


def auc(outcome: ArrayLike, score: ArrayLike) -> float | None:
    """Area under the ROC curve as the Mann–Whitney statistic with mid-ranks; None with one class only."""
    y, s = np.asarray(outcome, dtype=bool), np.asarray(score, dtype=float)
    positives, negatives = int(y.sum()), int((~y).sum())
    if not positives or not negatives:
        return None
    return float((rankdata(s)[y].sum() - positives * (positives + 1) / 2) / (positives * negatives))
