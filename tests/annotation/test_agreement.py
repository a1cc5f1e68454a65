"""Agreement coefficients against published examples and independent libraries, to 1e-9."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import cohens_kappa, fleiss_kappa

from annotation import agreement as ag


def from_table(table: list[list[int]]) -> tuple[list[int], list[int]]:
    """Two readers' grades that give this table."""
    cells = [(i, j) for i, row in enumerate(table) for j, n in enumerate(row) for _ in range(n)]
    return [i for i, _ in cells], [j for _, j in cells]


def random_readers(seed: int, k: int, n: int = 120) -> tuple[list[int], list[int]]:
    rng = np.random.default_rng(seed)
    a = rng.integers(0, k, n)
    b = np.where(rng.random(n) < 0.6, a, rng.integers(0, k, n))
    return a.tolist(), b.tolist()


# --- Published worked examples


def test_cohen_1960() -> None:
    """Cohen 1960, table 1: two judges, three categories, 200 subjects: p_o .70, p_e .41, kappa .492."""
    a, b = from_table([[88, 14, 18], [10, 40, 10], [2, 6, 12]])
    assert ag.percent_agreement(a, b) == pytest.approx(0.70)
    assert ag.cohen_kappa(a, b) == pytest.approx(0.4915254, abs=1e-6)


def test_cohen_1968() -> None:
    """Cohen 1968, the same table with graded disagreements 0 1 3 / 1 0 6 / 3 6 0: weighted kappa .348."""
    a, b = from_table([[88, 14, 18], [10, 40, 10], [2, 6, 12]])
    weights = 1 - np.array([[0, 1, 3], [1, 0, 6], [3, 6, 0]]) / 6
    assert ag.cohen_kappa(a, b, weights) == pytest.approx(0.348, abs=5e-4)


def test_fleiss_1981_overall_and_by_category() -> None:
    """Fleiss 1981, table 13.1: two raters, 100 subjects: .68; psychotic .69, neurotic .50, organic .77."""
    a, b = from_table([[75, 1, 4], [5, 4, 1], [0, 0, 10]])
    assert ag.cohen_kappa(a, b) == pytest.approx(0.68, abs=5e-3)
    rows = ag.by_grade(a, b, labels=[0, 1, 2], n_resamples=50)
    assert [row["kappa"].value for row in rows] == pytest.approx([0.69, 0.50, 0.77], abs=5e-3)
    assert rows[1]["used"] == (10, 5)


def test_gwet_2014_three_abstractors() -> None:
    """Gwet 2014, pregnancy types: kappa .7964, AC1 .8493, Brennan–Prediger .8350, alpha .7973."""
    a, b = from_table([[13, 0, 0], [0, 20, 7], [0, 4, 56]])
    assert ag.cohen_kappa(a, b) == pytest.approx(0.7964094, abs=1e-7)
    assert ag.gwet_ac1(a, b) == pytest.approx(0.8493305, abs=1e-7)
    assert ag.pabak(a, b) == pytest.approx(0.8350, abs=1e-4)
    assert ag.krippendorff_alpha(a, b) == pytest.approx(0.7972585, abs=1e-7)


@pytest.mark.parametrize(
    ("table", "agreed", "kappa"),
    [
        ([[40, 9], [6, 45]], 0.85, 0.70),
        ([[80, 10], [5, 5]], 0.85, 0.32),
        ([[45, 15], [25, 15]], 0.60, 0.13),
        ([[25, 35], [5, 35]], 0.60, 0.26),
    ],
)
def test_feinstein_cicchetti_1990(table: list[list[int]], agreed: float, kappa: float) -> None:
    """The two paradoxes: the same raw agreement, and kappa .70 or .32; worse balance, and a higher kappa."""
    a, b = from_table(table)
    assert ag.percent_agreement(a, b) == pytest.approx(agreed)
    assert ag.cohen_kappa(a, b) == pytest.approx(kappa, abs=5e-3)
    assert ag.prevalence_warning(a, b) == (kappa == 0.32)


