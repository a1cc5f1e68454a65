"""A hazard view of scores whose patients were followed for different times (numpy, scipy; no torch).

P(case | f, C) = 1 − exp(−exp(a + b·f + k·log C)): a Weibull time to deformity seen once, at the patient's own
follow-up C (complementary log–log regression of current-status data; Jewell & van der Laan, Handbook of
Statistics 2003;23:625). k = 1 is a constant hazard. Two scans tell only whether, not when, so there is no
time-dependent AUC here and no censoring weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

from modeling.bootstrap import bootstrap_intervals
from modeling.discrimination import checked
from modeling.probabilities import calibration
from modeling.within_folds import ScoredFold, auc_within_folds, paired_within_folds

Floats = npt.NDArray[np.float64]
#: Weight of the quadratic penalty on the standardised coefficients: that of the comparators (C = 1).
RIDGE = 1.0
HORIZONS = (3.0, 5.0, 10.0)
#: Scores that spread less than this are constant: their deviation is rounding, and no slope follows from it.
CONSTANT = 1e-6
#: Deviation of log C (about that of C as a share of itself) from which k is estimated. The penalty is on the
#: standardised column and does not hold k itself, whose standard error is about 1/(deviation·√cases): here
#: 1.4 with 50 cases. Visits half a year about a fixed fifth year have .06, and would tell any k from chance.
LEAST_SPREAD = 0.1


@dataclass(frozen=True)
class HazardFit:
    """Coefficients on the scale of the score and of log years: log cumulative hazard = a + b·f + k·log C.

    Patients followed for about the same time (:data:`LEAST_SPREAD`) tell no k: ``knows_shape`` is then false,
    k is 0.
    """

    intercept: float
    score: float
    log_years: float
    knows_shape: bool = True

    def probability(self, f: npt.ArrayLike, years: npt.ArrayLike) -> Floats:
        """Chance of a case by ``years``, in [0, 1]; broadcast over both."""
        times = np.asarray(years, dtype=float)
        if (times <= 0).any():
            raise ValueError("follow-up must be longer than zero years")
        eta = self.intercept + self.score * np.asarray(f, dtype=float) + self.log_years * np.log(times)
        return np.asarray(-np.expm1(-np.exp(np.clip(eta, -700, 700))), dtype=np.float64)


def fit_hazard(
    y: npt.ArrayLike, f: npt.ArrayLike, years: npt.ArrayLike, ridge: float = RIDGE
) -> HazardFit | None:
    """Penalised maximum likelihood; None where only one outcome is present or nothing converges.

    Parameters
    ----------
    f
        Network scores, logits rather than probabilities, shape (n,).
    years
        Each patient's own follow-up.
    ridge
        λ of λ/2·(b² + k²) on standardised columns. 0 is plain maximum likelihood, which has no finite
        solution for separated outcomes.
    """
    outcomes, scores = checked(y, f)
    _, log_years = checked(y, np.log(np.asarray(years, dtype=float)))
    if outcomes.min() == outcomes.max():
        return None
    columns = np.stack([scores, log_years], axis=1)
    mean, deviation = columns.mean(axis=0), columns.std(axis=0)
    varies = deviation >= [CONSTANT, LEAST_SPREAD]
    deviation = np.where(varies, deviation, 1.0)
    design = np.column_stack([np.ones(len(outcomes)), np.where(varies, (columns - mean) / deviation, 0.0)])
    penalty = np.array([0.0, ridge, ridge])

    def loss(beta: Floats) -> tuple[float, Floats]:
        hazard = np.exp(np.clip(design @ beta, -30, 30))
        # log P(case) = log(1 − e^−h), log P(no case) = −h.
        log_case = np.log(-np.expm1(-hazard))
        value = -float((outcomes * log_case - (1 - outcomes) * hazard).sum())
        slope = (1 - outcomes) * hazard - outcomes * hazard / np.expm1(np.minimum(hazard, 700))
        return value + 0.5 * float(penalty @ beta**2), design.T @ slope + penalty * beta

    prevalence = float(outcomes.mean())
    start = np.array([np.log(-np.log1p(-prevalence)), 0.0, 0.0])
    found = scipy.optimize.minimize(
        loss, start, jac=True, method="BFGS", options={"gtol": 1e-8, "maxiter": 1000}
    )
    if not np.isfinite(found.x).all() or np.abs(found.jac).max() > 1e-3 * len(outcomes):
        return None
    slopes = np.where(varies, found.x[1:] / deviation, 0.0)
    return HazardFit(
        float(found.x[0] - slopes @ mean), float(slopes[0]), float(slopes[1]), knows_shape=bool(varies[1])
    )


def hazard_view(
    fits: Sequence[HazardFit | None],
    folds: Sequence[ScoredFold],
    y: npt.ArrayLike,
    years: npt.ArrayLike,
    *,
    fitted_on: str,
) -> dict[str, Any] | None:
    """The hazard view of test patients as plain JSON; None where any fit failed or one outcome is missing.

    Parameters
    ----------
    fits
        Each fold's, made without its test patients.
    folds
        Each fold's own logits of its test patients. A patient's risks by several folds are averaged, as the
        scores are; AUCs are taken within folds (:mod:`modeling.within_folds`; with one fold, DeLong's).
    years
        Follow-up of the test patients, (n,).

    Returns
    -------
    dict or None
        ``against_plain`` compares with the logits, which know nothing of time. ``shape`` and ``horizons`` are
        None where about one follow-up length cannot tell them; horizons outside the test patients' follow-up
        are left out.
    """
    outcomes, times = checked(y, years)
    known = [fit for fit in fits if fit is not None]
    if len(known) < len(folds) or outcomes.min() == outcomes.max():
        return None

    def fold_risks(at: Floats) -> list[Floats]:
        pairs = zip(known, folds, strict=True)
        return [fit.probability(fold.scores, at[fold.patients]) for fit, fold in pairs]

    def risks(at: Floats) -> Floats:
        total, seen = np.zeros(len(at)), np.zeros(len(at))
        for fold, risk in zip(folds, fold_risks(at), strict=True):
            np.add.at(total, fold.patients, risk)
            np.add.at(seen, fold.patients, 1)
        return total / seen

    own = risks(times)
    in_folds = [replace(fold, scores=risk) for fold, risk in zip(folds, fold_risks(times), strict=True)]
    value, low, high = auc_within_folds(outcomes, in_folds)
    curve = calibration(outcomes, own)
    resampled = bootstrap_intervals(outcomes, own, 0.5)
    shaped = all(fit.knows_shape for fit in known)
    horizons = []
    for horizon in HORIZONS if shaped else ():
        if not times.min() <= horizon <= times.max():
            continue  # beyond what was seen the curve is the formula's alone
        risk = risks(np.full(len(times), horizon))
        quarters = [float(q) for q in np.quantile(risk, [0.25, 0.5, 0.75])]
        horizons.append({"years": horizon, "median": quarters[1], "q1": quarters[0], "q3": quarters[2]})
    return {
        "fitted_on": fitted_on,
        "shape": float(np.mean([fit.log_years for fit in known])) if shaped else None,
        "score": float(np.mean([fit.score for fit in known])),
        "intercept": float(np.mean([fit.intercept for fit in known])),
        "auc": {"value": value, "low": low, "high": high},
        "brier": float(np.mean((own - outcomes) ** 2)),
        "brier_ci": list(resampled["brier"]) if resampled["brier"] else None,
        "calibration": {key: curve[key] for key in ("intercept", "slope", "observed_expected", "ece")},
        "against_plain": paired_within_folds(outcomes, in_folds, folds),
        "follow_up": [float(q) for q in np.quantile(times, [0, 0.25, 0.5, 0.75, 1])],
        "horizons": horizons if shaped else None,
    }
