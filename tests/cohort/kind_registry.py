"""What a kind of file is, and the list that kinds enter themselves in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from tests.builders import make_series

SHAPE = (32, 24)
SLICES = 7
FIRST_SEED = 1000
ACCEPTED, QUARANTINED, REJECTED = "accepted", "quarantined", "rejected"
Make = Callable[[Path, int], Any]


@dataclass(frozen=True)
class Kind:
    name: str
    make: Make
    outcome: str
    #: Part of the reason that the user must read.
    reason: str = ""
    #: How much decoded values may differ from those before coding; None where nothing is stored.
    tolerance: int | None = None


KINDS: list[Kind] = []
#: Seed → the values of each slice as they went in, ascending along the normal.
VALUES: dict[int, list[np.ndarray]] = {}


def kind(name: str, outcome: str, reason: str = "", tolerance: int | None = None) -> Callable[[Make], Make]:
    def register(make: Make) -> Make:
        KINDS.append(Kind(name, make, outcome, reason, tolerance))
        return make

    return register


def series(folder: Path, seed: int, **changes: Any) -> list[Path]:
    """One accepted-if-unharmed series of patient P1, different for each seed."""
    paths = make_series(folder, **{"seed": seed, "slices": SLICES, "shape": SHAPE, **changes})
    VALUES[seed] = [_values(pydicom.dcmread(path)) for path in paths]
    return paths


def _values(ds: Dataset) -> np.ndarray:
    if "PixelData" not in ds or len(ds.PixelData) != ds.Rows * ds.Columns * ds.BitsAllocated // 8:
        return np.zeros(SHAPE)
    return np.frombuffer(
        ds.PixelData, f"<{'i' if ds.PixelRepresentation else 'u'}{ds.BitsAllocated // 8}"
    ).reshape(ds.Rows, ds.Columns)


def ramp(ds: Dataset) -> np.ndarray:
    """Smooth values instead of noise, which no lossy coding could hold."""
    rows, columns = np.indices((ds.Rows, ds.Columns))
    values = ((rows * 7 + columns * 5 + int(ds.InstanceNumber) * 11) % 240).astype(
        f"u{ds.BitsAllocated // 8}"
    )
    return np.ascontiguousarray(values)