def test_specific_agreement() -> None:
    """Cicchetti and Feinstein 1990: of 80, 10, 5, 5 they agree on yes 91 % and on no 40 %."""
    a, b = from_table([[80, 10], [5, 5]])
    assert ag.specific_agreement(a, b, 0) == pytest.approx(160 / 175)
    assert ag.specific_agreement(a, b, 1) == pytest.approx(10 / 25)


def test_feinstein_cicchetti_paradox() -> None:
    """Gwet 2008: 118, 5, 2, 0 – 94 % agree, kappa is −.023 and AC1 .940."""
    a, b = from_table([[118, 5], [2, 0]])
    assert ag.percent_agreement(a, b) == pytest.approx(0.944)
    assert ag.cohen_kappa(a, b) == pytest.approx(-0.0234, abs=5e-4)
    assert ag.gwet_ac1(a, b) == pytest.approx(0.9408, abs=5e-4)
    assert ag.pabak(a, b) == pytest.approx(2 * 0.944 - 1)
    assert ag.prevalence_warning(a, b)


def test_krippendorff_2011_with_gaps() -> None:
    """Krippendorff 2011, example C, four observers: .743 nominal, .815 ordinal, .849 interval."""
    x = None
    matrix = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, x, x, x],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, x, 3],
        [x, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, x],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, x],
    ]
    assert ag.krippendorff_alpha(matrix) == pytest.approx(0.743, abs=5e-4)
    assert ag.krippendorff_alpha(matrix, level="ordinal") == pytest.approx(0.815, abs=5e-4)
    assert ag.krippendorff_alpha(matrix, level="interval") == pytest.approx(0.849, abs=5e-4)


def test_krippendorff_2011_two_observers() -> None:
    """Krippendorff 2011, example A: binary, two observers, ten units: .095."""
    meg = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0]
    owen = [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    assert ag.krippendorff_alpha(meg, owen) == pytest.approx(0.095, abs=5e-4)


def test_krippendorff_2011_two_observers_of_many_categories() -> None:
    """Krippendorff 2011, example B: nominal, two observers, twelve units, five categories: .692."""
    ben, gerry = "aabbdcccedda", "babbbccceddd"
    assert ag.krippendorff_alpha(ben, gerry) == pytest.approx(0.692, abs=5e-4)


def test_fleiss_1971_through_alpha() -> None:
    """Fourteen raters, ten subjects: Fleiss' kappa .210 (and statsmodels'); alpha corrects it for size."""
    counts = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    units = [[grade for grade, n in enumerate(row) for _ in range(n)] for row in counts]
    alpha = ag.krippendorff_alpha([list(rater) for rater in zip(*units, strict=True)])
    kappa = 1 - (1 - alpha) / (1 - 1 / 140)
    assert kappa == pytest.approx(0.210, abs=5e-4)
    assert kappa == pytest.approx(fleiss_kappa(np.array(counts)), abs=1e-9)


def test_byrt_1993_pabak() -> None:
    """PABAK is 2·p_o − 1 for two grades, (k·p_o − 1)/(k − 1) in general."""
    a, b = from_table([[80, 5], [10, 5]])
    assert ag.pabak(a, b) == pytest.approx(0.70)
    a, b = from_table([[40, 5, 5], [5, 20, 5], [5, 5, 10]])
    assert ag.pabak(a, b) == pytest.approx((3 * 0.7 - 1) / 2)


# --- Independent libraries


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("weights", [None, "linear", "quadratic"])
def test_kappa_against_scikit_learn(seed: int, k: int, weights: str | None) -> None:
    a, b = random_readers(seed, k)
    assert ag.cohen_kappa(a, b, weights) == pytest.approx(cohen_kappa_score(a, b, weights=weights), abs=1e-9)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("weights", "theirs"), [(None, None), ("linear", "linear"), ("quadratic", "fc")])
