"""From a sagittal volume to the network's input planes, keeping where every pixel lies in the patient.

Resampling is separable: one small matrix of interpolation weights per axis, antialiased by a triangle as
wide as the coarser of the two grids (what torchvision and PIL call antialiased bilinear). Chained grids
(1 mm, then enlarged or padded) are chained matrices, so every pixel is interpolated once.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from modeling.manifest import SeriesRef
from modeling.recipe import Recipe
from modeling.training.atomic import replacing
from modeling.training.frozen_content import require_frozen_content
from modeling.training.volume import ImageError, Stack, Volume, Voxels, open_series

Floats = npt.NDArray[np.float64]
Planes = npt.NDArray[np.float16]

#: Raised when the meaning of a cached array changes, or what is asked of its images: those of version 3 were
#: kept whether or not the images had the hash that was frozen.
CACHE_VERSION = 4
ISOTROPIC_MM = 1.0
#: Intensities beyond these percentiles of the field of view are clipped.
CLIP_PERCENTILES = (0.5, 99.5)


@dataclass(frozen=True)
class PlaneGeometry:
    """Where the input planes lie: LPS millimetres, pixel centres of the reference plane.

    The reference plane is the mean of all planes; plane i is it moved ``normal_offsets_mm[i]`` along
    ``normal``. ``field`` is the part of the grid inside the acquired image, [top, left, bottom, right)
    in pixels; the rest is padding.
    """

    rows: int
    columns: int
    origin: tuple[float, float, float]
    row_end: tuple[float, float, float]
    column_end: tuple[float, float, float]
    normal: tuple[float, float, float]
    normal_offsets_mm: tuple[float, ...]
    field: tuple[int, int, int, int]


def interpolation_weights(source: Floats, target: Floats) -> Floats:
    """Weights (target, source) of linear interpolation between rising positions, antialiased.

    Where ``target`` is sampled more coarsely than ``source`` the triangle widens to the target's step.
    Positions up to half a source step outside take the edge's value; beyond that weights are zero.
    """
    if source.size == 1:
        return np.asarray(np.abs(target - source[0])[:, None] <= 0.5, dtype=np.float64)
    gaps = np.diff(source)
    step = float(np.abs(np.diff(target)).mean()) if target.size > 1 else 0.0
    half_first, half_last = gaps[0] / 2, gaps[-1] / 2
    inside = (target >= source[0] - half_first - 1e-9) & (target <= source[-1] + half_last + 1e-9)
    held = np.clip(target, source[0], source[-1])
    if step > gaps.mean() * (1 + 1e-9):
        weights = np.clip(1 - np.abs(target[:, None] - source[None, :]) / step, 0, None)
    else:
        right = np.clip(np.searchsorted(source, held, side="right"), 1, source.size - 1)
        share = (held - source[right - 1]) / gaps[right - 1]
        weights = np.zeros((target.size, source.size))
        rows = np.arange(target.size)
        weights[rows, right - 1], weights[rows, right] = 1 - share, share
    total = weights.sum(axis=1, keepdims=True)
    kept = inside[:, None] & (total > 0)
    return np.asarray(np.where(kept, weights / np.where(total > 0, total, 1), 0.0), dtype=np.float64)


def _centred(count: int, step: float, extent_start: float, extent_end: float) -> Floats:
    """``count`` positions ``step`` apart, centred between two field edges."""
    middle = (extent_start + extent_end) / 2
    return np.asarray(middle + (np.arange(count) - (count - 1) / 2) * step, dtype=np.float64)


def plane_positions(positions: Floats, recipe: Recipe) -> Floats:
    """Where the input planes lie along the slice axis, in its millimetres.

    ``acquired``: the middle slices themselves. ``resample_1mm``: the middle planes of the 1 mm grid that
    is centred on the field (half a slice gap beyond the outer slices). Of an odd surplus the extra plane
    is left out on the far side.
    """
    wanted = recipe.slices
    if recipe.volume == "acquired":
        grid = positions
    else:
        gap = float(np.diff(positions).mean()) if positions.size > 1 else ISOTROPIC_MM
        start, end = positions[0] - gap / 2, positions[-1] + gap / 2
        grid = _centred(max(int(np.floor((end - start) / ISOTROPIC_MM + 1e-6)), 1), ISOTROPIC_MM, start, end)
    if grid.size < wanted:
        kind = "acquired slices" if recipe.volume == "acquired" else "planes of 1 mm"
        raise ImageError(f"{grid.size} {kind} are fewer than the {wanted} needed")
    first = (grid.size - wanted) // 2
    return grid[first : first + wanted]


def _native(count: int, spacing: float, recipe: Recipe) -> tuple[Floats, float]:
    """Pixel centres, mm from the first acquired one, before the network's grid, and their step."""
    own = np.arange(count, dtype=np.float64) * spacing
    if recipe.volume == "acquired":
        return own, spacing
    start, end = -spacing / 2, (count - 0.5) * spacing
    size = max(round((end - start) / ISOTROPIC_MM), 1)
    return _centred(size, ISOTROPIC_MM, start, end), ISOTROPIC_MM


