"""How alike two maps are, where one lies, and maps that know of no network (numpy, scipy; no torch)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage, stats

Map = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
#: Window and constants of Wang, IEEE TIP 2004;13:600.
SSIM_SIGMA, SSIM_RADIUS, SSIM_K1, SSIM_K2 = 1.5, 5, 0.01, 0.03


def enlarged(cells: Map, size: int) -> Map:
    """A map of cells, bilinearly drawn on ``size``² pixels, cell centres in place, edges held."""
    rows, columns = cells.shape
    at = [np.clip((np.arange(size) + 0.5) * n / size - 0.5, 0, n - 1) for n in (rows, columns)]
    grid = np.meshgrid(*at, indexing="ij")
    return np.asarray(ndimage.map_coordinates(cells, grid, order=1, mode="nearest"), dtype=np.float64)


def spearman(a: Map, b: Map) -> float | None:
    """Rank correlation over the pixels; None if a map is constant."""
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(stats.spearmanr(a.ravel(), b.ravel()).statistic)


def _unit(cells: Map) -> Map:
    low, high = float(cells.min()), float(cells.max())
    return (cells - low) / (high - low) if high > low else np.zeros_like(cells)


def ssim(a: Map, b: Map) -> float:
    """Structural similarity of two maps, each scaled to [0, 1]; Gaussian window of σ 1.5 px."""
    x, y = _unit(a), _unit(b)

    def blur(image: Map) -> Map:
        return np.asarray(ndimage.gaussian_filter(image, SSIM_SIGMA, truncate=3.5), dtype=np.float64)

    mean_x, mean_y = blur(x), blur(y)
    var_x, var_y = blur(x * x) - mean_x**2, blur(y * y) - mean_y**2
    shared = blur(x * y) - mean_x * mean_y
    c1, c2 = SSIM_K1**2, SSIM_K2**2
    similar = ((2 * mean_x * mean_y + c1) * (2 * shared + c2)) / (
        (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    )
    inner = slice(SSIM_RADIUS, -SSIM_RADIUS)
    return float(similar[inner, inner].mean())


def random_cells(rng: np.random.Generator, shape: tuple[int, ...]) -> Map:
    """A map that knows nothing: independent normal cells."""
    return np.asarray(rng.standard_normal(shape), dtype=np.float64)


def _otsu(values: npt.NDArray[np.float64]) -> float:
    """The threshold with the greatest variance between the two classes (Otsu, IEEE SMC 1979;9:62)."""
    counts, edges = np.histogram(values, 256)
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts).astype(float)
    above = below[-1] - below
    total = np.cumsum(counts * centres)
    with np.errstate(invalid="ignore", divide="ignore"):
        gap = (total / below) - (total[-1] - total) / above
        between = np.where((below > 0) & (above > 0), below * above * gap**2, -1)
    return float(centres[int(np.argmax(between))])


def body_mask(planes: npt.NDArray[np.floating], field: tuple[int, int, int, int]) -> Mask:
    """Where the patient is, (rows, columns): the largest bright region of the mean plane, holes filled.

    ``field`` [top, left, bottom, right) is the acquired part; the padding around it is never body.
    """
    top, left, bottom, right = field
    mean = np.asarray(planes, dtype=np.float64).mean(axis=0)
    inside = ndimage.gaussian_filter(mean, max(mean.shape[0] / 128, 1.0))[top:bottom, left:right]
    # The air is far darker than tissue, but CSF and fat are far brighter: the logarithm evens that out.
    level = np.log(inside - inside.min() + 0.05 * float(np.ptp(inside)) + 1e-6)
    bright = level > _otsu(level.ravel())
    labels, count = ndimage.label(bright)
    if count:
        sizes = ndimage.sum_labels(bright, labels, range(1, count + 1))
        bright = labels == 1 + int(np.argmax(sizes))
    result = np.zeros(mean.shape, dtype=bool)
    result[top:bottom, left:right] = ndimage.binary_fill_holes(bright)
    return result


def share_in(cam: Map, region: Mask) -> float | None:
    """Share of a map's positive sum inside a region; None for a map without any."""
    positive = np.clip(cam, 0, None)
    total = float(positive.sum())
    return float(positive[region].sum() / total) if total > 0 else None


def peak_inside(cam: Map, region: Mask) -> bool:
    """The pointing game: whether the map's highest pixel lies in the region."""
    return bool(region.flat[int(np.argmax(cam))])


def centre_prior(size: int) -> Map:
    """A Gaussian about the middle, σ a quarter of the side."""
    at = (np.arange(size) - (size - 1) / 2) / (size / 4)
    return np.asarray(np.exp(-(at[:, None] ** 2 + at[None, :] ** 2) / 2), dtype=np.float64)


def edges(planes: npt.NDArray[np.floating]) -> Map:
    """Gradient magnitude of the mean plane (Sobel): what an edge detector would point at."""
    mean = np.asarray(planes, dtype=np.float64).mean(axis=0)
    return np.asarray(np.hypot(ndimage.sobel(mean, axis=0), ndimage.sobel(mean, axis=1)), dtype=np.float64)
