"""Does the pipeline find what is there, and nothing where there is nothing? (torch, no Django)

Phantom necks carry a planted prognosis: subaxial degeneration at baseline raises the chance of a case. The
same recipe is trained twice, on the true outcomes and on the same outcomes dealt out anew to everybody.
The first must find most of what there is to be known, by looking at the discs; the second must find nothing.
They train on arrays rendered in memory; a few of the same necks also go through DICOM files, the trainer's
reading and its preprocessing, and must come out as they were trained on (:mod:`.selftest_dicom`).

Covered: the trainer's reading, preprocessing, augmentation, training, scoring and maps on this machine, with
its libraries. Not covered, but by the tests: delivery of images to the store, labels, manifest, split,
threshold and calibration, the run's files and publication.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from cohort.phantom import prognosis
from cohort.phantom.acquire import render_planes
from cohort.phantom.anatomy import Anatomy, make_patient
from modeling import recipe as recipes
from modeling.metrics import auc_delong, delong_paired
from modeling.recipe import Recipe
from modeling.training.image_set import ImageSet
from modeling.training.region_energy import region_energy
from modeling.training.selftest_dicom import NECKS, through_dicom
from modeling.training.train import (
    Fit,
    choose_device,
    configure,
    derive_seed,
    device_name,
    evaluate,
    fit_network,
)

#: Expected share of cases: near one half, where an AUC is known best for a given number of patients.
CASE_SHARE = 0.45
#: The planted hazard is as steep as gives the best possible reader this AUC.
ORACLE = 0.95
#: AUC from which the planted signal counts as found.
FOUND = 0.80
#: Test patients whose maps are measured.
EXPLAINED = 100
#: Necks rendered at once: the arrays of all, in single precision, would not fit beside the training.
CHUNK = 50
#: Millimetres between a profile's input planes: as acquired, and resampled.
SPACING = {"recommended": 3.3, "paper": 1.0}


#: Verdict → what it means where it fails.
FAILURES = {
    "planted_found": f"the planted signal is not found: AUC below {FOUND}, or not above chance",
    "below_oracle": (
        "the network does better than the oracle, who knows every outcome's true probability: it must have "
        "seen outcomes of test patients"
    ),
    "found_at_discs": "the network does not look at the discs, where the planted sign is",
    "shuffled_not_found": "a signal is found in shuffled outcomes, or its reverse: there is none",
    "dicom_agrees": (
        "necks read from DICOM are not those trained on: order of slices, direction or grid differ"
    ),
}


@dataclass(frozen=True)
class Effort:
    """How much to render and train; ``compare`` adds the paper's recipe on the same necks."""

    train: int
    test: int
    size: int
    epochs: int
    depth: int = 18
    compare: bool = False


QUICK = Effort(train=240, test=200, size=64, epochs=7)
DEFAULT = Effort(train=400, test=400, size=96, epochs=10, compare=True)
#: For a GPU: the network and grid of a study.
FULL = Effort(train=600, test=400, size=512, epochs=60, depth=101, compare=True)


def selftest_recipe(effort: Effort, seed: int, profile: str = "recommended") -> Recipe:
    """A profile's optimiser, schedule, averaging and augmentation, on the effort's network and grid."""
    changes: dict[str, Any] = {
        "depth": effort.depth,
        "grid": "fit",
        "size": effort.size,
        "epochs": effort.epochs,
        "seed": seed,
    }
    if effort.epochs < 60:
        # Few steps: a higher rate and a shorter memory reach in them what a profile reaches in its own. The
        # same rate for both profiles, or their comparison would be one of rates.
        changes["lr"] = 1e-3
        if profile == "recommended":
            changes["ema_decay"] = 0.9
    return recipes.profile(profile).with_overrides(changes)


