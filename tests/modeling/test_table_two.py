"""The paper's Table 2, audited: figures of each of its two matrices, and the intervals it leaves out."""

from __future__ import annotations

import pytest

from modeling import metrics


def test_paper_with_three_false_negatives():
    table = metrics.table_from_counts(tp=9, fp=7, tn=48, fn=3)
    figures = {name: round(entry["value"], 4) for name, entry in table.items()}
    assert figures["sensitivity"] == 0.75
    assert figures["specificity"] == pytest.approx(0.873, abs=5e-4)
    assert figures["accuracy"] == pytest.approx(0.851, abs=5e-4)
    assert figures["ppv"] == 0.5625
    assert figures["npv"] == pytest.approx(0.941, abs=5e-4)
    assert figures["f1"] == pytest.approx(0.643, abs=5e-4)


def test_paper_with_four_false_negatives():
    table = metrics.table_from_counts(tp=9, fp=7, tn=48, fn=4)
    assert table["accuracy"]["n"] == 68
    for name, value in {"sensitivity": 0.692, "accuracy": 0.838, "npv": 0.923, "f1": 0.621}.items():
        assert table[name]["value"] == pytest.approx(value, abs=5e-4)


@pytest.mark.parametrize(
    ("name", "wilson", "exact"),
    [
        ("sensitivity", (0.468, 0.911), (0.428, 0.945)),
        ("specificity", (0.760, 0.937), (0.755, 0.947)),
        ("accuracy", (0.747, 0.917), (0.743, 0.926)),
        ("ppv", (0.332, 0.769), (0.299, 0.802)),
        ("npv", (0.841, 0.980), (0.838, 0.988)),
    ],
)
def test_paper_intervals(name, wilson, exact):
    entry = metrics.table_from_counts(tp=9, fp=7, tn=48, fn=3)[name]
    assert entry["wilson"] == pytest.approx(wilson, abs=6e-4)
    assert entry["clopper_pearson"] == pytest.approx(exact, abs=6e-4)


def test_paper_auc_standard_error():
    se = metrics.hanley_mcneil_se(0.82, 12, 55)
    assert se == pytest.approx(0.078, abs=5e-4)
    assert (0.82 - 1.96 * se, 0.82 + 1.96 * se) == pytest.approx((0.668, 0.972), abs=1e-3)