def test_kappa_against_statsmodels(seed: int, weights: str | None, theirs: str | None) -> None:
    a, b = random_readers(seed, 4)
    _, table = ag.contingency(a, b)
    options = {"wt": theirs} if theirs else {}
    assert ag.cohen_kappa(a, b, weights) == pytest.approx(cohens_kappa(table, **options).kappa, abs=1e-9)


def alpha_by_hand(matrix: list[list[float | None]], level: str) -> float:
    """Alpha straight from its definition (Krippendorff 2004, ch. 11), over pairs of values."""
    units = [[value for value in unit if value is not None] for unit in zip(*matrix, strict=True)]
    units = [unit for unit in units if len(unit) > 1]
    values = [value for unit in units for value in unit]

    def difference(one: float, other: float) -> float:
        if level == "nominal":
            return float(one != other)
        if level == "interval":
            return (one - other) ** 2
        low, high = min(one, other), max(one, other)
        between = sum(low <= value <= high for value in values)
        return (between - (values.count(low) + values.count(high)) / 2) ** 2 if low != high else 0.0

    observed = sum(
        difference(one, other) / (len(unit) - 1) for unit in units for one, other in permutations(unit, 2)
    ) / len(values)
    expected = sum(difference(one, other) for one, other in permutations(values, 2))
    return 1 - observed / (expected / (len(values) * (len(values) - 1)))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
def test_alpha_against_its_definition(seed: int, level: str) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.choice([1, 2, 3.5, 7], 40)  # uneven steps, so that the levels differ
    scores = np.where(rng.random((3, 40)) < 0.7, truth, rng.choice([1, 2, 3.5, 7], (3, 40)))
    gaps = rng.random((3, 40)) < 0.15
    matrix = [
        [None if gap else grade for grade, gap in zip(*row, strict=True)]
        for row in zip(scores.tolist(), gaps.tolist(), strict=True)
    ]
    expected = alpha_by_hand(matrix, level)
    assert ag.krippendorff_alpha(matrix, level=level) == pytest.approx(expected, abs=1e-9)
    gaps_as_nan = np.array(matrix, dtype=float)
    assert ag.krippendorff_alpha(gaps_as_nan, level=level) == pytest.approx(expected, abs=1e-9)


def gwet_by_hand(a: list[int], b: list[int], weight: Any, scale: list[int]) -> float:
    """AC2 straight from its definition (Gwet 2014, ch. 5), item by item."""
    q, n = len(scale), len(a)
    w = {(x, y): weight(x, y, q) for x in scale for y in scale}
    p_a = sum(w[x, y] for x, y in zip(a, b, strict=True)) / n
    pi = {x: (a.count(x) + b.count(x)) / (2 * n) for x in scale}
    p_e = sum(w.values()) / (q * (q - 1)) * sum(p * (1 - p) for p in pi.values())
    return float((p_a - p_e) / (1 - p_e))


@pytest.mark.parametrize("seed", range(8))
def test_gwet_against_its_definition(seed: int) -> None:
    a, b = random_readers(seed, 4)
    scale = [0, 1, 2, 3]
    assert ag.gwet_ac1(a, b) == pytest.approx(
        gwet_by_hand(a, b, lambda x, y, q: float(x == y), scale), abs=1e-9
    )
    for name, weight in (
        ("linear", lambda x, y, q: 1 - abs(x - y) / (q - 1)),
        ("quadratic", lambda x, y, q: 1 - ((x - y) / (q - 1)) ** 2),
    ):
        assert ag.gwet_ac2(a, b, weights=name) == pytest.approx(gwet_by_hand(a, b, weight, scale), abs=1e-9)


