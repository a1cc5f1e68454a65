"""Writes a run's trust report: may its maps be believed? Made by :mod:`modeling.training.trust_report`.

``python -m modeling.training.trust --run DIR --manifest M --images DIR --cache DIR`` writes
``DIR/trust.json`` for a run that is finished. Exit status: 0 done · 2 the input is at fault · 143 stopped by
SIGTERM or SIGINT, with checkpoints in ``DIR/work`` from which the same command goes on · 1 anything else.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from modeling.manifest import Manifest, load_manifest, training_labels
from modeling.recipe import Recipe, from_mapping
from modeling.training.atomic import replacing
from modeling.training.fold_scores import FoldScores
from modeling.training.image_set import ImageSet
from modeling.training.loading import load_images
from modeling.training.preprocess import PlaneGeometry
from modeling.training.progress import Progress
from modeling.training.saved import weight_files
from modeling.training.stopping import STOPPED, StopFlag
from modeling.training.train import Stopped, choose_device, configure, device_name
from modeling.training.trust_report import WORK, Trust


def write_report(path: Path, report: Mapping[str, Any]) -> None:
    """Write ``trust.json``, whole or not at all."""
    with replacing(path) as part:
        part.write_text(json.dumps(report, indent=1, allow_nan=False), encoding="utf-8")


def test_maps(
    manifest: Manifest,
    recipe: Recipe,
    folder: Path,
    images: ImageSet,
    geometries: Sequence[PlaneGeometry],
    outcomes: Tensor,
    scores: Sequence[FoldScores],
    progress: Progress,
    stop: Callable[[], bool],
) -> dict[str, Any]:
    """Write ``trust.json`` of a run under way; returns its verdict.

    A report that cannot be made costs no finished training: the verdict then says why.
    """
    index = {patient.patient: i for i, patient in enumerate(manifest.patients)}
    folds = [
        fold_for_trust(
            part.fold.fold,
            [index[name] for name in part.fold.train],
            [index[name] for name in part.fold.test],
            part.threshold,
            part.temperature,
        )
        for part in scores
        if part.fold.repeat == 0
    ]

    def say(what: str, done: int, total: int) -> None:
        progress.emit("stage", stage="trust report", done=done, total=total, detail=what)

    try:
        trust = Trust(manifest, recipe, folder, images, geometries, outcomes, folds, stop)
        report = trust.report(recipe.trust, say)
    except (RuntimeError, ValueError) as error:
        said = f"Not validated for localisation: the trust report could not be made: {error}"
        return {"validated": False, "statement": said}
    write_report(folder / "trust.json", report)
    return verdict_of(report)


def verdict_of(report: Mapping[str, Any]) -> dict[str, Any]:
    """What a run's result keeps of its trust report."""
    return {key: report[key] for key in ("validated", "statement")}


def of_finished_run(
    folder: Path,
    manifest: Manifest,
    images: Path,
    cache: Path,
    mode: str,
    progress: Progress,
    stop: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """The trust report of a run that is already published, from its own files and the label set.

    Raises
    ------
    ValueError
        If the folder is another label set's, or holds no networks; :class:`ImageError` naming every series
        that cannot be used.
    Stopped
        When ``stop()`` turned true; what it trains has its state in the folder's ``work``.
    """
    result = json.loads((folder / "result.json").read_text())
    if result["manifest_sha256"] != manifest.sha256:
        raise ValueError(f"{folder} is a run of another label set")
    recipe = from_mapping(result["recipe"])
    if not weight_files(folder):
        raise ValueError(f"{folder} holds no networks")
    device = choose_device(recipe)
    configure(recipe, device)
    progress.emit("start", device=device_name(device))
    planes, geometries = load_images(manifest, recipe, images, cache, progress, stop)
    labels = training_labels(manifest, recipe.label_source)
    outcomes = torch.tensor([float("nan") if label is None else float(label) for label in labels])
    index = {patient.patient: i for i, patient in enumerate(manifest.patients)}
    folds = [
        fold_for_trust(row["fold"], [index[n] for n in row["train"]], [index[n] for n in row["test"]],
                       row["threshold"], row["temperature"])
        for row in result["split"]["folds"] if row["repeat"] == 0
    ]  # fmt: skip
    trust = Trust(manifest, recipe, folder, ImageSet(planes, device), geometries, outcomes, folds, stop)

    def say(what: str, done: int, total: int) -> None:
        progress.emit("stage", stage=what, done=done, total=total)

    return trust.report(mode, say)


def fold_for_trust(
    fold: int, train: Sequence[int], test: Sequence[int], threshold: float, temperature: float
) -> dict[str, Any]:
    """A fold as :class:`Trust` wants it: the threshold as a logit of the network itself."""
    p = min(max(threshold, 1e-12), 1 - 1e-12)
    logit = float(np.log(p / (1 - p))) * temperature
    return {"fold": fold, "train": list(train), "test": list(test), "logit_threshold": logit}


def _clear(run: Path) -> None:
    """Checkpoints of a large network are half a gigabyte each: none stays in a published folder."""
    shutil.rmtree(run / WORK, ignore_errors=True)


def main(argv: list[str] | None = None) -> int:
    """Write a finished run's ``trust.json``; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m modeling.training.trust", description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="folder of the finished run")
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--full", action="store_true", help="train on shuffled labels and a second seed too")
    arguments = parser.parse_args(argv)
    progress, stop = Progress(sys.stdout), StopFlag()
    try:
        report = of_finished_run(
            arguments.run, load_manifest(arguments.manifest), arguments.images, arguments.cache,
            "full" if arguments.full else "quick", progress, stop,
        )  # fmt: skip
        write_report(arguments.run / "trust.json", report)
    except Stopped:
        progress.emit("stopped", resume=True)
        return STOPPED
    except (OSError, ValueError) as error:
        # It may have refused its own checkpoint: the next attempt begins anew.
        _clear(arguments.run)
        progress.emit("error", message=str(error))
        print(f"error: {error}", file=sys.stderr)
        return 2
    except Exception as error:
        progress.emit("error", message=f"{type(error).__name__}: {error}")
        raise
    _clear(arguments.run)
    progress.emit("done", **verdict_of(report), seconds=report["seconds"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