def draw_necks(count: int, seed: int) -> tuple[list[Anatomy], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Necks, outcomes, and each outcome's true probability given degeneration and follow-up."""
    rng = np.random.default_rng([seed, 1])
    model = prognosis.plan_for_auc(CASE_SHARE, ORACLE)
    necks, outcomes, probabilities = [], [], []
    for _ in range(count):
        degeneration = prognosis.draw_degeneration(rng)
        years = float(rng.uniform(*prognosis.FOLLOW_UP))
        probability = float(model.probability(degeneration, years))
        necks.append(make_patient(rng, degeneration=degeneration))
        outcomes.append(int(rng.uniform() < probability))
        probabilities.append(probability)
    return necks, np.array(outcomes, dtype=np.int64), np.array(probabilities)


def _auc(outcomes: npt.NDArray[np.int64], scores: npt.NDArray[np.float64]) -> dict[str, float]:
    value, low, high = auc_delong(outcomes, scores)
    return {"value": value, "low": low, "high": high}


def _neck_seed(seed: int, start: int = 0) -> int:
    """That of the necks rendered together from ``start`` on."""
    return derive_seed(seed, 2, start)


def render(
    necks: Sequence[Anatomy], size: int, *, spacing: float, seed: int
) -> tuple[list[npt.NDArray[np.float16]], npt.NDArray[np.bool_]]:
    """Standardised planes of every neck, and its disc region, (necks, size, size)."""
    planes: list[npt.NDArray[np.float16]] = []
    regions: list[npt.NDArray[np.bool_]] = []
    for start in range(0, len(necks), CHUNK):
        part = necks[start : start + CHUNK]
        pictures, discs = render_planes(part, size=size, seed=_neck_seed(seed, start), spacing=spacing)
        pictures -= pictures.mean(axis=(1, 2, 3), keepdims=True)
        pictures /= pictures.std(axis=(1, 2, 3), keepdims=True)
        planes += list(pictures.astype(np.float16))
        regions.append(np.asarray(discs.any(axis=1)))
    return planes, np.concatenate(regions)


def run_selftest(
    effort: Effort = DEFAULT, *, seed: int = 0, say: Callable[[str], None] = lambda text: None
) -> dict[str, Any]:
    """Render, train twice or three times, measure.

    Returns
    -------
    dict
        ``passed``: the planted signal is found (AUC of :data:`FOUND` or more, interval above .5), no better
        than by the oracle, who knows each outcome's true probability (paired 95 % interval of planted −
        oracle not wholly above 0: who beats it has seen outcomes), at the discs (interval of LayerCAM's
        energy ratio above 1), and the shuffled one is not (interval holds .5); and necks read from DICOM
        agree with those trained on. ``failures`` says what is not so.
        ``oracle_auc``, ``planted_auc``, ``shuffled_auc``: {"value", "low", "high"} on the test patients, the
        oracle's also "expected", in the population; ``planted_minus_oracle``: their difference with its
        paired interval (DeLong).
        ``disc_energy``: of the ``planted`` network, and of the ``shuffled`` one for comparison, as
        :func:`region_energy` gives it; ``dicom``: as :func:`through_dicom` gives it.
        ``comparison``, with ``effort.compare``: the AUC of the paper's recipe on the same necks, and the
        difference to it (recommended − paper) with its paired interval (DeLong); ``seconds``, ``device``,
        ``effort``.
    """
    began = time.monotonic()
    device = choose_device(selftest_recipe(effort, seed))
    necks, outcomes, probabilities = draw_necks(effort.train + effort.test, seed)
    train, test = list(range(effort.train)), list(range(effort.train, len(necks)))
    # Everybody's outcome is dealt out anew: test outcomes too know nothing of any image.
    shuffled = np.random.default_rng([seed, 3]).permutation(outcomes)
    seconds: dict[str, float] = {}

    def timed(name: str, since: float) -> None:
        seconds[name] = round(time.monotonic() - since, 1)

    def pictures(profile: str) -> tuple[ImageSet, npt.NDArray[np.bool_]]:
        say(f"rendering {len(necks)} necks of 6 × {effort.size}², {SPACING[profile]} mm apart …")
        start = time.monotonic()
        planes, regions = render(necks, effort.size, spacing=SPACING[profile], seed=seed)
        timed(f"rendering_{profile}", start)
        return ImageSet(planes, device), regions

    def learn(
        name: str, images: ImageSet, labels: npt.NDArray[np.int64], profile: str = "recommended"
    ) -> tuple[npt.NDArray[np.float64], Fit]:
        say(f"training {profile} on {name} outcomes, {effort.train} necks, {effort.epochs} epochs …")
        start = time.monotonic()
        recipe = selftest_recipe(effort, seed, profile)
        configure(recipe, device)
        targets = torch.tensor(labels, dtype=torch.float32)
        fit = fit_network(recipe, images, targets, train, seed=derive_seed(seed, 4))
        scores = evaluate(fit.network, images, test, batch_size=16)
        found = _auc(labels[test], scores)
        timed(f"{name}_{profile}", start)
        say(f"{name}: AUC {found['value']:.3f} (95 % CI {found['low']:.3f} to {found['high']:.3f})")
        return scores, fit

    images, regions = pictures("recommended")
    start = time.monotonic()
    rendered = [images.batch([k])[0].cpu().numpy() for k in range(NECKS)]
    dicom = through_dicom(necks, rendered, selftest_recipe(effort, seed), seed=_neck_seed(seed))
    timed("dicom", start)
    say(f"{dicom['necks']} necks read from DICOM: correlation {dicom['least_correlation']:.4f} at least")
    planted_scores, planted = learn("planted", images, outcomes)
    shuffled_scores, at_random = learn("shuffled", images, shuffled)
    planted_auc = _auc(outcomes[test], planted_scores)
    shuffled_auc = _auc(shuffled[test], shuffled_scores)
    start = time.monotonic()
    energy = {
        name: region_energy(fit.network, images, regions, test[:EXPLAINED], derive_seed(seed, 5))
        for name, fit in (("planted", planted), ("shuffled", at_random))
    }
    timed("maps", start)
    comparison: dict[str, Any] | None = None
    if effort.compare:
        paper_images, _ = pictures("paper")
        paper_scores, _ = learn("planted", paper_images, outcomes, "paper")
        comparison = {
            "paper_auc": _auc(outcomes[test], paper_scores),
            "recommended_minus_paper": delong_paired(outcomes[test], planted_scores, paper_scores),
        }
    found = planted_auc["value"] >= FOUND and planted_auc["low"] > 0.5
    nothing = shuffled_auc["low"] <= 0.5 <= shuffled_auc["high"]
    above_oracle = delong_paired(outcomes[test], planted_scores, probabilities[test])
    least = energy["planted"]["layercam"]["low"]
    at_discs = least is not None and least > 1
    verdicts = {
        "planted_found": found,
        # No interval: too few patients to be above.
        "below_oracle": above_oracle["low"] is None or above_oracle["low"] <= 0,
        "found_at_discs": at_discs,
        "shuffled_not_found": nothing,
        "dicom_agrees": dicom["agrees"],
    }
    expected = prognosis.expected_auc(prognosis.plan_for_auc(CASE_SHARE, ORACLE))
    return {
        "passed": all(verdicts.values()),
        "failures": [FAILURES[name] for name, passed in verdicts.items() if not passed],
        **verdicts,
        "oracle_auc": _auc(outcomes[test], probabilities[test]) | {"expected": expected},
        "planted_auc": planted_auc,
        "shuffled_auc": shuffled_auc,
        "planted_minus_oracle": above_oracle,
        "disc_energy": energy,
        "dicom": dicom,
        "comparison": comparison,
        "effort": vars(effort) | {"seed": seed},
        "device": device_name(device),
        "seconds": seconds | {"total": round(time.monotonic() - began, 1)},
    }


def main(argv: list[str] | None = None) -> int:
    """Print the figures as JSON; 0 if they are as they must be, 1 if not."""
    parser = argparse.ArgumentParser(prog="python -m modeling.training.selftest", description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="under a minute, without the comparison")
    size.add_argument("--full", action="store_true", help="ResNet-101 at 512², for a GPU")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(argv)
    if not arguments.full:
        # Networks this small gain little from threads, and lose much where the cores are shared.
        torch.set_num_threads(1)
    result = run_selftest(
        QUICK if arguments.quick else FULL if arguments.full else DEFAULT,
        seed=arguments.seed,
        say=lambda text: print(text, file=sys.stderr, flush=True),
    )
    print(json.dumps(result, indent=2))
    for failure in result["failures"]:
        print(f"failed: {failure}", file=sys.stderr)
    return 0 if result["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
