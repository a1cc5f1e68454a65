"""One run from label set to result: preprocess, train every fold, score, explain, evaluate.

Everything is written below ``out``; ``result.json`` comes last, so its presence says that all the rest
is whole. Work in progress lies in ``out/work`` and goes when the run is complete.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import minimize_scalar
from scipy.special import expit

from modeling.lineage import of_initial_weights
from modeling.manifest import Manifest, training_labels
from modeling.metrics import threshold_for_sensitivity
from modeling.recipe import Recipe
from modeling.splits import Fold, SplitError
from modeling.training.atomic import replacing
from modeling.training.checkpoint import save_weights
from modeling.training.distributed import join
from modeling.training.environment import describe_environment, environment_of
from modeling.training.fold_scores import FoldScores
from modeling.training.folds import Member, make_folds, make_members, refuse_seen, warnings_of
from modeling.training.image_set import ImageSet
from modeling.training.loading import load_images
from modeling.training.preprocess import PlaneGeometry
from modeling.training.progress import Progress
from modeling.training.report import write_results
from modeling.training.saliency import explain, picture, save_saliency
from modeling.training.saved import SavedNetworkError, export_all
from modeling.training.train import (
    Fit,
    Stopped,
    choose_bf16,
    choose_device,
    configure,
    derive_seed,
    device_name,
    evaluate,
    fit_network,
)
from modeling.training.trust import test_maps

Floats = npt.NDArray[np.float64]


def fit_temperature(logits: Floats, outcomes: Sequence[int]) -> float:
    """The divisor of the logits with the least log loss (Guo, ICML 2017), within [0.05, 20]."""
    y = np.asarray(outcomes, dtype=float)

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        return float(np.mean(np.logaddexp(0, scaled) - y * scaled))

    found = minimize_scalar(loss, bounds=(np.log(0.05), np.log(20.0)), method="bounded")
    return float(np.exp(found.x))


class Experiment:
    """The state of one run; :func:`run_experiment` drives it."""

    def __init__(
        self, manifest: Manifest, recipe: Recipe, out: Path, progress: Progress, stop: Callable[[], bool]
    ) -> None:
        self.manifest, self.recipe, self.out = manifest, recipe, out
        self.progress, self.stop = progress, stop
        self.work = out / "work"
        self.stamp = hashlib.sha256(f"{recipe.to_json()}\n{manifest.sha256}".encode()).hexdigest()
        #: What is trained on; a patient without a label is in no training set.
        self.labels = training_labels(manifest, recipe.label_source)
        known = [float("nan") if label is None else float(label) for label in self.labels]
        self.outcomes = torch.tensor(known)
        self.epoch_seconds: list[float] = []
        self.epochs_left = 0

    def train_member(self, member: Member, images: ImageSet, geometries: Sequence[PlaneGeometry]) -> None:
        """Train one network, keep its logits, and explain the test patients while it is at hand."""
        recipe, fold = self.recipe, member.fold
        where = {"repeat": fold.repeat, "fold": fold.fold, "inner": member.inner}

        device = device_name(images.device)

        def on_epoch(fit: Fit, seconds: float) -> None:
            self.epochs_left -= 1
            self.epoch_seconds.append(seconds)
            recent = self.epoch_seconds[-20:]
            self.progress.emit(
                "epoch",
                **where,
                epoch=fit.epoch,
                epochs=recipe.epochs,
                loss=fit.history[-1]["loss"],
                eta_s=round(self.epochs_left * sum(recent) / len(recent), 1),
                device=device,
            )

        def on_step(fit: Fit, step: int, steps: int) -> None:
            self.progress.emit_sometimes(
                "step", every_s=5, **where, epoch=fit.epoch + 1, step=step, steps=steps
            )

        def on_checkpoint(fit: Fit) -> None:
            self.progress.emit("checkpoint", **where, epoch=fit.epoch, step=fit.step)

        began = time.monotonic()
        checkpoint = self.work / f"{member.key}.checkpoint.pt"
        network_number = 0 if member.inner is None else member.inner + 1
        fit = fit_network(
            recipe,
            images,
            self.outcomes,
            member.train,
            seed=derive_seed(recipe.seed, fold.repeat, fold.fold, 4, network_number),
            checkpoint=checkpoint,
            stamp=self.stamp,
            stop=self.stop,
            on_epoch=on_epoch,
            on_step=on_step,
            on_checkpoint=on_checkpoint,
        )
        logits = evaluate(fit.network, images, member.score)
        # The first repeat's networks are kept and explained: each test patient has one of them.
        if member.inner is None and fold.repeat == 0:
            digest = self._save_network(member, fit)
            if recipe.saliency:
                self._explain(member, fit, images, geometries, digest)
        bf16 = choose_bf16(recipe, images.device)
        row = {
            "stamp": self.stamp, "logits": logits.tolist(), "history": fit.history,
            # Folds are trained on different machines; the one that joins them may have trained none.
            "trained": describe_environment(images.device, bf16=bf16),
            "seconds": time.monotonic() - began,
        }  # fmt: skip
        with replacing(self.work / f"{member.key}.json") as part:
            part.write_text(json.dumps(row))
        checkpoint.unlink(missing_ok=True)

    def _save_network(self, member: Member, fit: Fit) -> str:
        """Write the network's weights and what they are; returns the weights' sha256."""
        fold = member.fold
        name = f"weights-fold{fold.fold}" if self.recipe.split == "kfold" else "weights"
        lineage = of_initial_weights(self.recipe).and_trained_on(fold.train, self.manifest.patients)
        sidecar = {
            "architecture": f"torchvision ResNet-{self.recipe.depth}, {self.recipe.slices} channels, 1 logit",
            "input": f"{self.recipe.slices} sagittal planes of {self.recipe.size}², standardised",
            "ema": self.recipe.ema_decay > 0,
            "repeat": fold.repeat,
            "fold": fold.fold,
            # In the order of the split; then, where pseudonyms are known, who trained the initial weights.
            "trained_on": [*fold.train, *sorted(lineage.names - {*fold.train})],
            "manifest_sha256": self.manifest.sha256,
            "recipe": self.recipe.to_mapping(),
        }
        path = self.out / f"{name}.safetensors"
        return save_weights(path, fit.network.state_dict(), sidecar, lineage.metadata())

    def _explain(
        self, member: Member, fit: Fit, images: ImageSet, geometries: Sequence[PlaneGeometry], digest: str
    ) -> None:
        """Write the maps of the member's test patients, but for those that these weights already have."""
        train = set(member.train)
        test = [index for index in member.score if index not in train]
        paths = [self.out / "saliency" / f"{self.manifest.patients[index].patient}.npz" for index in test]
        self._keep_maps_of(member, digest, paths)
        for done, (index, path) in enumerate(zip(test, paths, strict=True)):
            if self.stop():
                raise Stopped
            self.progress.emit_sometimes(
                "stage", every_s=1, stage="saliency", fold=member.fold.fold, done=done, total=len(test)
            )
            if path.exists():
                continue
            maps = explain(fit.network, images.batch([index]))
            seen = picture(images.batch([index])[0].cpu().numpy())
            uid = self.manifest.patients[index].series.uid
            save_saliency(path, maps, geometries[index], series_uid=uid, image=seen)
        self.progress.emit("stage", stage="saliency", fold=member.fold.fold, done=len(test), total=len(test))

    def _keep_maps_of(self, member: Member, digest: str, paths: Sequence[Path]) -> None:
        """Remove maps that an earlier attempt made of other weights, and note whose maps follow.

        The weights' sha256 decides, not the run's stamp: trained again on a GPU, the same recipe ends in
        other weights.
        """
        note = self.work / f"{member.key}.maps"
        if note.exists() and note.read_text() == digest:
            return
        for path in paths:
            path.unlink(missing_ok=True)
        with replacing(note) as part:
            part.write_text(digest)

    def finished(self, member: Member) -> dict[str, Any] | None:
        """A finished member's logits and history; None if it is still to be trained."""
        try:
            row = json.loads((self.work / f"{member.key}.json").read_text())
        except FileNotFoundError:
            return None
        # Without "trained" it is of an earlier version of this code: done again.
        return row if isinstance(row, dict) and row.get("stamp") == self.stamp and "trained" in row else None

    def fold_scores(self, fold: Fold, members: Sequence[Member]) -> FoldScores:
        """Threshold and temperature from training patients only, as the recipe says."""
        own = [member for member in members if member.fold == fold]
        outer = next(member for member in own if member.inner is None)
        row = self.finished(outer)
        assert row is not None
        logits = np.array(row["logits"])
        train_logits, test_logits = logits[: len(outer.train)], logits[len(outer.train) :]
        held: dict[int, float] = {}
        for member in own:
            if member.inner is not None:
                inner = self.finished(member)
                assert inner is not None
                held |= dict(zip(member.score, inner["logits"], strict=True))
        y = [self.labels[index] or 0 for index in outer.train]
        unseen = np.array([held[index] for index in outer.train]) if held else train_logits
        temperature = fit_temperature(unseen, y) if self.recipe.calibration == "temperature" else 1.0
        basis = unseen if self.recipe.threshold_rule == "inner" else train_logits
        threshold = threshold_for_sensitivity(y, expit(basis / temperature), self.recipe.target_sensitivity)
        return FoldScores(
            fold,
            train_logits,
            test_logits,
            threshold,
            temperature,
            row["history"],
            held_out_logits=unseen if held else None,
        )


