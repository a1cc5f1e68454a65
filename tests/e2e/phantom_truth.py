"""Where a case's landmarks lie on the screen: from the demo's own truth, never from the page."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cohort.deidentify import Pseudonymiser
from cohort.pixels import decode_htj2k
from tests.e2e import demo_site
from tests.e2e.pages import Person


@dataclass(frozen=True)
class Shown:
    """A scan as it hangs in its viewport: anterior left, head up, fitted to the middle, not yet zoomed."""

    landmarks: dict[str, Any]
    origin: np.ndarray
    row: np.ndarray
    column: np.ndarray
    spacing: tuple[float, float]  # between rows, between columns
    between_slices: float
    shape: tuple[int, int]
    box: dict[str, float]
    mm_per_pixel: float

    def pixel(self, point: Sequence[float]) -> tuple[float, float]:
        """Row and column of a patient point; whole numbers are centres of pixels."""
        away = np.asarray(point, dtype=float) - self.origin
        return float(away @ self.column / self.spacing[0]), float(away @ self.row / self.spacing[1])

    def on_screen(self, name: str) -> tuple[float, float]:
        """Place of a landmark, in the page's pixels."""
        return self.pixel_on_screen(*self.pixel(self.landmarks[name]))

    def pixel_on_screen(self, row: float, column: float) -> tuple[float, float]:
        # Millimetres from the middle of the image, which is the middle of the viewport.
        right = (column - (self.shape[1] - 1) / 2) * self.spacing[1]
        down = (row - (self.shape[0] - 1) / 2) * self.spacing[0]
        x = self.box["x"] + self.box["width"] / 2 + right / self.mm_per_pixel
        y = self.box["y"] + self.box["height"] / 2 + down / self.mm_per_pixel
        return float(x), float(y)


def landmarks(data_dir: Path, code: str, role: str) -> dict[str, Any]:
    """The truth of the scan that a reader knows by this case's code."""
    query = """select p.pseudonym from annotation_assignment a join annotation_case c on c.id = a.case_id
               join cohort_patient p on p.id = c.patient_id where a.code = ?"""
    with sqlite3.connect(data_dir / "odontoid.sqlite3") as database:
        ((pseudonym,),) = database.execute(query, [code]).fetchall()
    names = Pseudonymiser((data_dir / demo_site.PSEUDONYM_KEY).read_text().strip())
    document = json.loads((data_dir / "demo_truth.json").read_text())
    patient = next(p for p in document["patients"] if names.patient(p["patient_id"]) == pseudonym)
    return next(scan["landmarks"] for scan in patient["scans"] if scan["role"] == role)


def _header(reader: Person, code: str, key: str) -> tuple[str, dict[str, Any]]:
    """Address of the series, and the header of the slice that is on the screen."""
    page = reader.page
    case = page.request.get(f"{reader.url}api/reading/cases/{code}/").json()
    scan = next(one for one in case["scans"] if one["key"] == key)
    series = (
        f"{reader.url}api/reading/cases/{code}/wado/studies/{scan['study_uid']}/series/{scan['series_uid']}"
    )
    headers = page.request.get(f"{series}/metadata").json()
    viewport = page.get_by_test_id(f"viewport-{key}")
    return series, headers[int(viewport.get_attribute("data-slice") or 0)]


def stored(reader: Person, code: str, key: str) -> np.ndarray:
    """Pixels of the slice on the screen as they were stored."""
    series, header = _header(reader, code, key)
    address = f"{series}/instances/{header['00080018']['Value'][0]}/frames/1"
    return decode_htj2k(reader.page.request.get(address).body()).astype(float)


def hanging(reader: Person, code: str, key: str) -> np.ndarray:
    """The slice on the screen as it was stored, hung on square pixels of the screen."""
    _, header = _header(reader, code, key)
    scale = reader.page.get_by_test_id(f"viewport-{key}").get_by_test_id("scale-bar")
    per_pixel = float(scale.get_attribute("data-mm-per-pixel") or "nan")
    return hung(stored(reader, code, key), header, per_pixel)


def hung(frame: np.ndarray, header: dict[str, Any], per_pixel: float) -> np.ndarray:
    """A stored slice turned so that anterior is left and the head up; from 0 to 1, a pixel so many mm."""
    orientation = header["00200037"]["Value"]
    if orientation[1] < 0:  # columns run forwards
        frame = frame[:, ::-1]
    if orientation[5] > 0:  # rows run upwards
        frame = frame[::-1]
    down, across = header["00280030"]["Value"]
    size = round(frame.shape[1] * across / per_pixel), round(frame.shape[0] * down / per_pixel)
    grey = Image.fromarray((frame / np.percentile(frame, 99.5)).clip(0, 1).astype(np.float32))
    return np.asarray(grey.resize(size, Image.Resampling.BILINEAR))


def likeness(drawn: np.ndarray, stored: np.ndarray) -> dict[str, float]:
    """How well a picture of a viewport correlates with the slice as it hangs, and with its mirror images."""
    drawn, stored = _same_middle(drawn, stored)
    turns = {
        "as it hangs": stored,
        "mirrored": stored[:, ::-1],
        "head down": stored[::-1],
        "both": stored[::-1, ::-1],
    }
    return {name: float(np.corrcoef(drawn.ravel(), turned.ravel())[0, 1]) for name, turned in turns.items()}


def _same_middle(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both cut to the largest rectangle around their middles that they share."""
    shape = np.minimum(first.shape, second.shape)
    starts = [(np.array(image.shape) - shape) // 2 for image in (first, second)]
    one, other = (
        image[y : y + shape[0], x : x + shape[1]]
        for image, (y, x) in zip((first, second), starts, strict=True)
    )
    return one, other


def shown(reader: Person, data_dir: Path, code: str, key: str) -> Shown:
    _, header = _header(reader, code, key)
    viewport = reader.page.get_by_test_id(f"viewport-{key}")

    def value(tag: str) -> Any:
        return header[tag]["Value"]

    box = viewport.bounding_box()
    assert box
    orientation = np.array(value("00200037"), dtype=float)
    scale = viewport.get_by_test_id("scale-bar").get_attribute("data-mm-per-pixel")
    return Shown(
        landmarks=landmarks(data_dir, code, key),
        origin=np.array(value("00200032"), dtype=float),
        row=orientation[:3],
        column=orientation[3:],
        spacing=(value("00280030")[0], value("00280030")[1]),
        between_slices=float(value("00180088")[0]),
        shape=(value("00280010")[0], value("00280011")[0]),
        box=dict(box),
        mm_per_pixel=float(scale or "nan"),
    )
