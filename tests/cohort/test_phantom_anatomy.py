"""The drawn parameters are there in the picture: measured from exact masks, not from the drawing code."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from cohort.phantom.acquire import Acquisition, Geometry, geometry_of, render
from cohort.phantom.anatomy import FACETS, NOT_VISIBLE, Anatomy, Lesions, draw_lesions, make_patient
from cohort.phantom.layout import lay_out
from cohort.phantom.observe import landmarks, observed_grades
from cohort.phantom.paint import MASKS, named
from cohort.phantom.scene import build_scene

#: One slice through the midline at 0.35 mm pixels.
MIDLINE = Acquisition(matrix=512, fov=180, slices=1, subslices=1, noise=0, bias=0, coil=0, centre=(0.0, 25.0))
SEEDS = range(6)


def midline(anatomy: Anatomy) -> tuple[dict[str, np.ndarray], Geometry]:
    _, masks, geometry = render(anatomy, MIDLINE, np.random.default_rng(0))
    return {name: mask[0] for name, mask in masks.items()}, geometry


def points(mask: np.ndarray, geometry: Geometry) -> np.ndarray:
    """(y, z) in mm of every pixel of a midline mask."""
    rows, columns = np.nonzero(mask)
    at = (
        geometry.positions[0]
        + rows[:, None] * geometry.spacing[0] * geometry.column
        + columns[:, None] * geometry.spacing[1] * geometry.row
    )
    return at[:, 1:]


def measured_mcrae(masks: dict[str, np.ndarray], geometry: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """Basion and opisthion: where clivus and occipital bone come nearest across the foramen magnum."""
    clivus, occiput = points(masks["clivus"], geometry), points(masks["occiput"], geometry)
    occiput = occiput[occiput[:, 1] < occiput[:, 1].min() + 12]
    distance, nearest = cKDTree(occiput).query(clivus)
    k = int(distance.argmin())
    return clivus[k], occiput[nearest[k]]


@pytest.mark.parametrize("seed", SEEDS)
def test_mcrae_length(seed: int) -> None:
    anatomy = make_patient(seed)
    basion, opisthion = measured_mcrae(*midline(anatomy))
    assert np.hypot(*(opisthion - basion)) == pytest.approx(anatomy.mcrae, abs=1.2)


@pytest.mark.parametrize("below", [8.0, 3.0, 0.6, -2.0, -6.0, -9.0])
def test_dens_tip_is_as_far_below_mcrae_as_drawn(below: float) -> None:
    anatomy = make_patient(3).with_lesions(Lesions(tip_below_mcrae=below))
    layout = lay_out(anatomy)
    assert layout.tip_below_mcrae == pytest.approx(below, abs=1e-9)

    masks, geometry = midline(anatomy)
    basion, opisthion = np.array(layout.basion), np.array(layout.opisthion)
    along = (opisthion - basion) / np.linalg.norm(opisthion - basion)
    up = np.array([-along[1], along[0]])
    dens = (points(masks["dens"], geometry) - basion) @ up
    assert -dens.max() == pytest.approx(below, abs=0.8)


@pytest.mark.parametrize("below", [0.6, 5.0, 10.4, -2.0, -9.0])
def test_translocation_grade_is_the_sign(below: float) -> None:
    assert Lesions(tip_below_mcrae=below).grades["vertical_translocation"] == int(below < 0)


@pytest.mark.parametrize("seed", SEEDS)
def test_dens_and_atlantodental_interval(seed: int) -> None:
    anatomy = make_patient(seed)
    layout = lay_out(anatomy)
    masks, geometry = midline(anatomy)
    lean = layout.axis.lean
    back, up = np.array([np.cos(lean), np.sin(lean)]), np.array([-np.sin(lean), np.cos(lean)])
    dens = points(masks["dens"], geometry) - np.array(layout.dens_base)
    arch = points(masks["anterior_arch"], geometry) - np.array(layout.dens_base)

    def near(level: float, p: np.ndarray) -> np.ndarray:
        return (p @ back)[np.abs(p @ up - level) < 0.4]

    level = anatomy.dens_height * 0.3
    assert np.ptp(near(level, dens)) == pytest.approx(anatomy.dens_ap, abs=0.9)
    assert (dens @ up).max() == pytest.approx(anatomy.dens_height, abs=0.8)
    height = float(np.median(arch @ up))
    gap = near(height, dens).min() - near(height, arch).max()
    assert gap == pytest.approx(anatomy.atlantodental, abs=0.9)


@pytest.mark.parametrize("seed", SEEDS)
def test_canal_at_c5(seed: int) -> None:
    anatomy = make_patient(seed, degeneration=0.0)
    layout = lay_out(anatomy)
    masks, geometry = midline(anatomy)
    sac = points(masks["csf"] | masks["cord"], geometry)
    z = layout.bodies[2].at(layout.bodies[2].depth / 2, 0)[1]
    width = np.ptp(sac[np.abs(sac[:, 1] - z) < 0.4][:, 0])
    assert width == pytest.approx(anatomy.canal_c5, abs=0.9)


def test_degeneration_narrows_and_darkens_discs() -> None:
    healthy, worn = make_patient(4, degeneration=0.0), make_patient(4, degeneration=1.0)
    for level in range(6):
        share = worn.disc_share[level]
        high, low = lay_out(healthy).discs[level].height, lay_out(worn).discs[level].height
        assert low / high == pytest.approx(1 - 0.55 * share)
    signal = []
    for anatomy in (healthy, worn):
        volume, masks, _ = render(anatomy, MIDLINE, np.random.default_rng(0))
        signal.append(volume[masks["subaxial_discs"]].mean())
    assert signal[1] < 0.6 * signal[0]


@pytest.mark.parametrize(
    ("small", "large", "mask"),
    [
        (Lesions(pannus=2.0), Lesions(pannus=8.0), "pannus"),
        (Lesions(erosion=0.9), Lesions(erosion=2.8), "erosion"),
    ],
)
def test_lesions_grow_with_their_grade(small: Lesions, large: Lesions, mask: str) -> None:
    areas = [
        int(midline(make_patient(2).with_lesions(lesions))[0][mask].sum())
        for lesions in (Lesions(), small, large)
    ]
    assert areas[0] == 0 < areas[1] < areas[2] / 3


def test_visible_pannus_is_as_thick_as_drawn() -> None:
    anatomy = make_patient(2).with_lesions(Lesions(pannus=7.0))
    layout = lay_out(anatomy)
    masks, geometry = midline(anatomy)
    lean = layout.axis.lean
    p = points(masks["pannus"], geometry) - np.array(layout.dens_base)
    back, up = p @ [np.cos(lean), np.sin(lean)], p @ [-np.sin(lean), np.cos(lean)]
    thickness = np.ptp(back[np.abs(up - anatomy.dens_height * 0.55) < 0.4])
    assert thickness == pytest.approx(7.0, abs=1.2)


def test_masks_are_exact_and_disjoint() -> None:
    masks, _ = midline(make_patient(1).with_lesions(Lesions(pannus=7.0, erosion=2.5)))
    assert set(masks) == set(MASKS)
    for one, other in (("dens", "axis_body"), ("csf", "cord"), ("dens", "erosion"), ("pannus", "csf")):
        assert not (masks[one] & masks[other]).any(), (one, other)
    assert masks["disc_region"][masks["subaxial_discs"]].all()
    assert masks["disc_region"].sum() > masks["subaxial_discs"].sum()


def test_every_name_in_a_scene_is_a_known_mask() -> None:
    lesions = Lesions(pannus=7.0, erosion=2.5, blossoming=(1, 1, 1, 1))
    assert named(build_scene(make_patient(1).with_lesions(lesions)).layers) <= set(MASKS)


def test_masks_do_not_depend_on_noise_or_subslices() -> None:
    anatomy = make_patient(8)
    a = render(anatomy, Acquisition(matrix=128, slices=5, subslices=1, noise=0.0), np.random.default_rng(1))[
        1
    ]
    b = render(anatomy, Acquisition(matrix=128, slices=5, subslices=3, noise=0.05), np.random.default_rng(2))[
        1
    ]
    assert all((a[name] == b[name]).all() for name in MASKS)


def test_facets_are_invisible_near_the_midline() -> None:
    """Within 8 mm of the midline a blossomed facet changes neither a mask nor a single pixel."""
    anatomy = make_patient(6)
    acq = Acquisition(matrix=192, slices=5, spacing=4.0, thickness=3.0, noise=0, bias=0)  # x = -8 … 8
    blossomed = anatomy.with_lesions(Lesions(tip_below_mcrae=5, blossoming=(1, 1, 1, 1)))
    plain = anatomy.with_lesions(Lesions(tip_below_mcrae=5))
    (seen, masks, _), (unseen, _, _) = (render(a, acq, np.random.default_rng(0)) for a in (blossomed, plain))
    inner = slice(1, 4)  # partial volume of the outermost slices reaches beyond 8 mm
    assert not any(masks[key][inner].any() for key in FACETS)
    assert (seen[inner] == unseen[inner]).all()

    wide = Acquisition(matrix=192, slices=15, noise=0, bias=0)
    (seen, masks, _), (unseen, _, _) = (render(a, wide, np.random.default_rng(0)) for a in (blossomed, plain))
    assert all(masks[key].any() for key in FACETS)
    assert (seen != unseen).any()


def test_left_is_left() -> None:
    anatomy = make_patient(6).with_lesions(Lesions(blossoming=(1, 0, 0, 1)))
    _, masks, geometry = render(
        anatomy, Acquisition(matrix=128, slices=15, noise=0), np.random.default_rng(0)
    )
    x = geometry.positions[:, 0]
    assert (x[masks["facet_c0c1_left"].any(axis=(1, 2))] > 8).all()  # LPS: x grows to the left
    assert (x[masks["facet_c1c2_right"].any(axis=(1, 2))] < -8).all()


def test_facets_out_of_the_stack_are_not_visible() -> None:
    anatomy = make_patient(6).with_lesions(Lesions(blossoming=(1, 0, 0, 0)))
    full = observed_grades(anatomy, geometry_of(Acquisition(slices=15)))
    assert full == anatomy.lesions.grades
    middle = observed_grades(anatomy, geometry_of(Acquisition(slices=6)))
    assert [middle[key] for key in FACETS] == [NOT_VISIBLE] * 4
    lopsided = observed_grades(anatomy, geometry_of(Acquisition(slices=7, shift=(9.0, 0, 0))))
    assert lopsided["facet_c0c1_left"] == NOT_VISIBLE
    assert lopsided["facet_c1c2_right"] == 0


def test_landmarks_are_in_patient_space() -> None:
    anatomy = make_patient(9)
    here, there = (
        landmarks(anatomy, geometry_of(Acquisition(shift=s))) for s in ((0, 0, 0), (2.0, -5.0, 7.0))
    )
    for name in ("basion", "opisthion", "dens_tip"):
        assert np.subtract(there[name], here[name]) == pytest.approx([2.0, -5.0, 7.0])
    assert there["midline"]["point"][0] == pytest.approx(2.0)


@pytest.mark.parametrize("category", ["clean", "intermediate", "case"])
def test_drawn_lesions_have_their_category(category: str) -> None:
    rng = np.random.default_rng(11)
    for _ in range(200):
        g = draw_lesions(rng, category).grades
        severe = (
            g["pannus"] == 2
            or g["dens_erosion"] == 2
            or g["vertical_translocation"]
            or any(g[k] for k in FACETS)
        )
        doubtful = g["pannus"] == 1 or g["dens_erosion"] == 1
        assert category == ("case" if severe else "intermediate" if doubtful else "clean")


def test_lesions_of_a_case_are_independent() -> None:
    """Given that there is visible pannus, the others keep their own frequencies."""
    rng = np.random.default_rng(5)
    drawn = [draw_lesions(rng, "case").grades for _ in range(4000)]
    with_pannus = [g for g in drawn if g["pannus"] == 2]
    share = np.mean([g["dens_erosion"] == 2 for g in with_pannus])
    assert share == pytest.approx(0.35, abs=0.04)
    assert np.mean([g["vertical_translocation"] for g in with_pannus]) == pytest.approx(0.25, abs=0.04)


def test_bad_degeneration_is_refused() -> None:
    with pytest.raises(ValueError, match="degeneration"):
        make_patient(0, degeneration=1.2)
