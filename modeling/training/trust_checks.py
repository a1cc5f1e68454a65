"""The tests of a trust report, each on a few test patients: see :mod:`modeling.training.trust_report`.

HiResCAM: Draelos & Carin, arXiv:2011.08891. Deletion and insertion:
Petsiuk, BMVC 2018. Each kind of map, for the answer that was given, is put to the same tests;
exactness alone is GradCAM's, for LayerCAM is not complete: its cells do not sum to the logit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage, stats
from torch import Tensor, nn

from modeling.map_verdicts import KINDS
from modeling.training import map_measures as measures
from modeling.training.cam_cells import LAYERS, Trace, signed_grad_cam, trace
from modeling.training.map_measures import Map
from modeling.training.preprocess import PlaneGeometry

Cells = Mapping[str, Map]
#: Side on which maps are compared.
COMPARED = 64
RANDOM_ORDERS = 5
STEPS = 16
LEVEL = 0.05
ALARM = 0.20


@dataclass(frozen=True)
class Case:
    """One test patient with the network that had not seen it.

    ``sign``: of the answer given, 1 for a case and −1 against it; ``cells``: the kinds' cells for it.
    """

    patient: str
    image: Tensor
    geometry: PlaneGeometry
    fold: int
    sign: float
    cells: Cells


def answer_cells(network: nn.Module, case: Case) -> Cells:
    """What another network's maps say for the answer that the case's own network gave."""
    return trace(network, case.image).cells(case.sign)


def exactness(network: nn.Module, found: Trace) -> dict[str, float]:
    """How exact GradCAM is at layer4: ``{"hirescam", "sum"}``.

    The greatest difference from HiResCAM, and of the map's sum plus the bias from the logit, both relative
    to the map's own size.
    """
    activation, gradient = found.activation[LAYERS[-1]], found.gradient[LAYERS[-1]]
    gradcam = signed_grad_cam(activation, gradient)
    hirescam = (gradient * activation).sum(dim=1)[0]
    bias = network.get_parameter("fc.bias").detach().double()[0]
    scale = float(gradcam.abs().sum()) or 1.0
    return {
        "hirescam": float((gradcam - hirescam).abs().max()) / (float(gradcam.abs().max()) or 1.0),
        "sum": abs(float(gradcam.sum() + bias) - found.logit) / max(scale, abs(found.logit)),
    }


def likeness(pairs: Sequence[tuple[Cells, Cells]]) -> dict[str, dict[str, Any]]:
    """Kind → mean Spearman and SSIM over pairs of maps; ``size`` → the means of their absolute values.

    None where no pair has one.
    """
    return {kind: _likeness([(a[kind], b[kind]) for a, b in pairs]) for kind in KINDS}


def _likeness(pairs: Sequence[tuple[Map, Map]]) -> dict[str, Any]:
    drawn = [(measures.enlarged(a, COMPARED), measures.enlarged(b, COMPARED)) for a, b in pairs]
    found = {
        "spearman": [rank for a, b in drawn if (rank := measures.spearman(a, b)) is not None],
        "ssim": [measures.ssim(a, b) for a, b in drawn],
    }
    signed = {name: float(np.mean(values)) if values else None for name, values in found.items()}
    size = {name: float(np.mean(np.abs(values))) if values else None for name, values in found.items()}
    return signed | {"size": size}


def _blurred(image: Tensor) -> Tensor:
    planes = image[0].cpu().numpy()
    soft = ndimage.gaussian_filter(planes, (0, planes.shape[1] / 12, planes.shape[2] / 12))
    return torch.from_numpy(soft).to(image.device)[None]


def _logits(network: nn.Module, images: Sequence[Tensor]) -> npt.NDArray[np.float64]:
    with torch.inference_mode():
        parts = [network(torch.cat(list(images[i : i + 8])))[:, 0] for i in range(0, len(images), 8)]
        return np.asarray(torch.cat(parts).double().cpu().numpy(), dtype=np.float64)


def _mixed(image: Tensor, soft: Tensor, kept: npt.NDArray[np.bool_]) -> Tensor:
    """The image where cells are kept, its blurred self elsewhere."""
    size = image.shape[2:]
    mask = torch.from_numpy(kept.astype(np.float32)).to(image.device)[None, None]
    full = nn.functional.interpolate(mask, size=list(size), mode="nearest")
    return image * full + soft * (1 - full)


def _curve(
    network: nn.Module,
    case: Case,
    soft: Tensor,
    order: npt.NDArray[np.int64],
    shape: tuple[int, ...],
    *,
    insert: bool,
) -> Any:
    """The answer's logit as cells go (or come back) in this order, from none to all of them."""
    cells = order.size
    counts = np.unique(np.linspace(0, cells, min(STEPS, cells) + 1).round().astype(int))
    images = []
    for count in counts:
        kept = np.full(cells, not insert)
        kept[order[:count]] = insert
        images.append(_mixed(case.image, soft, kept.reshape(shape)))
    return case.sign * _logits(network, images)


def occluded(network: nn.Module, case: Case, soft: Tensor, shape: tuple[int, int]) -> Map:
    """How much the answer's logit falls as each cell of a grid of this shape is blurred alone."""
    images = [case.image]
    for cell in range(int(np.prod(shape))):
        kept = np.ones(shape, dtype=bool)
        kept.flat[cell] = False
        images.append(_mixed(case.image, soft, kept))
    logits = case.sign * _logits(network, images)
    return np.asarray((logits[0] - logits[1:]).reshape(shape), dtype=np.float64)


