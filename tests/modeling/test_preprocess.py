"""Input planes: where they lie, what they hold, and the cache."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from scipy.ndimage import map_coordinates
from torch.nn import functional

from cohort.stack import stored_content_hash
from modeling.manifest import SeriesRef
from modeling.recipe import Recipe, paper, recommended
from modeling.training import preprocess
from modeling.training import volume as volume_module
from modeling.training.preprocess import (
    CLIP_PERCENTILES,
    cached_planes,
    input_planes,
    interpolation_weights,
    plane_positions,
    series_planes,
    settings_hash,
)
from modeling.training.volume import ImageError, Volume, load_series
from tests.modeling.tiny import write_series


def recipe(**changes) -> Recipe:
    return paper().with_overrides({"grid": "fit", "size": 64} | changes)


def volume_of(voxels, *, gap=3.3, spacing=(0.5, 0.5), origin=(-20.0, -60.0, 50.0)) -> Volume:
    axes = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])
    positions = np.arange(len(voxels)) * gap
    return Volume(voxels.astype(np.float32), positions, spacing, axes, np.array(origin))


def smooth(slices=13, rows=90, columns=110, seed=0) -> np.ndarray:
    coarse = torch.tensor(np.random.default_rng(seed).normal(size=(1, 1, 5, 6, 7)))
    fine = functional.interpolate(coarse, size=(slices, rows, columns), mode="trilinear", align_corners=True)
    return fine[0, 0].numpy() * 100 + 500


# Where the planes lie.


def test_planes_of_the_paper_span_three_millimetres_either_side():
    # 15 slices 3.3 mm apart cover 49.5 mm: 49 planes of 1 mm, centred at 23.1 mm; the middle six.
    found = plane_positions(np.arange(15) * 3.3, recipe())
    assert found == pytest.approx(23.1 + np.array([-3, -2, -1, 0, 1, 2]))
    # 16 slices 3 mm apart cover 48 mm: an even number of planes, symmetric about the middle.
    found = plane_positions(np.arange(16) * 3.0, recipe())
    assert found == pytest.approx(22.5 + np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]))


def test_acquired_planes_are_the_middle_slices():
    found = plane_positions(np.arange(15) * 3.3, recipe(volume="acquired"))
    assert found == pytest.approx(np.arange(4, 10) * 3.3)


@pytest.mark.parametrize(
    ("volume", "slices", "gap", "words"),
    [("acquired", 5, 3.3, "5 acquired slices"), ("resample_1mm", 5, 1.0, "5 planes of 1 mm")],
)
def test_too_thin_a_stack_is_refused(volume, slices, gap, words):
    with pytest.raises(ImageError, match=f"{words} are fewer than the 6"):
        plane_positions(np.arange(slices) * gap, recipe(volume=volume))


# What they hold: a linear ramp survives linear resampling exactly, so it tells each pixel's position.


@pytest.mark.parametrize("volume", ["resample_1mm", "acquired"])
@pytest.mark.parametrize(("grid", "size"), [("pad512", 512), ("fit512", 512), ("fit", 64), ("fit", 300)])
def test_every_pixel_lies_where_its_geometry_says(volume, grid, size):
    k, i, j = np.mgrid[:13, :90, :110].astype(float)
    spacing, gap = (0.6, 0.5), 3.3
    origin = np.array([-20.0, -60.0, 50.0])
    planes = []
    for axis, coordinates in enumerate((k * gap, i * spacing[0], j * spacing[1])):
        # One ramp a patient axis, with two outer voxels to pin the intensity window.
        tilted = volume_of(coordinates, gap=gap, spacing=spacing, origin=tuple(origin))
        planes.append((axis, tilted))
    r = recipe(volume=volume, grid=grid, size=size)
    for axis, ramp in planes:
        array, geometry = input_planes(ramp, r)
        top, left, bottom, right = geometry.field
        row_step = (np.array(geometry.column_end) - geometry.origin) / (geometry.rows - 1)
        column_step = (np.array(geometry.row_end) - geometry.origin) / (geometry.columns - 1)
        p, a, b = np.meshgrid(np.arange(6), np.arange(top, bottom), np.arange(left, right), indexing="ij")
        where = (
            np.array(geometry.origin)
            + np.array(geometry.normal_offsets_mm)[p][..., None] * np.array(geometry.normal)
            + a[..., None] * row_step
            + b[..., None] * column_step
        )
        in_volume = (where - origin) @ ramp.axes.T
        expected = in_volume[..., axis]
        held = array[:, top:bottom, left:right].astype(float)
        # Standardisation is affine: compare within the clipped range, 2 mm away from the edges.
        margin = int(2 / np.linalg.norm(column_step)) + 1
        inner = (slice(None), slice(margin, -margin), slice(margin, -margin))
        x, y = expected[inner].ravel(), held[inner].ravel()
        keep = (y > y.min() + 1e-3) & (y < y.max() - 1e-3) if axis else np.ones_like(y, bool)
        slope, intercept = np.polyfit(x[keep], y[keep], 1)
        assert slope > 0
        # Half precision of values near 2 is about 0.001 of a deviation.
        assert np.abs(y[keep] - (slope * x[keep] + intercept)).max() < 4e-3


def test_resampling_equals_scipy_where_nothing_is_downsampled():
    voxels = smooth()
    volume = volume_of(voxels, gap=3.3, spacing=(1.4, 1.2))
    array, geometry = input_planes(volume, recipe(grid="pad512", size=512))
    top, left, bottom, right = geometry.field
    depth = plane_positions(volume.positions, recipe())
    origin = np.array(geometry.origin)
    rows_mm = (volume.origin[2] - origin[2]) + np.arange(512)
    columns_mm = (origin[1] - volume.origin[1]) + np.arange(512)
    at = np.meshgrid(depth / 3.3, rows_mm[top:bottom] / 1.4, columns_mm[left:right] / 1.2, indexing="ij")
    expected = map_coordinates(voxels, at, order=1, mode="nearest")
    low, high = np.percentile(expected, (0.5, 99.5))
    clipped = expected.clip(low, high)
    expected = (clipped - clipped.mean()) / clipped.std()
    assert np.abs(array[:, top:bottom, left:right] - expected).max() < 5e-3


@pytest.mark.parametrize("tilt", [0.0, 0.2])
def test_a_series_on_disk_equals_simpleitk_on_the_same_grid(tmp_path, tilt):
    """Read, ordered, turned and resampled by SimpleITK; only clipping and standardising are repeated here.

    Pixels of 1.25 mm: where a step grows ours filters against aliasing, which SimpleITK's linear does not.
    """
    row, column = (np.sin(tilt), np.cos(tilt), 0.0), (0.0, 0.0, -1.0)
    voxels = smooth(slices=12, rows=70, columns=60)
    names = write_series(
        tmp_path / "s", voxels, spacing=(1.25, 1.25), gap=3.0, row=row, column=column, shuffle=3
    )
    planes, place = series_planes(tmp_path, SeriesRef("1", "c", "s", tuple(names)), paper())
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path / "s")))
    start, right, down, through = (
        np.array(point) for point in (place.origin, place.row_end, place.column_end, place.normal)
    )
    right, down = (right - start) / (place.columns - 1), (down - start) / (place.rows - 1)
    offsets = np.array(place.normal_offsets_mm)
    assert np.linalg.norm([right, down, through], axis=1) == pytest.approx([1, 1, 1])
    assert np.diff(offsets) == pytest.approx(np.ones(5))
    expected = sitk.GetArrayFromImage(
        sitk.Resample(
            sitk.Cast(reader.Execute(), sitk.sitkFloat64), (place.columns, place.rows, len(offsets)),
            sitk.Transform(), sitk.sitkLinear, (start + through * offsets[0]).tolist(), [1.0, 1.0, 1.0],
            np.stack([right, down, through], axis=1).ravel().tolist(), -1.0,
        )
    )  # fmt: skip
    top, left, bottom, end = place.field
    field = expected[:, top:bottom, left:end]
    assert (field >= 0).all(), "SimpleITK has a value at every place of ours"
    field = field.clip(*np.percentile(field, CLIP_PERCENTILES))
    field = (field - field.mean()) / field.std()
    assert np.abs(planes[:, top:bottom, left:end] - field).max() < 0.01


def test_downsampling_equals_torch_antialiased_bilinear():
    # 64 pixels from 256: the triangle filter of torch's antialiased interpolation, an independent source.
    picture = torch.tensor(np.random.default_rng(0).normal(size=(1, 1, 256, 256)))
    expected = functional.interpolate(picture, size=(64, 64), mode="bilinear", antialias=True)[0, 0].numpy()
    source = np.arange(256.0)
    target = (np.arange(64) + 0.5) * 4 - 0.5
    weights = interpolation_weights(source, target)
    assert np.abs(weights @ picture[0, 0].numpy() @ weights.T - expected).max() < 1e-6


def test_weights_sum_to_one_inside_and_to_zero_outside():
    for place, total in ((-2.0, 0), (-0.5, 1), (0.0, 1), (1.25, 1), (4.5, 1), (4.6, 0)):
        weights = interpolation_weights(np.arange(5.0), np.array([place]))
        assert weights.sum() == pytest.approx(total)
    assert interpolation_weights(np.arange(5.0), np.array([1.25]))[0] == pytest.approx([0, 0.75, 0.25, 0, 0])
    wide = interpolation_weights(np.arange(50.0), np.arange(-7.0, 60.0, 3.0))
    assert set(wide.sum(axis=1).round(12).tolist()) == {0.0, 1.0}


def test_a_checkerboard_does_not_alias_into_stripes():
    board = np.indices((13, 256, 256)).sum(axis=0) % 2 * 1000.0
    board[:, :20], board[:, 20:40] = 0, 1000  # the contrast that the board must not have
    array, _ = input_planes(volume_of(board, spacing=(0.47, 0.47)), recipe(grid="pad512", size=512))
    middle = array[:, 250:262, 250:262].astype(float)
    # Sampled without antialiasing the board would keep the full swing of the two bands.
    assert np.ptp(middle) < 0.05 * np.ptp(array.astype(float))


def test_padding_is_as_dark_as_the_darkest_of_the_field():
    array, geometry = input_planes(volume_of(smooth()), recipe(grid="pad512", size=512))
    top, left, bottom, right = geometry.field
    # 90 × 0.5 mm and 110 × 0.5 mm at 1 mm a pixel.
    assert (bottom - top, right - left) == (45, 55)
    outside = np.ones((512, 512), bool)
    outside[top:bottom, left:right] = False
    field = array[:, top:bottom, left:right]
    assert np.unique(array[:, outside]).tolist() == [field.min()]
    assert float(field.mean(dtype=float)) == pytest.approx(0, abs=1e-2)
    assert float(field.std(dtype=float)) == pytest.approx(1, abs=1e-2)


def test_a_large_field_is_cropped_about_its_centre_by_padding_to_512():
    voxels = np.random.default_rng(0).normal(size=(9, 600, 600))
    array, geometry = input_planes(volume_of(voxels), recipe(volume="acquired", grid="pad512", size=512))
    assert geometry.field == (0, 0, 512, 512)
    low, high = np.percentile(voxels[1:7, 44:556, 44:556], (0.5, 99.5))
    clipped = voxels[1:7, 44:556, 44:556].clip(low, high)
    assert np.abs(array - (clipped - clipped.mean()) / clipped.std()).max() < 5e-3


def test_fit_keeps_proportions():
    _, geometry = input_planes(volume_of(smooth(), spacing=(0.5, 0.5)), recipe(volume="acquired", size=64))
    step_rows = np.linalg.norm(np.array(geometry.column_end) - geometry.origin) / 63
    step_columns = np.linalg.norm(np.array(geometry.row_end) - geometry.origin) / 63
    assert step_rows == pytest.approx(step_columns) == pytest.approx(55 / 64)


def test_an_image_without_contrast_is_refused():
    flat = np.zeros((13, 40, 40))
    flat[0] = 1  # not in the middle slices
    with pytest.raises(ImageError, match="no contrast"):
        input_planes(volume_of(flat), recipe(volume="acquired"))


# The cache.


def test_cache_is_made_once_and_survives_damage(tmp_path):
    voxels = smooth().clip(0)
    names = write_series(tmp_path / "images" / "s", voxels)
    series = SeriesRef(
        "1", stored_content_hash([tmp_path / "images" / "s" / file for file in names]), "s", tuple(names)
    )
    cache = tmp_path / "cache"
    mapped, geometry = cached_planes(tmp_path / "images", series, recipe(), cache)
    assert isinstance(mapped, np.memmap)
    first = np.array(mapped)
    del mapped  # a mapping must not outlive the file that is cut short below
    again, same = cached_planes(tmp_path / "images", series, recipe(), cache)
    assert np.array_equal(first, again)
    assert same == geometry
    (array,) = cache.rglob("*.npy")
    again = None
    array.write_bytes(array.read_bytes()[:500])
    for name in names:
        (tmp_path / "images" / "s" / name).unlink()
    with pytest.raises(ImageError, match=r"000\.dcm: the file is missing"):
        cached_planes(tmp_path / "images", series, recipe(), cache)
    write_series(tmp_path / "images" / "s", voxels)
    healed, _ = cached_planes(tmp_path / "images", series, recipe(), cache)
    assert np.array_equal(healed, first)
    assert not list(cache.rglob("*.part"))


def test_images_that_are_not_those_frozen_are_refused_and_none_are_taken_from_the_cache(tmp_path):
    voxels = smooth().clip(0)
    images, cache = tmp_path / "images", tmp_path / "cache"
    files = tuple(write_series(images / "s", voxels))
    series = SeriesRef("1", stored_content_hash([images / "s" / file for file in files]), "s", files)
    first = np.array(cached_planes(images, series, recipe(), cache)[0])
    # The pixels, an outer slice that no plane rests on, the geometry: each is other images.
    outer = voxels.copy()
    outer[0, 3, 3] += 1
    for changed, how in ((voxels[:, ::-1], {}), (outer, {}), (voxels, {"spacing": (2.0, 2.001)})):
        write_series(images / "s", changed, **how)
        with pytest.raises(ImageError, match="not those that the label set froze"):
            cached_planes(images, series, recipe(), cache)
    write_series(images / "s", voxels)
    assert np.array_equal(cached_planes(images, series, recipe(), cache)[0], first)
    (images / "s" / files[4]).unlink()
    with pytest.raises(ImageError, match=r"004\.dcm: the file is missing"):
        cached_planes(images, series, recipe(), cache)


def test_planes_kept_before_images_were_checked_are_not_taken(monkeypatch):
    now = settings_hash(recipe())
    monkeypatch.setattr(preprocess, "CACHE_VERSION", 3)
    assert settings_hash(recipe()) != now


def test_cache_key_holds_what_the_planes_depend_on_and_nothing_else():
    base = recipe()
    assert settings_hash(base) == settings_hash(base.with_overrides({"epochs": 3, "depth": 18, "seed": 5}))
    for change in ({"size": 65}, {"volume": "acquired"}, {"slices": 5}, {"grid": "pad512", "size": 512}):
        assert settings_hash(base.with_overrides(change)) != settings_hash(base)


# Real scans.


@pytest.mark.parametrize("make", [paper, recommended])
def test_a_real_scan_gives_upright_planes(sample_data, tmp_path, make):
    archive = sample_data / "t2_sagittal_dicom" / "errsm_18.zip"
    with zipfile.ZipFile(archive) as content:
        content.extractall(tmp_path / "images" / "s")
    root = tmp_path / "images"
    files = tuple(str(p.relative_to(root / "s")) for p in (root / "s").rglob("*") if p.is_file())
    volume = load_series(root, SeriesRef("1", "h", "s", files))
    assert volume.voxels.shape == (17, 512, 512)
    planes, geometry = input_planes(volume, make())
    assert np.isfinite(planes).all()
    # Head above foot, front before back, in the patient's own coordinates.
    assert geometry.column_end[2] < geometry.origin[2] - 100
    assert geometry.row_end[1] > geometry.origin[1] + 100
    # The reference plane is the middle of the stack.
    middle = volume.origin + volume.axes[0] * volume.positions.mean()
    assert np.dot(np.array(geometry.origin) - middle, volume.axes[0]) == pytest.approx(0, abs=3.1)


# From the files.


@pytest.mark.parametrize("changes", [{}, {"volume": "acquired"}, {"grid": "fit512", "size": 512}])
def test_planes_of_a_stored_series_are_those_of_its_whole_volume(tmp_path, changes):
    names = write_series(tmp_path / "s", smooth().clip(0), spacing=(0.5, 0.6), shuffle=2)
    series = SeriesRef("1", "h", "s", tuple(names))
    planes, geometry = series_planes(tmp_path, series, recipe(**changes))
    expected, same = input_planes(load_series(tmp_path, series), recipe(**changes))
    assert np.array_equal(planes, expected)
    assert geometry == same


def test_only_the_slices_that_the_planes_rest_on_are_decoded(tmp_path, monkeypatch):
    names = write_series(tmp_path / "s", smooth(15).clip(0))
    series = SeriesRef("1", "h", "s", tuple(names))
    decoded = []
    real = volume_module.decode
    monkeypatch.setattr(volume_module, "decode", lambda frame: decoded.append(frame.name) or real(frame))
    series_planes(tmp_path, series, recipe(volume="acquired"))
    assert len(decoded) == 6
    decoded.clear()
    series_planes(tmp_path, series, recipe())  # six planes 1 mm apart lie between four slices
    assert len(decoded) in (3, 4)
