"""A map as DICOM: what stands on it is a part of the file, and so of its name."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from modeling import saliency_files
from tests.modeling.published_run import write_saliency
from tests.modeling.tiny import write_series


@pytest.fixture
def exported(tmp_path: Path) -> Any:
    """Exports a map with a statement, of a series of two slices."""
    names = write_series(
        tmp_path / "series", np.full((2, 8, 8), 300.0), PatientID="p", PatientName="p^", PatientBirthDate="",
        PatientSex="F", StudyInstanceUID="2.25.77", StudyDate="20040506", StudyTime="000000", StudyID="1",
        AccessionNumber="", ReferringPhysicianName="", SeriesNumber=1, BodyPartExamined="CSPINE",
    )  # fmt: skip
    write_saliency(tmp_path / "p.npz")

    def export(sop_class: str, statement: str, validated: bool) -> pydicom.Dataset:
        sources = [pydicom.dcmread(tmp_path / "series" / name) for name in names]
        content = saliency_files.dicom(
            tmp_path / "p.npz", sources, sop_class=sop_class, method="layercam_against", run=123456,
            version="v1", statement=statement, validated=validated,
        )  # fmt: skip
        return pydicom.dcmread(io.BytesIO(content))

    return export


@pytest.mark.parametrize("sop_class", saliency_files.SOP_CLASSES)
def test_another_statement_is_another_instance(exported: Any, sop_class: str) -> None:
    before, again = (exported(sop_class, "Not validated: never tested.", False) for _ in range(2))
    after = exported(sop_class, "LayerCAM passed.", True)
    for name in ("SOPInstanceUID", "SeriesInstanceUID"):
        assert before[name].value == again[name].value != after[name].value
    assert before.SeriesDescription == "Not validated for localisation: layercam_against of run 123456"
    assert after.SeriesDescription == "layercam_against of run 123456, research only"
    assert len(before.SeriesDescription) <= 64
