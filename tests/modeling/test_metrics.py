"""Figures of merit against scikit-learn, SciPy, statsmodels, MLstatkit and the paper's published table."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from MLstatkit import Delong_test
from scipy import stats
from scipy.optimize import brentq
from scipy.special import expit
from sklearn import metrics as sk
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

from modeling import metrics


def cohort(seed: int, n: int = 80, ties: bool = False) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.25).astype(int)
    y[:2] = 0, 1
    s = 1 / (1 + np.exp(-(rng.normal(size=n) + 1.2 * y - 1)))
    return y, np.round(s, 1) if ties else s


@pytest.mark.parametrize("n", [1, 7, 67])
def test_proportion_intervals_equal_statsmodels(n):
    for k in range(n + 1):
        low, high = proportion_confint(k, n, method="wilson")
        assert metrics.wilson(k, n) == pytest.approx((max(low, 0), min(high, 1)), abs=1e-12)
        assert metrics.clopper_pearson(k, n) == pytest.approx(
            proportion_confint(k, n, method="beta"), abs=1e-12
        )
        exact = stats.binomtest(k, n).proportion_ci(0.95, method="exact")
        assert metrics.clopper_pearson(k, n) == pytest.approx((exact.low, exact.high), abs=1e-9)


@pytest.mark.parametrize(("k", "n"), [(-1, 5), (6, 5), (0, 0), (1.5, 3)])
def test_intervals_refuse_what_is_no_proportion(k, n):
    for interval in (metrics.wilson, metrics.clopper_pearson):
        with pytest.raises(ValueError, match="not a proportion"):
            interval(k, n)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_auc_and_delong_variance_equal_independent_implementations(seed, ties):
    y, s = cohort(seed, ties=ties)
    auc, low, high = metrics.auc_delong(y, s)
    assert auc == pytest.approx(sk.roc_auc_score(y, s), abs=1e-12)
    wald_low, wald_high = Delong_test(y, s, 1 - s)[2]
    se = (wald_high - wald_low) / 2 / stats.norm.ppf(0.975)
    # Same variance, on the logit scale by the delta method.
    logit, se_logit = math.log(auc / (1 - auc)), se / (auc * (1 - auc))
    expected = [1 / (1 + math.exp(-(logit + sign * 1.959963984540054 * se_logit))) for sign in (-1, 1)]
    # MLstatkit computes in single precision.
    assert (low, high) == pytest.approx(tuple(expected), abs=1e-5)


def test_delong_variance_equals_its_definition_over_all_pairs():
    y, s = cohort(3, n=40, ties=True)
    positive, negative = s[y == 1], s[y == 0]
    kernel = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    auc, low, high = metrics.auc_delong(y, s)
    variance = kernel.mean(1).var(ddof=1) / len(positive) + kernel.mean(0).var(ddof=1) / len(negative)
    width = (math.log(high / (1 - high)) - math.log(low / (1 - low))) / 2 / stats.norm.ppf(0.975)
    assert width * auc * (1 - auc) == pytest.approx(math.sqrt(variance), rel=1e-9)


@pytest.mark.parametrize(
    ("y", "s", "expected"),
    [
        ([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], (1.0, 0.025**0.5, 1.0)),
        ([1, 1, 0, 0], [0.1, 0.2, 0.8, 0.9], (0.0, 0.0, 1 - 0.025**0.5)),
        ([0, 1, 0, 1], [0.3, 0.3, 0.3, 0.3], (0.5, 0.5, 0.5)),
    ],
)
def test_auc_where_delong_has_no_variance(y, s, expected):
    assert metrics.auc_delong(y, s) == pytest.approx(expected)


def test_auc_with_one_positive_uses_hanley_and_mcneil():
    y, s = [1, 0, 0, 0, 0], [0.6, 0.7, 0.2, 0.3, 0.1]
    auc, low, high = metrics.auc_delong(y, s)
    se = metrics.hanley_mcneil_se(0.75, 1, 4)
    assert auc == 0.75
    assert 0 < low < auc < high < 1
    assert math.log(high / (1 - high)) == pytest.approx(math.log(3) + 1.959963984540054 * se / (0.75 * 0.25))


@pytest.mark.parametrize(
    ("y", "s", "reason"),
    [
        ([1, 1], [0.1, 0.2], "both outcomes"),
        ([], [], "no patients"),
        ([0, 1], [0.1], "equal 1-D"),
        ([0, 2], [0.1, 0.2], "0 or 1"),
        ([0, 1], [0.1, float("nan")], "score 1 is not a finite"),
    ],
)
def test_auc_refuses(y, s, reason):
    with pytest.raises(ValueError, match=reason):
        metrics.auc_delong(y, s)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6)), min_size=2, max_size=30))
def test_auc_interval_always_lies_in_the_unit_interval(rows):
    y, s = zip(*rows, strict=True)
    if len(set(y)) == 2:
        auc, low, high = metrics.auc_delong(y, s)
        assert 0 <= low <= auc <= high <= 1


def test_delong_interval_covers_the_truth():
    rng = np.random.default_rng(1)
    truth, hits, runs = stats.norm.cdf(1.0 / math.sqrt(2)), 0, 600
    for _ in range(runs):
        y = np.repeat([1, 0], [15, 60])
        _, low, high = metrics.auc_delong(y, rng.normal(size=75) + y)
        hits += low <= truth <= high
    assert 0.92 <= hits / runs <= 0.99


def test_table_equals_scikit_learn():
    y, s = cohort(5)
    counts = metrics.confusion(y, s, 0.4)
    called = (s >= 0.4).astype(int)
    tn, fp, fn, tp = sk.confusion_matrix(y, called).ravel()
    assert counts == {"tp": tp, "fp": fp, "tn": tn, "fn": fn}
    table = metrics.table_from_counts(**counts)
    assert table["sensitivity"]["value"] == pytest.approx(sk.recall_score(y, called))
    assert table["specificity"]["value"] == pytest.approx(sk.recall_score(y, called, pos_label=0))
    assert table["ppv"]["value"] == pytest.approx(sk.precision_score(y, called))
    assert table["npv"]["value"] == pytest.approx(sk.precision_score(y, called, pos_label=0))
    assert table["accuracy"]["value"] == pytest.approx(sk.accuracy_score(y, called))
    assert table["f1"]["value"] == pytest.approx(sk.f1_score(y, called))
    assert table["mcc"]["value"] == pytest.approx(sk.matthews_corrcoef(y, called))
    assert table["balanced_accuracy"]["value"] == pytest.approx(sk.balanced_accuracy_score(y, called))


def test_a_score_at_the_threshold_is_called_positive():
    assert metrics.confusion([1, 0], [0.5, 0.4999], 0.5) == {"tp": 1, "fp": 0, "tn": 1, "fn": 0}


def test_confusion_takes_one_threshold_a_patient():
    assert metrics.confusion([1, 0], [0.5, 0.5], [0.4, 0.6]) == {"tp": 1, "fp": 0, "tn": 1, "fn": 0}


def test_figures_without_a_denominator_are_none_not_zero():
    table = metrics.table_from_counts(tp=0, fp=0, tn=5, fn=2)
    assert table["ppv"] == {"value": None, "k": 0, "n": 0, "wilson": None, "clopper_pearson": None}
    assert table["mcc"]["value"] is None
    with pytest.raises(ValueError, match="2×2"):
        metrics.table_from_counts(0, 0, 0, 0)


def test_curves_equal_scikit_learn_and_are_json():
    y, s = cohort(2, ties=True)
    roc, pr = metrics.roc_points(y, s), metrics.pr_points(y, s)
    fpr, tpr, _ = sk.roc_curve(y, s, drop_intermediate=False)
    assert roc["fpr"] == fpr.tolist()
    assert roc["tpr"] == tpr.tolist()
    assert roc["thresholds"][0] is None
    assert roc["thresholds"][1:] == sorted(set(s.tolist()), reverse=True)
    precision, recall, _ = sk.precision_recall_curve(y, s)
    assert pr["precision"] == precision.tolist()
    assert pr["recall"] == recall.tolist()
    assert len(pr["thresholds"]) == len(pr["recall"])
    for t, x in zip(roc["thresholds"][1:], roc["tpr"][1:], strict=True):
        assert metrics.confusion(y, s, t)["tp"] / y.sum() == pytest.approx(x)


@pytest.mark.parametrize("target", [0.5, 0.9, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_threshold_for_sensitivity_is_the_highest_that_reaches_it(seed, target):
    y, s = cohort(seed, ties=True)
    threshold = metrics.threshold_for_sensitivity(y, s, target)

    def sensitivity(t):
        return (s[y == 1] >= t).mean()

    assert sensitivity(threshold) >= target
    higher = [t for t in set(s.tolist()) if t > threshold]
    assert all(sensitivity(t) < target for t in higher)


def test_threshold_for_sensitivity_counts_patients_exactly():
    y, s = np.ones(10, int), np.arange(10) / 10
    assert metrics.threshold_for_sensitivity(y, s, 0.9) == pytest.approx(0.1)
    with pytest.raises(ValueError, match="positive patient"):
        metrics.threshold_for_sensitivity([0, 0], [0.1, 0.2])


@pytest.mark.parametrize("seed", range(4))
def test_calibration_equals_statsmodels(seed):
    y, s = cohort(seed)
    logit = np.log(s / (1 - s))
    level = sm.GLM(y, np.ones(len(y)), family=sm.families.Binomial(), offset=logit).fit()
    line = sm.GLM(y, sm.add_constant(logit), family=sm.families.Binomial()).fit()
    found = metrics.calibration(y, s)
    assert found["intercept"]["value"] == pytest.approx(level.params[0], abs=1e-6)
    assert found["slope"]["value"] == pytest.approx(line.params[1], abs=1e-6)
    low, high = line.conf_int()[1]
    assert (found["slope"]["low"], found["slope"]["high"]) == pytest.approx((low, high), abs=1e-5)
    assert sum(g["n"] for g in found["curve"]) == len(y)
    assert sum(g["k"] for g in found["curve"]) == y.sum()
    assert found["observed_expected"] == pytest.approx(y.sum() / s.sum())


@pytest.mark.parametrize("centre", [-8, -6, -4, 5])
def test_calibration_of_scores_that_are_far_off(centre):
    """Its intercept is the root of Σ expit(b + logit p) = Σ y, whatever the scores; by bisection here."""
    rng = np.random.default_rng(7)
    y = np.array([1] * 12 + [0] * 55)
    for spread in (0.1, 2, 4):
        s = expit(rng.normal(centre, spread, len(y)).clip(-15, 15))
        logit = np.log(s / (1 - s))
        truth = brentq(lambda b, x=logit: float(expit(b + x).sum() - y.sum()), -60, 60)
        found = metrics.calibration(y, s)
        assert found["intercept"]["value"] == pytest.approx(truth, abs=1e-6)
        assert found["slope"] is not None


@pytest.mark.parametrize(
    ("y", "s"), [([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]), ([0, 1, 0, 1], [0.5] * 4), ([0, 0], [0.2, 0.3])]
)
def test_calibration_without_a_finite_fit_says_so(y, s):
    assert metrics.calibration(y, s)["slope"] is None


@pytest.mark.parametrize("kinds", [1, 2, 7, 300])
def test_calibration_does_not_depend_on_the_order_of_rows(kinds):
    """Equal scores are one group: split between bins, they gave another ECE in every order of the rows."""
    rng = np.random.default_rng(kinds)
    y = (rng.random(220) < 0.2).astype(int)
    s = rng.random(kinds)[rng.integers(0, kinds, 220)]
    found = [metrics.calibration(y[order], s[order]) for order in (rng.permutation(220) for _ in range(20))]
    assert all(one["ece"] == found[0]["ece"] and one["curve"] == found[0]["curve"] for one in found)
    assert sum(group["n"] for group in found[0]["curve"]) == 220
    if kinds <= 2:
        by_value = sum(abs(y[s == v].mean() - v) * (s == v).mean() for v in set(s))
        assert found[0]["ece"] == pytest.approx(by_value)


def test_distinct_scores_are_cut_into_equal_groups():
    s = np.random.default_rng(1).permutation(25) / 25
    curve = metrics.calibration((s > 0.5).astype(int), s)["curve"]
    assert [group["n"] for group in curve] == [3, 3, 3, 3, 3, 2, 2, 2, 2, 2]


def intervals(value, place=""):
    """Every interval of a result and where it stands: "low" and "high", or a list of two."""
    if isinstance(value, dict):
        if value.keys() >= {"low", "high"}:
            yield place, (value["low"], value["high"])
        for key, inner in value.items():
            if key in ("wilson", "clopper_pearson", "bootstrap") or key.endswith("_ci"):
                if inner is not None:
                    yield f"{place}.{key}", tuple(inner)
            else:
                yield from intervals(inner, f"{place}.{key}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from intervals(inner, f"{place}[{number}]")


def test_confidence_reaches_every_interval():
    rng = np.random.default_rng(4)
    s = rng.random(80)
    y = (rng.random(80) < s).astype(int)
    wide, narrow = (dict(intervals(metrics.evaluate(y, s, 0.5, confidence=c))) for c in (0.95, 0.9))
    assert list(wide) == list(narrow)
    kinds = {place.rsplit(".", 1)[1] for place in wide}
    assert kinds == {
        "auc", "auprc_ci", "brier_ci", "wilson", "clopper_pearson", "bootstrap", "slope", "intercept",
    }  # fmt: skip
    for place, (low, high) in wide.items():
        inner = narrow[place]
        # Both ends where neither is the end of the scale, where an interval cannot grow.
        assert low < inner[0] or low == 0, place
        assert inner[1] < high or high == 1, place


def test_a_threshold_that_is_no_number_is_refused():
    for threshold in (float("nan"), [0.5, float("nan")]):
        with pytest.raises(ValueError, match="threshold is not a number"):
            metrics.evaluate([0, 1], [0.2, 0.7], threshold)


def test_calibration_survives_scores_of_zero_and_one():
    found = metrics.calibration([0, 1, 1, 0, 1], [0.0, 1.0, 0.0, 0.4, 0.6])
    assert found["slope"] is None or math.isfinite(found["slope"]["value"])
    with pytest.raises(ValueError, match="probabilities"):
        metrics.calibration([0, 1], [0.2, 1.2])


def test_net_benefit_against_its_formula():
    y, s = cohort(9)
    curve = metrics.net_benefit(y, s, [0.0, 0.2, 0.5])
    for t, value in zip(curve["thresholds"], curve["model"], strict=True):
        c = metrics.confusion(y, s, t)
        assert value == pytest.approx(c["tp"] / len(y) - c["fp"] / len(y) * t / (1 - t))
    assert curve["treat_all"][0] == pytest.approx(y.mean())
    assert curve["treat_all"][2] == pytest.approx(2 * y.mean() - 1)
    assert curve["treat_none"] == [0.0, 0.0, 0.0]
    with pytest.raises(ValueError, match=r"\[0, 1\)"):
        metrics.net_benefit(y, s, [1.0])


@pytest.mark.parametrize(("b", "c"), [(0, 0), (9, 7), (0, 5), (12, 3), (4, 4)])
def test_mcnemar_equals_statsmodels(b, c):
    expected = mcnemar([[0, b], [c, 0]], exact=True).pvalue if b + c else 1.0
    assert metrics.mcnemar_exact(b, c) == pytest.approx(expected)


def test_evaluate_is_consistent_with_itself_and_plain_json():
    y, s = cohort(11)
    found = metrics.evaluate(y, s, 0.35)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert sum(found["confusion"].values()) == found["n"] == len(y)
    assert found["auc"]["value"] == pytest.approx(sk.roc_auc_score(y, s))
    assert found["auprc"] == pytest.approx(sk.average_precision_score(y, s))
    assert found["brier"] == pytest.approx(sk.brier_score_loss(y, s))
    assert found["no_information_rate"] == pytest.approx(max(y.mean(), 1 - y.mean()))
    # Against calling nobody: the discordant patients are those called positive.
    assert (found["mcnemar"]["b"], found["mcnemar"]["c"]) == (
        found["confusion"]["tp"],
        found["confusion"]["fp"],
    )


@pytest.mark.parametrize("y", [[0, 0, 0], [1, 1, 1]])
def test_evaluate_with_one_outcome_only(y):
    found = metrics.evaluate(y, [0.2, 0.4, 0.9], 0.5)
    assert found["auc"] is None
    assert found["roc"] is None
    json.dumps(found, allow_nan=False)


def test_groups_partition_the_patients():
    y, s = cohort(4)
    sites = ["A" if i % 3 else None for i in range(len(y))]
    rows = metrics.evaluate_groups(y, s, 0.4, {"site": sites})["site"]
    assert [row["level"] for row in rows] == ["A", "unknown"]
    whole = metrics.confusion(y, s, 0.4)
    assert {k: sum(row["confusion"][k] for row in rows) for k in whole} == whole
    with pytest.raises(ValueError, match="grouping site"):
        metrics.evaluate_groups(y, s, 0.4, {"site": ["A"]})