@lru_cache(maxsize=64)  # a study's series share a few geometries
def _grid_axis(
    count: int, spacing: float, target_step: float | None, recipe: Recipe
) -> tuple[Floats, int, csr_array]:
    """One in-plane axis: positions (size,) in mm, where the field begins, its weights (field, count).

    ``target_step`` None pads or crops the native pixels; a number is the step of the final grid.
    """
    source = np.arange(count, dtype=np.float64) * spacing
    native, step = _native(count, spacing, recipe)
    if target_step is None:
        # Whole pixels of padding or cropping: the final grid coincides with native pixels.
        before = (recipe.size - native.size) // 2
        final = native[0] + (np.arange(recipe.size) - before) * step
        kept = native[max(-before, 0) : max(-before, 0) + recipe.size]
        return final, max(before, 0), _sparse(_to_native(source, kept, recipe))
    final = _centred(recipe.size, target_step, native[0] - step / 2, native[-1] + step / 2)
    weights = interpolation_weights(native, final)
    inside = np.flatnonzero(weights.sum(axis=1) > 0.5)
    field = _sparse(weights[inside[0] : inside[-1] + 1])
    if recipe.volume != "acquired":
        field = csr_array(field @ _sparse(_to_native(source, native, recipe)))
    return final, int(inside[0]), field


def _to_native(source: Floats, native: Floats, recipe: Recipe) -> Floats:
    if recipe.volume == "acquired":
        first = round(native[0] / (source[1] - source[0])) if source.size > 1 else 0
        return np.eye(native.size, source.size, first)
    return interpolation_weights(source, native)


def _sparse(weights: Floats) -> csr_array:
    return csr_array(weights.astype(np.float32))


@dataclass(frozen=True)
class _Depth:
    """The input planes as sums of slices ``first`` to ``end``; weights (planes, end − first)."""

    positions: Floats
    first: int
    end: int
    weights: npt.NDArray[np.float32]


def _depth(positions: Floats, recipe: Recipe) -> _Depth:
    planes = plane_positions(positions, recipe)
    weights = interpolation_weights(positions, planes).astype(np.float32)
    used = np.flatnonzero(weights.any(axis=0))
    first, end = int(used[0]), int(used[-1]) + 1
    return _Depth(planes, first, end, weights[:, first:end])


def input_planes(volume: Volume, recipe: Recipe) -> tuple[Planes, PlaneGeometry]:
    """Planes (slices, size, size), normalised, and where they lie.

    Intensities are clipped at :data:`CLIP_PERCENTILES` of the field of view and standardised over it;
    padding is as dark as the darkest of the field.
    """
    depth = _depth(volume.positions, recipe)
    return _planes(volume.voxels[depth.first : depth.end], depth, volume, recipe)


def series_planes(images: Path, series: SeriesRef, recipe: Recipe) -> tuple[Planes, PlaneGeometry]:
    """:func:`input_planes` of a stored series; of its slices only those that the planes rest on are decoded.

    Raises
    ------
    ImageError
        As :func:`modeling.training.volume.open_series`, or if the planes hold no image.
    """
    opened = open_series(images, series)
    depth = _depth(opened.positions, recipe)
    return _planes(opened.voxels(depth.first, depth.end), depth, opened, recipe)


