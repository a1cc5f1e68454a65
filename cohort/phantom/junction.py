"""The craniocervical junction: atlas, axis with dens, ligaments, facet joints – and the lesions."""

from __future__ import annotations

import numpy as np

from cohort.phantom.anatomy import FACET_LATERAL, FACETS, VISIBLE_PANNUS
from cohort.phantom.layers import Layer
from cohort.phantom.layout import Layout
from cohort.phantom.shapes import Box, Chain, Ellipse, Point, Shape, Solid


def junction_layers(layout: Layout) -> list[Layer]:
    return [
        *_facets(layout),
        *_atlas(layout),
        *_soft_parts(layout),
        *_axis(layout),
        *_pannus(layout),
    ]


def _arch_height(layout: Layout) -> float:
    """Height of the atlas above the dens' base: it sinks along the dens when the skull does."""
    a = layout.anatomy
    return a.dens_height * 0.62 - 0.45 * max(0.0, 2.0 - a.lesions.tip_below_mcrae)


def _atlas(layout: Layout) -> list[Layer]:
    a = layout.anatomy
    up = _arch_height(layout)
    front = layout.dens(-(a.dens_ap / 2 + a.atlantodental + 2.9), up)
    lean = layout.axis.lean
    wall = float(np.interp(front[1] - 2, layout.canal.z, layout.canal.posterior))
    rear = (wall + 4.2, front[1] - 2.5)
    bone = (a.cortex, 0.9)
    return [
        Layer(Solid(Ellipse(front, (2.9, 5.6), lean), 14.0, round=False, bow=0.026), a.marrow * 1.1, rim=bone,
              texture=("marrow", 0.03), mask="anterior_arch"),
        Layer(Solid(Ellipse(rear, (2.7, 4.6), lean), 20.0, round=False, bow=-0.022), a.marrow * 1.1, rim=bone,
              texture=("marrow", 0.03), mask="posterior_arch"),
    ]  # fmt: skip


def _soft_parts(layout: Layout) -> list[Layer]:
    """What fills the gaps: joint before the dens, ligaments behind and above it, membranes to the skull."""
    a = layout.anatomy
    up = _arch_height(layout)
    half = a.dens_ap / 2
    behind = half + a.retro_odontoid
    gap = layout.dens(-(half + a.atlantodental / 2), up)
    clivus_back, clivus_tip = layout.skull(1.2, 7.0), layout.skull(0.8, 1.5)
    arch = layout.dens(-(half + a.atlantodental + 2.9), up + 4.5)
    base_back = layout.dens(behind - 0.6, -1.0)
    tip_back = layout.dens(behind - 1.2, a.dens_height - 2.0)
    rear = float(np.interp(layout.opisthion[1] - 8, layout.canal.z, layout.canal.posterior)) + 2.5
    layers = [
        # Supraodontoid space: fat and venous plexus, grey.
        Layer(Solid(Chain(((layout.dens(-2, a.dens_height - 1), 4.2), (layout.skull(-0.5, 0.5), 2.6))), 9), 0.27,
              texture=("mass", 0.03), soft=1.2),
        # Tissue behind the dens, and the transverse ligament in it.
        Layer(Solid(Chain(((layout.dens(behind - a.retro_odontoid / 2, 1), a.retro_odontoid / 2),
                           (layout.dens(behind - a.retro_odontoid / 2, a.dens_height - 2), a.retro_odontoid / 2))), 9),
              0.24, soft=0.5),
        Layer(Solid(Ellipse(layout.dens(half + 1.2, up), (1.1, 3.6), layout.axis.lean), 10), a.ligament, soft=0.4),
        # Anterior joint: a thin bright line between two dark ones.
        Layer(Solid(Ellipse(gap, (a.atlantodental / 2, 5.0), layout.axis.lean), 9), 0.13, soft=0.3),
        Layer(Solid(Ellipse(gap, (0.45, 4.2), layout.axis.lean), 8), 0.5, soft=0.3),
        # Apical ligament, anterior and posterior atlanto-occipital membranes.
        Layer(Solid(Chain(((layout.dens_tip, 0.5), (clivus_tip, 0.5))), 3), a.ligament, soft=0.4),
        Layer(Solid(Chain(((arch, 0.8), (layout.skull(-2.2, 0.6), 0.8))), 9), a.ligament, soft=0.4),
        Layer(Solid(Chain((((rear, layout.opisthion[1] - 8), 0.6), (layout.skull(a.mcrae + 1, 0.2), 0.7))), 10), a.ligament,
              soft=0.4),
    ]  # fmt: skip
    if a.lesions.pannus < VISIBLE_PANNUS:  # else the mass carries the membrane on its back
        tectorial = Chain(
            ((base_back, 0.6), (tip_back, 0.6), (layout.skull(2.2, 1.0), 0.6), (clivus_back, 0.6))
        )
        layers.append(Layer(Solid(tectorial, 9), a.ligament, soft=0.4))
    return layers