#: Seed → AC1, AC2 linear, AC2 quadratic, Brennan–Prediger, alpha of ``random_readers(seed, 4)``, from
#: ``CAC(pandas.DataFrame({"a": a, "b": b}), weights=…, categories=[0, 1, 2, 3], digits=12)`` and its
#: ``gwet()``, ``bp()`` and ``krippendorff()``: irrCAC 0.4.4, which needs NumPy 1.26 and so stays outside.
IRRCAC = {
    0: (0.534962400234, 0.533529825074, 0.536011392416, 0.533333333333, 0.530342020306),
    1: (0.623152709360, 0.630498533724, 0.646802325581, 0.622222222222, 0.620988805970),
    2: (0.567034153111, 0.601420860820, 0.635744837419, 0.566666666667, 0.567370619633),
}


@pytest.mark.parametrize("seed", IRRCAC)
def test_gwet_pabak_and_alpha_against_irrcac(seed: int) -> None:
    a, b = random_readers(seed, 4)
    found = (
        ag.gwet_ac1(a, b),
        ag.gwet_ac2(a, b, "linear"),
        ag.gwet_ac2(a, b, "quadratic"),
        ag.pabak(a, b),
        ag.krippendorff_alpha(a, b),
    )
    assert found == pytest.approx(IRRCAC[seed], abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_all_coefficients_at_once_are_those_one_by_one(seed: int) -> None:
    a, b = random_readers(seed, 4, 60)
    found = ag.coefficients(a, b, labels=[0, 1, 2, 3], ordered=True, n_resamples=100)
    one_by_one: dict[str, tuple[Any, dict[str, Any]]] = {
        "percent_agreement": (ag.percent_agreement, {}),
        "kappa": (ag.cohen_kappa, {}),
        "kappa_linear": (ag.cohen_kappa, {"weights": "linear"}),
        "kappa_quadratic": (ag.cohen_kappa, {"weights": "quadratic"}),
        "ac1": (ag.gwet_ac1, {}),
        "ac2": (ag.gwet_ac2, {}),
        "alpha": (ag.krippendorff_alpha, {}),
        "alpha_ordinal": (ag.krippendorff_alpha, {"level": "ordinal"}),
        "pabak": (ag.pabak, {}),
    }
    assert set(found) == set(one_by_one)
    for name, (statistic, options) in one_by_one.items():
        assert found[name].value == pytest.approx(statistic(a, b, **options), abs=1e-12), name
        alone = ag.bootstrap_ci(statistic, a, b, labels=[0, 1, 2, 3], n_resamples=100, **options)
        assert found[name] == pytest.approx(alone, abs=1e-12), name
    assert "kappa_linear" not in ag.coefficients(a, b, labels=[0, 1, 2, 3], ordered=False)


# --- Scales, gaps, edges


def test_scale_with_unused_grades() -> None:
    a, b = [0, 0, 1, 1], [0, 0, 1, 0]
    assert ag.cohen_kappa(a, b, labels=[0, 1, 2]) == pytest.approx(ag.cohen_kappa(a, b))
    assert ag.gwet_ac1(a, b, labels=[0, 1, 2]) > ag.gwet_ac1(a, b)


def test_words_and_numbers_on_one_scale() -> None:
    a, b = [0, 1, "not_visible", 0], [0, 1, "not_visible", 1]
    labels, table = ag.contingency(a, b)
    assert labels == [0, 1, "not_visible"]
    assert table.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]