def _planes(
    voxels: Voxels, depth: _Depth, space: Volume | Stack, recipe: Recipe
) -> tuple[Planes, PlaneGeometry]:
    slices, rows, columns = voxels.shape
    target_step: float | None = None
    if recipe.grid != "pad512":
        # One step for both axes keeps the anatomy's proportions; the longer side fills the grid.
        extents = []
        for count, spacing in ((rows, space.spacing[0]), (columns, space.spacing[1])):
            native, step = _native(count, spacing, recipe)
            extents.append(native.size * step)
        target_step = max(extents) / recipe.size
    row_mm, top, row_weights = _grid_axis(rows, space.spacing[0], target_step, recipe)
    column_mm, left, column_weights = _grid_axis(columns, space.spacing[1], target_step, recipe)
    field = (top, left, top + row_weights.shape[0], left + column_weights.shape[0])
    # In the plane first: there are fewer slices to resample than planes, and what is left is smaller.
    across = column_weights.T
    inside = np.stack([(row_weights @ voxels[k]) @ across for k in range(slices)])
    if slices != recipe.slices or not np.array_equal(depth.weights, np.eye(slices, dtype=np.float32)):
        inside = (depth.weights @ inside.reshape(slices, -1)).reshape(-1, *inside.shape[1:])
    low, high = (float(value) for value in np.percentile(inside, CLIP_PERCENTILES))
    if not high > low:
        raise ImageError("the middle slices have no contrast")
    np.clip(inside, low, high, out=inside)
    # Sums in double precision, or the mean of a million pixels is off by more than a half's rounding.
    mean = float(inside.mean(dtype=np.float64))
    inside -= np.float32(mean)
    deviation = math.sqrt(float(np.vdot(inside, inside)) / inside.size)
    inside *= np.float32(1 / deviation)
    result = np.full((recipe.slices, recipe.size, recipe.size), (low - mean) / deviation, dtype=np.float16)
    result[:, field[0] : field[2], field[1] : field[3]] = inside
    return result, _geometry(space, depth.positions, row_mm, column_mm, field)


def _geometry(
    volume: Volume | Stack,
    depth: Floats,
    row_mm: Floats,
    column_mm: Floats,
    field: tuple[int, int, int, int],
) -> PlaneGeometry:
    reference = float(depth.mean())

    def point(row: float, column: float) -> tuple[float, float, float]:
        place = volume.origin + np.array([reference, row, column]) @ volume.axes
        return float(place[0]), float(place[1]), float(place[2])

    normal = volume.axes[0]
    return PlaneGeometry(
        rows=row_mm.size,
        columns=column_mm.size,
        origin=point(row_mm[0], column_mm[0]),
        row_end=point(row_mm[0], column_mm[-1]),
        column_end=point(row_mm[-1], column_mm[0]),
        normal=(float(normal[0]), float(normal[1]), float(normal[2])),
        normal_offsets_mm=tuple(float(d - reference) for d in depth),
        field=field,
    )


def settings_hash(recipe: Recipe) -> str:
    """Names everything that the input planes depend on besides the images."""
    settings = [CACHE_VERSION, recipe.volume, recipe.grid, recipe.size, recipe.slices, *CLIP_PERCENTILES]
    return hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:16]


def cached_planes(
    images: Path, series: SeriesRef, recipe: Recipe, cache: Path
) -> tuple[npt.NDArray[np.float16], PlaneGeometry]:
    """Planes of a series as a memory map, made once per series content and settings.

    Raises
    ------
    ImageError
        As :func:`series_planes`, or if the files do not hold what the label set froze.
    """
    sources = _sources(images / series.path, series)
    name = hashlib.sha256(series.content_hash.encode()).hexdigest()[:32]
    array_path = cache / settings_hash(recipe) / f"{name}.npy"
    geometry_path = array_path.with_suffix(".json")
    shape = (recipe.slices, recipe.size, recipe.size)
    try:
        planes = np.load(array_path, mmap_mode="r")
        kept = json.loads(geometry_path.read_text())
        geometry = PlaneGeometry(**_tuples(kept["geometry"]))
        if planes.shape == shape and planes.dtype == np.float16 and kept["sources"] == sources:
            return planes, geometry
    except (OSError, ValueError, TypeError, KeyError):
        pass  # absent, or cut short by a crash or a full disk: made again
    fresh, geometry = series_planes(images, series, recipe)
    require_frozen_content(images, series)
    # The geometry first: an array is only ever seen with its geometry in place.
    with replacing(geometry_path) as part:
        part.write_text(json.dumps({"sources": sources, "geometry": asdict(geometry)}))
    with replacing(array_path) as part, part.open("wb") as handle:
        np.save(handle, fresh)
    return np.load(array_path, mmap_mode="r"), geometry


def _sources(folder: Path, series: SeriesRef) -> str:
    """Changes when a file of the series is replaced: planes of other images are not taken from the cache."""
    rows = []
    for name in series.files:
        try:
            found = (folder / name).stat()
        except OSError as error:
            raise ImageError(f"{folder / name}: the file is missing") from error
        rows.append([name, found.st_size, found.st_mtime_ns])
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _tuples(row: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
