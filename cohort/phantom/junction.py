"""The craniocervical junction: atlas, axis with dens, ligaments, facet joints – and the lesions."""

from __future__ import annotations

import numpy as np

from cohort.phantom.anatomy import FACET_LATERAL, FACETS, VISIBLE_PANNUS
from cohort.phantom.layers import Layer
from cohort.phantom.layout import Layout
from cohort.phantom.profiles import Box, Chain, Ellipse, Point
from cohort.phantom.shapes import Solid, Union, Within


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
    return a.dens_height * 0.62 - 0.7 * max(0.0, 1.0 - a.lesions.tip_below_mcrae)


def _dens_front(layout: Layout, up: float) -> float:
    """How far the dens reaches before its axis at a height above its base."""
    half = layout.anatomy.dens_ap / 2
    high = layout.anatomy.dens_height - half * 0.8
    return float(np.interp(up, [-5.0, high * 0.5, high], [half, half * 0.97, half * 0.8]))


def _atlas(layout: Layout) -> list[Layer]:
    a = layout.anatomy
    up = _arch_height(layout)
    front = layout.dens(-(_dens_front(layout, up) + a.atlantodental + 2.9), up)
    lean = layout.axis.lean
    wall = float(np.interp(front[1] - 2, layout.canal.z, layout.canal.posterior))
    rear = (wall + 4.2, min(front[1] - 2.5, layout.opisthion[1] - 7.5))
    bone = (a.cortex, 0.9)
    return [
        Layer(Solid(Ellipse(front, (2.9, 5.6), lean), 10.0, round=False, bow=0.026), a.marrow * 1.1, rim=bone,
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
    face = _dens_front(layout, up)
    gap = layout.dens(-(face + a.atlantodental / 2), up)
    clivus_back, clivus_tip = layout.skull(-1.4, 7.0), layout.skull(0.4, 1.5)
    arch = layout.dens(-(face + a.atlantodental + 2.9), up + 4.5)
    base_back = layout.dens(behind - 0.6, -1.0)
    tip_back = layout.dens(behind - 1.2, a.dens_height - 2.0)
    rear = float(np.interp(layout.opisthion[1] - 8, layout.canal.z, layout.canal.posterior)) + 2.5
    above = Chain(((layout.dens(-2, a.dens_height - 1), 4.2), (layout.skull(-0.5, 0.5), 2.6)))
    thin, middle = a.retro_odontoid / 2, behind - a.retro_odontoid / 2
    tissue = Chain(((layout.dens(middle, 1), thin), (layout.dens(middle, a.dens_height - 2), thin)))
    transverse = Ellipse(layout.dens(half + 1.2, up), (1.1, 3.6), layout.axis.lean)
    apical = Chain(((layout.dens_tip, 0.5), (clivus_tip, 0.5)))
    front = Chain(((arch, 0.8), (layout.skull(-2.2, 0.6), 0.8)))
    back = Chain((((rear, layout.opisthion[1] - 8), 0.6), (layout.skull(a.mcrae + 1, 0.2), 0.7)))
    layers = [
        # Grey fat and veins above the dens; tissue behind it with the transverse ligament.
        Layer(Solid(above, 9), 0.27, texture=("mass", 0.03), soft=1.2),
        Layer(Solid(tissue, 9), 0.24, soft=0.5),
        Layer(Solid(transverse, 10), a.ligament, soft=0.4),
        # Anterior joint: a thin bright line between two dark ones.
        Layer(Solid(Ellipse(gap, (a.atlantodental / 2, 5.0), layout.axis.lean), 9), 0.13, soft=0.3),
        Layer(Solid(Ellipse(gap, (0.45, 4.2), layout.axis.lean), 8), 0.5, soft=0.3),
        # Apical ligament, anterior and posterior atlanto-occipital membranes.
        Layer(Solid(apical, 3), a.ligament, soft=0.4),
        Layer(Solid(front, 9), a.ligament, soft=0.4),
        Layer(Solid(back, 10), a.ligament, soft=0.4),
    ]
    if a.lesions.pannus < VISIBLE_PANNUS:  # else the mass carries the membrane on its back
        tectorial = Chain(
            ((base_back, 0.6), (tip_back, 0.6), (layout.skull(1.2, 1.0), 0.6), (clivus_back, 0.6))
        )
        layers.append(Layer(Solid(tectorial, 9), a.ligament, soft=0.4))
    return layers


def _axis(layout: Layout) -> list[Layer]:
    """C2's body and the dens with its erosions."""
    a = layout.anatomy
    axis, half = layout.axis, a.dens_ap / 2
    # The body narrows upwards into the dens' neck; painted as one bone, masked as two.
    body = Box(axis.centre, (axis.depth / 2, axis.height / 2), axis.lean, 2.5, taper=0.14)
    high = a.dens_height - half * 0.8
    dens = Chain(
        (
            (layout.dens(0, -5), half),
            (layout.dens(0, high * 0.5), half * 0.97),
            (layout.dens(0, high), half * 0.8),
        )
    )
    defects = tuple(_erosions(layout))
    low = Solid(body, 10.5)
    whole = Solid(dens, a.dens_transverse / 2 + 1.5)
    tall = Solid(dens, a.dens_transverse / 2 + 1.5, cuts=defects)
    fill, texture = a.marrow, ("marrow", 0.035)
    layers = [
        Layer(Union((low, tall), blend=2.0), fill, rim=(a.cortex, 0.8), texture=texture, soft=0.3),
        Layer(low, fill, opacity=0, mask="axis_body"),
        Layer(tall, fill, opacity=0, mask="dens", hides=("axis_body",)),
        # The subdental synchondrosis stays as a faint dark line.
        Layer(Solid(Ellipse(layout.dens(0, -1.5), (3.8, 0.5), axis.lean), 5), fill * 0.55, soft=0.8),
    ]
    # Defects are filled with inflamed tissue under a thin, broken cortex.
    layers += [
        Layer(Within(d, whole), 0.7, texture=("mass", 0.06), soft=0.5, mask="erosion") for d in defects
    ]
    return layers


def _erosions(layout: Layout) -> list[Solid]:
    """Bites out of the dens' contour: one small (doubtful) or several confluent (severe)."""
    a = layout.anatomy
    radius = a.lesions.erosion
    if radius <= 0:
        return []
    half, top = a.dens_ap / 2, a.dens_height
    # Offsets from the dens' axis and base, size relative to the largest, elongation.
    places = [(half - 0.5, top * 0.6, 1.0, 1.3)]
    if a.lesions.grades["dens_erosion"] == 2:
        places += [
            (half - 0.9, top * 0.6 - 1.7 * radius, 0.7, 1.0),
            (-half + 0.5, top * 0.66, 0.9, 1.4),
            (half * 0.45, top - 1.4, 0.75, 0.9),
            (-half * 0.35, top - 1.0, 0.45, 0.8),
        ]
    return [
        Solid(Ellipse(layout.dens(back, up), (radius * share, radius * share * long)), max(2.5, 2.2 * radius))
        for back, up, share, long in places
    ]


def _pannus(layout: Layout) -> list[Layer]:
    """A mass behind and above the dens, or only a slight brightening between clivus and dens."""
    a = layout.anatomy
    size, signal = a.lesions.pannus, a.lesions.pannus_signal
    if size <= 0:
        return []
    half, top, lean = a.dens_ap / 2, a.dens_height, layout.axis.lean
    if size < VISIBLE_PANNUS:
        near, far = layout.dens(0.5, top + 1.5), layout.dens(half + 0.2, top - 2.0)
        spot = Solid(Chain(((near, size * 0.55), (far, size * 0.4))), 6.0)
        return [Layer(spot, 0.56, texture=("mass", 0.05), soft=1.0, opacity=0.9, mask="pannus")]
    width = 5.0 + size * 0.6
    body = Solid(
        Ellipse(layout.dens(half + size * 0.46, top * 0.6), (size * 0.54, top * 0.48), lean - 0.12), width
    )
    cap = Solid(
        Ellipse(layout.dens(half * 0.85, top + 0.2), (half * 0.9, min(3.2, size * 0.4)), lean - 0.5), width
    )
    return [
        Layer(Union((body, cap), blend=4.0), signal, rim=(a.ligament, 0.6), texture=("mass", 0.10), soft=0.6,
              mask="pannus", hides=("csf", "cord")),
    ]  # fmt: skip


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
        condyle = Solid(
            Box((y_mid - 0.5, z01 + 6.2), (9.6, 5.6), lean, 4.0, waist=-1.6, taper=-0.12),
            half_width,
            x=x,
            round=False,
        )
        mass = Solid(
            Box((y_mid + 0.3, (z01 + z12) / 2), (9.2, mass_half - 0.5), lean, 2.0, waist=0.9),
            half_width, x=x, round=False,
        )  # fmt: skip
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
        layers += _joint(layout, joint01, 9.0, share01, x, half_width, FACETS[i], 1.3)
        layers += _joint(layout, joint12, 8.4, share12, x, half_width, FACETS[2 + i], -0.8)
    return layers


def _joint(
    layout: Layout,
    centre: Point,
    half_length: float,
    share: float,
    x: float,
    half_width: float,
    name: str,
    sag: float,
) -> list[Layer]:
    """A joint space: a thin grey line; blossomed, a wide bright cleft with flared, eroded margins.

    ``sag`` is how many mm its middle lies below its ends (C0–C1 is hollow from above, C1–C2 domed).
    """
    a = layout.anatomy
    c, s = float(np.cos(layout.axis.lean)), float(np.sin(layout.axis.lean))

    def at(back: float, up: float) -> Point:
        up = up + sag * ((back / half_length) ** 2 - 0.5)
        return centre[0] + back * c - up * s, centre[1] + back * s + up * c

    def solid(profile: Ellipse | Chain) -> Solid:
        return Solid(profile, half_width, x=x, round=False)

    def cleft(reach: float, radii: tuple[float, ...]) -> Chain:
        places = np.linspace(-reach, reach, len(radii))
        return Chain(tuple((at(float(back), 0.0), r) for back, r in zip(places, radii, strict=True)))

    if share <= 0.05:
        line = cleft(half_length - 0.8, (0.35, 0.45, 0.45, 0.45, 0.35))
        return [Layer(solid(line), 0.36, soft=0.4, mask=name)]
    flare = half_length + 2.0 * share
    # Osteophytes lip outwards like petals at both ends, above and below the cleft.
    layers = [
        Layer(
            solid(Chain(((at(end * (half_length - 3.5), up * 3.2), 2.4),
                         (at(end * (flare + 0.8), up * (2.0 + 2.2 * share)), 1.3)))),
            a.marrow * 0.85, rim=(a.cortex, 0.8), texture=("marrow", 0.03), mask=name,
        )
        for end in (-1, 1) for up in (-1, 1)
    ]  # fmt: skip
    # The cleft holds effusion, uneven where the end plates are eroded, and swells the capsule at its ends.
    wide = 0.5 + 0.75 * share
    uneven = tuple(wide * k for k in (1.3, 0.85, 1.25, 0.7, 1.15, 0.8, 1.5))
    layers.append(
        Layer(solid(cleft(flare, uneven)), a.effusion * 0.92, texture=("mass", 0.05), soft=0.6, mask=name)
    )
    for back, up, size in ((-4.4, 2.3, 1.2), (2.3, -2.5, 1.4), (5.0, 2.2, 0.9), (-1.8, -2.2, 0.8)):
        cyst = Ellipse(at(back, up), (size * share, size * share * 1.2), 0.4 * back)
        layers.append(Layer(solid(cyst), 0.75, soft=0.7, mask=name))
    return layers
