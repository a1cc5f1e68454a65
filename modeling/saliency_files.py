"""A saliency map as a picture and as DICOM: what leaves the viewer."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from PIL import Image

Pixels = npt.NDArray[np.uint8]
#: Anchors, low to high, joined linearly; the same as in frontend/src/viewer/overlay.ts. ``blue_red`` is
#: the paper's (red is more); the others are perceptually even, published with matplotlib (CC0).
COLOURS: Mapping[str, tuple[tuple[int, int, int], ...]] = {
    "blue_red": ((0, 0, 143), (0, 0, 255), (0, 255, 255), (255, 255, 0), (255, 0, 0), (128, 0, 0)),
    "inferno": (
        (0, 0, 4), (40, 11, 84), (101, 21, 110), (159, 42, 99), (212, 72, 66), (245, 125, 21),
        (250, 193, 39), (252, 255, 164),
    ),
    "cividis": (
        (0, 34, 78), (42, 63, 108), (87, 92, 109), (124, 123, 120), (166, 157, 117), (211, 193, 100),
        (254, 232, 56),
    ),
}  # fmt: skip
OPACITY = 0.45
SOP_CLASSES = ("parametric_map", "secondary_capture")


@cache
def _palette(name: str) -> Pixels:
    anchors = np.array(COLOURS[name], dtype=float)
    at = np.linspace(0, len(anchors) - 1, 256)
    columns = [np.interp(at, np.arange(len(anchors)), anchors[:, k]) for k in range(3)]
    return np.round(np.stack(columns, axis=1)).astype(np.uint8)


def overlay(path: Path, method: str, colours: str, opacity: float = OPACITY) -> Pixels:
    """The map over the middle input plane, RGB (rows, columns, 3); over grey where no plane was kept."""
    with np.load(path, allow_pickle=False) as file:
        values = np.asarray(file[method])
        grey = np.asarray(file["image"]) if "image" in file else np.full_like(values, 64)
    colour = _palette(colours)[values].astype(float)
    mixed = (1 - opacity) * grey[..., None] + opacity * colour
    return np.asarray(np.round(mixed), dtype=np.uint8)


def png(path: Path, method: str, colours: str, opacity: float = OPACITY) -> bytes:
    """:func:`overlay` as a PNG."""
    buffer = io.BytesIO()
    Image.fromarray(overlay(path, method, colours, opacity)).save(buffer, "PNG", optimize=False)
    return buffer.getvalue()


def _geometry(file: Any) -> dict[str, list[float]]:
    """DICOM's plane of the map: orientation, position of the first pixel, pixel spacing."""
    rows, columns = file["gradcam"].shape
    origin, row_end, column_end = (np.asarray(file[k], float) for k in ("origin", "row_end", "column_end"))
    along, down = row_end - origin, column_end - origin
    return {
        "orientation": [*(along / np.linalg.norm(along)), *(down / np.linalg.norm(down))],
        "position": origin.tolist(),
        "spacing": [
            float(np.linalg.norm(down)) / max(rows - 1, 1),
            float(np.linalg.norm(along)) / max(columns - 1, 1),
        ],
    }


def _uid(seed: str) -> str:
    """A UID of the UUID kind (PS3.5 B.2), the same for the same words."""
    return f"2.25.{int.from_bytes(hashlib.sha256(seed.encode()).digest()[:16])}"


def dicom(
    path: Path,
    sources: Sequence[pydicom.Dataset],
    *,
    sop_class: str,
    method: str,
    run: int,
    version: str,
    statement: str,
    validated: bool,
) -> bytes:
    """The map as a DICOM file of the patient's own study.

    Parameters
    ----------
    path
        The map's npz.
    sources
        The series it explains, as it is stored: de-identified.
    sop_class
        ``parametric_map``: the values, 32-bit floats in logit units, in the patient's space, to be laid over
        the series by any viewer. ``secondary_capture``: the coloured picture, for viewers that know no more.
    version
        Of the code that made the run.
    statement, validated
        Whether the map may be believed, in words and for localisation; both go into the file.

    Returns
    -------
    bytes
        A Part 10 file. The same map with the same statement gives the same UIDs, so that sending it twice
        stores it once; a report made again gives others, for an archive keeps the first file of a UID.
    """
    import highdicom

    with np.load(path, allow_pickle=False) as file:
        where = _geometry(file)
        values = file[method].astype(np.float32) / 255 * np.float32(file[f"{method}_peak"])
        offsets = np.sort(file["normal_offsets_mm"])
    first = sources[0]
    stands = hashlib.sha256(statement.encode()).hexdigest()
    seed = f"odontoid/{first.SeriesInstanceUID}/{run}/{sop_class}/{method}/{stands}"
    common: dict[str, Any] = {
        "series_instance_uid": _uid(f"{seed}/series"),
        "sop_instance_uid": _uid(seed),
        "series_number": 900 + run % 90 if sop_class == "parametric_map" else 990 + run % 9,
        "instance_number": 1,
        "manufacturer": "Odontoid",
    }
    extent = float(offsets[-1] - offsets[0])
    top = max(float(values.max()), 1e-6)
    step = extent / (len(offsets) - 1) if len(offsets) > 1 else 1.0
    found: Any
    if sop_class == "secondary_capture":
        found = highdicom.sc.SCImage.from_ref_dataset(
            ref_dataset=first,
            pixel_array=overlay(path, method, "blue_red"),
            photometric_interpretation="RGB",
            bits_allocated=8,
            coordinate_system="PATIENT",
            patient_orientation=("P", "F"),
            **common,
        )
        found.BurnedInAnnotation = "NO"
    else:
        for source in sources:  # a type 2 attribute that some scanners leave out altogether
            if source.get("SliceThickness") is None:
                source.SliceThickness = step
        found = highdicom.pm.ParametricMap(
            source_images=sources,
            pixel_array=values[None],
            manufacturer_model_name="Odontoid",
            software_versions=version or "unknown",
            device_serial_number=str(run),
            contains_recognizable_visual_features=False,
            real_world_value_mappings=[_mapping(highdicom, values, method)],
            voi_lut_transformations=[
                highdicom.VOILUTTransformation(
                    window_center=top / 2,
                    window_width=top,
                    window_explanation="FULL",
                    voi_lut_function="LINEAR_EXACT",
                )
            ],
            pixel_measures=highdicom.PixelMeasuresSequence(
                pixel_spacing=where["spacing"], slice_thickness=extent + step
            ),
            plane_orientation=highdicom.PlaneOrientationSequence("PATIENT", where["orientation"]),
            plane_positions=[highdicom.PlanePositionSequence("PATIENT", where["position"])],
            content_label="SALIENCY",
            content_description=f"{method} of run {run}",
            **common,
        )
    # First, since viewers cut long descriptions and few show a comment.
    warning = "" if validated else "Not validated for localisation: "
    found.SeriesDescription = f"{warning}{method} of run {run}{', research only' if validated else ''}"[:64]
    found.BodyPartExamined = first.get("BodyPartExamined") or "CSPINE"
    found.ImageComments = f"Research use only. {statement}"[:10240]
    buffer = io.BytesIO()
    found.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _mapping(highdicom: Any, values: npt.NDArray[np.float32], method: str) -> Any:
    from pydicom.sr.codedict import codes

    return highdicom.pm.RealWorldValueMapping(
        lut_label="LOGIT",
        lut_explanation=f"{method}, logit units",
        unit=codes.UCUM.NoUnits,
        value_range=(0.0, max(float(values.max()), 1e-6)),
        slope=1.0,
        intercept=0.0,
    )
