"""Turn an ordered stack into what is stored: de-identified HTJ2K files and unsaved rows."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, HTJ2KLossless

from cohort import deidentify, part10, pixels
from cohort.dicom_file import Frame
from cohort.models import Instance, Series
from cohort.recognition import KEYWORDS, recognise
from cohort.stack import Stack


class SeriesError(ValueError):
    """The series cannot be stored; the message says why."""


@dataclass
class Prepared:
    """Unsaved rows and the files that belong to them. ``series`` has no state and no exam yet."""

    series: Series
    instances: list[Instance]
    files: dict[str, bytes]


def prepare(stack: Stack, names: deidentify.Pseudonymiser, pool: ThreadPoolExecutor) -> Prepared:
    """De-identify, encode and describe a series.

    Raises
    ------
    SeriesError
        If its files name more than one patient or study, or its values cannot be windowed.
    """
    first = stack.frames[0]
    patient_id = _only(stack, "PatientID", "patients")
    _only(stack, "StudyInstanceUID", "studies")
    streams = list(pool.map(pixels.encode, [frame.values for frame in stack.frames]))
    window = _window(stack)
    report = deidentify.Report()
    instances, files = [], {}
    clean_first: Dataset | None = None
    writer = part10.SeriesWriter()
    for index, (frame, stream) in enumerate(zip(stack.frames, streams, strict=True)):
        clean, what = deidentify.deidentify(frame.header, names, patient_id=patient_id, frame=frame.number)
        clean_first = clean if clean_first is None else clean_first
        report.add(what)
        _describe_pixels(clean, frame, window, stack.spacing[2] if stack.orientation else None)
        file = f"{index + 1:04d}.dcm"
        files[file] = _part10(clean, frame, stream, writer)
        instances.append(
            Instance(
                sop_uid=str(clean.SOPInstanceUID),
                index=index,
                position=stack.positions[index],
                file=file,
                metadata=_json(clean),
            )
        )
    assert clean_first is not None  # a stack has a slice
    recognition = recognise(_texts(first), slices=len(stack.frames))
    patient = names.patient(patient_id)
    accession = str(first.header.get("AccessionNumber") or "").strip()
    uid = str(clean_first.SeriesInstanceUID)
    rows, columns = first.values.shape
    series = Series(
        patient_pseudonym=patient,
        exam_pseudonym=names.exam(patient_id, accession) if accession else "",
        study_uid=str(clean_first.StudyInstanceUID),
        series_uid=uid,
        frame_of_reference_uid=str(clean_first.get("FrameOfReferenceUID") or ""),
        content_hash=stack.content_hash,
        path=f"{patient[:2]}/{patient}/{uid}",
        rows=rows,
        columns=columns,
        slices=len(stack.frames),
        row_spacing=stack.spacing[0],
        column_spacing=stack.spacing[1],
        slice_spacing=stack.spacing[2],
        orientation=stack.orientation,
        plane=recognition.plane,
        weighting=recognition.weighting,
        sagittal_t2_cervical=recognition.sagittal_t2_cervical,
        recognition=recognition.explain(),
        manufacturer=str(clean_first.get("Manufacturer") or ""),
        model_name=str(clean_first.get("ManufacturerModelName") or ""),
        field_strength=_number(clean_first, "MagneticFieldStrength"),
        echo_time=_number(clean_first, "EchoTime"),
        repetition_time=_number(clean_first, "RepetitionTime"),
        study_date=deidentify.parse_date(clean_first.get("StudyDate")),
        study_description=str(clean_first.get("StudyDescription") or ""),
        series_description=str(clean_first.get("SeriesDescription") or ""),
        series_number=_whole(clean_first, "SeriesNumber"),
        dicom_modality=str(clean_first.get("Modality") or "OT"),
        deidentification=report.as_json(),
    )
    return Prepared(series, instances, files)


def summary(series: Series) -> str:
    kind = f"{series.plane} {series.weighting.upper()}"
    verdict = "counts as sagittal T2 cervical" if series.sagittal_t2_cervical else "not sagittal T2 cervical"
    return f"{kind}, {series.slices} slices of {series.rows}×{series.columns}; {verdict}"


def _only(stack: Stack, keyword: str, plural: str) -> str:
    found = {str(frame.header.get(keyword) or "").strip() for frame in stack.frames}
    if len(found) != 1:
        raise SeriesError(f"its files belong to {len(found)} different {plural}")
    if found == {""}:
        raise SeriesError(f"its files have no {keyword}")
    return found.pop()


def _texts(frame: Frame) -> dict[str, Any]:
    """The attributes that tell what a series is, before names are cleaned of free text."""
    found = {}
    for keyword in KEYWORDS:
        try:
            found[keyword] = frame.header.get(keyword)
        except Exception:  # a value that does not fit its type counts as absent, as in deidentify
            found[keyword] = None
    regions = frame.header.get("AnatomicRegionSequence") or []
    found["AnatomicRegion"] = regions[0].get("CodeMeaning") if len(regions) else None
    return found


def _window(stack: Stack) -> tuple[float, float]:
    """The scanner's window if it gave all slices the same, else one from the series' percentiles.

    A window that changes from slice to slice would flicker, and hide that edge slices are dark.
    """
    given = set()
    for frame in stack.frames:
        center, width = _number(frame.header, "WindowCenter"), _number(frame.header, "WindowWidth")
        given.add((center, width))
    if len(given) == 1:
        center, width = given.pop()
        if center is not None and width is not None and width >= 1:
            return center, width
    values = np.concatenate([frame.values.ravel()[::4] for frame in stack.frames])
    slopes = {_rescale(frame) for frame in stack.frames}
    try:
        if len(slopes) == 1:
            center, width = pixels.window(values, *slopes.pop())
        else:
            scaled = [f.values.ravel()[::4] * _rescale(f)[0] + _rescale(f)[1] for f in stack.frames]
            center, width = pixels.window(np.concatenate(scaled))
    except pixels.PixelError as error:
        raise SeriesError(str(error)) from error
    return center, width


def _rescale(frame: Frame) -> tuple[float, float]:
    slope, intercept = _number(frame.header, "RescaleSlope"), _number(frame.header, "RescaleIntercept")
    return slope if slope else 1.0, intercept or 0.0


def _describe_pixels(
    clean: Dataset, frame: Frame, window: tuple[float, float], spacing: float | None
) -> None:
    rows, columns = frame.values.shape
    clean.SamplesPerPixel, clean.Rows, clean.Columns = 1, rows, columns
    clean.PhotometricInterpretation = str(frame.header.PhotometricInterpretation)
    clean.BitsAllocated = frame.values.itemsize * 8
    clean.BitsStored, clean.HighBit = frame.bits, frame.bits - 1
    clean.PixelRepresentation = int(frame.values.dtype.kind == "i")
    clean.WindowCenter, clean.WindowWidth = (round(v, 4) for v in window)
    if spacing is not None:
        clean.SpacingBetweenSlices = round(spacing, 6)
    for keyword in ("SmallestImagePixelValue", "LargestImagePixelValue", "PixelPaddingValue"):
        if keyword in clean:
            # Their VR hangs on PixelRepresentation, and vendors get it wrong.
            if (
                not np.iinfo(frame.values.dtype).min
                <= int(clean[keyword].value)
                <= np.iinfo(frame.values.dtype).max
            ):
                delattr(clean, keyword)
            else:
                clean[keyword].VR = "SS" if clean.PixelRepresentation else "US"
    if pixels.lossy(frame.transfer_syntax):
        clean.LossyImageCompression = "01"


def _part10(clean: Dataset, frame: Frame, stream: bytes | None, writer: part10.SeriesWriter) -> bytes:
    """The file's bytes: HTJ2K where it held the pixels bit for bit, explicit little endian otherwise."""
    meta = deidentify.file_meta(clean, HTJ2KLossless if stream else ExplicitVRLittleEndian)
    if stream is not None:
        return writer.write(clean, meta, stream, encapsulated=True)
    return writer.write(clean, meta, pixels.raw_frame(frame.values), encapsulated=False)


def _json(clean: Dataset) -> dict[str, Any]:
    """DICOM JSON, without an attribute that cannot be written so.

    Not by pydicom's ``suppress_invalid_tags``: that makes the whole process read strictly for a while, and
    of two threads that overlap the later one leaves it so for good.
    """
    found: dict[str, Any] = {}
    for tag in clean.keys():  # noqa: SIM118 - items() would parse every element outside the try
        try:
            found[f"{tag:08X}"] = clean[tag].to_json_dict(None, 1024)
        except Exception:
            # As in deidentify: pydicom raises anything, and what cannot be shown is left out.
            continue
    return found


def _whole(ds: Dataset, keyword: str) -> int | None:
    """A number that fits the integer columns of every database."""
    number = _number(ds, keyword)
    return int(number) if number is not None and abs(number) < 2**31 else None


def _number(ds: Dataset, keyword: str) -> float | None:
    try:
        value = ds.get(keyword)
        if isinstance(value, str) or not hasattr(value, "__iter__"):
            number = float(value)
        else:
            number = float(value[0])
    except Exception:  # absent, or text where a number should be
        return None
    return number if math.isfinite(number) else None
