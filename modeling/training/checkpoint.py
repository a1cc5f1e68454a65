"""State that survives a stop: everything a resumed training needs to equal an uninterrupted one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from modeling.training.atomic import replacing


class CheckpointError(ValueError):
    """A checkpoint of another recipe or label set, or one that cannot be read."""


def save_state(path: Path, state: Mapping[str, Any], *, stamp: str) -> None:
    """Write tensors and plain values atomically, with the stamp of the run they belong to."""
    content = {"stamp": stamp, "rng": torch.get_rng_state()} | dict(state)
    with replacing(path) as part:
        torch.save(content, part)


def load_state(path: Path, *, stamp: str) -> dict[str, Any] | None:
    """Read a state and restore torch's random state; None if there is none.

    Raises
    ------
    CheckpointError
        If it cannot be read, or belongs to another recipe or label set.
    """
    if not path.exists():
        return None
    try:
        # weights_only: a checkpoint is data, never code.
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise CheckpointError(f"checkpoint {path} cannot be read: {error}") from error
    if not isinstance(state, dict) or state.get("stamp") != stamp:
        raise CheckpointError(f"checkpoint {path} belongs to another recipe or label set")
    torch.set_rng_state(state.pop("rng"))
    del state["stamp"]
    return state


def save_weights(
    path: Path, weights: Mapping[str, Tensor], sidecar: Mapping[str, Any], metadata: Mapping[str, str]
) -> str:
    """Write safetensors with ``metadata`` within and readable JSON beside; returns the former's sha256."""
    plain = {name: tensor.detach().to("cpu").contiguous().clone() for name, tensor in weights.items()}
    with replacing(path) as part:
        save_file(plain, part, metadata=dict(metadata))
    with path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    content = {"file": path.name, "sha256": digest, "tensors": len(plain)} | dict(sidecar)
    with replacing(path.with_suffix(".json")) as part:
        part.write_text(json.dumps(content, indent=2))
    return digest
