"""Where the network looks: maps and per-slice attribution of one patient, and their file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from modeling.map_verdicts import of_answer
from modeling.training import map_measures as measures
from modeling.training.atomic import replacing
from modeling.training.cam_cells import trace
from modeling.training.preprocess import PlaneGeometry

Map = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Saliency:
    """Maps (rows, columns) in logit units, not negative, and the logit they explain.

    ``maps``: a map for each of :data:`modeling.map_verdicts.METHODS`. ``gradcam`` and ``layercam`` speak for
    a case; ``against`` and ``layercam_against`` are the same of the opposite answer (the negative logit),
    without which a patient called negative may have an empty map.
    ``slices`` (slices,) is how much the logit falls when that slice is replaced by the mean of the others:
    a map of all channels together cannot tell them apart.
    """

    maps: Mapping[str, Map]
    slices: npt.NDArray[np.float32]
    logit: float


def _enlarged(cells: measures.Map, size: Sequence[int]) -> Map:
    positive = functional.relu(torch.from_numpy(cells))[None, None]
    large = functional.interpolate(positive, size=list(size), mode="bilinear", align_corners=False)
    result: Map = large[0, 0].float().numpy()
    return result


def explain(network: nn.Module, image: Tensor) -> Saliency:
    """Maps of one patient; ``image`` is (1, slices, rows, columns) on the network's device."""
    found = trace(network, image)
    size = image.shape[2:]
    maps = {
        of_answer(kind, answer): _enlarged(cells, size)
        for answer, sign in ((1, 1.0), (0, -1.0))
        for kind, cells in found.cells(sign).items()
    }
    return Saliency(maps, slice_attribution(network, image), found.logit)


@torch.inference_mode()
def slice_attribution(network: nn.Module, image: Tensor) -> npt.NDArray[np.float32]:
    """Fall of the logit when each slice is replaced by the mean of the others, (slices,)."""
    count = image.shape[1]
    variants = [image[0]]
    for index in range(count):
        changed = image[0].clone()
        if count > 1:
            others = [other for other in range(count) if other != index]
            changed[index] = image[0, others].mean(dim=0)
        variants.append(changed)
    logits = torch.cat([network(variant[None]) for variant in variants])[:, 0].float().cpu().numpy()
    result: npt.NDArray[np.float32] = logits[0] - logits[1:]
    return result


def as_bytes(cam: Map) -> tuple[npt.NDArray[np.uint8], float]:
    """A map as 0–255 of its peak, and the peak."""
    peak = float(cam.max())
    scaled = cam / peak if peak > 0 else np.zeros_like(cam)
    return np.round(scaled * 255).astype(np.uint8), peak


def picture(planes: npt.NDArray[np.floating]) -> npt.NDArray[np.uint8]:
    """The middle input plane as a grey picture, 1st to 99th percentile on 0–255."""
    plane = np.asarray(planes[len(planes) // 2], dtype=np.float32)
    low, high = np.percentile(plane, (1, 99))
    scaled = np.clip((plane - low) / max(float(high - low), 1e-6), 0, 1)
    return np.asarray(np.round(scaled * 255), dtype=np.uint8)


def save_saliency(
    path: Path,
    saliency: Saliency,
    geometry: PlaneGeometry,
    *,
    series_uid: str,
    image: npt.NDArray[np.uint8],
) -> None:
    """Write one patient's maps with their place in the patient, as npz without pickles.

    Arrays: each of ``saliency.maps`` uint8 (rows, columns), with ``…_peak`` (the value of 255, in logit
    units); ``image`` uint8 (rows, columns), the middle plane as a picture; ``slices``
    float32; ``logit``; ``origin``, ``row_end``, ``column_end``: LPS mm of the centres of pixels [0, 0],
    [0, W−1] and [H−1, 0] of the reference plane; ``normal`` and ``normal_offsets_mm`` of each plane from
    it; ``field`` [top, left, bottom, right); ``series_uid``.
    """
    arrays: dict[str, Any] = {}
    for method, cam in saliency.maps.items():
        arrays[method], peak = as_bytes(cam)
        arrays[f"{method}_peak"] = np.float64(peak)
    with replacing(path) as part, part.open("wb") as handle:
        np.savez_compressed(
            handle,
            image=image,
            **arrays,
            slices=saliency.slices,
            logit=np.float64(saliency.logit),
            origin=np.array(geometry.origin),
            row_end=np.array(geometry.row_end),
            column_end=np.array(geometry.column_end),
            normal=np.array(geometry.normal),
            normal_offsets_mm=np.array(geometry.normal_offsets_mm),
            field=np.array(geometry.field),
            series_uid=np.array(series_uid),
        )