def _axis(layout: Layout) -> list[Layer]:
    """C2's body and the dens with its erosions."""
    a = layout.anatomy
    axis, half = layout.axis, a.dens_ap / 2
    body = Box(axis.centre, (axis.depth / 2, axis.height / 2), axis.lean, 2.2, taper=0.12)
    low, high = 0.0, a.dens_height - half * 0.8
    dens = Chain(
        (
            (layout.dens(0, low - 4), half),
            (layout.dens(0, high * 0.55), half * 0.97),
            (layout.dens(0, high), half * 0.8),
        )
    )
    defects = _erosions(layout)
    fill, rim = a.marrow, (a.cortex, 0.85)
    layers = [
        Layer(Solid(body, 12.0), fill, rim=rim, texture=("marrow", 0.035), mask="axis_body"),
        Layer(Solid(dens, a.dens_transverse / 2 + 1.5, cuts=tuple(defects)), fill, rim=rim, texture=("marrow", 0.035),
              mask="dens", hides=("axis_body",)),
        # Marrow runs on between body and dens; the subdental synchondrosis stays as a faint dark line.
        Layer(Solid(Ellipse(layout.dens(0, -3), (half - 1.4, 5.0), axis.lean), 6), fill, texture=("marrow", 0.035), soft=1),
        Layer(Solid(Ellipse(layout.dens(0, -2.0), (3.6, 0.6), axis.lean), 5), fill * 0.6, soft=0.6),
    ]  # fmt: skip
    # Defects are filled with inflamed tissue under a thin, broken cortex.
    layers += [Layer(d, 0.78, soft=0.4, mask="erosion") for d in defects]
    return layers


def _erosions(layout: Layout) -> list[Solid]:
    """Bites out of the dens' contour: one small (doubtful) or several confluent (severe)."""
    a = layout.anatomy
    radius = a.lesions.erosion
    if radius <= 0:
        return []
    half, top = a.dens_ap / 2, a.dens_height
    places: list[tuple[float, float, float]] = [(half - 0.2, top * 0.62, 1.0)]
    if a.lesions.grades["dens_erosion"] == 2:
        places += [
            (half - 0.6, top * 0.62 - 1.5 * radius, 0.75),
            (-half + 0.2, top * 0.7, 0.85),
            (half * 0.5, top - 1.2, 0.7),
        ]
    return [
        Solid(Ellipse(layout.dens(back, up), (radius * share, radius * share * 1.15)), max(2.5, 2.2 * radius))
        for back, up, share in places
    ]


def _pannus(layout: Layout) -> list[Layer]:
    """A mass behind and above the dens, or only a slight brightening between clivus and dens."""
    a = layout.anatomy
    size, signal = a.lesions.pannus, a.lesions.pannus_signal
    if size <= 0:
        return []
    half, top = a.dens_ap / 2, a.dens_height
    if size < VISIBLE_PANNUS:
        spot = Chain(
            ((layout.dens(1.5, top + 1.4), size * 0.5), (layout.dens(half - 0.2, top - 2.5), size * 0.35))
        )
        return [Layer(Solid(spot, 6.0), 0.5, soft=1.0, opacity=0.85, mask="pannus")]
    middle = half + size / 2
    mass = Chain((
        (layout.dens(half + size * 0.25, top * 0.12), size * 0.25),
        (layout.dens(middle, top * 0.55), size * 0.5),
        (layout.dens(middle - size * 0.2, top * 0.9), size * 0.42),
        (layout.dens(half * 0.2, top + 1.2), min(2.8, size * 0.3)),
    ))  # fmt: skip
    outline = Solid(mass, 5.0 + size * 0.6)
    hides = ("csf", "cord")
    return [
        Layer(
            outline,
            signal,
            rim=(a.ligament, 0.7),
            texture=("mass", 0.10),
            soft=0.5,
            mask="pannus",
            hides=hides,
        ),
    ]