def coarsened(cells: Map, shape: tuple[int, int]) -> Map:
    """The mean of the cells within each cell of a coarser grid."""
    pooled = nn.functional.adaptive_avg_pool2d(torch.from_numpy(cells)[None], shape)
    return np.asarray(pooled[0].numpy(), dtype=np.float64)


def faithfulness(
    cases: Sequence[Case], networks: Mapping[int, nn.Module], seed: int
) -> dict[str, dict[str, Any]]:
    """Kind → deletion and insertion against random orders (one-sided Wilcoxon), and against occlusion.

    Cells are deleted and inserted at the kind's own grain, in :data:`STEPS` steps. Occluded are layer4's
    cells, once for all kinds: a finer map is averaged into them.
    """
    curves: dict[str, dict[str, dict[str, list[Any]]]] = {
        kind: {test: {"map": [], "random": []} for test in ("deletion", "insertion")} for kind in KINDS
    }
    ranks: dict[str, list[float]] = {kind: [] for kind in KINDS}
    draws = {kind: np.random.default_rng(seed) for kind in KINDS}
    for case in cases:
        network, soft = networks[case.fold], _blurred(case.image)
        for kind, cells in case.cells.items():
            by_map = np.argsort(-cells.ravel(), kind="stable")
            orders = [draws[kind].permutation(by_map.size) for _ in range(RANDOM_ORDERS)]
            for test, insert in (("deletion", False), ("insertion", True)):
                found = [
                    _curve(network, case, soft, order, cells.shape, insert=insert)
                    for order in (by_map, *orders)
                ]
                curves[kind][test]["map"].append(found[0])
                curves[kind][test]["random"].append(np.mean(found[1:], axis=0))
        coarse = grain([case], "gradcam")
        falls = occluded(network, case, soft, coarse)
        for kind, cells in case.cells.items():
            rank = measures.spearman(coarsened(cells, coarse), falls)
            if rank is not None:
                ranks[kind].append(rank)
    return {
        kind: {
            "deletion": _gain(curves[kind]["deletion"], -1.0),
            "insertion": _gain(curves[kind]["insertion"], 1.0),
            "occlusion": _mean_interval(ranks[kind]),
        }
        for kind in KINDS
    }


def _gain(curves: Mapping[str, Sequence[Any]], better: float) -> dict[str, Any]:
    """By how much the map's order does better than random ones; ``better`` −1 where less is better."""
    by_map, by_chance = np.array(curves["map"]), np.array(curves["random"])
    gains = better * (by_map.mean(axis=1) - by_chance.mean(axis=1))
    p = float(stats.wilcoxon(gains, alternative="greater").pvalue) if np.any(gains) else 1.0
    return {
        "share": np.linspace(0, 1, by_map.shape[1]).tolist(),
        "map": by_map.mean(axis=0).tolist(),
        "random": by_chance.mean(axis=0).tolist(),
        "gain": float(gains.mean()),
        "p": p,
        "passed": p < LEVEL,
    }


def _mean_interval(values: Sequence[float]) -> dict[str, Any]:
    """Mean with Student's 95 % interval; passed if that lies above zero."""
    count = len(values)
    if count < 2:
        return {"n": count, "mean": None, "low": None, "high": None, "passed": False}
    mean, se = float(np.mean(values)), float(np.std(values, ddof=1)) / count**0.5
    half = float(stats.t.ppf(0.975, count - 1)) * se
    return {"n": count, "mean": mean, "low": mean - half, "high": mean + half, "passed": mean - half > 0}


def grain(cases: Sequence[Case], kind: str) -> tuple[int, int]:
    """Rows and columns of a kind's cells."""
    rows, columns = cases[0].cells[kind].shape
    return rows, columns


def energy(cases: Sequence[Case]) -> dict[str, dict[str, Any]]:
    """Kind → share of the map in air and in padding, beside the area that these take up."""
    rows: dict[str, list[tuple[float, float, float, float]]] = {kind: [] for kind in KINDS}
    for case in cases:
        size = case.image.shape[2]
        body = measures.body_mask(case.image[0].cpu().numpy(), case.geometry.field)
        top, left, bottom, right = case.geometry.field
        padding = np.ones((size, size), dtype=bool)
        padding[top:bottom, left:right] = False
        air = ~body & ~padding
        for kind, cells in case.cells.items():
            cam = measures.enlarged(cells, size)
            shares = (measures.share_in(cam, air), measures.share_in(cam, padding))
            if shares[0] is not None and shares[1] is not None:
                rows[kind].append((shares[0], shares[1], float(air.mean()), float(padding.mean())))
    return {kind: _mean_shares(found) for kind, found in rows.items()}


def _mean_shares(rows: Sequence[tuple[float, float, float, float]]) -> dict[str, Any]:
    if not rows:
        return {"n": 0, "air": None, "padding": None, "air_area": None, "padding_area": None, "alarm": False}
    air, padding_share, air_area, padding_area = (float(v) for v in np.mean(rows, axis=0))
    return {
        "n": len(rows), "air": air, "padding": padding_share, "air_area": air_area,
        "padding_area": padding_area, "alarm": air + padding_share > ALARM,
    }  # fmt: skip
