"""DICOM series to volumes: order, direction, rescale, and refusals that name the file."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian

from modeling.manifest import SeriesRef
from modeling.training.volume import ImageError, load_series
from tests.modeling.tiny import write_series

HTJ2K_LOSSLESS = "1.2.840.10008.1.2.4.201"


def ramp(slices=7, rows=10, columns=12) -> np.ndarray:
    k, i, j = np.mgrid[:slices, :rows, :columns]
    return (1000 * k + 30 * i + 2 * j).astype(np.uint16)


def load(tmp_path, names):
    return load_series(tmp_path, SeriesRef("1", "h", "s", tuple(names)))


def test_slices_are_ordered_by_position_whatever_their_names_and_numbers(tmp_path):
    names = write_series(tmp_path / "s", ramp(), shuffle=3, spacing=(0.5, 0.6), gap=3.3)
    volume = load(tmp_path, names[::-1])
    # Normal of (0,1,0)×(0,0,−1) is (−1,0,0): slice 0 of the file is leftmost, the volume runs to the left.
    assert np.array_equal(volume.voxels, ramp()[::-1].astype(np.float32))
    assert volume.positions == pytest.approx(np.arange(7) * 3.3)
    assert volume.spacing == (0.5, 0.6)
    assert volume.voxels.dtype == np.float32


def patient_points(volume, marks):
    """LPS position of each marked value."""
    found = []
    for value in marks:
        index = np.argwhere(volume.voxels == value)
        assert len(index) == 1
        found.append((volume.affine @ [*index[0], 1])[:3])
    return np.array(found)


ORIENTATIONS = {
    "standard": ((0, 1, 0), (0, 0, -1)),
    "head down": ((0, 1, 0), (0, 0, 1)),
    "front right": ((0, -1, 0), (0, 0, -1)),
    "transposed": ((0, 0, -1), (0, 1, 0)),
    "tilted": ((0.0, np.cos(0.1), -np.sin(0.1)), (0.0, -np.sin(0.1), -np.cos(0.1))),
    "oblique": ((np.sin(0.2), np.cos(0.2), 0.0), (0.0, 0.0, -1.0)),
}


@pytest.mark.parametrize("name", list(ORIENTATIONS))
def test_every_orientation_keeps_each_voxel_where_it_is_in_the_patient(tmp_path, name):
    row, column = ORIENTATIONS[name]
    origin, spacing, gap = (-11.0, -50.0, 40.0), (0.5, 0.8), 3.0
    names = write_series(
        tmp_path / "s", ramp(), row=row, column=column, origin=origin, spacing=spacing, gap=gap, shuffle=1
    )
    volume = load(tmp_path, names)
    marks, expected = [], []
    normal = np.cross(row, column)
    for k, i, j in ((0, 0, 0), (6, 9, 11), (3, 2, 7)):
        marks.append(1000 * k + 30 * i + 2 * j)
        # PS3.3 C.7.6.2.1.1: columns advance along the row direction, rows along the column direction.
        expected.append(
            np.array(origin)
            + normal * gap * k
            + np.array(column) * spacing[0] * i
            + np.array(row) * spacing[1] * j
        )
    assert patient_points(volume, marks) == pytest.approx(np.array(expected), abs=1e-6)
    # Canonical: left, foot, back.
    assert volume.axes[0][0] > 0.7
    assert volume.axes[1][2] < -0.7
    assert volume.axes[2][1] > 0.7


def test_rescale_and_monochrome1(tmp_path):
    voxels = ramp(3)
    names = write_series(tmp_path / "s", voxels, RescaleSlope=2.0, RescaleIntercept=-5.0)
    assert np.array_equal(load(tmp_path, names).voxels, voxels[::-1] * 2.0 - 5)
    names = write_series(
        tmp_path / "s",
        voxels,
        PhotometricInterpretation="MONOCHROME1",
        RescaleSlope=2.0,
        RescaleIntercept=1.0,
    )
    # Stored 0 and 65535 change places before the rescale.
    assert np.array_equal(load(tmp_path, names).voxels, (65535 - voxels[::-1].astype(float)) * 2 + 1)


def test_htj2k_lossless_is_read_bit_for_bit(tmp_path):
    imagecodecs = pytest.importorskip("imagecodecs")
    voxels = ramp(3, 64, 64)
    names = write_series(tmp_path / "s", voxels)
    for name in names:
        ds = pydicom.dcmread(tmp_path / "s" / name)
        code = imagecodecs.htj2k_encode(ds.pixel_array, reversible=True)
        ds.PixelData = encapsulate([code])
        ds["PixelData"].is_undefined_length = True
        ds.file_meta.TransferSyntaxUID = HTJ2K_LOSSLESS
        ds.save_as(tmp_path / "s" / name)
    assert np.array_equal(load(tmp_path, names).voxels, voxels[::-1])


def change(path, **elements):
    ds = pydicom.dcmread(path)
    for keyword, value in elements.items():
        if value is None:
            delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)
    ds.save_as(path)


@pytest.mark.parametrize(
    ("elements", "words"),
    [
        ({"ImagePositionPatient": None}, r"001\.dcm: ImagePositionPatient is missing"),
        ({"ImageOrientationPatient": None}, r"001\.dcm: ImageOrientationPatient is missing"),
        ({"PixelSpacing": [0, 1]}, r"001\.dcm: PixelSpacing .* not positive"),
        ({"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, r"001\.dcm: .*perpendicular"),
        ({"RescaleSlope": "nan"}, r"001\.dcm: .*not finite numbers"),
        ({"NumberOfFrames": 2}, r"001\.dcm: multi-frame"),
        ({"SamplesPerPixel": 3}, r"001\.dcm: a colour image"),
        ({"PixelData": b"12"}, r"001\.dcm: the pixels cannot be decoded"),
        ({"PixelSpacing": [1.0, 1.0]}, r"001\.dcm .* differ in rows, columns or pixel spacing"),
        ({"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}, r"001\.dcm .* do not share one orientation"),
        ({"FrameOfReferenceUID": "1.2"}, r"001\.dcm .* frame of reference"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_a_bad_file_is_named(tmp_path, elements, words):
    names = write_series(tmp_path / "s", ramp())
    change(tmp_path / "s" / "001.dcm", **elements)
    with pytest.raises(ImageError, match=words):
        load(tmp_path, names)


def test_missing_cut_and_foreign_files_are_named(tmp_path):
    names = write_series(tmp_path / "s", ramp())
    with pytest.raises(ImageError, match=r"none\.dcm: the file is missing"):
        load(tmp_path, [*names, "none.dcm"])
    (tmp_path / "s" / "text.dcm").write_text("not DICOM")
    with pytest.raises(ImageError, match=r"text\.dcm: cannot be read as DICOM"):
        load(tmp_path, [*names, "text.dcm"])
    whole = (tmp_path / "s" / names[2]).read_bytes()
    (tmp_path / "s" / names[2]).write_bytes(whole[: len(whole) - 40])
    with pytest.raises(ImageError, match=r"002\.dcm: the pixels cannot be decoded"):
        load(tmp_path, names)


def test_gaps_repeats_and_other_planes_are_refused(tmp_path):
    names = write_series(tmp_path / "s", ramp())
    with pytest.raises(ImageError, match=r"a slice is missing between 00\d\.dcm and 00\d\.dcm: 6\.60 mm"):
        load(tmp_path, [name for name in names if name != "003.dcm"])
    twin = (tmp_path / "s" / "003.dcm").read_bytes()
    (tmp_path / "s" / "copy.dcm").write_bytes(twin)
    with pytest.raises(ImageError, match="same position"):
        load(tmp_path, [*names, "copy.dcm"])
    names = write_series(tmp_path / "s", ramp(), row=(1, 0, 0), column=(0, 1, 0))
    with pytest.raises(ImageError, match="not sagittal"):
        load(tmp_path, names)
    names = write_series(tmp_path / "s", np.full((7, 8, 8), 5, np.uint16))
    with pytest.raises(ImageError, match="no image"):
        load(tmp_path, names)


def test_explicit_little_endian_is_what_the_tests_write(tmp_path):
    names = write_series(tmp_path / "s", ramp())
    assert pydicom.dcmread(tmp_path / "s" / names[0]).file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
