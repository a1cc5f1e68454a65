"""The pointing game of a trust report: maps against what is known to be where, on fresh phantoms.

Zhang, ECCV 2016.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy import stats
from torch import nn

from cohort.phantom.acquire import draw_acquisition, render
from cohort.phantom.anatomy import make_patient
from modeling.map_verdicts import KINDS
from modeling.proportions import wilson
from modeling.recipe import Recipe
from modeling.training import map_measures as measures
from modeling.training.cam_cells import trace
from modeling.training.preprocess import PlaneGeometry, input_planes
from modeling.training.train import derive_seed
from modeling.training.trust_checks import LEVEL
from modeling.training.volume import Volume

#: Fresh phantoms whose masks the maps are tried against.
PHANTOMS = 24
#: Rows and columns in which they are acquired.
MATRIX = 256


def phantom_planes(recipe: Recipe, seed: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Fresh phantoms as the network sees patients, (n, slices, size, size), and their discs, (n, size, size).

    Each is acquired as clinical series vary and comes to the network's grid by the way of all series. The
    planted sign of the phantoms is the wear of their discs, from none to severe.
    """
    rng = np.random.default_rng([seed, 7])
    images = np.empty((PHANTOMS, recipe.slices, recipe.size, recipe.size), dtype=np.float32)
    discs = np.empty((PHANTOMS, recipe.size, recipe.size), dtype=bool)
    for k, degeneration in enumerate(np.linspace(0, 1, PHANTOMS)):
        neck = make_patient(rng, degeneration=float(degeneration))
        stored, masks, space = render(neck, draw_acquisition(rng, matrix=MATRIX), rng)
        # Acquired from left to right; a volume's slices run from right to left.
        volume = Volume(
            stored[::-1].astype(np.float32),
            np.arange(len(stored), dtype=np.float64) * space.slice_spacing,
            space.spacing,
            np.array([-space.normal, space.column, space.row]),
            space.positions[-1],
        )
        images[k], geometry = input_planes(volume, recipe)
        discs[k] = on_grid(masks["disc_region"][::-1], volume, geometry)
    return images, discs


def on_grid(region: npt.NDArray[np.bool_], volume: Volume, geometry: PlaneGeometry) -> npt.NDArray[np.bool_]:
    """A region of a volume, (slices, rows, columns), on the grid of its input planes, (rows, columns).

    Seen through all acquired slices between which the planes lie; the nearest voxel decides.
    """
    rows, columns = region.shape[1:]
    corner = (np.array(geometry.origin) - volume.origin) @ volume.axes.T
    down = (np.array(geometry.column_end) - volume.origin) @ volume.axes[1]
    across = (np.array(geometry.row_end) - volume.origin) @ volume.axes[2]
    depths = corner[0] + np.array(geometry.normal_offsets_mm)
    first = int(np.searchsorted(volume.positions, depths.min() + 1e-6, side="right")) - 1
    end = int(np.searchsorted(volume.positions, depths.max() - 1e-6)) + 1
    seen: npt.NDArray[np.bool_] = np.logical_or.reduce(region[max(first, 0) : end], axis=0)
    at = [
        np.rint(np.linspace(start, stop, count) / step).astype(int)
        for start, stop, count, step in (
            (corner[1], down, geometry.rows, volume.spacing[0]),
            (corner[2], across, geometry.columns, volume.spacing[1]),
        )
    ]
    inside = [(index >= 0) & (index < count) for index, count in zip(at, (rows, columns), strict=True)]
    held = [index.clip(0, count - 1) for index, count in zip(at, (rows, columns), strict=True)]
    found: npt.NDArray[np.bool_] = seen[np.ix_(*held)] & np.outer(*inside)
    return found


def pointing(
    recipe: Recipe, network: nn.Module, device: torch.device, seed: int, logit_threshold: float
) -> dict[str, Any]:
    """The pointing game on phantoms whose discs are known, beside maps that know nothing of the network.

    Answers are given at ``logit_threshold``. ``against_priors``: kind → the best of those other maps, how
    many phantoms only one of the two hits, and the exact one-sided McNemar test of hitting more often.
    """
    images, discs = phantom_planes(recipe, derive_seed(seed, 11))
    rng = np.random.default_rng(seed)
    size = recipe.size
    found: dict[str, list[tuple[bool, float | None]]] = {}
    for planes, region in zip(images, discs, strict=True):
        image = torch.from_numpy(planes).to(device)[None]
        passed = trace(network, image)
        own = passed.cells(1.0 if passed.logit >= logit_threshold else -1.0)
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
    return {
        "region": "discs of fresh phantoms, where the planted sign is",
        "area": float(discs.mean()),
        "rows": rows,
        "against_priors": {kind: _against_priors(kind, found) for kind in KINDS},
    }


def _against_priors(kind: str, found: Mapping[str, Sequence[tuple[bool, float | None]]]) -> dict[str, Any]:
    hits = {name: np.array([hit for hit, _ in tries]) for name, tries in found.items()}
    best = max((name for name in hits if name not in KINDS), key=lambda name: int(hits[name].sum()))
    only, other = int((hits[kind] & ~hits[best]).sum()), int((hits[best] & ~hits[kind]).sum())
    p = float(stats.binomtest(only, only + other, alternative="greater").pvalue) if only + other else 1.0
    return {"best": best, "only_map": only, "only_best": other, "p": p, "beats": p < LEVEL}
