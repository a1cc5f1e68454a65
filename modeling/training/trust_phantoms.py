"""The pointing game of a trust report: maps against what is known to be where, on fresh phantoms.

Zhang, ECCV 2016.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from cohort.phantom.acquire import render_planes
from cohort.phantom.anatomy import make_patient
from modeling.map_verdicts import KINDS
from modeling.proportions import wilson
from modeling.recipe import Recipe
from modeling.training import map_measures as measures
from modeling.training.cam_cells import trace
from modeling.training.preprocess import CLIP_PERCENTILES
from modeling.training.train import derive_seed

#: Fresh phantoms whose masks the maps are tried against.
PHANTOMS = 24


def phantom_planes(recipe: Recipe, seed: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Fresh phantoms as the network sees patients, (n, slices, size, size), and their discs, (n, size, size).

    The planted sign of the phantoms is the wear of their discs, from none to severe.
    """
    rng = np.random.default_rng([seed, 7])
    necks = [make_patient(rng, degeneration=float(d)) for d in np.linspace(0, 1, PHANTOMS)]
    spacing = 1.0 if recipe.volume == "resample_1mm" else 3.3
    field = float(recipe.size) if recipe.grid == "pad512" else 230.0
    images, discs = render_planes(
        necks, size=recipe.size, seed=seed, fov=field, planes=recipe.slices, spacing=spacing
    )
    for image in images:
        low, high = np.percentile(image, CLIP_PERCENTILES)
        np.clip(image, low, high, out=image)
        image -= image.mean()
        image /= image.std()
    return images, np.asarray(discs.any(axis=1), dtype=bool)


def pointing(recipe: Recipe, network: nn.Module, device: torch.device, seed: int) -> dict[str, Any]:
    """The pointing game on phantoms whose discs are known, beside maps that know nothing of the network."""
    images, discs = phantom_planes(recipe, derive_seed(seed, 11))
    rng = np.random.default_rng(seed)
    size = recipe.size
    found: dict[str, list[tuple[bool, float | None]]] = {}
    for planes, region in zip(images, discs, strict=True):
        image = torch.from_numpy(planes).to(device)[None]
        passed = trace(network, image)
        own = passed.cells(1.0 if passed.logit >= 0 else -1.0)
        candidates = {kind: measures.enlarged(own[kind], size) for kind in KINDS} | {
            "centre": measures.centre_prior(size),
            "edges": measures.edges(planes),
            "random": measures.enlarged(measures.random_cells(rng, own["gradcam"].shape), size),
        }
        for name, cam in candidates.items():
            found.setdefault(name, []).append(
                (measures.peak_inside(cam, region), measures.share_in(cam, region))
            )
    rows: list[dict[str, Any]] = []
    for name, tries in found.items():
        hits = sum(hit for hit, _ in tries)
        shares = [share for _, share in tries if share is not None]
        rows.append({
            "map": name, "hits": hits, "n": len(tries), "wilson": list(wilson(hits, len(tries))),
            "energy": float(np.mean(shares)) if shares else None,
        })  # fmt: skip
    hits_of = {row["map"]: row["hits"] for row in rows}
    best_prior = max(hits for name, hits in hits_of.items() if name not in KINDS)
    return {
        "region": "discs of fresh phantoms, where the planted sign is",
        "area": float(discs.mean()),
        "rows": rows,
        "beats_priors": {kind: hits_of[kind] > best_prior for kind in KINDS},
    }
