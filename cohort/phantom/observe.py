"""What a perfect reader of one series would report: landmarks in patient space, grades where visible."""

from __future__ import annotations

import numpy as np

from cohort.phantom.acquire import Geometry
from cohort.phantom.anatomy import FACET_LATERAL, FACETS, NOT_VISIBLE, Anatomy
from cohort.phantom.junction import facet_joints
from cohort.phantom.layout import lay_out

#: A joint counts as visible when slices cover at least this much of its width, in mm.
VISIBLE_WIDTH = 4.0


def landmarks(anatomy: Anatomy, geometry: Geometry) -> dict[str, object]:
    """Basion, opisthion and dens tip (x, y, z), and the midline plane, in patient coordinates (LPS, mm)."""
    layout = lay_out(anatomy)
    points = {"basion": layout.basion, "opisthion": layout.opisthion, "dens_tip": layout.dens_tip}

    def patient(point: tuple[float, float, float]) -> list[float]:
        return [round(float(v), 3) for v in geometry.to_patient(point)]

    return {
        **{name: patient((0.0, *point)) for name, point in points.items()},
        "midline": {"point": patient((0.0, 0.0, 0.0)), "normal": [1.0, 0.0, 0.0]},
        "tip_below_mcrae": round(layout.tip_below_mcrae, 3),
    }


def observed_grades(anatomy: Anatomy, geometry: Geometry) -> dict[str, int | str]:
    """True grades, with ``not_visible`` for a facet joint that the slices miss."""
    grades: dict[str, int | str] = dict(anatomy.lesions.grades)
    half = geometry.thickness / 2 / geometry.slice_spacing
    across = np.linspace(*FACET_LATERAL, 33)
    joints = facet_joints(lay_out(anatomy))
    for key, (side, y, z) in zip(FACETS, joints, strict=True):
        index = np.array([geometry.to_voxel(geometry.to_patient((side * x, y, z)))[0] for x in across])
        covered = (index >= -half) & (index <= len(geometry.positions) - 1 + half)
        if covered.mean() * (FACET_LATERAL[1] - FACET_LATERAL[0]) < VISIBLE_WIDTH:
            grades[key] = NOT_VISIBLE
    return grades
