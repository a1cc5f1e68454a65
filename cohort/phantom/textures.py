"""Tissue texture: smooth random fields in the image plane that change slowly from slice to slice."""

from __future__ import annotations

import numpy as np
import scipy

from cohort.phantom.profiles import Array

#: Correlation lengths in mm (along z, along y) of each texture.
GRAIN = {
    "muscle": (7.0, 1.1),
    "marrow": (1.6, 1.6),
    "folia": (0.8, 2.0),
    "gyri": (2.6, 2.2),
    "mass": (1.4, 1.4),
    "soft": (2.6, 3.2),
}
#: Lateral distance in mm over which a texture turns into another one.
TURN = 7.0


class Textures:
    """Unit-variance fields over one field of view, two per texture, mixed by the lateral offset."""

    def __init__(self, seed: int, shape: tuple[int, int], spacing: tuple[float, float]) -> None:
        self._seed, self._shape = seed, shape
        # About 1 mm is fine enough; a larger matrix is interpolated.
        self._grid = tuple(max(16, min(n, round(n * s))) for n, s in zip(shape, spacing, strict=True))
        self._step = [n * s / g for n, s, g in zip(shape, spacing, self._grid, strict=True)]
        self._fields: dict[str, tuple[Array, Array]] = {}

    def resolved(self, name: str, pixel: float) -> bool:
        """Whether the texture shows at this pixel size (mm); a finer one averages out within a pixel."""
        return max(GRAIN[name]) > pixel

    def section(self, name: str, x: Array, window: tuple[slice, slice]) -> Array:
        """The field on planes at lateral offsets ``x`` (shape (n, 1, 1)), in a window of rows and columns."""
        if name not in self._fields:
            self._fields[name] = self._draw(name)
        first, second = self._fields[name]
        angle = x / np.float32(TURN)
        return np.asarray(np.cos(angle) * first[window] + np.sin(angle) * second[window], dtype=np.float32)

    def _draw(self, name: str) -> tuple[Array, Array]:
        rng = np.random.default_rng((self._seed, list(GRAIN).index(name)))
        noise = rng.standard_normal(self._grid, dtype=np.float32)
        sigma = [m / s for m, s in zip(GRAIN[name], self._step, strict=True)]
        smooth = scipy.ndimage.gaussian_filter(noise, sigma, truncate=2.5, mode="wrap")
        smooth /= smooth.std() + np.float32(1e-6)
        for axis in (0, 1):
            smooth = _stretch(smooth, axis, self._shape[axis])
        # Half a field of view away the same noise is as good as another.
        return smooth, np.roll(smooth, (self._shape[0] // 2, self._shape[1] // 2), axis=(0, 1))


def _stretch(field: Array, axis: int, size: int) -> Array:
    """Linear interpolation along one axis to ``size`` samples."""
    n = field.shape[axis]
    if n == size:
        return field
    place = np.linspace(0, n - 1, size)
    low = np.minimum(place.astype(int), n - 2)
    part = np.expand_dims((place - low).astype(np.float32), 1 - axis)
    first: Array = field.take(low, axis)
    second: Array = field.take(low + 1, axis)
    second -= first
    second *= part
    second += first
    return second
