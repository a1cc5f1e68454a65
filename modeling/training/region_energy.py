"""How much of the maps' energy lies in a known region, beside that region's share of the area.

Explained is the answer that was given: a case's maps show what speaks for a case, another's what speaks
against it. What speaks for a case in a patient called healthy is the weak rest of an argument that lost,
and lies anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from modeling.training.cam_cells import activations, grad_cam, layer_cam
from modeling.training.image_set import ImageSet
from modeling.training.map_measures import share_in

#: Cells across the image without which a map cannot tell one level of the neck from the next.
FEWEST_CELLS = 8
#: Pixels of the image per cell, from the coarsest.
STRIDES = {"layer4": 32, "layer3": 16, "layer2": 8, "layer1": 4}
RESAMPLES = 2000

Masks = npt.NDArray[np.bool_]


def layer_for(size: int) -> str:
    """The deepest layer with enough cells: layer4 at 512², layer2 on a self-test's small grids."""
    return next((name for name, stride in STRIDES.items() if size >= FEWEST_CELLS * stride), "layer1")


def answer_maps(network: nn.Module, image: Tensor, layer: str) -> dict[str, npt.NDArray[np.float64]]:
    """GradCAM of layer4 and LayerCAM of ``layer``, for the answer given to (1, slices, rows, columns)."""
    network.eval()
    logit, kept = activations(network, image, ("layer4", layer))
    sign = 1.0 if float(logit.detach()) >= 0 else -1.0
    deep, fine = torch.autograd.grad(sign * logit, [kept["layer4"], kept[layer]])
    cams = {
        "gradcam": grad_cam(kept["layer4"].detach(), deep),
        "layercam": layer_cam(kept[layer].detach(), fine),
    }
    return {
        name: functional.interpolate(cam[None, None], size=image.shape[2:], mode="bilinear")[0, 0]
        .double()
        .cpu()
        .numpy()
        for name, cam in cams.items()
    }


def region_energy(
    network: nn.Module, images: ImageSet, regions: Masks, patients: Sequence[int], seed: int
) -> dict[str, Any]:
    """Mean share of energy inside each patient's region, against the mean share of area.

    Parameters
    ----------
    regions
        (all patients, size, size).
    patients
        Indices of the patients whose maps are measured.

    Returns
    -------
    dict
        ``gradcam`` and ``layercam``, each ``{"layer", "cells", "patients", "energy", "area", "ratio",
        "low", "high"}``: cells along a side, patients whose map is not empty, and the ratio energy / area
        with its percentile interval over resampled patients.
    """
    size = regions.shape[-1]
    layers = {"gradcam": "layer4", "layercam": layer_for(size)}
    rows: dict[str, list[tuple[float, float]]] = {kind: [] for kind in layers}
    for index in patients:
        for kind, cam in answer_maps(network, images.batch([index]), layers["layercam"]).items():
            share = share_in(cam, regions[index])
            if share is not None:
                rows[kind].append((share, float(regions[index].mean())))
    found: dict[str, Any] = {}
    for kind, pairs in rows.items():
        described = {
            "layer": layers[kind],
            "cells": -(-size // STRIDES[layers[kind]]),
            "patients": len(pairs),
        }
        found[kind] = described | _ratio(np.array(pairs).reshape(-1, 2), seed)
    return found


def _ratio(pairs: npt.NDArray[np.float64], seed: int) -> dict[str, float | None]:
    if not len(pairs):
        return dict.fromkeys(("energy", "area", "ratio", "low", "high"))
    drawn = np.random.default_rng(seed).integers(len(pairs), size=(RESAMPLES, len(pairs)))
    energy, area = np.moveaxis(pairs[drawn].mean(axis=1), 1, 0)
    low, high = np.quantile(energy / area, (0.025, 0.975))
    mean = pairs.mean(axis=0)
    return {
        "energy": float(mean[0]), "area": float(mean[1]), "ratio": float(mean[0] / mean[1]),
        "low": float(low), "high": float(high),
    }  # fmt: skip
