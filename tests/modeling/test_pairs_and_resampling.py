"""Two models on the same patients, and intervals by resampling, against independent implementations."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from MLstatkit import Delong_test
from scipy import stats
from sklearn import metrics as sk
from statsmodels.stats.contingency_tables import mcnemar

from modeling import metrics
from tests.modeling.test_metrics import cohort


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_paired_delong_equals_mlstatkit(seed, ties):
    y, first = cohort(seed, ties=ties)
    _, second = cohort(seed + 100, ties=ties)
    second = 0.5 * first + 0.5 * second
    found = metrics.delong_paired(y, first, second)
    z, p = Delong_test(y, first, second)[:2]
    assert found["p"] == pytest.approx(float(p), abs=1e-4)
    assert abs(found["z"]) == pytest.approx(abs(float(z)), abs=1e-3)
    assert found["difference"] == pytest.approx(sk.roc_auc_score(y, first) - sk.roc_auc_score(y, second))
    swapped = metrics.delong_paired(y, second, first)
    assert (swapped["difference"], swapped["p"]) == pytest.approx((-found["difference"], found["p"]))


def test_paired_delong_variance_equals_its_definition_over_all_pairs():
    y, first = cohort(7, n=50, ties=True)
    _, second = cohort(8, n=50, ties=True)

    def kernel(s):
        a, b = s[y == 1], s[y == 0]
        return (a[:, None] > b) + 0.5 * (a[:, None] == b)

    difference = kernel(first) - kernel(second)
    m, n = difference.shape
    variance = difference.mean(1).var(ddof=1) / m + difference.mean(0).var(ddof=1) / n
    found = metrics.delong_paired(y, first, second)
    assert found["difference"] == pytest.approx(difference.mean())
    assert (found["high"] - found["low"]) / 2 / stats.norm.ppf(0.975) == pytest.approx(math.sqrt(variance))


def test_paired_delong_of_the_same_order():
    y, s = cohort(1)
    assert metrics.delong_paired(y, s, s**3)["p"] == 1.0
    with pytest.raises(ValueError, match="both outcomes"):
        metrics.delong_paired([1, 1], [0.1, 0.2], [0.3, 0.4])


def test_paired_mcnemar_equals_statsmodels():
    y, s = cohort(2)
    first, second = (s >= 0.4).astype(int), (s >= 0.6).astype(int)
    found = metrics.mcnemar_paired(y, first, second)
    right = [first == y, second == y]
    table = [[int((right[0] & right[1]).sum()), found["b"]], [found["c"], int((~right[0] & ~right[1]).sum())]]
    assert sum(map(sum, table)) == len(y)
    assert found["p"] == pytest.approx(mcnemar(table, exact=True).pvalue)


def test_weighted_average_precision_equals_scikit_learn():
    from modeling.bootstrap import average_precision_weighted, resample_counts

    y, s = cohort(3, ties=True)
    weights = resample_counts(y, 40, seed=1)
    expected = [sk.average_precision_score(y, s, sample_weight=row) for row in weights]
    assert average_precision_weighted(y.astype(float), s, weights) == pytest.approx(expected)


def test_bootstrap_keeps_both_outcomes_and_equals_a_plain_loop():
    from modeling.bootstrap import SEED, bootstrap_intervals, resample_counts

    y, s = cohort(4)
    weights = resample_counts(y, 300, SEED)
    assert (weights @ y == y.sum()).all()
    assert (weights.sum(axis=1) == len(y)).all()
    found = bootstrap_intervals(y, s, 0.4, repeats=300)
    values = []
    for row in weights.astype(int):
        index = np.repeat(np.arange(len(y)), row)
        called = (s[index] >= 0.4).astype(int)
        of_calls = (sk.f1_score, sk.matthews_corrcoef, sk.balanced_accuracy_score)
        values.append([f(y[index], called) for f in of_calls] + [sk.brier_score_loss(y[index], s[index])])
    for name, column in zip(("f1", "mcc", "balanced_accuracy", "brier"), np.array(values).T, strict=True):
        assert found[name] == pytest.approx(np.quantile(column, [0.025, 0.975]))


def test_bootstrap_interval_covers_the_truth():
    rng = np.random.default_rng(3)
    # Called positive with .8 among cases and .3 among the others, half each: balanced accuracy .75.
    hits = 0
    for _ in range(200):
        y = np.repeat([1, 0], 60)
        called = np.where(y == 1, rng.random(120) < 0.8, rng.random(120) < 0.3).astype(float)
        low, high = metrics.bootstrap_intervals(y, called, 0.5, repeats=400)["balanced_accuracy"]
        hits += low <= 0.75 <= high
    assert 0.90 <= hits / 200 <= 0.99


def test_net_benefit_worked_by_hand():
    # Ten patients, three cases; at .25 five are called, three of them cases: 3/10 − 2/10 · 1/3.
    y = [1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
    s = [0.9, 0.6, 0.3, 0.5, 0.4, 0.2, 0.2, 0.1, 0.1, 0.0]
    curve = metrics.net_benefit(y, s, [0.25, 0.5])
    assert curve["model"] == pytest.approx([0.3 - 0.2 / 3, 0.2 - 0.1])
    assert curve["treat_all"] == pytest.approx([0.3 - 0.7 / 3, 0.3 - 0.7])


def test_auc_is_the_mann_whitney_statistic():
    y, s = cohort(6, ties=True)
    u = stats.mannwhitneyu(s[y == 1], s[y == 0]).statistic
    assert metrics.auc_delong(y, s)[0] == pytest.approx(u / (y.sum() * (len(y) - y.sum())))


def test_one_patient_of_an_outcome_gives_no_interval_by_resampling_and_no_paired_test():
    y, first, second = [1, 0, 0, 0, 0], [0.6, 0.7, 0.2, 0.3, 0.1], [0.1, 0.7, 0.2, 0.3, 0.4]
    found = metrics.delong_paired(y, first, second)
    assert (found["difference"], found["p"], found["low"]) == (0.75, None, None)
    assert set(metrics.bootstrap_intervals(y, first, 0.5).values()) == {None}
    assert json.dumps(metrics.evaluate(y, first, 0.5), allow_nan=False)
