"""Networks that a run has saved, taken up again: for tests of its maps, for ONNX, for another site."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from modeling.recipe import Recipe
from modeling.training.atomic import replacing
from modeling.training.network import build_network

#: Greatest difference of a logit between torch and onnxruntime, relative to the largest logit or 1.
ONNX_TOLERANCE = 1e-3


class SavedNetworkError(ValueError):
    """Weights that are missing, damaged, or do not fit the recipe; or an ONNX file that says otherwise."""


def weight_files(folder: Path) -> list[Path]:
    """The networks of a run's folder, one a fold, in order."""
    found = sorted(folder.glob("weights*.safetensors"))
    return sorted(found, key=lambda path: fold_of(path))


def fold_of(path: Path) -> int:
    """The fold whose network a file holds; 0 for a hold-out run."""
    digits = path.stem.removeprefix("weights").removeprefix("-fold")
    return int(digits) if digits.isdigit() else 0


def load_network(path: Path, recipe: Recipe, device: torch.device) -> nn.Module:
    """The network of a safetensors file, ready to evaluate."""
    # The saved weights are whole: what the recipe started from is not needed.
    bare = replace(recipe, init="random", weights=None, weights_sha256=None)
    network = build_network(bare, 0)
    try:
        network.load_state_dict(load_file(path), strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise SavedNetworkError(f"{path.name}: {error}") from error
    return network.to(device).eval()


def export_onnx(path: Path, recipe: Recipe) -> dict[str, Any]:
    """Write ``X.onnx`` beside ``X.safetensors`` and check it in onnxruntime on noise, batches of 1 and 3.

    Input ``planes`` (patients, slices, size, size), float32, standardised; output ``logit`` (patients, 1).
    Returns ``{"file", "max_difference", "tolerance", "opset"}``, also written to ``X.onnx.json``.

    Raises
    ------
    SavedNetworkError
        If onnxruntime's logits differ from torch's; no file is left then.
    """
    import onnxruntime

    network = load_network(path, recipe, torch.device("cpu"))
    example = torch.zeros(2, recipe.slices, recipe.size, recipe.size)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    target = path.with_suffix(".onnx")
    # The trainer's standard output carries events: the exporter's chatter must not.
    said = io.StringIO()
    with replacing(target) as part:
        with warnings.catch_warnings(), redirect_stdout(said), redirect_stderr(said):
            warnings.simplefilter("ignore")
            torch.onnx.export(
                network, (example,), part, dynamo=True, input_names=["planes"], output_names=["logit"],
                dynamic_shapes=({0: torch.export.Dim("patients")},), external_data=False, verbose=False,
            )  # fmt: skip
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        session = onnxruntime.InferenceSession(part.read_bytes(), options, providers=["CPUExecutionProvider"])
        difference = 0.0
        generator = torch.Generator().manual_seed(0)
        for count in (1, 3):
            planes = torch.randn(count, recipe.slices, recipe.size, recipe.size, generator=generator)
            with torch.inference_mode():
                expected = network(planes).numpy()
            found = session.run(None, {"planes": planes.numpy()})[0]
            scale = max(1.0, float(np.abs(expected).max()))
            difference = max(difference, float(np.abs(found - expected).max()) / scale)
        if not difference <= ONNX_TOLERANCE:
            raise SavedNetworkError(f"{target.name}: onnxruntime and torch differ by {difference:.2g}")
    about = {"file": target.name, "max_difference": difference, "tolerance": ONNX_TOLERANCE}
    with replacing(target.with_suffix(".onnx.json")) as part:
        part.write_text(json.dumps(about, indent=2))
    return about


def export_all(folder: Path, recipe: Recipe) -> Sequence[dict[str, Any]]:
    """ONNX of every saved network of a run's folder that has none yet."""
    return [
        export_onnx(path, recipe) for path in weight_files(folder) if not path.with_suffix(".onnx").exists()
    ]