def test_nobody_varies() -> None:
    a = [0] * 10
    assert ag.percent_agreement(a, a) == 1
    assert np.isnan(ag.cohen_kappa(a, a))
    assert ag.gwet_ac1(a, a, labels=[0, 1]) == 1
    assert np.isnan(ag.krippendorff_alpha(a, a))
    assert np.isnan(ag.specific_agreement(a, a, 1, labels=[0, 1]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ag.cohen_kappa([0, 1], [0]), "2 and 1 grades"),
        (lambda: ag.cohen_kappa([], []), "no items"),
        (lambda: ag.cohen_kappa([0], [0], labels=[1]), "not one of"),
        (lambda: ag.cohen_kappa([0, 1], [0, 1], weights="cubic"), "cubic"),
        (lambda: ag.cohen_kappa([0, 1], [0, 1], weights=np.zeros((2, 2))), "2×2 matrix with 1"),
        (lambda: ag.krippendorff_alpha([1, None], [None, 1]), "no item"),
        (lambda: ag.krippendorff_alpha([1, 2], [1]), "one entry per item"),
        (lambda: ag.krippendorff_alpha([1, 2], [1, 1], level="ratio"), "ratio"),
        (lambda: ag.bootstrap_ci(ag.cohen_kappa, [0, 1], [0, 1], clusters=[1]), "1 clusters for 2"),
    ],
)
def test_bad_input(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


# --- Bootstrap


@pytest.mark.parametrize(
    ("statistic", "options"),
    [
        (ag.percent_agreement, {}),
        (ag.cohen_kappa, {}),
        (ag.cohen_kappa, {"weights": "quadratic"}),
        (ag.gwet_ac1, {}),
        (ag.gwet_ac2, {"weights": "linear"}),
        (ag.pabak, {}),
        (ag.krippendorff_alpha, {}),
        (ag.krippendorff_alpha, {"level": "ordinal"}),
    ],
)
def test_fast_bootstrap_equals_resampling_rows(statistic: Any, options: dict[str, Any]) -> None:
    """On tables or on rows: the same draws must give the same interval."""
    a, b = random_readers(3, 3, 60)
    patients = [i // 2 for i in range(60)]
    takes_labels = statistic is not ag.krippendorff_alpha

    def slow(x: Any, y: Any, **more: Any) -> float:
        scale = {"labels": [0, 1, 2]} if takes_labels else {}
        return float(statistic(x, y, **scale, **more))

    arguments: dict[str, Any] = {"clusters": patients, "n_resamples": 200, "seed": 5, **options}
    fast = ag.bootstrap_ci(statistic, a, b, labels=[0, 1, 2], **arguments)
    assert fast == pytest.approx(ag.bootstrap_ci(slow, a, b, **arguments), abs=1e-9)
    assert fast.low <= fast.value <= fast.high
    assert fast.value == pytest.approx(slow(a, b, **options), abs=1e-12)


def test_same_seed_same_interval() -> None:
    a, b = random_readers(1, 3)
    first = ag.bootstrap_ci(ag.cohen_kappa, a, b, seed=7)
    assert first == ag.bootstrap_ci(ag.cohen_kappa, a, b, seed=7)
    assert first != ag.bootstrap_ci(ag.cohen_kappa, a, b, seed=8)


def test_clusters_widen_the_interval() -> None:
    """Each item counted four times over is no more evidence when a patient's items are drawn together."""
    a, b = random_readers(2, 2, 50)
    repeated = [x for x in a for _ in range(4)], [x for x in b for _ in range(4)]
    patients = [i // 4 for i in range(200)]
    alone = ag.bootstrap_ci(ag.cohen_kappa, a, b)
    together = ag.bootstrap_ci(ag.cohen_kappa, *repeated, clusters=patients)
    ignoring = ag.bootstrap_ci(ag.cohen_kappa, *repeated)
    assert together.high - together.low == pytest.approx(alone.high - alone.low, rel=0.15)
    assert ignoring.high - ignoring.low < 0.7 * (together.high - together.low)


def test_interval_covers_the_truth() -> None:
    """95 % intervals of simulated readers with a known agreement cover it about 95 times in 100."""
    rng = np.random.default_rng(11)
    covered = 0
    for trial in range(200):
        truth = rng.integers(0, 2, 80)
        a = np.where(rng.random(80) < 0.1, 1 - truth, truth)
        b = np.where(rng.random(80) < 0.1, 1 - truth, truth)
        interval = ag.bootstrap_ci(ag.percent_agreement, a.tolist(), b.tolist(), n_resamples=300, seed=trial)
        covered += interval.low <= 0.82 <= interval.high
    assert 180 <= covered <= 199
