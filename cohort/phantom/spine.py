"""C2–T4: bodies, discs, ligaments, cord and canal, spinous processes; pillars and foramina at the sides."""

from __future__ import annotations

import itertools

import numpy as np

from cohort.phantom.layers import Layer
from cohort.phantom.layout import HEIGHTS, Layout, Piece
from cohort.phantom.profiles import Box, Chain, Ellipse
from cohort.phantom.shapes import Column, Solid

#: Spinous process of each level: length in mm and slope below horizontal in degrees.
SPINOUS = {
    "C2": (21, 22), "C3": (13, 28), "C4": (14, 30), "C5": (16, 30), "C6": (20, 28), "C7": (29, 26),
    "T1": (31, 30), "T2": (31, 38), "T3": (30, 44), "T4": (30, 48),
}  # fmt: skip


def spine_layers(layout: Layout) -> list[Layer]:
    """The midline spine, painted over the neck's soft tissue and the lateral structures."""
    a = layout.anatomy
    layers: list[Layer] = []
    canal = layout.canal
    # Fat around the sac, mostly behind it, then the dark dura, then CSF and cord.
    low = canal.z < layout.basion[1] - 12
    fade = np.clip((layout.basion[1] - 12 - canal.z[low]) / 14, 0, 1)
    fat = Column(canal.z[low], canal.anterior[low] - 0.5, canal.posterior[low] - 0.5 + 2.7 * fade, 13.0)
    dura = Column(canal.z[low], canal.anterior[low] - 0.8, canal.posterior[low] + 0.8, 12.4)
    wide = canal.z < layout.basion[1] - 9
    sac = Column(canal.z[wide], canal.anterior[wide], canal.posterior[wide], 12.0)
    layers += [
        Layer(fat, a.fat_signal * 0.85, soft=0.8),
        Layer(dura, a.ligament, soft=0.3),
        Layer(sac, a.csf, mask="csf", soft=0.3),
        Layer(layout.cord, a.cord, texture=("muscle", 0.012), soft=0.5, mask="cord", hides=("csf",)),
    ]
    for piece in (layout.axis, *layout.bodies):
        layers += _posterior(layout, piece)
    for body in layout.bodies:
        layers.append(_body(layout, body))
    for i, disc in enumerate(layout.discs):
        layers += _disc(layout, i, disc)
    layers += _long_ligaments(layout)
    return layers


def _body(layout: Layout, p: Piece) -> Layer:
    a = layout.anatomy
    profile = Box(p.centre, (p.depth / 2, p.height / 2), p.lean, 1.6, waist=0.5)
    return Layer(
        Solid(profile, 13.0, round=False),
        a.marrow,
        rim=(a.cortex, 0.75),
        texture=("marrow", 0.035),
        mask="bodies",
    )


def _disc(layout: Layout, i: int, p: Piece) -> list[Layer]:
    """A disc with its annulus; a degenerate one is narrow, dark, bulging and has osteophytes."""
    a = layout.anatomy
    d = a.disc_degeneration(i) if i < 6 else 0.1
    nucleus = a.disc_healthy + d * (a.disc_degenerate - a.disc_healthy)
    bulge = 3.0 * d
    name = "subaxial_discs" if i < 6 else ""
    half = (p.depth / 2 + 0.3, p.height / 2)
    disc = Box(p.centre, half, p.lean, min(1.4, half[1] * 0.9), waist=-0.35)
    core = Box(p.centre, (half[0] * 0.82, half[1] * 0.84), p.lean, half[1] * 0.7, waist=-0.3)
    layers = [
        Layer(
            Solid(disc, 12.5, round=False),
            0.5 * (a.ligament + nucleus),
            rim=(0.10, 0.45),
            mask=name,
            hides=("bodies",),
        ),
        Layer(Solid(core, 10.5), nucleus, texture=("marrow", 0.02), soft=0.9),
    ]
    if bulge > 0.4:
        sag = Chain(
            (
                (p.at(p.depth / 2 - 2.2, 0), half[1] * 0.7),
                (p.at(p.depth / 2 + bulge - half[1] * 0.5, 0), half[1] * 0.5),
            )
        )
        layers.append(
            Layer(Solid(sag, 9.5), 0.13 + 0.1 * (1 - d), soft=0.4, mask=name, hides=("csf", "cord"))
        )
    if d > 0.25:
        for side, length in ((-1, 4.2), (1, 2.4)):
            for up in (-1, 1):
                root = p.at(side * (p.depth / 2 - 1.6), up * (half[1] + 1.6))
                tip = p.at(side * (p.depth / 2 + length * d - 1.0), up * (half[1] * 0.5 + 0.5))
                spur = Chain(((root, 2.1), (tip, 1.1)))
                layers.append(
                    Layer(Solid(spur, 10.0), a.marrow * 0.9, rim=(a.cortex, 0.7), hides=("csf", "cord"))
                )
    return layers


