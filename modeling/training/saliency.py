"""Where the network looks: GradCAM, LayerCAM and per-slice attribution of one patient.

GradCAM: Selvaraju, ICCV 2017. LayerCAM: Jiang, IEEE TIP 2021;30:5875.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from modeling.training.atomic import replacing
from modeling.training.preprocess import PlaneGeometry

Map = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Saliency:
    """Maps (rows, columns) in logit units, not negative, and the logit they explain.

    ``gradcam`` and ``layercam`` speak for a case; ``against`` is the GradCAM of the opposite answer (the
    negative logit), without which a patient called negative may have an empty map.
    ``slices`` (slices,) is how much the logit falls when that slice is replaced by the mean of the others:
    a map of all channels together cannot tell them apart.
    """

    gradcam: Map
    against: Map
    layercam: Map
    slices: npt.NDArray[np.float32]
    logit: float


def activations(network: nn.Module, image: Tensor, layers: Sequence[str]) -> tuple[Tensor, dict[str, Tensor]]:
    """One forward pass of (1, slices, rows, columns): the logit, and each layer's output with gradient."""
    kept: dict[str, Tensor] = {}
    hooks = []

    def keep(name: str) -> None:
        def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            kept[name] = output

        hooks.append(network.get_submodule(name).register_forward_hook(hook))

    for name in layers:
        keep(name)
    try:
        with torch.enable_grad():
            # The input asks for a gradient so that there is a graph even where all weights are frozen.
            logit = network(image.detach().requires_grad_())[0, 0]
    finally:
        for handle in hooks:
            handle.remove()
    return logit, kept


def grad_cam(activation: Tensor, gradient: Tensor) -> Tensor:
    """ReLU of the channels weighted by their mean gradient; (1, C, h, w) to (h, w)."""
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    return functional.relu((weights * activation).sum(dim=1))[0]


def layer_cam(activation: Tensor, gradient: Tensor) -> Tensor:
    """ReLU of the channels weighted place by place by their positive gradient."""
    return functional.relu((functional.relu(gradient) * activation).sum(dim=1))[0]


def _enlarged(cam: Tensor, size: Sequence[int]) -> Map:
    large = functional.interpolate(cam[None, None], size=list(size), mode="bilinear", align_corners=False)
    result: Map = large[0, 0].detach().float().cpu().numpy()
    return result


def explain(network: nn.Module, image: Tensor) -> Saliency:
    """Maps of one patient; ``image`` is (1, slices, rows, columns) on the network's device.

    The LayerCAM is the mean of those of layer3 and layer4, each divided by its peak, and scaled to the
    peak of layer4's.
    """
    network.eval()
    size = image.shape[2:]
    logit, kept = activations(network, image, ("layer3", "layer4"))
    gradients = torch.autograd.grad(logit, [kept["layer3"], kept["layer4"]])
    gradcam = _enlarged(grad_cam(kept["layer4"].detach(), gradients[1]), size)
    against = _enlarged(grad_cam(kept["layer4"].detach(), -gradients[1]), size)
    coarse = _enlarged(layer_cam(kept["layer4"].detach(), gradients[1]), size)
    fine = _enlarged(layer_cam(kept["layer3"].detach(), gradients[0]), size)
    peak = float(coarse.max())
    scaled = [cam / cam.max() if cam.max() > 0 else cam for cam in (fine, coarse)]
    layercam = (scaled[0] + scaled[1]) / 2 * (peak if peak > 0 else 1.0)
    slices = slice_attribution(network, image)
    return Saliency(gradcam, against, layercam.astype(np.float32), slices, float(logit.detach()))


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

    Arrays: ``gradcam``, ``against`` and ``layercam`` uint8 (rows, columns), each with ``…_peak`` (the value
    of 255, in logit units); ``image`` uint8 (rows, columns), the middle plane as a picture; ``slices``
    float32; ``logit``; ``origin``, ``row_end``, ``column_end``: LPS mm of the centres of pixels [0, 0],
    [0, W−1] and [H−1, 0] of the reference plane; ``normal`` and ``normal_offsets_mm`` of each plane from
    it; ``field`` [top, left, bottom, right); ``series_uid``.
    """
    gradcam, gradcam_peak = as_bytes(saliency.gradcam)
    against, against_peak = as_bytes(saliency.against)
    layercam, layercam_peak = as_bytes(saliency.layercam)
    with replacing(path) as part, part.open("wb") as handle:
        np.savez_compressed(
            handle,
            image=image,
            gradcam=gradcam,
            gradcam_peak=np.float64(gradcam_peak),
            against=against,
            against_peak=np.float64(against_peak),
            layercam=layercam,
            layercam_peak=np.float64(layercam_peak),
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
