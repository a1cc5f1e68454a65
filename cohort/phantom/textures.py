"""Tissue texture: smooth random fields in the image plane that change slowly from slice to slice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

from cohort.phantom.shapes import Array

#: Correlation lengths in mm (along z, along y) of each texture.
GRAIN = {"muscle": (7.0, 1.1), "marrow": (1.6, 1.6), "brain": (1.3, 2.2), "mass": (1.4, 1.4)}
#: Lateral distance in mm over which a texture turns into another one.
TURN = 7.0


class Textures:
    """Unit-variance fields over one field of view, two per texture, mixed by the lateral offset."""

    def __init__(self, seed: int, shape: tuple[int, int], spacing: tuple[float, float]) -> None:
        rng = np.random.default_rng(seed)
        self._pairs: dict[str, list[Array]] = {}
        grid = tuple(max(16, min(n, round(n * s))) for n, s in zip(shape, spacing, strict=True))
        step = [n * s / g for n, s, g in zip(shape, spacing, grid, strict=True)]
        for name, lengths in GRAIN.items():
            pair = []
            for _ in range(2):
                noise = rng.standard_normal(grid, dtype=np.float32)
                smooth = gaussian_filter(
                    noise, [m / s for m, s in zip(lengths, step, strict=True)], truncate=2.5
                )
                smooth /= smooth.std() + 1e-6
                if grid != shape:
                    smooth = zoom(smooth, [n / g for n, g in zip(shape, grid, strict=True)], order=1)
                pair.append(np.ascontiguousarray(smooth, dtype=np.float32))
            self._pairs[name] = pair

    def section(self, name: str, x: Array, window: tuple[slice, slice]) -> Array:
        """The field on planes at lateral offsets ``x`` (shape (n, 1, 1)), in a window of rows and columns."""
        first, second = self._pairs[name]
        angle: NDArray[np.float32] = x / np.float32(TURN)
        return np.cos(angle) * first[window] + np.sin(angle) * second[window]
