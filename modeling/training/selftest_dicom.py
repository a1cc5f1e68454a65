"""The self-test's way through files: phantoms written as DICOM are read as patients' series are (no Django).

The self-test trains on arrays rendered in memory, for thousands of files would take longer than its training.
A few of the same necks are therefore written as a scanner stores them, slices out of order, and read by the
trainer's own code: order and direction of slices, content hash, resampling to the network's grid, clipping,
standardising, cache.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cohort.phantom.acquire import render_midline
from cohort.phantom.anatomy import Anatomy
from cohort.phantom.dicom import Identity, write_series
from cohort.stack import stored_content_hash
from modeling.manifest import SeriesRef
from modeling.recipe import Recipe
from modeling.training.preprocess import cached_planes

#: Necks that are written and read.
NECKS = 3
#: Least correlation of a neck's planes as read with those trained on. They differ by rounding to 12 bits and
#: by the clipped hundredth of the pixels: measured .995 or more from 32² to 512². Slices in reverse order
#: gave .95 or less, neighbours swapped .82, one pixel's shift .97 at 512² and .84 at 96², any flip .67.
AGREES = 0.98


def read_back(necks: Sequence[Anatomy], recipe: Recipe, seed: int) -> list[npt.NDArray[np.float16]]:
    """Planes (slices, size, size) of necks written as DICOM and read again, neck k rendered from (seed, k).

    As :func:`modeling.training.preprocess.cached_planes` gives them: from the patient's right to the left.
    """
    found = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for k, neck in enumerate(necks):
            image, _, geometry = render_midline(neck, recipe.size, (seed, k))
            stored = np.rint(image * np.float32(4095 / image.max())).astype(np.uint16)
            name = f"neck{k}"
            numbers = np.random.default_rng([seed, k]).permutation(len(stored)) + 1
            paths = write_series(
                root / name, stored, geometry, Identity(name, name, name, date(2004, 5, 6)),
                instance_numbers=numbers.tolist(),
            )  # fmt: skip
            files = tuple(path.name for path in paths)
            series = SeriesRef(name, stored_content_hash(paths), name, files)
            planes, _ = cached_planes(root, series, recipe, root / "cache")
            found.append(np.array(planes))
    return found


def through_dicom(
    necks: Sequence[Anatomy], trained_on: Sequence[npt.NDArray[np.float32]], recipe: Recipe, seed: int
) -> dict[str, Any]:
    """Whether necks read from files are what is trained on: {"necks", "least_correlation", "agrees"}.

    ``trained_on``: the rendered planes of the first :data:`NECKS` of them, (slices, size, size), from the
    patient's left to the right.
    """
    read = read_back(necks[:NECKS], recipe, seed)
    least = min(
        float(np.corrcoef(planes.ravel().astype(float), rendered[::-1].ravel().astype(float))[0, 1])
        for planes, rendered in zip(read, trained_on, strict=True)
    )
    return {"necks": len(read), "least_correlation": least, "agrees": least >= AGREES}
