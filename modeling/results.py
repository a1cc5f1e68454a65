"""Reading what a trainer left, and believing none of it unchecked."""

from __future__ import annotations

import csv
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modeling.models import Prediction, Run
from modeling.recipe import from_mapping


class ResultError(ValueError):
    """A finished run's files contradict each other or the label set; the message says where."""


@dataclass(frozen=True)
class Result:
    """``result.json`` and the rows of ``predictions.csv``."""

    content: dict[str, Any]
    predictions: list[Prediction]


def read(directory: Path, run: Run, manifest: Mapping[str, Any]) -> Result:
    """Read and check a finished run's directory.

    The label set must be the run's own, every prediction one of its patients with the frozen outcome,
    no patient on both sides of a fold, each tested once in every repeat, the folds' own logits those whose
    mean a patient has, and the confusion matrix the one that the test scores give.

    Raises
    ------
    ResultError
        Naming file and contradiction.
    """
    try:
        content = json.loads((directory / "result.json").read_text())
        with (directory / "predictions.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError) as error:
        raise ResultError(f"the trainer ended without a readable result: {error}") from error
    if content.get("manifest_sha256") != run.label_set.hash:
        raise ResultError("result.json is of another label set")
    # A run that was queued before a setting existed is trained with that setting's default.
    if content.get("recipe") != from_mapping(run.recipe).to_mapping():
        raise ResultError("result.json is of another recipe")
    outcomes = {row["patient"]: row["outcome"] for row in manifest["patients"]}
    predictions = [_prediction(row, number, run, outcomes, directory) for number, row in enumerate(rows, 2)]
    tested = [row for row in predictions if row.split == Prediction.Split.TEST]
    _check_sides(predictions, tested, content["split"])
    _check_fold_logits(tested, content["split"])
    cells = Counter(row.cell.lower() for row in tested)
    counts = {cell: cells[cell] for cell in ("tp", "fp", "tn", "fn")}
    if counts != content["metrics"]["confusion"]:
        raise ResultError(f"predictions.csv gives {counts}, result.json {content['metrics']['confusion']}")
    return Result(content, predictions)


def _prediction(
    row: Mapping[str, str], number: int, run: Run, outcomes: Mapping[str, int], directory: Path
) -> Prediction:
    where = f"predictions.csv, row {number}"
    patient = row.get("patient", "")
    if patient not in outcomes:
        raise ResultError(f"{where}: patient {patient!r} is not in the label set")
    try:
        outcome = int(row["outcome"])
        logit, score, threshold = (float(row[key]) for key in ("logit", "score", "threshold"))
        split = Prediction.Split(row["split"])
    except (KeyError, ValueError) as error:
        raise ResultError(f"{where}: {error}") from error
    if outcome != outcomes[patient]:
        raise ResultError(f"{where}: outcome {outcome}, frozen is {outcomes[patient]}")
    if not (math.isfinite(logit) and 0 <= score <= 1 and math.isfinite(threshold)):
        raise ResultError(f"{where}: logit {logit}, score {score} or threshold {threshold} is no such number")
    saliency = f"saliency/{patient}.npz"
    has_map = split == Prediction.Split.TEST and (directory / saliency).is_file()
    return Prediction(
        run_id=run.pk,
        patient=patient,
        split=split,
        outcome=outcome,
        logit=logit,
        score=score,
        threshold=threshold,
        saliency=saliency if has_map else "",
    )


def _check_sides(
    predictions: Iterable[Prediction], tested: Iterable[Prediction], split: Mapping[str, Any]
) -> None:
    trained = {row.patient for row in predictions if row.split == Prediction.Split.TRAIN}
    test = {row.patient for row in tested}
    if not test:
        raise ResultError("predictions.csv has no test patient")
    if split["kind"] == "holdout" and trained & test:
        raise ResultError(f"patient {min(trained & test)} is in training and test")
    tested_in: dict[int, set[str]] = {}
    for fold in split["folds"]:
        where = f"repeat {fold['repeat'] + 1}, fold {fold['fold'] + 1}"
        crossing = set(fold["train"]) & set(fold["test"])
        if crossing:
            raise ResultError(f"{where}: patient {min(crossing)} is in training and test")
        before = tested_in.setdefault(fold["repeat"], set())
        twice = [name for name, count in Counter(fold["test"]).items() if count > 1 or name in before]
        if twice:
            raise ResultError(f"{where}: patient {min(twice)} is tested twice in one repeat")
        before.update(fold["test"])
    for repeat, names in sorted(tested_in.items()):
        if test != names:
            raise ResultError(
                f"predictions.csv and result.json name different test patients (repeat {repeat + 1}: "
                f"{min(test ^ names)})"
            )


def _check_fold_logits(tested: Iterable[Prediction], split: Mapping[str, Any]) -> None:
    found: dict[str, list[float]] = {}
    for fold in split["folds"]:
        if "test_logits" not in fold:  # of a trainer that kept the means alone
            return
        if len(fold["test_logits"]) != len(fold["test"]):
            raise ResultError(f"repeat {fold['repeat'] + 1}, fold {fold['fold'] + 1}: not a logit a patient")
        for name, logit in zip(fold["test"], fold["test_logits"], strict=True):
            found.setdefault(name, []).append(logit)
    for row in tested:
        mean = sum(found[row.patient]) / len(found[row.patient])
        if not math.isclose(mean, row.logit, rel_tol=1e-9, abs_tol=1e-9):
            raise ResultError(
                f"patient {row.patient}: the folds' logits have the mean {mean}, predictions.csv {row.logit}"
            )
