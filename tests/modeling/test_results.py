"""What a trainer left is believed only where its folds are folds."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from modeling import results
from modeling.recipe import recommended

NAMES = "abcd"
MANIFEST = {"patients": [{"patient": name, "outcome": i % 2} for i, name in enumerate(NAMES)]}
RECIPE = recommended().with_overrides({"folds": 2, "repeats": 2}).to_mapping()
RUN: Any = SimpleNamespace(pk=1, label_set=SimpleNamespace(hash="h"), recipe=RECIPE)


def fold(repeat: int, number: int, test: str) -> dict[str, Any]:
    return {
        "repeat": repeat, "fold": number, "test": list(test), "train": sorted(set(NAMES) - set(test)),
    }  # fmt: skip


FOLDS = [fold(0, 0, "ab"), fold(0, 1, "cd"), fold(1, 0, "ad"), fold(1, 1, "cb")]


def read(folder: Path, folds: list[dict[str, Any]]) -> results.Result:
    rows = [f"{name},test,{i % 2},0.0,0.5,0.4" for i, name in enumerate(NAMES)]
    (folder / "predictions.csv").write_text("\n".join(["patient,split,outcome,logit,score,threshold", *rows]))
    (folder / "result.json").write_text(json.dumps(
        {"manifest_sha256": "h", "recipe": RECIPE, "split": {"kind": "kfold", "folds": folds},
         "metrics": {"confusion": {"tp": 2, "fp": 2, "tn": 0, "fn": 0}}}
    ))  # fmt: skip
    return results.read(folder, RUN, MANIFEST)


def test_folds_that_are_folds_are_read(tmp_path: Path) -> None:
    assert [row.patient for row in read(tmp_path, FOLDS).predictions] == list(NAMES)


@pytest.mark.parametrize(
    ("number", "change", "words"),
    [
        (2, {"train": ["a", "b", "c"]}, "repeat 2, fold 1: patient a is in training and test"),
        (1, {"test": ["c", "d", "a"], "train": ["b"]}, "repeat 1, fold 2: patient a is tested twice"),
        (1, {"test": ["c", "d", "d"]}, "repeat 1, fold 2: patient d is tested twice"),
        (3, {"test": ["c"]}, r"different test patients \(repeat 2: b\)"),
        (0, {"test": ["a", "b", "x"]}, r"different test patients \(repeat 1: x\)"),
    ],
)
def test_folds_that_are_none_are_refused(
    tmp_path: Path, number: int, change: dict[str, Any], words: str
) -> None:
    folds = copy.deepcopy(FOLDS)
    folds[number] |= change
    with pytest.raises(results.ResultError, match=words):
        read(tmp_path, folds)


def test_the_folds_own_logits_have_the_stored_means(tmp_path: Path) -> None:
    kept = [one | {"test_logits": [0.5 - one["repeat"]] * 2} for one in FOLDS]  # 0.5 and −0.5
    read(tmp_path, kept)
    with pytest.raises(results.ResultError, match=r"patient c: the folds' logits have the mean 0\.5, pred"):
        read(tmp_path, [*kept[:3], kept[3] | {"test_logits": [0.5, -0.5]}])
    with pytest.raises(results.ResultError, match="repeat 1, fold 2: not a logit a patient"):
        read(tmp_path, [kept[0], kept[1] | {"test_logits": [0.5]}, *kept[2:]])
