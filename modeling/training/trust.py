"""May this run's maps be believed? A trust report: maps tested against what would have to destroy them.

The tests themselves are in :mod:`modeling.training.trust_checks`. If exactness, randomisation or
faithfulness fails, every map of the run says that it is not validated for localisation.

``python -m modeling.training.trust --run DIR --manifest M --images DIR --cache DIR`` writes
``DIR/trust.json`` for a run that is finished.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from modeling.manifest import Manifest, load_manifest, training_labels
from modeling.recipe import Recipe, from_mapping
from modeling.training import trust_checks as checks
from modeling.training.atomic import replacing
from modeling.training.image_set import ImageSet
from modeling.training.preprocess import PlaneGeometry, cached_planes
from modeling.training.progress import Progress
from modeling.training.report import FoldScores
from modeling.training.saved import fold_of, load_network, weight_files
from modeling.training.train import (
    Stopped,
    choose_device,
    configure,
    derive_seed,
    device_name,
    fit_network,
)
from modeling.training.trust_checks import Case

Say = Callable[[str, int, int], None]
#: Test patients whose maps are tested, spread over the range of scores.
PATIENTS = 12
#: Relative error up to which a map counts as exact.
EXACT = 1e-4


class Trust:
    """What a trust report is made from; :meth:`report` makes it."""

    def __init__(
        self,
        manifest: Manifest,
        recipe: Recipe,
        folder: Path,
        images: ImageSet,
        geometries: Sequence[PlaneGeometry],
        outcomes: Tensor,
        folds: Sequence[Mapping[str, Any]],
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """``folds``: {"fold", "train", "test": indices, "logit_threshold"} of the saved networks."""
        self.manifest, self.recipe, self.images, self.stop = manifest, recipe, images, stop
        self.geometries, self.outcomes, self.folds = geometries, outcomes, folds
        self.seed = derive_seed(recipe.seed, 6)
        self.networks = {fold_of(p): load_network(p, recipe, images.device) for p in weight_files(folder)}

    def _cases(self) -> tuple[list[Case], dict[str, float]]:
        found: list[tuple[float, Case]] = []
        exact = {"hirescam": 0.0, "sum": 0.0}
        share = max(2, round(PATIENTS / len(self.folds)))
        for fold in self.folds:
            network = self.networks[fold["fold"]]
            own = []
            for index in fold["test"]:
                image = self.images.batch([index])
                cells, logit, error = checks.signed_cam(network, image)
                exact = {key: max(exact[key], error[key]) for key in exact}
                sign = 1.0 if logit >= fold["logit_threshold"] else -1.0
                name = self.manifest.patients[index].patient
                own.append((logit, Case(name, image, self.geometries[index], fold["fold"], sign, cells)))
            own.sort(key=lambda row: row[0])
            spread = np.unique(np.linspace(0, len(own) - 1, min(share, len(own))).round().astype(int))
            found += [own[i] for i in spread]
            self._pause()
        return [case for _, case in found], exact

    def _pause(self) -> None:
        if self.stop():
            raise Stopped

    def _other_maps(self, network: nn.Module, cases: Sequence[Case]) -> dict[str, Any]:
        found = checks.likeness([(case.cells, checks.signed_cam(network, case.image)[0]) for case in cases])
        return {"pairs": len(cases)} | found

    def _retrained(self, part: int, *, shuffled: bool) -> tuple[nn.Module, list[int]]:
        """The first fold's network once more, from another seed or on outcomes dealt out anew."""
        fold, outcomes = self.folds[0], self.outcomes.clone()
        train = list(fold["train"])
        if shuffled:
            order = np.random.default_rng([self.seed, part]).permutation(len(train))
            outcomes[train] = self.outcomes[[train[i] for i in order]]
        fit = fit_network(
            self.recipe, self.images, outcomes, train, seed=derive_seed(self.seed, part), stop=self.stop
        )
        return fit.network.eval(), train

    def report(self, mode: str, say: Say = lambda what, done, total: None) -> dict[str, Any]:
        """Every test, and what follows; plain JSON. ``say`` hears what begins, and how far that is."""
        began = time.monotonic()
        steps = ["maps", "randomisation", "faithfulness"]
        steps += ["label-shuffled network", "second seed"] if mode == "full" else []
        steps += ["pointing game"] if self.manifest.study == "phantoms" else []

        def begin(step: str) -> None:
            say(step, steps.index(step), len(steps))

        begin("maps")
        cases, exact = self._cases()
        begin("randomisation")
        randomisation = checks.randomisation(cases, self.networks, self.seed)
        self._pause()
        begin("faithfulness")
        faithful = checks.faithfulness(cases, self.networks, derive_seed(self.seed, 2))
        self._pause()
        first = [case for case in cases if case.fold == self.folds[0]["fold"]]
        shuffled = repeatability = None
        if mode == "full":
            begin("label-shuffled network")
            shuffled = self._other_maps(self._retrained(3, shuffled=True)[0], first)
            shuffled["within_chance"] = checks.within_chance(shuffled, randomisation["chance"])
            begin("second seed")
            repeatability = {"between": "seeds"} | self._other_maps(
                self._retrained(4, shuffled=False)[0], first
            )
        elif len(self.networks) > 1:
            others = list(self.networks)
            pairs = []
            for case in cases:
                other = self.networks[others[(others.index(case.fold) + 1) % len(others)]]
                pairs.append((case.cells, checks.signed_cam(other, case.image)[0]))
            repeatability = {"between": "folds", "pairs": len(pairs)} | checks.likeness(pairs)
        pointing = None
        if self.manifest.study == "phantoms":
            begin("pointing game")
            network = self.networks[self.folds[0]["fold"]]
            pointing = checks.pointing(self.recipe, network, self.images.device, self.seed)
        exactness = exact | {"passed": max(exact.values()) < EXACT}
        failed = [
            name
            for name, passed in (
                ("exactness", exactness["passed"]),
                ("randomisation", randomisation["passed"]),
                ("deletion", faithful["deletion"]["passed"]),
                ("insertion", faithful["insertion"]["passed"]),
                ("occlusion", faithful["occlusion"]["passed"]),
            )
            if not passed
        ]
        return {
            "version": 1,
            "mode": mode,
            "patients": [case.patient for case in cases],
            "grain": list(checks.grain(cases)),
            "validated": not failed,
            "failed": failed,
            "statement": statement(failed, len(cases)),
            "exactness": exactness,
            "randomisation": randomisation,
            "label_shuffled": shuffled,
            "repeatability": repeatability,
            **faithful,
            "pointing": pointing,
            "energy": checks.energy(cases),
            "seconds": round(time.monotonic() - began, 1),
        }


