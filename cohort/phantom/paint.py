"""Paint a scene onto planes: noise-free T2 signal and exact masks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cohort.phantom.layers import Layer
from cohort.phantom.layout import HEIGHTS
from cohort.phantom.neck import SoftTissue
from cohort.phantom.profiles import Array
from cohort.phantom.scene import Scene
from cohort.phantom.shapes import Bounds
from cohort.phantom.textures import Textures

Window = tuple[slice, slice, slice]
AIR = np.float32(0.012)
SKIN = np.float32(0.34)


@dataclass(frozen=True)
class Planes:
    """Pixel centres of parallel planes in the anatomy's frame: x, y, z broadcast to (planes, rows, columns).

    ``z`` is (planes, rows, 1): rows of a sagittal image are level because its row direction is.
    """

    x: Array
    y: Array
    z: Array
    shape: tuple[int, int, int]
    pixel: float  # mm, the larger of the in-plane spacings

    @classmethod
    def through(
        cls, origins: NDArray[np.float64], row: NDArray[np.float64], column: NDArray[np.float64],
        shape: tuple[int, int], spacing: tuple[float, float],
    ) -> Planes:  # fmt: skip
        """Planes with first pixels at ``origins`` (n, 3) and unit directions along a row and a column."""
        if abs(row[2]) > 1e-9:
            raise ValueError("a sagittal row direction must be level")
        i = np.arange(shape[0])[None, :, None] * spacing[0]
        j = np.arange(shape[1])[None, None, :] * spacing[1]

        def axis(k: int) -> Array:
            values = origins[:, k][:, None, None]
            if abs(column[k]) > 1e-12:
                values = values + i * column[k]
            if abs(row[k]) > 1e-12:
                values = values + j * row[k]
            return values.astype(np.float32)

        return cls(axis(0), axis(1), axis(2), (len(origins), *shape), max(spacing))

    def window(self, b: Bounds, margin: float) -> Window | None:
        """The planes, rows and columns that a shape can touch; None when it touches none."""
        (x0, x1), (y0, y1), (z0, z1) = self._extent
        planes = _span(x0, x1, b.x, margin)
        if planes is None:
            return None
        rows = _span(z0, z1, b.z, margin)
        if rows is None:
            return None
        columns = _span(y0, y1, b.y, margin)
        return None if columns is None else (planes, rows, columns)

    @cached_property
    def _extent(self) -> tuple[tuple[Array, Array], ...]:
        """Lowest and highest x of each plane, y of each column, z of each row."""
        return tuple(
            (v.min(axis=others).ravel(), v.max(axis=others).ravel())
            for v, others in ((self.x, (1, 2)), (self.y, (0, 1)), (self.z, (0, 2)))
        )

    def thinned(self, group: int) -> Planes:
        """Every ``group`` planes replaced by the one in their middle."""
        if group == 1:
            return self

        def middle(v: Array) -> Array:
            return v if len(v) == 1 else v.reshape(-1, group, *v.shape[1:]).mean(axis=1, dtype=np.float32)

        shape = (self.shape[0] // group, *self.shape[1:])
        return Planes(middle(self.x), middle(self.y), middle(self.z), shape, self.pixel)

    def at(self, w: Window) -> tuple[Array, Array, Array]:
        return tuple(  # type: ignore[return-value]
            v[tuple(s if v.shape[k] == self.shape[k] else slice(None) for k, s in enumerate(w))]
            for v in (self.x, self.y, self.z)
        )


def _span(low: Array, high: Array, wanted: tuple[float, float], margin: float) -> slice | None:
    found = ((high > wanted[0] - margin) & (low < wanted[1] + margin)).nonzero()[0]
    return slice(int(found[0]), int(found[-1]) + 1) if found.size else None


def paint(scene: Scene, planes: Planes, textures: Textures, group: int = 1) -> Array:
    """Noise-free signal (planes, rows, columns), CSF = 1.

    ``group`` neighbouring planes, the sub-slices of one slice, share the background of their middle: skin and
    muscle hardly change within a slice.
    """
    image = np.repeat(_background(scene.soft_tissue, planes.thinned(group), textures), group, axis=0)
    for layer in scene.layers:
        if layer.opacity <= 0:
            continue
        softness = planes.pixel + layer.soft
        window = planes.window(layer.shape.bounds, softness / 2)
        if window is None:
            continue
        x, y, z = planes.at(window)
        d = layer.shape.distance(x, y, z)
        part = image[window]
        fill: Array | np.float32 = np.float32(layer.signal)
        if layer.texture and textures.resolved(layer.texture[0], planes.pixel):
            name, amount = layer.texture
            middle = x if x.shape[1:] == (1, 1) else x.mean(axis=(1, 2), keepdims=True)
            fill = fill + np.float32(amount) * textures.section(name, middle, (window[1], window[2]))
        if layer.rim:
            _blend(part, np.float32(layer.rim[0]), d, softness, layer.opacity)
            d = d + np.float32(layer.rim[1])
        _blend(part, fill, d, softness, layer.opacity)
    return np.maximum(image, np.float32(0), out=image)


def _blend(part: Array, fill: Array | np.float32, d: Array, softness: float, opacity: float) -> None:
    cover = d * np.float32(-1 / softness)
    cover += np.float32(0.5)
    np.clip(cover, 0, 1, out=cover)
    if opacity < 1:
        cover *= np.float32(opacity)
    part += cover * (fill - part)


def masks(scene: Scene, planes: Planes, names: Iterable[str] | None = None) -> dict[str, NDArray[np.bool_]]:
    """Which pixel centres lie inside each named structure: negative distance, less what covers it.

    Besides the layers' names there are ``air`` (outside the body, airway, sinus), ``disc_region`` (within
    3 mm of a subaxial disc) and, always, an entry for every name any scene can have.
    """
    wanted = set(MASKS if names is None else names)
    if unknown := wanted - set(MASKS):
        raise ValueError(f"no such structure: {sorted(unknown)}; there are {', '.join(MASKS)}")
    out = {name: np.zeros(planes.shape, dtype=bool) for name in sorted(wanted)}
    if "air" in out:
        x, y, z = planes.x, planes.y, planes.z
        out["air"] |= _outside(scene.soft_tissue, x, y, z) > 0
    for layer in scene.layers:
        affected = [layer.mask, *layer.hides] + (["disc_region"] if layer.mask == "subaxial_discs" else [])
        if not wanted.intersection(affected):
            continue
        window = planes.window(layer.shape.bounds, 3.5)
        if window is None:
            continue
        d = layer.shape.distance(*planes.at(window))
        for name in layer.hides:
            if name in out:
                out[name][window] &= ~(d < 0)
        if layer.mask in out:
            out[layer.mask][window] |= d < 0
        if layer.mask == "subaxial_discs" and "disc_region" in out:
            out["disc_region"][window] |= d < 3
    return out


MASKS = (
    "air", "anterior_arch", "axis_body", "bodies", "clivus", "cord", "csf", "dens", "disc_region", "erosion",
    "facet_c0c1_left", "facet_c0c1_right", "facet_c1c2_left", "facet_c1c2_right", "occiput", "pannus",
    "posterior_arch", "subaxial_discs",
)  # fmt: skip


def _outside(tissue: SoftTissue, x: Array, y: Array, z: Array) -> Array:
    """Distance from the body's outline, negative inside."""
    (front, steep_f), (back, steep_b) = _curve(tissue.front, z), _curve(tissue.back, z)
    recede = np.float32(tissue.recede) * x * x
    out: Array = np.maximum((front + recede - y) * steep_f, (y - back + recede) * steep_b)
    return out


