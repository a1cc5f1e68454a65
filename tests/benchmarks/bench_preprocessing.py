"""From a series on disk to the network's six planes, against SimpleITK and MONAI doing the same.

The image store keeps HTJ2K, which neither of the others reads: they get the same series as raw DICOM,
and ours is timed on both.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.encaps import encapsulate
from pydicom.uid import HTJ2KLossless

from cohort import pixels
from cohort.phantom.acquire import draw_acquisition, render
from cohort.phantom.anatomy import make_patient
from cohort.phantom.dicom import Identity, write_series
from modeling import recipe
from modeling.manifest import SeriesRef
from modeling.training.preprocess import series_planes
from modeling.training.torchvision_ops import torchvision_models
from tests.benchmarks.harness import Benchmark

PLANES = 6
SIZE = 512


def with_simpleitk(files: list[str]) -> np.ndarray:
    """1 mm isotropic, six middle sagittal planes, padded to 512²; float32 (6, 512, 512)."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(files)
    image = sitk.Cast(reader.Execute(), sitk.sitkFloat32)
    extent = [n * s for n, s in zip(image.GetSize(), image.GetSpacing(), strict=True)]
    size = [PLANES if axis == 2 else round(extent[axis]) for axis in range(3)]
    start = [-image.GetSpacing()[axis] / 2 + 0.5 for axis in range(2)]
    depth = (extent[2] - image.GetSpacing()[2]) / 2 - (PLANES - 1) / 2
    direction = np.array(image.GetDirection()).reshape(3, 3)
    origin = np.array(image.GetOrigin()) + direction @ [*start, depth]
    planes = sitk.Resample(
        image, size, sitk.Transform(), sitk.sitkLinear, origin.tolist(), [1.0, 1.0, 1.0], image.GetDirection()
    )
    margins = [SIZE - size[0], SIZE - size[1]]
    padded = sitk.ConstantPad(
        planes, [m // 2 for m in margins] + [0], [m - m // 2 for m in margins] + [0], 0.0
    )
    return sitk.GetArrayFromImage(padded)


def with_monai(folder: Path) -> np.ndarray:
    """The same by MONAI's transforms: all slices to 1 mm, then the middle six, padded to 512²."""
    torchvision_models()  # its operators first: MONAI imports torchvision
    from monai.transforms import CenterSpatialCrop, Compose, LoadImage, Spacing, SpatialPad

    # PydicomReader gives columns, rows, slices.
    steps = [
        LoadImage(reader="PydicomReader", image_only=True, ensure_channel_first=True),
        Spacing(pixdim=(1.0, 1.0, 1.0), mode="bilinear"),
        CenterSpatialCrop((-1, -1, PLANES)),
        SpatialPad((SIZE, SIZE, PLANES)),
    ]
    return np.asarray(Compose(steps)(str(folder)))


def store_as_htj2k(files: list[Path], folder: Path) -> None:
    """A copy of a raw series as the image store keeps it."""
    folder.mkdir()
    for file in files:
        dataset = pydicom.dcmread(file)
        code = pixels.encode(dataset.pixel_array)
        assert code is not None
        dataset.PixelData = encapsulate([code])
        dataset["PixelData"].is_undefined_length = True
        dataset.file_meta.TransferSyntaxUID = HTJ2KLossless
        dataset.save_as(folder / file.name)


def benchmarks() -> Iterator[Benchmark]:
    rng = np.random.default_rng(0)
    acquisition = draw_acquisition(rng, matrix=512, slices=15)
    volume, _, geometry = render(make_patient(0), acquisition, rng, with_masks=False)
    who = Identity("BENCH", "Bench", "BENCH-E1", date(2020, 1, 1), date(1960, 1, 1), "F")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        files = write_series(root / "raw", volume, geometry, who)
        store_as_htj2k(files, root / "stored")
        names = tuple(file.name for file in files)
        raw, stored = (
            SeriesRef(uid="1.2.3", content_hash="", path=path, files=names) for path in ("raw", "stored")
        )
        paper, recommended = recipe.paper(), recipe.recommended()
        yield Benchmark(
            title="Preprocessing, DICOM to six planes 1 mm apart in 512²",
            unit="series of 15 × 512²",
            items=1,
            contenders={
                "odontoid, HTJ2K": lambda: series_planes(root, stored, paper),
                "odontoid, raw": lambda: series_planes(root, raw, paper),
                "SimpleITK, raw": lambda: with_simpleitk([str(f) for f in files]),
                "MONAI, raw": lambda: with_monai(root / "raw"),
                "odontoid, HTJ2K, six acquired slices": lambda: series_planes(root, stored, recommended),
            },
        )
