"""ResNet with one logit and as many input channels as there are slices."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from modeling.recipe import Recipe
from modeling.training.torchvision_ops import torchvision_models


class WeightsError(ValueError):
    """Initial weights that are not what the recipe says, or do not fit the network."""


def build_network(recipe: Recipe, seed: int) -> nn.Module:
    """A ResNet of ``recipe.depth`` for inputs (N, slices, size, size), output (N, 1) logits.

    conv1 is widened to ``recipe.slices`` channels (He initialisation, as torchvision's own). The same
    seed gives the same weights; the caller's random state is left alone.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        builder = getattr(torchvision_models(), f"resnet{recipe.depth}")
        network: nn.Module = builder(weights=None, num_classes=1)
        widened = nn.Conv2d(recipe.slices, 64, kernel_size=7, stride=2, padding=3, bias=False)
        nn.init.kaiming_normal_(widened.weight, mode="fan_out", nonlinearity="relu")
        network.conv1 = widened
    if recipe.init == "file":
        load_initial_weights(network, Path(recipe.weights or ""), recipe.weights_sha256 or "")
    return network


def load_initial_weights(network: nn.Module, path: Path, sha256: str) -> None:
    """Load a safetensors file of this architecture after checking its sha256.

    A conv1 of another width is averaged over its channels and spread so that equal slices give the
    same response; a head of another size is left as initialised.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"initial weights {path}: {error.strerror}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise WeightsError(f"initial weights {path}: sha256 is {found}, the recipe says {sha256}")
    weights: dict[str, Tensor] = load_file(path)
    own = network.state_dict()
    stem, wanted = weights.get("conv1.weight"), own["conv1.weight"]
    if stem is not None and stem.shape != wanted.shape and stem.shape[2:] == wanted.shape[2:]:
        mean = stem.mean(dim=1, keepdim=True)
        weights["conv1.weight"] = mean.repeat(1, wanted.shape[1], 1, 1) * (stem.shape[1] / wanted.shape[1])
    for name in ("fc.weight", "fc.bias"):
        if name not in weights or weights[name].shape != own[name].shape:
            weights[name] = own[name]
    try:
        network.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        raise WeightsError(f"initial weights {path} do not fit ResNet: {error}") from error