def _curve(values: NDArray[np.float64], z: Array) -> tuple[Array, Array]:
    """A curve's y at heights z, and the cosine that turns a distance along y into one across the curve."""
    cosine = 1 / np.hypot(1, np.gradient(values, HEIGHTS))
    return np.interp(z, HEIGHTS, values).astype(np.float32), np.interp(z, HEIGHTS, cosine).astype(np.float32)


def _background(tissue: SoftTissue, planes: Planes, textures: Textures) -> Array:
    """Air, skin, subcutaneous fat, and muscle with fat between its layers."""
    a = tissue.anatomy
    x, y, z = planes.x, planes.y, planes.z
    (front, steep_f), (back, steep_b) = _curve(tissue.front, z), _curve(tissue.back, z)
    recede = np.float32(tissue.recede) * x * x
    to_front, to_back = (front + recede - y) * steep_f, (y - back + recede) * steep_b
    d = np.maximum(to_front, to_back)
    fat_front, _ = _curve(tissue.fat_front, z)
    fat_back, _ = _curve(tissue.fat_back, z)
    deep, _ = _curve(tissue.deep, z)
    middle = x if x.shape[1:] == (1, 1) else x.mean(axis=(1, 2), keepdims=True)
    full = (slice(None), slice(None))
    grain = textures.section("muscle", middle, full)

    muscle = np.float32(a.muscle) + np.float32(0.03) * grain
    # Behind the spine muscles lie in layers with fat between; in the midline fat and the nuchal ligament.
    depth = (y - deep) / (back - fat_back - deep)
    phase = depth * np.float32(2.6) + np.float32(0.06) * grain
    septum = np.abs(phase - np.rint(phase)) * np.float32(-16)
    septum += np.float32(1.3)
    np.clip(septum, 0, 1, out=septum)
    septum *= (depth > 0.05) & (depth < 1)
    midline = np.clip(np.float32(1.5) - np.abs(middle) * np.float32(0.3), 0, 1).astype(np.float32)
    streaks = np.clip(grain * np.float32(0.5) + np.float32(0.1) + midline * np.float32(0.35), 0, 1)
    streaks *= (depth > 0) & (depth < 1)
    share = np.maximum(septum * np.float32(0.75), streaks * np.float32(0.55))
    muscle += share * (np.float32(a.fat_signal * 0.85) - muscle)

    inner = np.maximum(to_front + fat_front, to_back + fat_back)
    fat = np.float32(a.fat_signal) + np.float32(0.02) * grain
    image = np.full(planes.shape, AIR, dtype=np.float32)
    _blend(image, SKIN, d, planes.pixel + 0.3, 1)
    _blend(image, fat, d + np.float32(1.4), planes.pixel + 0.5, 1)
    _blend(image, muscle, inner, planes.pixel + 1.0, 1)
    return image


def named(layers: Iterable[Layer]) -> set[str]:
    """The mask names a scene uses."""
    return {layer.mask for layer in layers if layer.mask}
