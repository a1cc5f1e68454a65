"""From a series on disk to the network's six planes, against SimpleITK doing the same."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from cohort.phantom.acquire import draw_acquisition, render
from cohort.phantom.anatomy import make_patient
from cohort.phantom.dicom import Identity, write_series
from modeling import recipe
from modeling.manifest import SeriesRef
from modeling.training.preprocess import series_planes
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


def benchmarks() -> Iterator[Benchmark]:
    rng = np.random.default_rng(0)
    acquisition = draw_acquisition(rng, matrix=512, slices=15)
    volume, _, geometry = render(make_patient(0), acquisition, rng, with_masks=False)
    who = Identity("BENCH", "Bench", "BENCH-E1", date(2020, 1, 1), date(1960, 1, 1), "F")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        files = write_series(root / "series", volume, geometry, who)
        series = SeriesRef(uid="1.2.3", content_hash="", path="series", files=tuple(f.name for f in files))
        paper = recipe.paper()
        yield Benchmark(
            title="Preprocessing, DICOM to six 512² planes",
            unit="series of 15 × 512²",
            contenders={
                "odontoid": lambda: series_planes(root, series, paper),
                "SimpleITK": lambda: with_simpleitk([str(f) for f in files]),
            },
        )
