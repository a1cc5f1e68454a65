"""The hazard view against statsmodels and against data drawn from it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.optimize import minimize

from modeling.discrimination import auc_delong, delong_paired
from modeling.hazard import HazardFit, fit_hazard, hazard_view
from modeling.within_folds import ScoredFold

TRUE = HazardFit(-3.0, 0.8, 1.2)


def one_fold(f: np.ndarray, repeat: int = 0) -> ScoredFold:
    return ScoredFold(repeat, np.arange(len(f)), f)


def draw(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    f, years = rng.normal(0, 1.5, n), rng.uniform(3, 14, n)
    return (rng.random(n) < TRUE.probability(f, years)).astype(int), f, years


@pytest.mark.parametrize("seed", range(3))
def test_unpenalised_fit_equals_statsmodels(seed):
    y, f, years = draw(400, seed)
    link = sm.families.links.CLogLog()
    design = np.column_stack([np.ones(400), f, np.log(years)])
    expected = sm.GLM(y, design, family=sm.families.Binomial(link=link)).fit().params
    found = fit_hazard(y, f, years, ridge=0)
    assert (found.intercept, found.score, found.log_years) == pytest.approx(
        tuple(expected), rel=1e-3, abs=2e-3
    )


def test_penalised_fit_is_the_minimum_of_its_definition():
    y, f, years = draw(80, 5)
    design = np.column_stack([f, np.log(years)])
    z = (design - design.mean(0)) / design.std(0)

    def loss(b):
        p = 1 - np.exp(-np.exp(b[0] + z @ b[1:]))
        return -(y * np.log(p) + (1 - y) * np.log(1 - p)).sum() + 0.5 * (b[1:] ** 2).sum()

    best = minimize(
        loss, [-1, 0, 0], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-10, "maxiter": 9999}
    )
    found = fit_hazard(y, f, years)
    assert found.score * design.std(0)[0] == pytest.approx(best.x[1], abs=1e-4)
    assert found.log_years * design.std(0)[1] == pytest.approx(best.x[2], abs=1e-4)


def test_truth_is_recovered():
    y, f, years = draw(20_000, 1)
    found = fit_hazard(y, f, years)
    assert (found.intercept, found.score, found.log_years) == pytest.approx((-3.0, 0.8, 1.2), abs=0.15)


def test_risk_rises_with_follow_up_and_separated_outcomes_stay_finite():
    assert np.all(np.diff(TRUE.probability(0.3, [1, 2, 5, 20])) > 0)
    separated = fit_hazard([0, 0, 0, 1, 1, 1], [-9, -8, -7, 7, 8, 9], [3, 4, 5, 3, 4, 5])
    assert np.isfinite([separated.intercept, separated.score, separated.log_years]).all()
    assert fit_hazard([0, 0], [1, 2], [3, 4]) is None
    with pytest.raises(ValueError, match="zero years"):
        TRUE.probability(0.1, 0.0)


def test_view_is_evaluated_at_each_patients_own_follow_up():
    y, f, years = draw(200, 9)
    view = hazard_view([TRUE], [one_fold(f)], y, years, fitted_on="inner folds")
    own = 1 - np.exp(-np.exp(-3 + 0.8 * f + 1.2 * np.log(years)))
    assert view["brier"] == pytest.approx(np.mean((own - y) ** 2))
    assert view["shape"] == pytest.approx(1.2)
    # One fold: DeLong's own figures, against scores that order as the logits do.
    assert tuple(view["auc"].values()) == pytest.approx(auc_delong(y, own))
    expected = delong_paired(y, own, 1 / (1 + np.exp(-f)))
    assert view["against_plain"] == {key: pytest.approx(value) for key, value in expected.items()}
    medians = [row["median"] for row in view["horizons"]]
    assert medians == sorted(medians)
    assert json.loads(json.dumps(view, allow_nan=False)) == view
    assert hazard_view([None], [one_fold(f)], y, years, fitted_on="x") is None


def test_aucs_of_several_folds_are_taken_within_them():
    """A fold whose network scores everybody lower moves nobody within it; in one list it would."""
    y, f, years = draw(200, 9)
    halves = [np.arange(0, 200, 2), np.arange(1, 200, 2)]
    low = HazardFit(-6.0, 0.8, 1.2)
    folds = [ScoredFold(0, half, f[half]) for half in halves]
    view = hazard_view([TRUE, low], folds, y, years, fitted_on="x")
    pairs = right = 0.0
    for half in halves:
        risk = TRUE.probability(f[half], years[half])
        above = risk[y[half] == 1][:, None] - risk[y[half] == 0][None]
        pairs, right = pairs + above.size, right + (above > 0).sum() + 0.5 * (above == 0).sum()
    assert view["auc"]["value"] == pytest.approx(right / pairs)
    assert view["against_plain"]["first"] == pytest.approx(right / pairs)


def test_risks_of_repeats_are_averaged_each_with_its_own_fit_and_logit():
    """A fit belongs to its own network's scale of logits, never to the mean over networks."""
    y, f, years = draw(200, 9)
    other = HazardFit(-3.0, 0.08, 1.2)  # of a network whose logits are ten times as large
    folds = [one_fold(f), one_fold(10 * f, repeat=1)]
    once = hazard_view([TRUE], folds[:1], y, years, fitted_on="x")
    twice = hazard_view([TRUE, other], folds, y, years, fitted_on="x")
    assert twice["brier"] == pytest.approx(once["brier"])
    assert twice["horizons"] == [pytest.approx(row) for row in once["horizons"]]
    assert hazard_view([TRUE, None], folds, y, years, fitted_on="x") is None


@pytest.mark.parametrize("length", [5.0, 4.999316, 7.3])
@pytest.mark.parametrize("n", [40, 120, 176])
def test_one_follow_up_length_tells_no_shape(length, n):
    """The deviation of equal logarithms is rounding, 4e-16: dividing by it gave exponents of millions."""
    rng = np.random.default_rng(n)
    y = (rng.random(n) < 0.3).astype(int)
    f, years = rng.normal(size=n) + y, np.full(n, length)
    fit = fit_hazard(y, f, years)
    assert (fit.log_years, fit.knows_shape) == (0.0, False)
    view = hazard_view([fit], [one_fold(f)], y, years, fitted_on="x")
    assert (view["shape"], view["horizons"]) == (None, None)
    assert view["auc"]["value"] == pytest.approx(view["against_plain"]["second"])
    # The risk at the one length that there is stays a risk.
    assert view["calibration"]["observed_expected"] == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(("spread", "known"), [(1e-5, False), (0.008, False), (0.06, False), (0.2, True)])
def test_visits_about_one_date_tell_no_shape(spread, known):
    """An ordinary fixed visit, two weeks about five years, gave k 9.8: risks of .002 at 3 years, 1 at 10."""
    rng = np.random.default_rng(7)
    y = (rng.random(176) < 0.3).astype(int)
    logs = rng.normal(size=176)
    years = 5 * np.exp(spread * (logs - logs.mean()) / logs.std())
    fit = fit_hazard(y, rng.normal(size=176) + y, years)
    assert fit.knows_shape is known
    assert (fit.log_years != 0) is known


@pytest.mark.parametrize(("ends", "horizons"), [((3, 14), [3, 5, 10]), ((4, 9), [5]), ((5.5, 9.5), [])])
def test_horizons_lie_within_the_follow_up_seen(ends, horizons):
    y, f, _ = draw(200, 9)
    view = hazard_view([TRUE], [one_fold(f)], y, np.linspace(*ends, 200), fitted_on="x")
    assert [row["years"] for row in view["horizons"]] == horizons
