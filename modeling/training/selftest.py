"""Does the pipeline find what is there, and nothing where there is nothing? (torch, no Django)

Phantom necks carry a planted prognosis: subaxial degeneration at baseline raises the chance of a case. The
same recipe is trained twice, on the true outcomes and on the same outcomes dealt out anew to everybody.
The first must be told apart from chance, the second must not.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from cohort.phantom import prognosis
from cohort.phantom.acquire import render_planes
from cohort.phantom.anatomy import Anatomy, make_patient
from modeling.metrics import auc_delong
from modeling.recipe import Recipe, paper
from modeling.training.saliency import Map, explain
from modeling.training.train import (
    Fit,
    ImageSet,
    choose_device,
    configure,
    derive_seed,
    device_name,
    evaluate,
    fit_network,
)

#: Expected share of cases: near one half, where an AUC is known best for a given number of patients.
CASE_SHARE = 0.45
#: Test patients whose maps are measured.
EXPLAINED = 40


@dataclass(frozen=True)
class Effort:
    """How much to render and train."""

    train: int
    test: int
    size: int
    epochs: int


QUICK = Effort(train=200, test=120, size=64, epochs=6)
FULL = Effort(train=400, test=200, size=96, epochs=12)


def selftest_recipe(effort: Effort, seed: int) -> Recipe:
    """A small network trained by the same code as a study's."""
    return paper().with_overrides(
        {
            "depth": 18,
            "grid": "fit",
            "size": effort.size,
            "epochs": effort.epochs,
            "batch_size": 16,
            "optimiser": "adamw",
            "lr": 1e-3,
            "weight_decay": 0.01,
            "schedule": "cosine",
            "warmup": 0.1,
            "ema_decay": 0.9,
            "augment": "none",
            "flip": False,
            "seed": seed,
        }
    )


def draw_necks(count: int, seed: int) -> tuple[list[Anatomy], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Necks, outcomes, and each outcome's true probability given degeneration and follow-up."""
    rng = np.random.default_rng([seed, 1])
    model = prognosis.plan(CASE_SHARE)
    necks, outcomes, probabilities = [], [], []
    for _ in range(count):
        degeneration = prognosis.draw_degeneration(rng)
        years = float(rng.uniform(*prognosis.FOLLOW_UP))
        probability = float(model.probability(degeneration, years))
        necks.append(make_patient(rng, degeneration=degeneration))
        outcomes.append(int(rng.uniform() < probability))
        probabilities.append(probability)
    return necks, np.array(outcomes, dtype=np.int64), np.array(probabilities)


def energy_share(cam: Map, region: npt.NDArray[np.bool_]) -> float | None:
    """Share of a map's sum that lies inside a region; None for an empty map."""
    total = float(cam.sum())
    return float(cam[region].sum() / total) if total > 0 else None


def _auc(outcomes: npt.NDArray[np.int64], scores: npt.NDArray[np.float64]) -> dict[str, float]:
    value, low, high = auc_delong(outcomes, scores)
    return {"value": value, "low": low, "high": high}


def run_selftest(
    effort: Effort = FULL, *, seed: int = 0, say: Callable[[str], None] = lambda text: None
) -> dict[str, Any]:
    """Render, train twice, measure.

    Returns
    -------
    dict
        ``passed``: planted signal found (AUC interval above .5) and shuffled one not (interval holds
        .5); ``oracle_auc``, ``planted_auc``, ``shuffled_auc`` ({"value", "low", "high"}); ``cam``: share
        of GradCAM's and LayerCAM's energy in the disc region beside that region's share of the area;
        ``seconds``, ``device``, ``effort``.
    """
    began = time.monotonic()
    recipe = selftest_recipe(effort, seed)
    device = choose_device(recipe)
    configure(recipe, device)
    necks, outcomes, probabilities = draw_necks(effort.train + effort.test, seed)
    say(f"rendering {len(necks)} necks of 6 × {effort.size}² …")
    pictures, regions = render_planes(necks, size=effort.size, seed=derive_seed(seed, 2))
    centred = pictures - pictures.mean(axis=(1, 2, 3), keepdims=True)
    planes = (centred / centred.std(axis=(1, 2, 3), keepdims=True)).astype(np.float16)
    images = ImageSet(list(planes), device)
    train = list(range(effort.train))
    test = list(range(effort.train, len(necks)))
    # Everybody's outcome is dealt out anew: test outcomes too know nothing of any image.
    shuffled = np.random.default_rng([seed, 3]).permutation(outcomes)
    rendered = time.monotonic() - began

    def learn(name: str, labels: npt.NDArray[np.int64]) -> tuple[dict[str, float], Fit]:
        say(f"training on {name} outcomes, {effort.train} necks, {effort.epochs} epochs …")
        targets = torch.tensor(labels, dtype=torch.float32)
        fit = fit_network(recipe, images, targets, train, seed=derive_seed(seed, 4))
        found = _auc(labels[test], evaluate(fit.network, images, test, batch_size=16))
        say(f"{name}: AUC {found['value']:.3f} (95 % CI {found['low']:.3f} to {found['high']:.3f})")
        return found, fit

    planted_auc, planted = learn("planted", outcomes)
    shuffled_auc, _ = learn("shuffled", shuffled)
    energies: dict[str, list[float]] = {"gradcam": [], "layercam": []}
    for index in test[:EXPLAINED]:
        maps = explain(planted.network, images.batch([index]))
        inside = regions[index].any(axis=0)
        for kind, cam in (("gradcam", maps.gradcam), ("layercam", maps.layercam)):
            share = energy_share(cam, inside)
            if share is not None:
                energies[kind].append(share)
    area = float(regions[test[:EXPLAINED]].any(axis=1).mean())
    found = planted_auc["low"] > 0.5
    nothing = shuffled_auc["low"] <= 0.5 <= shuffled_auc["high"]
    return {
        "passed": found and nothing,
        "planted_found": found,
        "shuffled_not_found": nothing,
        "oracle_auc": _auc(outcomes[test], probabilities[test]),
        "planted_auc": planted_auc,
        "shuffled_auc": shuffled_auc,
        "cam": {
            "disc_area_share": area,
            **{f"{kind}_disc_energy": float(np.mean(v)) if v else None for kind, v in energies.items()},
        },
        "effort": vars(effort) | {"seed": seed},
        "device": device_name(device),
        "seconds": {"rendering": round(rendered, 1), "total": round(time.monotonic() - began, 1)},
    }


def main(argv: list[str] | None = None) -> int:
    """Print the figures as JSON; 0 if they are as they must be, 1 if not."""
    parser = argparse.ArgumentParser(prog="python -m modeling.training.selftest", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(argv)
    # Networks this small gain little from threads, and lose much where the cores are shared.
    torch.set_num_threads(1)
    result = run_selftest(
        QUICK if arguments.quick else FULL,
        seed=arguments.seed,
        say=lambda text: print(text, file=sys.stderr, flush=True),
    )
    print(json.dumps(result, indent=2))
    return 0 if result["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
