"""The checker names every fault of the paper and none of a sound table."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modeling.metrics import check_published, table_from_counts
from modeling.paper import PAPER
from modeling.published import FIGURES, consistent_matrices, not_searched

SOUND = {
    "tp": 9, "fp": 7, "tn": 48, "fn": 3, "n": 67, "positive": 12, "negative": 55, "correct": 57,
    "sensitivity": 0.75, "specificity": 0.87, "accuracy": 0.85, "ppv": 0.56, "npv": 0.94, "f1": 0.64,
    "auc": 0.82,
}  # fmt: skip


def one(findings: list[str], *words: str) -> str:
    found = [text for text in findings if all(word in text for word in words)]
    assert len(found) == 1, findings
    return found[0]


def test_the_table_that_the_paper_should_have_printed():
    assert check_published(SOUND) == []


def test_paper_counts_do_not_sum():
    findings = check_published(PAPER)
    one(findings, "9 + 7 + 48 + 4 = 68", "67")
    one(findings, "9 + 4 = 13", "positive", "12")


def test_paper_mixes_two_matrices():
    text = one(check_published(PAPER), "mix more than one matrix")
    assert "FN 4 (n = 68) gives specificity, accuracy, ppv, npv as stated but sensitivity 0.692" in text
    assert "FN 3 (n = 67) gives sensitivity, specificity, ppv as stated but accuracy 0.851, npv 0.941" in text
    assert "From no such matrix: f1 0.75" in text


def test_paper_matrices():
    rows = {row["fn"]: row for row in consistent_matrices(PAPER)}
    assert set(rows) == {3, 4}
    assert (rows[3]["n"], rows[4]["n"]) == (67, 68)
    assert rows[3]["contradicts"] == ["accuracy", "npv", "f1"]
    assert rows[4]["contradicts"] == ["sensitivity", "f1"]


def test_paper_flow_does_not_add_up():
    findings = check_published(PAPER)
    one(findings, "chart_review", "sum to 43", "56")
    text = one(findings, "303 − 12 − 56 − 29 = 206", "220")
    assert "= 219" in text
    assert "= 218" in text


def test_paper_proportions():
    findings = check_published(PAPER)
    one(findings, "women", "0.855", "86%")
    one(findings, "60:40", "0.695", "60%")
    assert not [text for text in findings if "RF" in text or "biological" in text]


def test_paper_has_these_faults_and_no_others():
    assert len(check_published(PAPER)) == 9


def test_a_flow_that_adds_up():
    flow = [
        {"step": "a", "remaining": 100},
        {"step": "b", "remaining": 90, "reasons": {"x": 4, "y": 6}},
        {"step": "c", "left": 30, "reasons": {"x": 30}},
        {"step": "d", "remaining": 60},
    ]
    assert check_published({"flow": flow}) == []


def test_a_flow_that_another_reading_would_save():
    flow = [
        {"step": "a", "remaining": 100},
        {"step": "b", "left": 30, "reasons": {"x": 20}},
        {"step": "c", "remaining": 80},
    ]
    one(check_published({"flow": flow}), "100 − 30 = 70", "100 − 20 = 80 would fit")
    one(check_published({"flow": [{"step": "a", "remaining": 5}, {"step": "b", "remaining": 6}]}), "6 remain")


def test_figures_without_counts_are_searched_for_a_matrix():
    assert check_published({"n": 67, "positive": 12, "sensitivity": 0.75, "npv": "0.94"}) == []
    text = one(check_published({"n": 67, "positive": 12, "sensitivity": "0.80"}), "No 2×2 table of 67")
    assert "sensitivity 0.80" in text
    one(
        check_published({"positive": 12, "negative": 55, "sensitivity": 0.75, "accuracy": 0.84, "npv": 0.92}),
        "No 2×2 table",
    )
    one(check_published({"n": 10, "positive": 4, "negative": 6, "tp": 5, "ppv": 0.5}), "stated counts")


def test_how_figures_may_be_written():
    assert check_published({"TP": 9, "FP": 7, "TN": 48, "FN": 3, "Recall": "75%", "Precision": ".56"}) == []
    # 0.8 may be 0.80 with its zero lost: only "decimals" says so.
    counts = {"tp": 76, "fp": 1, "tn": 1, "fn": 24}
    assert check_published(counts | {"sensitivity": 0.8}) == []
    assert check_published(counts | {"sensitivity": 0.8, "decimals": 2})
    assert check_published(counts | {"sensitivity": "0.80"})


def test_a_value_may_round_either_way_at_a_tie():
    counts = {"tp": 5, "fn": 3, "tn": 1, "fp": 0}  # .625
    assert check_published(counts | {"sensitivity": 0.62}) == []
    assert check_published(counts | {"sensitivity": 0.63}) == []
    assert check_published(counts | {"sensitivity": 0.64})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"auc": 0.5}, "ROC curve through"),
        ({"auc": 1.2}, "outside"),
        ({"auc_ci": [0.9, 0.95]}, "outside its own interval"),
        ({"sensitivity_ci": [0.5, 1.1]}, "leaves the range"),
        ({"sensitivity_ci": [0.9, 0.5]}, "not an interval"),
        ({"predicted_positive": 15}, "TP + FP"),
        ({"negative": 54}, "negative"),
    ],
)
def test_single_faults(change, words):
    assert any(words in text for text in check_published(SOUND | change))


@pytest.mark.parametrize(
    ("table", "word"),
    [
        ({"colour": 1}, "colour"),
        ({"tp": 1.5}, "tp"),
        ({"tp": -1}, "tp"),
        ({"n": "many"}, "n"),
        ({"tp": 1, "TP": 2}, "twice"),
        ({"sensitivity": "high"}, "sensitivity"),
        ({"auc_ci": 3}, "auc_ci"),
        ({"proportions": [{"name": "women", "stated": 1}]}, "women"),
        ({"proportions": [{"name": "women", "k": 1, "n": 2}]}, "women: stated missing"),
        ({"proportions": [{}]}, r"proportions\[1\] : name, k, n, stated missing"),
        (
            {"proportions": [{"name": "women", "k": 0, "n": 0, "stated": 1}]},
            "women: there is no share of n = 0",
        ),
        ({"proportions": 5}, "proportions: 5 is not a list"),
        # Beyond every float, which is what a long JSON number may be.
        ({"tp": 10**400}, "tp: 1(0+) is more patients"),
        ({"tp": -(10**400)}, "tp: -1(0+) is negative"),
        ({"flow": [{"step": "a", "left": 10**400}]}, "left: 1(0+) is more patients"),
        ({"sensitivity": 10**400}, "sensitivity: 1(0+) is larger than any figure"),
        ({"auc": "1" * 400}, "auc: '(1+)' is larger than any figure"),
        ({"proportions": ["a"]}, r"proportions\[1\]: 'a' is not an object"),
        ({"proportions": "abc"}, "proportions: 'abc' is not a list"),
        ({"flow": {"step": "a"}}, "flow: .* is not a list"),
        ({"flow": [5]}, r"flow\[1\]: 5 is not an object"),
        ({"flow": [{"step": "a", "reasons": 5}]}, r"flow\[1\].reasons: 5"),
        ({"flow": [{}] * 501}, "flow: 501 rows"),
        ({"decimals": "x"}, "decimals: 'x'"),
        ({"decimals": [1]}, "decimals: "),
        ({"decimals": -2}, "decimals: -2"),
        ({"decimals": 10**6}, "decimals: 1000000"),
        ({"tp": 1e300}, "tp: 1e.300 is more patients"),
        ([], "a JSON object"),
    ],
)
def test_bad_input_names_its_key(table, word):
    with pytest.raises(ValueError, match=word):
        check_published(table)


@settings(max_examples=150, deadline=None)
@given(st.tuples(*[st.integers(0, 60)] * 4).filter(lambda m: sum(m) > 0), st.integers(1, 4))
def test_a_true_table_is_never_accused(matrix, decimals):
    tp, fp, tn, fn = matrix
    figures = table_from_counts(tp, fp, tn, fn)
    table = {"tp": tp, "fp": fp, "tn": tn, "fn": fn, "n": sum(matrix), "positive": tp + fn}
    for name in ("sensitivity", "specificity", "accuracy", "ppv", "npv", "f1", "mcc"):
        if figures[name]["value"] is not None:
            table[name] = f"{figures[name]['value']:.{decimals}f}"
    assert check_published(table) == []


def test_a_search_that_would_not_end_is_not_begun():
    assert check_published({"n": 10**9, "sensitivity": "0.75"}) == []
    assert check_published({"n": 60, "positive": 10**11, "sensitivity": "0.75"})


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"n": 10**9, "sensitivity": "0.75"}, "not searched: 1000000000 patients allow too many."),
        ({"n": 5000, "positive": 2500, "ppv": "0.5"}, "5000 patients allow too many"),
        ({"sensitivity": "0.75", "accuracy": "0.8"}, "the number of patients is not given"),
    ],
)
def test_a_search_that_was_not_made_is_said(table, words):
    assert check_published(table) == []
    assert words in (not_searched(table) or "")


@pytest.mark.parametrize("table", [SOUND, PAPER, {"n": 30}, {"n": 67, "sensitivity": 0.75}])
def test_nothing_is_said_where_the_counts_settle_it_or_a_table_was_searched(table):
    assert not_searched(table) is None


def test_the_largest_search_is_short():
    """Table by table in Python it held a web worker for 13 s."""
    table = {"n": 220, "sensitivity": "0.753", "ppv": "0.11", "npv": "0.999", "mcc": ".77"}
    began = time.process_time()
    one(check_published(table), "No 2×2 table of 220 whole patients", "nearest")
    assert time.process_time() - began < 2


@pytest.mark.parametrize("matrix", [(9, 7, 48, 3), (0, 0, 5, 4), (3, 0, 0, 0), (0, 2, 0, 0)])
def test_figures_of_arrays_are_those_of_numbers(matrix):
    for name, rule in FIGURES.items():
        number, (array,) = rule(*matrix), rule(*(np.array([count]) for count in matrix))
        assert np.isnan(array) if number is None else array == pytest.approx(number), name


def test_some_of_the_counts_settle_some_of_the_figures():
    assert check_published({"tp": 9, "fn": 3, "sensitivity": "0.75", "ppv": "0.5"}) == []
    assert check_published({"tp": 9, "fn": 3, "sensitivity": "0.80", "fp": 9, "ppv": "0.5", "f1": "0.9"}) == [
        "sensitivity 0.80 does not follow from TP 9, FN 3: it would be 0.750.",
        "f1 0.9 does not follow from TP 9, FP 9, FN 3: it would be 0.600.",
    ]
    assert check_published({"tn": 0, "fp": 0, "specificity": "0.5"}) == [
        "specificity 0.5 does not follow from TN 0, FP 0: it would be undefined."
    ]


def test_a_flow_with_too_many_readings_is_only_said_not_to_add_up():
    losses = [{"step": f"s{i}", "left": 3, "reasons": {"a": 1}} for i in range(60)]
    findings = check_published({"flow": [{"step": "all", "remaining": 500}, *losses, {"remaining": 1}]})
    assert findings[-1].endswith("= 320, but 1 are stated.")
