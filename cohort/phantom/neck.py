"""Skin, fat and muscle around the spine, and the airway before it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from cohort.phantom.anatomy import Anatomy
from cohort.phantom.layers import Layer
from cohort.phantom.layout import HEIGHTS, Curve, Layout
from cohort.phantom.profiles import Ellipse
from cohort.phantom.shapes import Column, Solid


@dataclass(frozen=True, slots=True)
class SoftTissue:
    """The body's outline and what fills it, as curves over HEIGHTS (y in mm)."""

    anatomy: Anatomy
    front: Curve
    back: Curve
    fat_front: Curve
    fat_back: Curve
    deep: Curve  # where the muscles behind the spine begin
    spine: Curve  # front of the vertebral bodies
    #: The outline recedes by this times x² (1/mm) towards the sides.
    recede: float = 0.006


def soft_tissue(layout: Layout) -> SoftTissue:
    a = layout.anatomy
    oy, oz = layout.opisthion
    _, bz = layout.basion
    low = layout.bodies[-1].centre[0] - layout.bodies[4].centre[0]
    c7 = layout.bodies[4].centre[0]
    nape = a.neck_back
    back = _curve(
        (-175, nape + c7 + low + 14), (-110, nape + c7 + 0.8 * low), (-75, nape + c7 + 0.35 * low + 4),
        (-45, nape + 3), (-5, nape - 4), (oz - 18, max(nape - 2, oy + 33)), (oz + 8, oy + 45),
        (oz + 35, oy + 51), (oz + 60, oy + 52), (oz + 100, oy + 45), (240, oy + 20), smooth=9.0,
    )  # fmt: skip
    f, n = a.face, a.neck_front
    front = _curve(
        (-175, -n - 30), (-120, -n - 18), (-95, -n - 2), (-60, -n + 2), (-38, -n + 2), (-22, -n - 2),
        (-4, -n), (6, -n - 6), (14, -88 * f), (bz - 44, -98 * f), (bz - 33, -95 * f), (bz - 26, -101 * f),
        (bz - 20, -99 * f), (bz - 12, -103 * f), (bz - 3, -104 * f), (bz + 3, -112 * f), (bz + 10, -114 * f),
        (bz + 24, -104 * f), (bz + 36, -97 * f), (bz + 60, -102 * f), (240, -90 * f),
    )  # fmt: skip
    fat_back = _curve(
        (-175, a.fat * 1.4), (-70, a.fat * 1.7), (-20, a.fat), (oz, a.fat), (oz + 30, 6.5), (240, 6)
    )
    fat_front = _curve(
        (-175, 12), (-60, a.fat * 0.6), (0, a.fat * 0.6), (16, a.fat + 3), (bz - 25, 5), (240, 5)
    )
    return SoftTissue(a, front, back, fat_front, fat_back, layout.behind_arches, layout.front_of_spine)


def _curve(*points: tuple[float, float], smooth: float = 2.0) -> Curve:
    """Straight lines through (z, y) with their corners rounded over about ``smooth`` mm."""
    z, y = zip(*sorted(points), strict=True)
    return np.asarray(scipy.ndimage.gaussian_filter1d(np.interp(HEIGHTS, z, y), smooth / 0.5, mode="nearest"))


def airway(layout: Layout) -> list[Layer]:
    """Nasopharynx to trachea with its wall, oesophagus, prevertebral muscle, the vessels at the sides."""
    bz = layout.basion[1]
    front = layout.front_of_spine
    gap = _curve(
        (-175, 13),
        (-60, 13),
        (-32, 12),
        (-18, 6.5),
        (0, 4.5),
        (bz - 25, 4.5),
        (bz - 8, 7),
        (bz, 8),
        (bz + 14, 15),
        (240, 20),
    )
    width = _curve(
        (-175, 13), (-60, 13), (-36, 12), (-28, 7), (-20, 9), (-8, 14), (0, 12), (10, 9), (bz - 28, 8),
        (bz - 20, 5), (bz - 10, 12), (bz, 16), (bz + 9, 15), (bz + 15, 4), (240, 4),
    )  # fmt: skip
    span = (HEIGHTS > -170) & (bz + 15 > HEIGHTS)
    z, rear = HEIGHTS[span], (front - gap)[span]
    air = Column(z, rear - width[span], rear, 11.0)
    wall = Column(z, rear - width[span] - 2.2, rear + 2.2, 13.5)
    below = (HEIGHTS > -170) & (HEIGHTS < -34)
    tube = Column(HEIGHTS[below], (front - gap)[below] + 2.5, (front - 3.5)[below], 8.0)
    strip = (HEIGHTS > -120) & (bz - 14 > HEIGHTS)
    longus = Column(HEIGHTS[strip], (front - 4.0)[strip], (front - 0.8)[strip], 14.0, round=False)
    # Beside the midline: common carotid artery (flow void), jugular vein, submandibular gland.
    run = (HEIGHTS > -110) & (bz - 10 > HEIGHTS)
    vessels = []
    for side in (-1, 1):
        for x, ahead, radius, signal in ((20.5, 9.0, 3.0, 0.03), (24.0, 5.0, 3.6, 0.10)):
            middle = (front - ahead)[run] - 0.06 * np.abs(HEIGHTS[run])
            tube_wall = Column(HEIGHTS[run], middle - radius, middle + radius, radius, x=side * x)
            vessels.append(Layer(tube_wall, signal, rim=(0.16, 0.6), soft=0.6))
        gland = Solid(Ellipse((-46, bz - 48), (12, 9), -0.3), 9, x=side * 24)
        vessels.append(Layer(gland, 0.42, texture=("soft", 0.05), soft=1.0))
    return [
        *vessels,
        Layer(wall, 0.34, soft=0.8),
        Layer(air, 0.015, mask="air", soft=0.5),
        Layer(tube, 0.30, rim=(0.14, 1.4), soft=0.8),
        Layer(longus, layout.anatomy.muscle, texture=("muscle", 0.03), soft=0.8),
    ]
