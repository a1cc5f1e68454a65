"""The tests of a trust report, each on a few test patients: see :mod:`modeling.training.trust`.

Randomisation: Adebayo, NeurIPS 2018. HiResCAM: Draelos & Carin, arXiv:2011.08891. Deletion and insertion:
Petsiuk, BMVC 2018. Pointing game: Zhang, ECCV 2016. Maps are signed GradCAM at layer4 (for a case less
against it), so that nothing is hidden by a rectifier; "the answer's map" is signed by the call made.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage, stats
from torch import Tensor, nn

from cohort.phantom.acquire import render_planes
from cohort.phantom.anatomy import make_patient
from modeling.proportions import wilson
from modeling.recipe import Recipe
from modeling.training import map_measures as measures
from modeling.training.map_measures import Map
from modeling.training.preprocess import CLIP_PERCENTILES, PlaneGeometry
from modeling.training.saliency import activations
from modeling.training.train import derive_seed

#: Fresh phantoms whose masks the maps are tried against.
PHANTOMS = 24
#: Side on which maps are compared.
COMPARED = 64
RANDOM_ORDERS = 5
STEPS = 16
LEVEL = 0.05
ALARM = 0.20
#: Randomised from the output down, each stage with all above it.
STAGES = ("fc", "layer4", "layer3", "layer2", "layer1", "conv1")


@dataclass(frozen=True)
class Case:
    """One test patient with the network that had not seen it."""

    patient: str
    image: Tensor
    geometry: PlaneGeometry
    fold: int
    sign: float
    cells: Map


def signed_cam(network: nn.Module, image: Tensor) -> tuple[Map, float, dict[str, float]]:
    """Signed GradCAM cells at layer4, the logit, and how exact both are.

    ``{"hirescam", "sum"}``: the greatest difference from HiResCAM, and of the map's sum plus the bias from
    the logit, both relative to the map's own size.
    """
    logit, kept = activations(network, image, ("layer4",))
    (gradient,) = torch.autograd.grad(logit, [kept["layer4"]])
    activation = kept["layer4"].detach().double()
    gradient = gradient.double()
    gradcam = (gradient.mean(dim=(2, 3), keepdim=True) * activation).sum(dim=1)[0]
    hirescam = (gradient * activation).sum(dim=1)[0]
    bias = network.get_parameter("fc.bias").detach().double()[0]
    scale = float(gradcam.abs().sum()) or 1.0
    value = float(logit.detach())
    exact = {
        "hirescam": float((gradcam - hirescam).abs().max()) / (float(gradcam.abs().max()) or 1.0),
        "sum": abs(float(gradcam.sum() + bias) - value) / max(scale, abs(value)),
    }
    return gradcam.cpu().numpy(), value, exact


def randomised(network: nn.Module, stages: Sequence[str], seed: int) -> nn.Module:
    """A copy whose named parts start anew, as before any training."""
    fresh = copy.deepcopy(network)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for stage in stages:
            parts = ("conv1", "bn1") if stage == "conv1" else (stage,)
            for module in (m for part in parts for m in fresh.get_submodule(part).modules()):
                if isinstance(module, nn.Conv2d):
                    cpu = torch.empty(module.weight.shape)
                    nn.init.kaiming_normal_(cpu, mode="fan_out", nonlinearity="relu")
                    module.weight.data.copy_(cpu)
                elif isinstance(module, nn.BatchNorm2d):
                    module.reset_parameters()
                elif isinstance(module, nn.Linear):
                    bound = module.in_features**-0.5
                    module.weight.data.copy_(torch.empty(module.weight.shape).uniform_(-bound, bound))
                    module.bias.data.zero_()
    return fresh.eval()


def likeness(pairs: Sequence[tuple[Map, Map]]) -> dict[str, float | None]:
    """Mean Spearman and SSIM over pairs of cell maps."""
    drawn = [(measures.enlarged(a, COMPARED), measures.enlarged(b, COMPARED)) for a, b in pairs]
    ranks = [rank for a, b in drawn if (rank := measures.spearman(a, b)) is not None]
    return {
        "spearman": float(np.mean(ranks)) if ranks else None,
        "ssim": float(np.mean([measures.ssim(a, b) for a, b in drawn])) if drawn else None,
    }


def within_chance(found: Mapping[str, float | None], chance: Mapping[str, float]) -> bool:
    """Whether maps are no more alike than random ones (97.5th percentile), by either measure."""
    return all(
        found[name] is not None and float(found[name] or 0) <= chance[f"{name}_high"]
        for name in ("spearman", "ssim")
    )


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
    network: nn.Module, case: Case, soft: Tensor, order: npt.NDArray[np.int64], *, insert: bool
) -> Any:
    """The answer's logit as cells go (or come back) in this order, from none to all of them."""
    cells = order.size
    counts = np.unique(np.linspace(0, cells, min(STEPS, cells) + 1).round().astype(int))
    images = []
    for count in counts:
        kept = np.full(cells, not insert)
        kept[order[:count]] = insert
        images.append(_mixed(case.image, soft, kept.reshape(case.cells.shape)))
    return case.sign * _logits(network, images)


