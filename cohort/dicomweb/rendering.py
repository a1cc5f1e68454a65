"""Slices as pictures for people: windowed JPEG and PNG (PS3.18 8.3.5, 8.7.4). No Django."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

MAX_VIEWPORT = 4096
WINDOW_FUNCTIONS = frozenset({"LINEAR", "LINEAR_EXACT", "SIGMOID"})


class BadRendering(ValueError):
    """A rendering parameter makes no sense; the message names it."""


@dataclass(frozen=True, slots=True)
class Look:
    """How to draw: ``window`` is (center, width, function), ``viewport`` the box it must fit."""

    media: str
    window: tuple[float, float, str] | None = None
    viewport: tuple[int, int] | None = None
    quality: int = 90


def look(media: str, parameters: Mapping[str, str]) -> Look:
    """Read ``window``, ``viewport`` and ``quality``; BadRendering for what cannot be."""
    window, viewport, quality = None, None, 90
    if "window" in parameters:
        parts = parameters["window"].split(",")
        function = parts[2].upper().replace("-", "_") if len(parts) == 3 else ""
        if function not in WINDOW_FUNCTIONS:
            raise BadRendering("window is not center,width,function")
        center, width = _number("window", parts[0]), _number("window", parts[1])
        if (width < 1 and function == "LINEAR") or width <= 0:
            raise BadRendering("the width of window is not positive")
        window = (center, width, function)
    if "viewport" in parameters:
        sides = [_number("viewport", part) for part in parameters["viewport"].split(",")]
        if len(sides) != 2:
            raise BadRendering("viewport is not width,height; regions of the image are not supported")
        if not all(1 <= side <= MAX_VIEWPORT for side in sides):
            raise BadRendering(f"viewport is not within 1 and {MAX_VIEWPORT}")
        viewport = (int(sides[0]), int(sides[1]))
    if "quality" in parameters:
        quality = int(_number("quality", parameters["quality"]))
        if not 1 <= quality <= 100:
            raise BadRendering("quality is not within 1 and 100")
    return Look(media, window, viewport, quality)


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadRendering(f"{name} holds {text[:20]!r}, not a number")
    return number


def draw(values: npt.NDArray[Any], metadata: Mapping[str, Any], how: Look) -> bytes:
    """(rows, columns) stored values as a picture; ``metadata`` is the slice's DICOM JSON."""
    grey = grey_levels(values, metadata, how.window)
    picture = Image.fromarray(grey)
    if how.viewport:
        scale = min(how.viewport[0] / picture.width, how.viewport[1] / picture.height)
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    if how.media == "image/png":
        picture.save(buffer, "PNG")
    else:
        picture.save(buffer, "JPEG", quality=how.quality)
    return buffer.getvalue()


def grey_levels(
    values: npt.NDArray[Any], metadata: Mapping[str, Any], window: tuple[float, float, str] | None
) -> npt.NDArray[np.uint8]:
    """Rescaled and windowed as PS3.3 C.11.2.1.2 has it, dark to light whatever the photometry."""
    slope, intercept = _value(metadata, "00281053", 1.0) or 1.0, _value(metadata, "00281052", 0.0)
    scaled = values.astype(np.float64) * slope + intercept
    if window is None:
        low, high = float(scaled.min()), float(scaled.max())
        center = _value(metadata, "00281050", (low + high) / 2)
        width = _value(metadata, "00281051", max(high - low, 1.0))
        window = (center, width, "LINEAR")
    center, width, function = window
    if function == "SIGMOID":
        share = 1 / (1 + np.exp(np.clip(-4 * (scaled - center) / width, -700, 700)))
    elif function == "LINEAR_EXACT":
        share = (scaled - center) / width + 0.5
    else:
        share = (scaled - (center - 0.5)) / max(width - 1, 1e-6) + 0.5
    share = np.clip(share, 0, 1)
    if metadata.get("00280004", {}).get("Value") == ["MONOCHROME1"]:
        share = 1 - share
    return np.round(share * 255).astype(np.uint8)


def _value(metadata: Mapping[str, Any], tag: str, default: float) -> float:
    values = metadata.get(tag, {}).get("Value") or [default]
    return float(values[0])
