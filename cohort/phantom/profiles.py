"""Planar signed-distance profiles: ellipse, rounded box, chain of round cones.

``distance(y, z)`` takes broadcastable float32 arrays in mm and is negative inside. The formulas are the
usual exact or first-order distances (ellipse: implicit function over its gradient; rounded box; segments
of linearly varying radius); signs are exact, so masks are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Point = tuple[float, float]


class Profile(Protocol):
    """A planar shape; ``reach`` is (y low, y high, z low, z high), ``half_thickness`` its inner radius."""

    @property
    def reach(self) -> tuple[float, float, float, float]: ...

    @property
    def half_thickness(self) -> float: ...

    def distance(self, y: Array, z: Array) -> Array: ...


@dataclass(frozen=True, slots=True)
class Ellipse:
    centre: Point
    radii: Point
    angle: float = 0.0  # radians, from +y towards +z

    @property
    def half_thickness(self) -> float:
        return min(self.radii)

    @property
    def reach(self) -> tuple[float, float, float, float]:
        c, s = np.cos(self.angle), np.sin(self.angle)
        a, b = self.radii
        ry, rz = float(np.hypot(a * c, b * s)), float(np.hypot(a * s, b * c))
        return self.centre[0] - ry, self.centre[0] + ry, self.centre[1] - rz, self.centre[1] + rz

    def distance(self, y: Array, z: Array) -> Array:
        u, v = _local(y, z, self.centre, self.angle)
        u /= np.float32(self.radii[0])
        v /= np.float32(self.radii[1])
        level = u * u
        level += v * v
        np.sqrt(level, out=level)
        u /= np.float32(self.radii[0])
        v /= np.float32(self.radii[1])
        u *= u
        v *= v
        u += v
        np.sqrt(u, out=u)
        u += np.float32(1e-6)
        v = level - np.float32(1)
        v *= level
        v /= u
        return v


@dataclass(frozen=True, slots=True)
class Box:
    """A rounded box; ``waist`` > 0 hollows its upper and lower faces (end plates), < 0 swells them."""

    centre: Point
    half: Point
    angle: float = 0.0
    radius: float = 1.0
    waist: float = 0.0
    taper: float = 0.0  # relative narrowing in y from bottom (−) to top (+)
    shear: float = 0.0  # slope by which the upper and lower faces fall towards posterior

    @property
    def half_thickness(self) -> float:
        return min(self.half)

    @property
    def reach(self) -> tuple[float, float, float, float]:
        c, s = abs(np.cos(self.angle)), abs(np.sin(self.angle))
        a, b = (
            self.half[0] * (1 + abs(self.taper)),
            self.half[1] + max(0.0, -self.waist) + abs(self.shear) * self.half[0],
        )
        ry, rz = float(a * c + b * s), float(a * s + b * c)
        return self.centre[0] - ry, self.centre[0] + ry, self.centre[1] - rz, self.centre[1] + rz

    def distance(self, y: Array, z: Array) -> Array:
        u, v = _local(y, z, self.centre, self.angle)
        if self.shear:
            v = v + np.float32(self.shear) * u
        half_u: Array | np.float32 = np.float32(self.half[0] - self.radius)
        half_v: Array | np.float32 = np.float32(self.half[1] - self.radius)
        if self.waist:
            bend = u * np.float32(1 / self.half[0])
            bend *= bend
            np.minimum(bend, np.float32(1), out=bend)
            half_v = half_v - np.float32(self.waist) * (np.float32(1) - bend)
        if self.taper:
            half_u = half_u * (np.float32(1) - np.float32(self.taper / self.half[1]) * v)
        u = np.abs(u) - half_u
        v = np.abs(v) - half_v
        inner = np.minimum(np.maximum(u, v), np.float32(0))
        np.maximum(u, np.float32(0), out=u)
        np.maximum(v, np.float32(0), out=v)
        u *= u
        v *= v
        u += v
        np.sqrt(u, out=u)
        u += inner
        u -= np.float32(self.radius)
        return u


@dataclass(frozen=True, slots=True)
class Chain:
    """A polyline whose thickness runs linearly between its points: ((y, z), radius), …"""

    points: tuple[tuple[Point, float], ...]

    @property
    def half_thickness(self) -> float:
        return min(radius for _, radius in self.points)

    @property
    def reach(self) -> tuple[float, float, float, float]:
        ys = [p[0] + s * r for p, r in self.points for s in (-1, 1)]
        zs = [p[1] + s * r for p, r in self.points for s in (-1, 1)]
        return min(ys), max(ys), min(zs), max(zs)

    def distance(self, y: Array, z: Array) -> Array:
        nearest: Array | None = None
        for ((y0, z0), r0), ((y1, z1), r1) in zip(self.points, self.points[1:], strict=False):
            dy, dz = y1 - y0, z1 - z0
            inverse = 1 / (dy * dy + dz * dz)
            u, v = y - np.float32(y0), z - np.float32(z0)
            t = u * np.float32(dy * inverse) + v * np.float32(dz * inverse)
            np.clip(t, 0, 1, out=t)
            u = u - t * np.float32(dy)
            v = v - t * np.float32(dz)
            d = np.sqrt(u * u + v * v)
            d -= np.float32(r0)
            d -= t * np.float32(r1 - r0)
            nearest = d if nearest is None else np.minimum(nearest, d)
        assert nearest is not None
        return nearest


def _local(y: Array, z: Array, centre: Point, angle: float) -> tuple[Array, Array]:
    y = y - np.float32(centre[0])
    z = z - np.float32(centre[1])
    if not angle:
        shape = np.broadcast_shapes(y.shape, z.shape)
        return np.broadcast_to(y, shape).copy(), np.broadcast_to(z, shape).copy()
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return y * c + z * s, z * c - y * s
