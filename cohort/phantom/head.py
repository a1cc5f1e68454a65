"""Skull base, brain stem and cerebellum; face, mouth and larynx before the spine."""

from __future__ import annotations

from cohort.phantom.layers import Layer
from cohort.phantom.layout import Layout
from cohort.phantom.profiles import Box, Chain, Ellipse, Point
from cohort.phantom.shapes import Solid


def skull_layers(layout: Layout) -> list[Layer]:
    """Cranium, clivus and occipital bone, with the posterior fossa and what lies in it."""
    a, at, m = layout.anatomy, layout.skull, layout.anatomy.mcrae
    tilt = a.mcrae_angle
    fossa = Ellipse(at(m * 0.7, 36), (41 + (m - 34.4) / 2, 37.5), tilt)
    vault = Ellipse(at(14, 92), (86, 52), tilt)

    def wider(e: Ellipse, by: float) -> Ellipse:
        return Ellipse(e.centre, (e.radii[0] + by, e.radii[1] + by), e.angle)

    clivus = Chain(((at(-1.0, 1.35), 1.7), (at(-4.2, 6.4), 3.6), (at(-10.5, 16.0), 5.2), (at(-23, 33), 7.5)))
    squama = Chain(
        ((at(m + 2.6, 0), 2.6), (at(m + 8, -0.6), 3.0), (at(m + 14, 1.0), 3.2), (at(m + 20, 5), 3.4),
         (at(m + 26, 11), 3.7), (at(m + 31, 19), 4.0), (at(m + 35, 29), 5.2), (at(m + 36.5, 38), 4.6),
         (at(m + 37, 50), 4.2), (at(m + 33, 78), 4.0), (at(m + 20, 110), 4.0))
    )  # fmt: skip
    bone: list[Layer] = []
    for cavity in (vault, fossa):
        bone.append(
            Layer(
                Solid(wider(cavity, 6.5), 60), a.marrow * 0.9, rim=(a.cortex, 1.6), texture=("marrow", 0.05)
            )
        )
    inside = [Layer(Solid(cavity, 58), a.csf, mask="csf", soft=0.6) for cavity in (vault, fossa)]
    folia, gyri = ("folia", 0.06), ("gyri", 0.075)
    hemispheres = Ellipse(at(m * 0.7 + 9, 33), (31, 30.5), tilt)
    vermis = Ellipse(at(m + 2, 30.5), (25, 23.5), tilt + 0.3)
    # Under the tentorium the fossa has its own contents.
    below = Solid(Ellipse(at(m * 0.7, 22), (43, 31), tilt), 58)
    brain = [
        Layer(layout.canal, a.csf, mask="csf", soft=0.5),
        Layer(Solid(wider(vault, -1.5), 56, cuts=(below,)), a.brain * 1.05, texture=gyri, soft=1.5),
        # Hemispheres fill the fossa beside the midline; in it the vermis leaves cisterns below and before.
        *(
            Layer(Solid(hemispheres, 26, x=side * 30, round=False), a.brain, texture=folia, soft=1.0)
            for side in (-1, 1)
        ),
        Layer(Solid(vermis, 10), a.brain * 1.02, texture=folia, soft=1.0),
        Layer(
            Solid(Ellipse(at(m - 4, 33), (8, 7), tilt + 0.3), 9),
            a.brain * 0.88,
            texture=("soft", 0.03),
            soft=3,
        ),
        # Tentorium and straight sinus.
        Layer(Solid(Chain(((at(m + 30, 42), 1.3), (at(14, 60), 0.8))), 50, round=False), 0.05, soft=0.6),
        Layer(Solid(Ellipse(at(m - 19, 31), (4, 9), tilt - 0.25), 8), a.csf, soft=0.8),
    ]
    grey = ("soft", 0.02)
    # The medulla goes over into the cord where that begins.
    cord = layout.cord
    end = (float(cord.anterior[-1] + cord.posterior[-1]) / 2, float(cord.z[-1]) - 2.0)
    wide = float(cord.posterior[-1] - cord.anterior[-1]) / 2
    # A Bézier curve that leaves the cord in its own direction and ends in the pons.
    ahead = (float(cord.anterior[-12] + cord.posterior[-12]) / 2, float(cord.z[-12]))
    turn = (end[0] + 2.2 * (end[0] - ahead[0]), end[1] + 2.2 * (end[1] - ahead[1]))
    pons = at(0.5, 29)
    bend = [
        tuple((1 - t) ** 2 * end[k] + 2 * t * (1 - t) * turn[k] + t * t * pons[k] for k in (0, 1))
        for t in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    radii = (wide, 6.1, 6.5, 7.2, 8.6)
    trunk = Chain((*zip(bend, radii, strict=True), (at(-3, 54), 9.5)))  # type: ignore[arg-type]
    stem = [
        Layer(Solid(trunk, 10), a.brain * 0.95, texture=grey, soft=0.8),
        Layer(Solid(Ellipse(at(-9, 33), (10.5, 14), tilt + 0.5), 17), a.brain * 0.92, texture=grey, soft=0.8),
        # Basilar artery, a flow void in the prepontine cistern.
        Layer(Solid(Chain(((at(-6.5, 17), 1.1), (at(-18.5, 34), 1.2))), 2.0), 0.05, soft=0.4),
    ]  # fmt: skip
    petrous = Ellipse(at(-5, 21), (13, 16), tilt)
    base_sides = [
        Layer(Solid(petrous, 15, x=side * 26, round=False), 0.16, texture=("soft", 0.05), rim=(0.05, 1.5))
        for side in (-1, 1)
    ]
    rim = (a.cortex, 1.1)
    base = [
        Layer(Solid(Ellipse(at(-42, 36), (13, 10), tilt), 14), 0.02, rim=(0.3, 1.5), mask="air", soft=0.5),
        Layer(Solid(clivus, 16), a.marrow * 1.15, rim=rim, texture=("marrow", 0.05), mask="clivus"),
        Layer(
            Solid(squama, 60, round=False),
            a.marrow,
            rim=(a.cortex, 1.4),
            texture=("marrow", 0.05),
            mask="occiput",
        ),
    ]
    return [*bone, *inside, *base_sides, *brain, *stem, *base]


def face_layers(layout: Layout) -> list[Layer]:
    """Nose, palate, tongue, mandible, epiglottis, hyoid, larynx; all before the airway is painted."""
    a, f = layout.anatomy, layout.anatomy.face
    (_, bz), fat = layout.basion, layout.anatomy.fat_signal

    def p(y: float, z: float) -> Point:
        return y * f, bz + z

    bone = {"rim": (a.cortex, 1.4), "texture": ("marrow", 0.05)}
    return [
        # Nasal cavity with conchae, then the hard palate with the soft palate behind it.
        Layer(Solid(Box(p(-68, 14), (34, 15), 0.0, 6), 17), 0.26, texture=("soft", 0.08), soft=2),
        Layer(Solid(Box(p(-70, 10), (26, 2.2), -0.1, 2), 15), 0.02, soft=1.5, opacity=0.9),
        Layer(Solid(Box(p(-68, 20), (24, 2.0), -0.1, 2), 15), 0.02, soft=1.5, opacity=0.9),
        Layer(
            Solid(Chain((((p(-92, -6)), 3.0), (p(-70, -3), 2.0), (p(-48, -3), 1.6))), 24),
            0.2,
            rim=(0.04, 1.2),
        ),
        Layer(
            Solid(Chain(((p(-48, -3), 3.2), (p(-34, -9), 3.6), (p(-27, -22), 2.4))), 16),
            0.36,
            texture=("soft", 0.03),
        ),
        # Tongue and the floor of the mouth.
        Layer(Solid(Ellipse(p(-60, -27), (31, 21), 0.15), 26), 0.30, texture=("soft", 0.04), soft=1.2),
        Layer(Solid(Ellipse(p(-60, -40), (22, 9), 0.3), 20), 0.36, texture=("soft", 0.07), soft=2.0),
        Layer(Solid(Chain(((p(-84, -46), 2.2), (p(-50, -54), 2.4))), 22), a.muscle, soft=0.8),
        # Teeth and lips.
        Layer(Solid(Box(p(-93, -15), (3.0, 8), 0.1, 2), 24, bow=0.03), 0.03, soft=0.6),
        Layer(Solid(Box(p(-91, -30), (3.0, 7), -0.1, 2), 24, bow=0.03), 0.03, soft=0.6),
        # Mandible: the symphysis in the midline, the body to the sides.
        Layer(Solid(Ellipse(p(-88, -42), (5.5, 11), 0.1), 26, bow=0.035), a.marrow * 1.3, **bone),  # type: ignore[arg-type]
        # Fat before the epiglottis, the epiglottis, hyoid and the cartilages of the larynx.
        Layer(Solid(Ellipse((-35, 4), (7, 12), -0.3), 14), fat * 0.9, texture=("soft", 0.06), soft=1.5),
        Layer(Solid(Chain((((-26, 15), 1.1), ((-30, 2), 1.5), ((-32, -8), 1.4))), 11), 0.2, soft=0.5),
        Layer(Solid(Ellipse((-43, 5), (3.2, 4.5), -0.3), 22, bow=0.03), a.marrow, rim=(a.cortex, 1.1)),
        Layer(Solid(Chain((((-46, -14), 2.2), ((-42, -30), 2.0))), 18, bow=0.04), 0.33, rim=(0.08, 0.9)),
        Layer(Solid(Box((-22, -34), (3.2, 9), 0.0, 2.5), 10), 0.36, rim=(0.08, 1.0)),
        Layer(Solid(Ellipse((-42, -38), (3.0, 4.0), 0.0), 10), 0.33, rim=(0.08, 0.9)),
        # Thyroid isthmus and lobes, then the great vessels behind the sternum.
        Layer(Solid(Ellipse((-44, -52), (5, 9), 0.1), 22), 0.42, texture=("mass", 0.04), soft=0.8),
        Layer(Solid(Ellipse((-38, -96), (9, 7), 0.2), 30), 0.03, rim=(0.2, 1.2), soft=0.8),
        Layer(Solid(Box((-62, -108), (5.5, 20), -0.25, 3), 26), a.marrow * 1.2, **bone),  # type: ignore[arg-type]
    ]
