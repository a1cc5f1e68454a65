"""Agreement coefficients of two readers as functions of their k×k table (numpy only).

Each takes tables of shape (..., k, k), rows the first reader's grades, columns the second's, and gives an
array of shape (...); undefined values are NaN. The formulas' sources are named in ``agreement``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
#: None (every difference counts alike), a name, or a k×k matrix of agreement weights, 1 on the diagonal.
Weights = str | Array | None


def weight_matrix(k: int, weights: Weights) -> Array:
    """Agreement weights of k grades, 1 on the diagonal; None is the identity."""
    distance = np.abs(np.subtract.outer(np.arange(k), np.arange(k))).astype(float)
    if weights is None:
        return np.eye(k)
    if not isinstance(weights, str):
        given = np.asarray(weights, dtype=float)
        if given.shape != (k, k) or not (np.diag(given) == 1).all():
            raise ValueError(f"weights: {k} grades need a {k}×{k} matrix with 1 on its diagonal")
        return given
    if weights not in ("linear", "quadratic"):
        raise ValueError(f"weights: {weights!r} is not None, 'linear' or 'quadratic'")
    if k == 1:
        return np.eye(1)
    share: Array = distance / (k - 1)
    return 1 - (share if weights == "linear" else share**2)


def _shares(tables: Array) -> tuple[Array, Array, Array]:
    p = tables / tables.sum(axis=(-2, -1), keepdims=True)
    return p, p.sum(axis=-1), p.sum(axis=-2)


def _corrected(observed: Array, expected: Array) -> Array:
    """(p_o − p_e) / (1 − p_e); undefined where chance alone would agree always."""
    room = 1 - expected
    return np.where(room > 1e-12, (observed - expected) / np.where(room > 1e-12, room, 1), np.nan)


def percent(tables: Array) -> Array:
    p, _, _ = _shares(tables)
    return np.asarray(np.trace(p, axis1=-2, axis2=-1))


def kappa(tables: Array, weights: Weights = None) -> Array:
    p, rows, columns = _shares(tables)
    w = weight_matrix(tables.shape[-1], weights)
    expected = np.einsum("...i,ij,...j->...", rows, w, columns)
    return _corrected((p * w).sum(axis=(-2, -1)), expected)


def ac2(tables: Array, weights: Weights = None) -> Array:
    p, rows, columns = _shares(tables)
    k = tables.shape[-1]
    if k == 1:
        return np.full(tables.shape[:-2], np.nan)
    w = weight_matrix(k, weights)
    pi = (rows + columns) / 2
    expected = w.sum() / (k * (k - 1)) * (pi * (1 - pi)).sum(axis=-1)
    return _corrected((p * w).sum(axis=(-2, -1)), expected)


def specific(tables: Array) -> Array:
    used = tables.sum(axis=-1) + tables.sum(axis=-2)
    both = 2 * np.diagonal(tables, axis1=-2, axis2=-1)
    return np.where(used > 0, both / np.where(used > 0, used, 1), np.nan)


def pabak(tables: Array) -> Array:
    k = tables.shape[-1]
    if k == 1:
        return np.full(tables.shape[:-2], np.nan)
    return np.asarray((k * percent(tables) - 1) / (k - 1))


def alpha(tables: Array, level: str = "nominal") -> Array:
    """Krippendorff's α of two readers without gaps, from the coincidences T + Tᵀ, hence n − 1."""
    coincidence = tables + np.swapaxes(tables, -1, -2)
    totals = coincidence.sum(axis=-1)
    n = totals.sum(axis=-1)
    distance = grade_distances(np.arange(tables.shape[-1]), totals, level)
    observed = (coincidence * distance).sum(axis=(-2, -1))
    chance = np.einsum("...i,...ij,...j->...", totals, distance, totals) / (n - 1)
    return np.where(chance > 1e-12, 1 - observed / np.where(chance > 1e-12, chance, 1), np.nan)


def grade_distances(scale: Any, totals: Array, level: str) -> Array:
    """Squared differences between grades, (k, k) or (..., k, k); ordinal ones depend on the totals."""
    k = len(scale)
    if level == "nominal":
        return np.broadcast_to(1 - np.eye(k), (*totals.shape, k))
    if level == "interval":
        values = np.array(scale, dtype=float)
        return np.asarray(np.subtract.outer(values, values) ** 2)
    if level == "ordinal":
        middle = np.cumsum(totals, axis=-1) - totals / 2
        return np.asarray((middle[..., :, None] - middle[..., None, :]) ** 2)
    raise ValueError(f"level: {level!r} is not 'nominal', 'ordinal' or 'interval'")


def against_rest(tables: Array, place: int) -> Array:
    """2×2 tables of one grade and all others."""
    both = tables[..., place, place]
    mine, theirs = tables[..., place, :].sum(axis=-1) - both, tables[..., :, place].sum(axis=-1) - both
    neither = tables.sum(axis=(-2, -1)) - both - mine - theirs
    return np.stack([np.stack([both, mine], -1), np.stack([theirs, neither], -1)], -2)
