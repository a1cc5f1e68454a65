"""Geometry, noise, bias, determinism and speed of the phantom's acquisition."""

from __future__ import annotations

import numpy as np
import pytest

from cohort.phantom.acquire import (
    Acquisition,
    add_rician,
    bias_field,
    draw_acquisition,
    geometry_of,
    render,
    render_planes,
)
from cohort.phantom.anatomy import Lesions, make_patient
from cohort.phantom.layout import lay_out

SMALL = Acquisition(matrix=128, slices=7)


def test_same_seed_same_bytes() -> None:
    a = render(make_patient(1), SMALL, np.random.default_rng(2))[0]
    b = render(make_patient(1), SMALL, np.random.default_rng(2))[0]
    assert a.dtype == np.uint16
    assert a.shape == (7, 128, 128)
    assert (a == b).all()


def test_other_seed_other_picture() -> None:
    a = render(make_patient(1), SMALL, np.random.default_rng(2))[0]
    assert (a != render(make_patient(1), SMALL, np.random.default_rng(3))[0]).any()
    assert (a != render(make_patient(2), SMALL, np.random.default_rng(2))[0]).any()


def test_rician_noise_is_rayleigh_in_air() -> None:
    """Without signal the magnitude is Rayleigh: mean sigma·√(π/2), variance sigma²·(2 − π/2)."""
    volume = np.zeros((4, 256, 256), dtype=np.float32)
    add_rician(volume, 0.04, np.random.default_rng(0))
    assert volume.mean() == pytest.approx(0.04 * np.sqrt(np.pi / 2), rel=0.01)
    assert volume.var() == pytest.approx(0.04**2 * (2 - np.pi / 2), rel=0.02)


def test_rician_noise_at_high_signal_is_gaussian() -> None:
    volume = np.ones((4, 256, 256), dtype=np.float32)
    add_rician(volume, 0.04, np.random.default_rng(0))
    assert volume.mean() == pytest.approx(1 + 0.04**2 / 2, abs=5e-4)  # Gudbjartsson 1995: A + σ²/2A
    assert volume.std() == pytest.approx(0.04, rel=0.02)


def test_noise_of_a_rendered_series() -> None:
    """In the air around the body the stored values have the drawn sigma (air is about 1 % of CSF)."""
    acq = Acquisition(matrix=256, slices=3, noise=0.04, bias=0, coil=0, gain=1000)
    volume, masks, _ = render(make_patient(1), acq, np.random.default_rng(0))
    corner = np.zeros_like(masks["air"])
    corner[:, -60:, :25] = True
    air = volume[corner & masks["air"]] / 1000
    assert air.size > 2000
    assert air.std() == pytest.approx(0.04 * np.sqrt(2 - np.pi / 2), rel=0.06)


def test_bias_field_has_the_drawn_spread() -> None:
    acq = Acquisition(matrix=64, slices=9, bias=0.25, coil=0)
    for seed in range(3):
        log = np.log(bias_field((9, 64, 64), acq, np.random.default_rng(seed)))
        assert log.std() == pytest.approx(0.25, rel=0.01)
        assert abs(np.diff(log, axis=1)).max() < 0.1  # smooth


@pytest.mark.parametrize(("yaw", "roll"), [(0, 0), (6, 0), (0, -5), (-7, 4)])
def test_geometry_is_sagittal_and_orthonormal(yaw: float, roll: float) -> None:
    g = geometry_of(Acquisition(matrix=200, slices=9, yaw=yaw, roll=roll))
    assert np.linalg.norm(g.row) == pytest.approx(1)
    assert np.linalg.norm(g.column) == pytest.approx(1)
    assert g.row @ g.column == pytest.approx(0, abs=1e-12)
    assert g.row[1] > 0.98  # columns run to posterior
    assert g.column[2] < -0.98  # rows run to inferior: head up
    steps = np.diff(g.positions @ g.normal)
    assert steps == pytest.approx(3.3)
    tilt = np.degrees(np.arccos(abs(g.normal[0])))
    assert tilt == pytest.approx(np.hypot(yaw, roll), abs=0.1)


