"""Two cross-validated runs are compared within their folds, where that can be told."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
import pytest
from rest_framework.test import APIClient

from modeling.discrimination import delong_paired
from modeling.models import LabelSet, Prediction, Run
from modeling.run_pairs import run_pairs

pytestmark = pytest.mark.django_db
#: Two folds of ten patients; the first has six cases, the second two.
FOLDS = [[f"p{i:02d}" for i in range(10)], [f"p{i:02d}" for i in range(10, 20)]]
OUTCOMES = dict(zip([*FOLDS[0], *FOLDS[1]], [1] * 6 + [0] * 4 + [1] * 2 + [0] * 8, strict=True))
REPEATED = [FOLDS, [FOLDS[0][::2] + FOLDS[1][::2], FOLDS[0][1::2] + FOLDS[1][1::2]]]


def logits(offset: float, seed: int = 4) -> dict[str, float]:
    """The same order within each fold; all of the second fold's lie ``offset`` higher."""
    found = np.random.default_rng(seed).normal(size=20) + 1.0 * np.array(list(OUTCOMES.values()))
    found[10:] += offset
    return dict(zip(OUTCOMES, found.tolist(), strict=True))


def published(
    label_set: LabelSet,
    repeats: list[list[list[str]]],
    scores: list[dict[str, float]],
    *,
    kept: bool = True,
    outcomes: dict[str, int] = OUTCOMES,
) -> Run:
    """``scores``: one a repeat; ``kept``: whether the folds' own are, beside each patient's mean."""
    folds: list[dict[str, Any]] = [
        {"repeat": repeat, "fold": number, "test": test}
        | ({"test_logits": [scores[repeat][name] for name in test]} if kept else {})
        for repeat, tests in enumerate(repeats)
        for number, test in enumerate(tests)
    ]
    run = Run.objects.create(
        label_set=label_set, profile="paper", recipe={}, seed=0, state="succeeded", path="x",
        result={"split": {"folds": folds}},
    )  # fmt: skip
    for name in chain(*repeats[0]):
        logit = float(np.mean([own[name] for own in scores]))
        Prediction.objects.create(
            run=run, patient=name, split="test", outcome=outcomes[name], logit=logit,
            score=1 / (1 + np.exp(-logit)), threshold=0.5,
        )  # fmt: skip
    return run


def pair(first: Run, second: Run) -> dict[str, Any]:
    (found,) = run_pairs([first.pk, second.pk])
    return found


@pytest.mark.parametrize("kept", [True, False])
def test_the_level_of_a_folds_scores_makes_no_difference(label_set: LabelSet, kept: bool) -> None:
    """Pooled, the offset alone made the first run significantly better."""
    one, two = (published(label_set, [FOLDS], [logits(by)], kept=kept) for by in (0.0, 2.5))
    found = pair(one, two)
    assert (found["auc_basis"], found["pooled_because"], found["n"]) == ("within_folds", None, 20)
    assert (found["auc"]["difference"], found["auc"]["p"]) == (0.0, 1.0)
    scores = ([logits(by)[name] for name in OUTCOMES] for by in (0.0, 2.5))
    assert delong_paired(list(OUTCOMES.values()), *scores)["p"] < 0.05


def test_repeats_are_compared_by_each_folds_own_scores(label_set: LabelSet) -> None:
    # In the second repeat both folds hold patients of either level, so that there it does tell.
    one, two = (published(label_set, REPEATED, [logits(by), logits(by, seed=5)]) for by in (0.0, 2.5))
    found = pair(one, two)
    assert (found["auc_basis"], found["pooled_because"]) == ("within_folds", None)
    single = pair(*(published(label_set, [FOLDS], [logits(by)]) for by in (0.0, 2.5)))
    assert found["auc"]["difference"] != single["auc"]["difference"] == 0.0


def test_where_means_alone_were_kept_the_folds_are_pooled_and_it_says_so(label_set: LabelSet) -> None:
    one = published(label_set, REPEATED, [logits(0.0), logits(0.0, seed=5)])
    two = published(label_set, REPEATED, [logits(2.5), logits(2.5, seed=5)], kept=False)
    found = pair(one, two)
    assert found["auc_basis"] == "pooled"
    assert found["pooled_because"] == f"run {two.pk} kept each patient's mean over the repeats alone"
    assert found["auc"]["p"] is not None


def test_other_test_folds_are_pooled_and_one_network_each_is_plain(
    label_set: LabelSet, as_lead: APIClient
) -> None:
    crossed = published(label_set, [FOLDS], [logits(0.0)])
    other = published(label_set, [[FOLDS[0][:5] + FOLDS[1][:5], FOLDS[0][5:] + FOLDS[1][5:]]], [logits(0.0)])
    held_out = published(label_set, [[FOLDS[0] + FOLDS[1]]], [logits(0.0)])
    again = published(label_set, [[FOLDS[0] + FOLDS[1]]], [logits(1.0)])
    assert (pair(crossed, other)["auc_basis"], pair(crossed, held_out)["auc_basis"]) == ("pooled", "pooled")
    assert pair(crossed, other)["pooled_because"] == "their test folds differ"
    (row,) = as_lead.get(f"/api/run-pairs/?ids={held_out.pk},{again.pk}").json()
    assert (row["auc_basis"], row["pooled_because"]) == ("one_network", None)


def test_only_shared_patients_of_the_same_outcome_count_and_a_fold_may_lose_all(label_set: LabelSet) -> None:
    turned = OUTCOMES | {name: 1 - OUTCOMES[name] for name in FOLDS[1]}
    one = published(label_set, [FOLDS], [logits(0.0)])
    two = published(label_set, [FOLDS], [logits(2.5)], outcomes=turned)
    found = pair(one, two)
    assert (found["n"], found["positives"], found["auc_basis"]) == (10, 6, "within_folds")
    assert found["auc"]["difference"] == 0.0


def test_folds_of_one_outcome_each_have_nothing_to_order(label_set: LabelSet) -> None:
    sides = [[name for name, own in OUTCOMES.items() if own == outcome] for outcome in (0, 1)]
    one, two = (published(label_set, [sides], [logits(by)]) for by in (0.0, 1.0))
    assert pair(one, two)["auc"] is None