def _long_ligaments(layout: Layout) -> list[Layer]:
    """Anterior and posterior longitudinal ligaments along bodies and discs."""
    a = layout.anatomy
    pieces = sorted((layout.axis, *layout.bodies, *layout.discs), key=lambda p: p.centre[1])
    layers = []
    for side, width in ((-1, 0.55), (1, 0.6)):
        line = []
        for i, p in enumerate(pieces):
            bulge = 0.0
            if p in layout.discs[:6] and side > 0:
                bulge = 3.0 * a.disc_degeneration(layout.discs.index(p)) * 0.9
            out = p.depth / 2 + 0.45 + bulge
            if i in (0, len(pieces) - 1) or p in layout.discs:
                line.append((p.at(side * out, 0), width))
            else:
                line += [
                    (p.at(side * (out - 0.3), -p.height * 0.3), width),
                    (p.at(side * (out - 0.3), p.height * 0.3), width),
                ]
        z = HEIGHTS[(line[0][0][1] < HEIGHTS) & (line[-1][0][1] > HEIGHTS)]
        y = np.interp(z, [q[1] for q, _ in line], [q[0] for q, _ in line])
        layers.append(Layer(Column(z, y - width, y + width, 10.0, round=False), a.ligament, soft=0.3))
    return layers


def _posterior(layout: Layout, p: Piece) -> list[Layer]:
    """Spinous process in the midline, lamina to either side, yellow ligament between."""
    a = layout.anatomy
    length, slope = SPINOUS[p.name]
    top = p.name == "C2"
    z = p.centre[1] - (p.height * 0.28 if top else p.height * 0.30)
    wall = float(np.interp(z, layout.canal.z, layout.canal.posterior)) + 2.0
    angle = np.deg2rad(slope) - p.lean * 0.3
    c, s = float(np.cos(angle)), float(np.sin(angle))
    thick = 4.6 if top else 3.0 if p.name in ("C3", "C4", "C5") else 3.8
    start, end = (wall + 3.0, z), (wall + length * c, z - length * s)
    neck = (wall + length * 0.55 * c, z - length * 0.5 * s)
    process = Chain(((start, thick * 0.9), (neck, thick * 0.8), (end, thick)))
    lamina = Ellipse((wall + 2.6, z + 1.0), (2.6, 6.4), 0.35)
    under = z - p.height * 0.8
    wall_under = float(np.interp(under, layout.canal.z, layout.canal.posterior)) + 2.0
    yellow = Chain((((wall, z - 3.0), 0.9), ((wall_under + 0.4, under), 0.9)))
    bone = (a.cortex, 0.8)
    return [
        Layer(Solid(yellow, 10.0, round=False, bow=-0.03), a.ligament * 1.5, soft=0.5),
        Layer(
            Solid(lamina, 15.0, round=False, bow=-0.028), a.marrow * 1.05, rim=bone, texture=("marrow", 0.03)
        ),
        Layer(Solid(process, 4.2), a.marrow * 1.1, rim=bone, texture=("marrow", 0.04)),
    ]


def lateral_layers(layout: Layout) -> list[Layer]:
    """Articular pillars with oblique joints, neural foramina, vertebral arteries; both sides."""
    a = layout.anatomy
    layers: list[Layer] = []
    pieces = (layout.axis, *layout.bodies[:6])
    rising = pieces[::-1]
    middle = np.interp(HEIGHTS, [p.centre[1] for p in rising], [p.centre[0] for p in rising])
    span = (pieces[-2].centre[1] - 10 < HEIGHTS) & (layout.axis.centre[1] + 4 > HEIGHTS)
    for side in (-1, 1):
        artery = Column(HEIGHTS[span], middle[span] - 2.2, middle[span] + 2.2, 2.6, x=side * 16.0)
        for upper, lower in itertools.pairwise(pieces):
            y = (upper.centre[0] + lower.centre[0]) / 2 + upper.depth / 2
            z = (upper.centre[1] + lower.centre[1]) / 2
            foramen = Ellipse((y + 0.5, z), (4.0, 5.4), upper.lean)
            layers += [
                Layer(Solid(foramen, 5.5, x=side * 13.5), a.fat_signal * 0.9, soft=0.8),
                Layer(Solid(Ellipse((y + 0.8, z - 0.8), (2.0, 2.2)), 5.0, x=side * 13.0), a.cord, soft=0.6),
            ]
        for i, p in enumerate(pieces):
            y, z = p.at(p.depth / 2 + 7.0, -p.height * (0.42 if i == 0 else 0.12))
            pillar = Box((y, z), (5.8, 8.0), p.lean, 1.8, shear=0.7)
            layers.append(
                Layer(
                    Solid(pillar, 6.5, x=side * 17.5),
                    a.marrow,
                    rim=(a.cortex, 1.0),
                    texture=("marrow", 0.035),
                )
            )
        layers.append(Layer(artery, 0.03, soft=0.4))
    return layers