def test_landmarks_fall_on_their_pixels() -> None:
    """The dens tip's voxel, found through the tilted and shifted geometry, is where the dens ends."""
    anatomy = make_patient(3).with_lesions(Lesions(tip_below_mcrae=6))
    acq = Acquisition(matrix=512, fov=220, slices=9, yaw=5, roll=-4, shift=(1.5, -4.0, 9.0), noise=0, bias=0)
    _, masks, geometry = render(anatomy, acq, np.random.default_rng(0))
    layout = lay_out(anatomy)
    for up, inside in ((-2.5, True), (2.5, False)):
        tip = layout.dens(0.0, anatomy.dens_height + up)
        k, r, c = np.rint(geometry.to_voxel(geometry.to_patient((0.0, *tip)))).astype(int)
        assert masks["dens"][k, r, c] == inside


def test_anterior_is_left_and_head_is_up() -> None:
    """The cord lies behind the bodies (larger column), the clivus above the discs (smaller row)."""
    _, masks, _ = render(make_patient(2), Acquisition(matrix=128, slices=1), np.random.default_rng(0))

    def centre(name: str) -> np.ndarray:
        return np.argwhere(masks[name][0]).mean(axis=0)

    assert centre("cord")[1] > centre("bodies")[1] + 3
    assert centre("clivus")[0] < centre("subaxial_discs")[0] - 20


def test_partial_volume_is_the_mean_of_subslices() -> None:
    """A thick slice of sub-slices is the mean of thin ones at the same places, but for the background."""
    anatomy = make_patient(5)
    plain = {"matrix": 128, "noise": 0.0, "bias": 0.0, "coil": 0.0, "gain": 1000.0}
    thick = Acquisition(slices=1, subslices=4, thickness=4.0, **plain)  # type: ignore[arg-type]
    thin = Acquisition(slices=4, subslices=1, thickness=1.0, spacing=1.0, **plain)  # type: ignore[arg-type]
    a = render(anatomy, thick, np.random.default_rng(0), with_masks=False)[0][0].astype(float)
    b = render(anatomy, thin, np.random.default_rng(0), with_masks=False)[0].mean(axis=0)
    assert np.abs(a - b).mean() < 3  # of 1000


def test_drawn_acquisitions_stay_in_range() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        acq = draw_acquisition(rng)
        assert 200 <= acq.fov <= 260
        assert 256 <= acq.matrix <= 512
        assert acq.slices in (13, 15, 17)
        assert abs(acq.yaw) <= 8
        assert abs(acq.shift[0]) <= 3
        assert 0.02 <= acq.noise <= 0.05


def test_junction_and_subaxial_spine_are_always_in_view() -> None:
    rng = np.random.default_rng(1)
    for seed in range(60):
        anatomy = make_patient(seed)
        geometry = geometry_of(draw_acquisition(rng))
        layout = lay_out(anatomy)
        for point in (layout.basion, layout.opisthion, layout.dens_tip, layout.discs[5].centre):
            _, r, c = geometry.to_voxel(geometry.to_patient((0.0, *point)))
            assert 0 < r < geometry.shape[0] - 1
            assert 0 < c < geometry.shape[1] - 1


@pytest.mark.parametrize("field", ["matrix", "slices", "subslices", "fov", "spacing", "thickness", "gain"])
def test_impossible_acquisitions_are_refused(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        Acquisition(**{field: 0})


def test_planes_for_training() -> None:
    necks = [make_patient(k, degeneration=k % 2) for k in range(8)]
    images, regions = render_planes(necks, 96, seed=3)
    assert images.shape == regions.shape == (8, 6, 96, 96)
    assert images.dtype == np.float32
    assert np.isfinite(images).all()
    again, _ = render_planes(necks, 96, seed=3)
    assert (images == again).all()
    assert regions.any(axis=(1, 2, 3)).all()
    assert regions.mean() < 0.08  # a region, not the picture
    # The planted sign is there: worn discs are darker, relative to the picture.
    tone = [image[region].mean() / image.mean() for image, region in zip(images, regions, strict=True)]
    assert np.mean(tone[1::2]) < np.mean(tone[0::2])


def test_masks_can_be_left_out() -> None:
    assert render(make_patient(1), SMALL, np.random.default_rng(0), with_masks=False)[1] == {}