def statement(failed: Sequence[str], patients: int) -> str:
    """What stands on every map of the run."""
    if failed:
        return (
            f"Not validated for localisation: {', '.join(failed)} failed on {patients} test patients. Do "
            "not read anatomy from these maps."
        )
    return (
        f"Passed randomisation, deletion, insertion and occlusion on {patients} test patients: the maps "
        "follow this network. They do not show that the network is right."
    )


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
        return {"validated": False, "failed": ["report"], "statement": said}
    write_report(folder / "trust.json", report)
    return {key: report[key] for key in ("validated", "failed", "statement")}


def of_finished_run(
    folder: Path, manifest: Manifest, images: Path, cache: Path, mode: str, progress: Progress
) -> dict[str, Any]:
    """The trust report of a run that is already published, from its own files and the label set.

    Raises
    ------
    ValueError
        If the folder is another label set's, or holds no networks.
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
    loaded = [cached_planes(images, patient.series, recipe, cache) for patient in manifest.patients]
    planes, geometries = [array for array, _ in loaded], [geometry for _, geometry in loaded]
    labels = training_labels(manifest, recipe.label_source)
    outcomes = torch.tensor([float("nan") if label is None else float(label) for label in labels])
    index = {patient.patient: i for i, patient in enumerate(manifest.patients)}
    folds = [
        fold_for_trust(row["fold"], [index[n] for n in row["train"]], [index[n] for n in row["test"]],
                       row["threshold"], row["temperature"])
        for row in result["split"]["folds"] if row["repeat"] == 0
    ]  # fmt: skip
    trust = Trust(manifest, recipe, folder, ImageSet(planes, device), geometries, outcomes, folds)

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


def main(argv: list[str] | None = None) -> int:
    """Write a finished run's ``trust.json``; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m modeling.training.trust", description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="folder of the finished run")
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--full", action="store_true", help="train on shuffled labels and a second seed too")
    arguments = parser.parse_args(argv)
    progress = Progress(sys.stdout)
    try:
        report = of_finished_run(
            arguments.run, load_manifest(arguments.manifest), arguments.images, arguments.cache,
            "full" if arguments.full else "quick", progress,
        )  # fmt: skip
        write_report(arguments.run / "trust.json", report)
    except (OSError, ValueError) as error:
        progress.emit("error", message=str(error))
        print(f"error: {error}", file=sys.stderr)
        return 2
    except Exception as error:
        progress.emit("error", message=f"{type(error).__name__}: {error}")
        raise
    progress.emit("done", **{key: report[key] for key in ("validated", "failed", "statement", "seconds")})
    return 0


if __name__ == "__main__":
    sys.exit(main())