def run_experiment(
    manifest: Manifest,
    recipe: Recipe,
    *,
    images: Path,
    out: Path,
    cache: Path,
    progress: Progress,
    stop: Callable[[], bool] = lambda: False,
    resume: bool = False,
    part: str | None = None,
) -> dict[str, Any] | None:
    """Do a whole run and write its results; returns the content of ``result.json``.

    With ``resume`` whatever an earlier, stopped run of the same recipe and label set left in ``out/work``
    is taken up; on the CPU the result then equals an uninterrupted run's bit for bit. What the parts of
    a run left, each run by itself, is taken up in the same way.

    Parameters
    ----------
    part
        Train the networks of one fold only, ``r0-f1``; ``out/work`` then holds their scores, there is
        no result, and None is returned.

    Raises
    ------
    Stopped
        When ``stop()`` turned true; the state is on disk.
    ImageError, SplitError, TrainingError, WeightsError, CheckpointError
        With what is wrong.
    """
    began = time.monotonic()
    folds = make_folds(manifest, recipe)
    refuse_seen(recipe, folds, manifest)
    if part is not None:
        folds = [fold for fold in folds if f"r{fold.repeat}-f{fold.fold}" == part]
        if not folds:
            raise SplitError(f"the recipe's split has no part {part!r}")
    members = make_members(manifest, folds, recipe)
    device = choose_device(recipe)
    configure(recipe, device)
    experiment = Experiment(manifest, recipe, out, progress, stop)
    share = join()
    if share.rank or not resume:
        for left in (experiment.work, out / "saliency"):
            shutil.rmtree(left, ignore_errors=True)
    if share.rank and resume:
        # Replicas go on from one state, the first process's: killed together they may have written two.
        with contextlib.suppress(FileNotFoundError):
            shutil.copytree(out.parent / "work", experiment.work, ignore=shutil.ignore_patterns("*.part"))
    experiment.work.mkdir(parents=True, exist_ok=True)
    share.agree(False)  # nobody trains before all have taken it up
    progress.emit(
        "start", device=device_name(device), bf16=choose_bf16(recipe, device), members=len(members),
        epochs=recipe.epochs, patients=len(manifest.patients),
    )  # fmt: skip
    planes, geometries = load_images(manifest, recipe, images, cache, progress, stop)
    seconds = {"preprocessing": time.monotonic() - began}
    waiting = [member for member in members if experiment.finished(member) is None]
    image_set = ImageSet(planes, device) if waiting else None
    experiment.epochs_left = recipe.epochs * len(waiting)
    for done, member in enumerate(waiting):
        progress.emit("stage", stage="training", done=done, total=len(waiting))
        if stop():
            raise Stopped
        assert image_set is not None
        experiment.train_member(member, image_set, geometries)
    if part is not None:
        return None
    progress.emit("stage", stage="evaluation", done=0, total=1)
    scores = [experiment.fold_scores(fold, members) for fold in folds]
    evaluated = time.monotonic()
    trust = None
    if recipe.saliency and recipe.trust != "none":
        image_set = image_set or ImageSet(planes, device)
        trust = test_maps(
            manifest, recipe, out, image_set, geometries, experiment.outcomes, scores, progress, stop
        )
    onnx_refused = None
    if recipe.onnx:
        progress.emit("stage", stage="export", done=0, total=1)
        try:
            export_all(out, recipe)
        except (SavedNetworkError, RuntimeError) as error:
            # The networks stand; what is refused is a second form of them, and the result says so.
            onnx_refused = str(error)
    seconds["trust_and_export"] = time.monotonic() - evaluated
    rows = [row for member in members if (row := experiment.finished(member))]
    seconds["training"] = sum(row["seconds"] for row in rows)
    environment = environment_of([row["trained"] for row in rows])
    seconds["total"] = time.monotonic() - began
    result = write_results(
        out,
        manifest,
        recipe,
        scores,
        environment,
        seconds,
        trust,
        onnx_refused=onnx_refused,
        warnings=warnings_of(recipe, folds, manifest),
    )
    shutil.rmtree(experiment.work)
    return result