def faithfulness(cases: Sequence[Case], networks: Mapping[int, nn.Module], seed: int) -> dict[str, Any]:
    """Deletion and insertion against random orders (one-sided Wilcoxon); its cells against occlusion."""
    curves: dict[str, dict[str, list[Any]]] = {
        k: {"map": [], "random": []} for k in ("deletion", "insertion")
    }
    occlusion = []
    rng = np.random.default_rng(seed)
    for case in cases:
        network, soft = networks[case.fold], _blurred(case.image)
        answer = case.sign * case.cells
        by_map = np.argsort(-answer.ravel(), kind="stable")
        orders = [rng.permutation(by_map.size) for _ in range(RANDOM_ORDERS)]
        for kind, insert in (("deletion", False), ("insertion", True)):
            curves[kind]["map"].append(_curve(network, case, soft, by_map, insert=insert))
            drawn = [_curve(network, case, soft, order, insert=insert) for order in orders]
            curves[kind]["random"].append(np.mean(drawn, axis=0))
        whole = np.ones(answer.size, dtype=bool)
        images = [case.image]
        for cell in range(answer.size):
            without = whole.copy()
            without[cell] = False
            images.append(_mixed(case.image, soft, without.reshape(answer.shape)))
        logits = case.sign * _logits(network, images)
        rank = measures.spearman(answer, (logits[0] - logits[1:]).reshape(answer.shape))
        if rank is not None:
            occlusion.append(rank)
    result: dict[str, Any] = {}
    for kind, better in (("deletion", -1.0), ("insertion", 1.0)):
        by_map, by_chance = np.array(curves[kind]["map"]), np.array(curves[kind]["random"])
        gains = better * (by_map.mean(axis=1) - by_chance.mean(axis=1))
        p = float(stats.wilcoxon(gains, alternative="greater").pvalue) if np.any(gains) else 1.0
        result[kind] = {
            "share": np.linspace(0, 1, by_map.shape[1]).tolist(),
            "map": by_map.mean(axis=0).tolist(),
            "random": by_chance.mean(axis=0).tolist(),
            "gain": float(gains.mean()),
            "p": p,
            "passed": p < LEVEL,
        }
    result["occlusion"] = _mean_interval(occlusion)
    return result


def _mean_interval(values: Sequence[float]) -> dict[str, Any]:
    """Mean with Student's 95 % interval; passed if that lies above zero."""
    count = len(values)
    if count < 2:
        return {"n": count, "mean": None, "low": None, "high": None, "passed": False}
    mean, se = float(np.mean(values)), float(np.std(values, ddof=1)) / count**0.5
    half = float(stats.t.ppf(0.975, count - 1)) * se
    return {"n": count, "mean": mean, "low": mean - half, "high": mean + half, "passed": mean - half > 0}


def randomisation(cases: Sequence[Case], networks: Mapping[int, nn.Module], seed: int) -> dict[str, Any]:
    """Likeness to the own map as the network is randomised from its output down; chance at the end passes."""
    chance = measures.chance(grain(cases), COMPARED, len(cases), seed)
    stages: list[dict[str, Any]] = []
    for depth, stage in enumerate(STAGES, start=1):
        pairs = []
        for fold, network in networks.items():
            fresh = randomised(network, STAGES[:depth], derive_seed(seed, fold, depth))
            own = [case for case in cases if case.fold == fold]
            pairs += [(case.cells, signed_cam(fresh, case.image)[0]) for case in own]
        stages.append({"stage": stage} | likeness(pairs))
    return {"chance": chance, "stages": stages, "passed": within_chance(stages[-1], chance)}


def grain(cases: Sequence[Case]) -> tuple[int, int]:
    """Rows and columns of the maps' cells."""
    rows, columns = cases[0].cells.shape
    return rows, columns


def energy(cases: Sequence[Case]) -> dict[str, Any]:
    """Share of the answer's map in air and in padding, beside the area that these take up."""
    rows = []
    for case in cases:
        size = case.image.shape[2]
        body = measures.body_mask(case.image[0].cpu().numpy(), case.geometry.field)
        top, left, bottom, right = case.geometry.field
        padding = np.ones((size, size), dtype=bool)
        padding[top:bottom, left:right] = False
        cam = measures.enlarged(case.sign * case.cells, size)
        shares = (measures.share_in(cam, ~body & ~padding), measures.share_in(cam, padding))
        if shares[0] is not None and shares[1] is not None:
            rows.append((shares[0], shares[1], float((~body & ~padding).mean()), float(padding.mean())))
    if not rows:
        return {"n": 0, "air": None, "padding": None, "air_area": None, "padding_area": None, "alarm": False}
    air, padding_share, air_area, padding_area = (float(v) for v in np.mean(rows, axis=0))
    return {
        "n": len(rows), "air": air, "padding": padding_share, "air_area": air_area,
        "padding_area": padding_area, "alarm": air + padding_share > ALARM,
    }  # fmt: skip


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
        cells, logit, _ = signed_cam(network, image)
        sign = 1.0 if logit >= 0 else -1.0
        candidates = {
            "gradcam": measures.enlarged(sign * cells, size),
            "centre": measures.centre_prior(size),
            "edges": measures.edges(planes),
            "random": measures.enlarged(measures.random_cells(rng, cells.shape), size),
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
    best_prior = max(row["hits"] for row in rows if row["map"] != "gradcam")
    return {
        "region": "discs of fresh phantoms, where the planted sign is",
        "area": float(discs.mean()),
        "rows": rows,
        "beats_priors": rows[0]["hits"] > best_prior,
    }