def facet_joints(layout: Layout) -> tuple[tuple[int, float, float], ...]:
    """Side (+1 left), y and z of each facet joint's centre, in the order of FACETS."""
    a = layout.anatomy
    # C1–C2 meets at the dens' base; C0–C1 hangs from the skull, and the lateral mass between gives way.
    y, z12 = layout.dens(1.5, 1.0)
    sunk = 0.35 * min(0.0, a.lesions.tip_below_mcrae - 2.0)
    z01 = max(z12 + 6.0, layout.skull(a.mcrae * 0.28, sunk - 7.5)[1])
    return (1, y, z01), (-1, y, z01), (1, y + 0.5, z12), (-1, y + 0.5, z12)


def _facets(layout: Layout) -> list[Layer]:
    """Occipital condyle, lateral mass of the atlas, articular process of the axis, and their joints."""
    a = layout.anatomy
    inner, outer = FACET_LATERAL
    middle, half_width = (inner + outer) / 2, (outer - inner) / 2
    lean = layout.axis.lean
    (_, y_mid, z01), _, (_, _, z12), _ = facet_joints(layout)
    bone = (a.cortex, 1.0)
    texture = ("marrow", 0.035)
    layers: list[Layer] = []
    for i, side in enumerate((1, -1)):  # left is +x
        x = side * middle
        joint01, joint12 = (y_mid, z01), (y_mid + 0.5, z12)
        mass_half = (z01 - z12) / 2
        condyle = Solid(Ellipse((y_mid, z01 + 5.6), (11.0, 6.2), lean + 0.1), half_width, x=x, round=False)
        mass = Solid(Box((y_mid + 0.3, (z01 + z12) / 2), (9.2, mass_half - 0.4), lean, 2.0, waist=0.9), half_width, x=x,
                     round=False)  # fmt: skip
        process = Solid(
            Box((y_mid + 1.5, z12 - 8.5), (8.6, 8.0), lean - 0.1, 3.0, waist=-0.6),
            half_width,
            x=x,
            round=False,
        )
        layers += [
            Layer(process, a.marrow, rim=bone, texture=texture),
            Layer(condyle, a.marrow, rim=bone, texture=texture),
            Layer(mass, a.marrow, rim=bone, texture=texture),
        ]
        share01, share12 = a.lesions.blossoming[i], a.lesions.blossoming[2 + i]
        layers += _joint(layout, joint01, 9.6, share01, x, half_width, FACETS[i], 0.1)
        layers += _joint(layout, joint12, 8.8, share12, x, half_width, FACETS[2 + i], -0.05)
    return layers


def _joint(
    layout: Layout,
    centre: Point,
    half_length: float,
    share: float,
    x: float,
    half_width: float,
    name: str,
    tilt: float,
) -> list[Layer]:
    """A joint space: a thin grey line; blossomed, a wide bright cleft with flared, eroded margins."""
    a = layout.anatomy
    angle = layout.axis.lean + tilt
    c, s = float(np.cos(angle)), float(np.sin(angle))

    def at(back: float, up: float) -> Point:
        return centre[0] + back * c - up * s, centre[1] + back * s + up * c

    def solid(profile: Ellipse | Chain) -> Shape:
        return Solid(profile, half_width, x=x, round=False)

    if share <= 0.05:
        return [Layer(solid(Ellipse(centre, (half_length, 0.6), angle)), 0.4, soft=0.4, mask=name)]
    flare = half_length + 3.0 * share
    layers = [
        # Osteophytes lip outwards like petals at both ends, above and below the cleft.
        Layer(solid(Chain(((at(end * (half_length - 2), up * 2.0), 2.0), (at(end * (flare + 0.6), up * (2.2 + 2.8 * share)), 1.2)))),
              a.marrow * 0.8, rim=(a.cortex, 0.8), mask=name)
        for end in (-1, 1) for up in (-1, 1)
    ]  # fmt: skip
    layers += [
        # Cleft with effusion that swells the capsule at both ends; subchondral cysts beside it.
        Layer(solid(Ellipse(centre, (flare, 0.7 + 1.2 * share), angle)), a.effusion, soft=0.4, mask=name),
        Layer(
            solid(Ellipse(at(-flare - 0.3, 0), (1.5 * share + 0.5, 2.0 * share + 0.6), angle)),
            a.effusion,
            soft=0.4,
            mask=name,
        ),
        Layer(
            solid(Ellipse(at(flare + 0.3, 0), (1.5 * share + 0.5, 2.0 * share + 0.6), angle)),
            a.effusion,
            soft=0.4,
            mask=name,
        ),
    ]
    for back, up, size in ((-4.0, 2.6, 1.3), (2.5, -2.8, 1.5), (5.2, 2.4, 1.0)):
        layers.append(
            Layer(solid(Ellipse(at(back, up), (size * share, size * share))), 0.85, soft=0.4, mask=name)
        )
    return layers
