"""Cells of one patient's class activation maps, both kinds from one forward and one backward pass.

GradCAM: Selvaraju, ICCV 2017. LayerCAM: Jiang, IEEE TIP 2021;30:5875, which merges layers by their
greatest value after a tanh; here it is the mean, so that no layer hides the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from modeling.training.map_measures import Map

#: Layers that LayerCAM merges, the finer first; GradCAM is of the last.
LAYERS = ("layer3", "layer4")


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


def signed_grad_cam(activation: Tensor, gradient: Tensor) -> Tensor:
    """The channels weighted by their mean gradient; (1, C, h, w) to (h, w)."""
    return (gradient.mean(dim=(2, 3), keepdim=True) * activation).sum(dim=1)[0]


def grad_cam(activation: Tensor, gradient: Tensor) -> Tensor:
    """ReLU of :func:`signed_grad_cam`: what is shown."""
    return functional.relu(signed_grad_cam(activation, gradient))


def layer_cam(activation: Tensor, gradient: Tensor) -> Tensor:
    """ReLU of the channels weighted place by place by their positive gradient."""
    return functional.relu((functional.relu(gradient) * activation).sum(dim=1))[0]


def merged(fine: Tensor, coarse: Tensor) -> Tensor:
    """LayerCAM of two layers as one, (h, w) of the finer: each divided by its peak, their mean.

    Scaled to the peak of the coarser, which is in logit units.
    """
    drawn = functional.interpolate(
        coarse[None, None], size=list(fine.shape), mode="bilinear", align_corners=False
    )[0, 0]
    peak = drawn.max()
    scaled = [cam / cam.max() if cam.max() > 0 else cam for cam in (fine, drawn)]
    return (scaled[0] + scaled[1]) / 2 * (peak if peak > 0 else 1.0)


@dataclass(frozen=True)
class Trace:
    """One patient's pass: the logit, and each layer's activation and gradient of the logit, (1, C, h, w)."""

    logit: float
    activation: Mapping[str, Tensor]
    gradient: Mapping[str, Tensor]

    def cells(self, sign: float) -> dict[str, Map]:
        """Kind of map → its cells in logit units, for a case (``sign`` 1) or against it (−1).

        ``gradcam``, at layer4's cells, is signed, so that no rectifier hides anything from a test: what
        lies below zero speaks for the other answer. ``layercam``, at layer3's, is rectified by definition:
        each answer has a map of its own. It is not complete: its cells do not sum to the logit.
        """
        fine, coarse = (layer_cam(self.activation[n], sign * self.gradient[n]) for n in LAYERS)
        deep = LAYERS[-1]
        gradcam = sign * signed_grad_cam(self.activation[deep], self.gradient[deep])
        return {"gradcam": gradcam.cpu().numpy(), "layercam": merged(fine, coarse).cpu().numpy()}


def trace(network: nn.Module, image: Tensor) -> Trace:
    """Pass ``image``, (1, slices, rows, columns) on the network's device, forward and back."""
    network.eval()
    logit, kept = activations(network, image, LAYERS)
    gradients = torch.autograd.grad(logit, [kept[name] for name in LAYERS])
    return Trace(
        float(logit.detach()),
        {name: kept[name].detach().double() for name in LAYERS},
        {name: gradient.double() for name, gradient in zip(LAYERS, gradients, strict=True)},
    )
