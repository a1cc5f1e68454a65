"""Every patient's input planes, or every series that has none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from modeling.manifest import Manifest
from modeling.recipe import Recipe
from modeling.training.preprocess import PlaneGeometry, cached_planes
from modeling.training.progress import Progress
from modeling.training.train import Stopped
from modeling.training.volume import ImageError

#: At most this many unusable series are named at once.
ERRORS_SHOWN = 20


def load_images(
    manifest: Manifest,
    recipe: Recipe,
    images: Path,
    cache: Path,
    progress: Progress | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> tuple[list[npt.NDArray[np.float16]], list[PlaneGeometry]]:
    """Input planes of every patient; every unusable series is named before anything is refused.

    Raises
    ------
    ImageError
        Naming patient, series, file and reason, one line each.
    Stopped
        When ``stop()`` turned true.
    """
    planes, geometries, problems = [], [], []
    for done, patient in enumerate(manifest.patients):
        if progress:
            progress.emit_sometimes(
                "stage", every_s=1, stage="preprocessing", done=done, total=len(manifest.patients)
            )
        if stop():
            raise Stopped
        try:
            array, geometry = cached_planes(images, patient.series, recipe, cache)
        except ImageError as error:
            problems.append(f"patient {patient.patient}, series {patient.series.uid}: {error}")
            continue
        planes.append(array)
        geometries.append(geometry)
    if problems:
        more = f"\n… and {len(problems) - ERRORS_SHOWN} more" if len(problems) > ERRORS_SHOWN else ""
        raise ImageError("\n".join(problems[:ERRORS_SHOWN]) + more)
    if progress:
        progress.emit("stage", stage="preprocessing", done=len(planes), total=len(planes))
    return planes, geometries
