"""What a series is taken for, and why: by table, and on real headers."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pydicom
import pytest

from cohort import criteria
from cohort.recognition import KEYWORDS, Recognition, recognise

SAGITTAL = [0.0, 1.0, 0.0, 0.0, 0.0, -1.0]


def typical(**changes: object) -> dict[str, object]:
    return {
        "ImageOrientationPatient": SAGITTAL, "EchoTime": 100, "RepetitionTime": 3500,
        "ScanningSequence": "SE",
        "SeriesDescription": "T2 TSE SAG", "BodyPartExamined": "CSPINE", **changes,
    }  # fmt: skip


def test_a_typical_series_is_recognised_and_explained() -> None:
    found = recognise(typical(), slices=15)
    assert found.sagittal_t2_cervical
    assert found.explain() == {
        "plane": "sagittal: the slice normal is 1.00 along the sagittal axis",
        "weighting": "t2: TE 100 ms, TR 3500 ms, and SeriesDescription names T2",
        "region": "cervical: BodyPartExamined names the cervical spine",
        "kind": "acquired: nothing says otherwise",
        "slices": "15, enough",
        "sagittal_t2_cervical": "yes",
    }


@pytest.mark.parametrize(
    ("changes", "weighting"),
    [
        ({"EchoTime": 10, "RepetitionTime": 500, "SeriesDescription": "SAG"}, "t1"),
        ({"EchoTime": 30, "RepetitionTime": 3000, "SeriesDescription": "SAG"}, "pd"),
        ({"EchoTime": 100, "RepetitionTime": 3500, "SeriesDescription": ""}, "t2"),
        ({"EchoTime": None, "SeriesDescription": "T2W_TSE"}, "t2"),
        ({"EchoTime": None, "SeriesDescription": "", "ProtocolName": "t1_tse_sag"}, "t1"),
        ({"EchoTime": None, "SeriesDescription": "SAG"}, "unknown"),
        # the scanner's own timing against a name typed by hand
        ({"EchoTime": 10, "RepetitionTime": 500, "SeriesDescription": "T2 SAG"}, "t1"),
        ({"SeriesDescription": "T2 STIR SAG"}, "stir"),
        ({"ScanningSequence": ["SE", "IR"], "InversionTime": 160, "SeriesDescription": "SAG"}, "stir"),
        ({"ScanningSequence": ["SE", "IR"], "InversionTime": 2200, "SeriesDescription": "SAG"}, "flair"),
        (
            {
                "ScanningSequence": ["GR", "IR"],
                "EchoTime": 2.5,
                "InversionTime": 900,
                "SeriesDescription": "SAG",
            },
            "t1",
        ),
        (
            {
                "ScanningSequence": "GR",
                "EchoTime": 18,
                "RepetitionTime": 600,
                "SeriesDescription": "T2 MEDIC",
            },
            "t2*",
        ),
        ({"EchoTime": "no number", "SeriesDescription": "T2"}, "t2"),
    ],
)
def test_weighting(changes: dict[str, object], weighting: str) -> None:
    found = recognise(typical(**changes), slices=15)
    assert found.weighting == weighting
    assert found.sagittal_t2_cervical == (weighting == "t2")


@pytest.mark.parametrize(
    ("orientation", "plane"),
    [
        (SAGITTAL, "sagittal"),
        ([0.1, 0.99, 0.1, 0.05, 0.1, -0.99], "sagittal"),
        ([1, 0, 0, 0, 1, 0], "axial"),
        ([1, 0, 0, 0, 0, -1], "coronal"),
        ([0.707, 0.707, 0, 0, 0, -1], "oblique"),
        (None, "unknown"),
        ([1, 0, 0], "unknown"),
    ],
)
def test_plane(orientation: list[float] | None, plane: str) -> None:
    assert recognise(typical(ImageOrientationPatient=orientation), slices=15).plane == plane


def test_description_outweighs_body_part_and_export_comes_last() -> None:
    head = typical(BodyPartExamined="HEAD", StudyDescription="MR CERVICAL SPINE")
    assert recognise(head, slices=15).region == "cervical"
    assert recognise(typical(BodyPartExamined="LSPINE"), slices=15).region == "elsewhere"
    silent = typical(BodyPartExamined="")
    assert recognise(silent, slices=15).region == "unknown"
    by_export = recognise(silent, slices=15).of_exam("CSPINE")
    assert (by_export.region, by_export.sagittal_t2_cervical) == ("cervical", True)
    assert "export" in by_export.explain()["region"]
    assert recognise(silent, slices=15).of_exam("LSPINE").region == "unknown"
    brain = typical(BodyPartExamined="BRAIN")
    assert recognise(brain, slices=15).of_exam("CSPINE").region == "elsewhere"


def test_recognition_comes_back_from_its_explanation() -> None:
    found = recognise(typical(), slices=15)
    assert Recognition.explained(found.explain(), 15) == found


def test_a_localizer_has_too_few_slices() -> None:
    found = recognise(typical(), slices=criteria.MIN_SLICES - 1)
    assert not found.sagittal_t2_cervical
    assert "too few slices" in found.explain()["sagittal_t2_cervical"]


def test_rows_from_before_the_kind_was_asked_still_read() -> None:
    lines = {k: v for k, v in recognise(typical(), slices=15).explain().items() if k != "kind"}
    found = Recognition.explained(lines, 15)
    assert found.sagittal_t2_cervical
    assert found.explain()["kind"] == "acquired: not looked at when this series came in"


#: Names and timings as they come from scanners and technologists: (attributes, weighting, counts).
SERIES: list[tuple[dict[str, Any], str, bool]] = [
    ({"SeriesDescription": "t2_tse_sag_p2_320"}, "t2", True),
    ({"SeriesDescription": "SAG T2 FRFSE"}, "t2", True),
    ({"SeriesDescription": "T2W_TSE SENSE"}, "t2", True),
    ({"SeriesDescription": "t2_spc_sag_iso", "EchoTime": 130, "RepetitionTime": 1500}, "t2", True),
    ({"SeriesDescription": "Sag T2 CUBE", "EchoTime": 65, "RepetitionTime": 2000}, "t2", True),
    ({"SeriesDescription": "SAG T2 NO FS"}, "t2", True),
    ({"SeriesDescription": "T2 TSE w/o fatsat sag"}, "t2", True),
    ({"SeriesDescription": "AIR Recon DL Sag T2"}, "t2", True),
    # the fat's signal taken away
    ({"SeriesDescription": "SAG T2 FS"}, "t2 fs", False),
    ({"SeriesDescription": "t2_tse_sag_FatSat"}, "t2 fs", False),
    ({"SeriesDescription": "T2W_SPAIR SAG"}, "t2 fs", False),
    ({"SeriesDescription": "T2 SAG", "ScanOptions": ["PFP", "FS"]}, "t2 fs", False),
    ({"SeriesDescription": "t2_tse_dixon_sag_W", "ImageType": ["DERIVED", "PRIMARY", "DIXON", "WATER"]},
     "t2 fs", False),
    ({"SeriesDescription": "t2_tse_dixon_sag_in", "ImageType": ["DERIVED", "PRIMARY", "DIXON", "IN_PHASE"]},
     "t2", True),
    # inversion recovery
    ({"SeriesDescription": "SAG STIR"}, "stir", False),
    ({"SeriesDescription": "t2_tirm_sag"}, "stir", False),
    ({"SeriesDescription": "SAG", "ScanningSequence": "IR", "InversionTime": 150}, "stir", False),
    ({"SeriesDescription": "SAG", "ScanningSequence": ["SE", "IR"], "InversionTime": None}, "unknown", False),
    ({"SeriesDescription": "T2 FLAIR SAG"}, "flair", False),
    ({"SeriesDescription": "SAG", "ScanningSequence": ["SE", "IR"], "EchoTime": 194, "RepetitionTime": 4000,
      "InversionTime": 1400}, "flair", False),
    ({"SeriesDescription": "SAG T1 FLAIR", "ScanningSequence": ["SE", "IR"], "EchoTime": 20,
      "RepetitionTime": 2000, "InversionTime": 800}, "t1", False),
    # gradient echo
    ({"SeriesDescription": "T2* SAG", "ScanningSequence": "GR", "EchoTime": 15, "RepetitionTime": 500},
     "t2*", False),
    ({"SeriesDescription": "SAG T2 GRE"}, "t2*", False),
    ({"SeriesDescription": "t2_me2d_sag", "ScanningSequence": "GR", "EchoTime": 17}, "t2*", False),
    ({"SeriesDescription": "SAG MERGE", "ScanningSequence": "GR", "EchoTime": 9, "RepetitionTime": 600},
     "t2*", False),
    ({"SeriesDescription": "T2 CISS 3D", "ScanningSequence": "GR", "EchoTime": 2.5, "RepetitionTime": 6},
     "bssfp", False),
    ({"SeriesDescription": "SAG MPRAGE", "ScanningSequence": ["GR", "IR"], "EchoTime": 2.5,
      "RepetitionTime": 2000, "InversionTime": 900}, "t1", False),
    # proton density, two echoes under one name
    ({"SeriesDescription": "PD/T2 SAG", "EchoTime": 20, "RepetitionTime": 3000}, "pd", False),
    ({"SeriesDescription": "PD/T2 SAG", "EchoTime": 90, "RepetitionTime": 3000}, "t2", True),
    ({"SeriesDescription": "pd_tse_sag", "EchoTime": 35, "RepetitionTime": 2500}, "pd", False),
    # diffusion has the times of T2
    ({"SeriesDescription": "DWI SAG", "ScanningSequence": ["SE", "EP"]}, "dwi", False),
    ({"SeriesDescription": "SAG", "ScanningSequence": ["EP", "SE"]}, "epi", False),
    ({"SeriesDescription": "T2 SAG", "ScanningSequence": ["EP", "RM"]}, "epi", False),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "weighting", "counts"), SERIES)
def test_names_and_timings_of_scanners(changes: dict[str, Any], weighting: str, counts: bool) -> None:
    found = recognise(typical(**changes), slices=15)
    assert (found.weighting, found.sagittal_t2_cervical) == (weighting, counts), found.explain()
    if weighting != "t2":
        assert "weighting is not T2" in found.explain()["sagittal_t2_cervical"]


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "acquired"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "M", "SE"]}, "acquired"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "MPR"]}, "acquired"),  # GE writes it on originals
        ({"ImageType": ["DERIVED", "SECONDARY"]}, "acquired"),
        ({"ImageType": ["DERIVED", "PRIMARY", "M", "ND", "COMP_SP", "COMPOSED"]}, "acquired"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "localizer"),
        ({"SeriesDescription": "3-PL T2* LOC"}, "localizer"),
        ({"SeriesDescription": "localizer T2 haste"}, "localizer"),
        ({"ProtocolName": "SURVEY"}, "localizer"),
        ({"ImageType": ["DERIVED", "SECONDARY", "MPR", "CSA MPR"]}, "reformat"),
        ({"ImageType": ["DERIVED", "SECONDARY", "REFORMATTED", "AVERAGE"]}, "reformat"),
        ({"SeriesDescription": "T2 SPACE SAG MPR"}, "reformat"),
        ({"SeriesDescription": "T2 reformatted"}, "reformat"),
        ({"ImageType": ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"]}, "computed"),
    ],
)
def test_localizers_reformats_and_maps_do_not_count(changes: dict[str, Any], kind: str) -> None:
    found = recognise(typical(**changes), slices=15)
    assert found.kind == kind, found.explain()
    assert found.explain()["kind"].startswith(f"{kind}: ")
    if kind != "acquired":
        assert f"it is a {kind} series" in found.explain()["sagittal_t2_cervical"]


@pytest.mark.parametrize(
    ("changes", "region"),
    [
        ({"BodyPartExamined": "CSPINE"}, "cervical"),
        ({"BodyPartExamined": "SPINE", "StudyDescription": "MRI C SPINE WO CONTRAST"}, "cervical"),
        ({"BodyPartExamined": "SPINE", "ProtocolName": "HWS_nativ"}, "cervical"),
        ({"BodyPartExamined": "SPINE", "StudyDescription": "IRM RACHIS CERVICAL"}, "cervical"),
        ({"BodyPartExamined": "HEAD", "SeriesDescription": "T2 SAG CCJ"}, "cervical"),
        ({"BodyPartExamined": "", "SeriesDescription": "t2_sag_C1-C2"}, "cervical"),
        ({"BodyPartExamined": "", "AnatomicRegion": "Cervical spine"}, "cervical"),
        ({"BodyPartExamined": "CTLSPINE", "StudyDescription": "CTL-SPINE"}, "cervical"),
        ({"BodyPartExamined": "CSPINE", "StudyDescription": "MRI T SPINE"}, "elsewhere"),
        ({"BodyPartExamined": "BRAIN"}, "elsewhere"),
        ({"BodyPartExamined": "SPINE", "SeriesDescription": "T2 SAG LWS"}, "elsewhere"),
        ({"BodyPartExamined": "SPINE", "StudyDescription": "WHOLE SPINE"}, "unknown"),
        ({"BodyPartExamined": "", "SeriesDescription": "PROTON DENSITY SAG"}, "unknown"),
    ],
)
def test_regions(changes: dict[str, Any], region: str) -> None:
    found = recognise(typical(**changes), slices=15)
    assert found.region == region, found.explain()


def headers(path: Path) -> dict[str, Any]:
    """The attributes of one DICOM file, or of the first in an archive."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            first = next(name for name in archive.namelist() if name.endswith(".dcm"))
            with archive.open(first) as file:
                ds = pydicom.dcmread(file, stop_before_pixels=True)
    else:
        ds = pydicom.dcmread(path, stop_before_pixels=True)
    return {keyword: ds.get(keyword) for keyword in KEYWORDS}


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("t2_sagittal_dicom/errsm_11.zip", ("sagittal", "t2", "cervical", "acquired")),
        ("cvj_t1_dicom/cvj_t1.zip", ("sagittal", "t1", "elsewhere", "acquired")),
        ("mr_variety/**/*anatomical__001_implicit__IM-0001-0112-0001.dcm",
         ("sagittal", "t1", "unknown", "acquired")),  # GE 3D, inversion-prepared gradient echo
        ("mr_variety/**/*philips__anatomical__001__IM-0001*.dcm",
         ("coronal", "flair", "unknown", "acquired")),
        ("mr_variety/**/*hyperfine__anatomical__001__001.dcm", ("axial", "flair", "unknown", "acquired")),
        ("mr_variety/**/*hitachi__anatomical__001__002.dcm", (None, "pd", "unknown", "acquired")),
        ("mr_variety/**/*explicit_big.dcm", ("axial", "pd", "elsewhere", "acquired")),
        ("mr_variety/**/In__Orientation__axmb__AxAsc36mb2a__jpg1.dcm",
         ("axial", "epi", "unknown", "acquired")),
        ("mr_variety/**/*dti_tra_dir16_PA_rot__0001.dcm", (None, "dwi", "elsewhere", "acquired")),
        ("mr_variety/**/*14_DWI_dir80_PA__0001*", (None, "dwi", "elsewhere", "computed")),
    ],
)  # fmt: skip
def test_real_headers(sample_data: Path, pattern: str, said: tuple[str | None, ...]) -> None:
    path = sorted(sample_data.glob(pattern))[0]
    found = recognise(headers(path), slices=15)
    plane, *rest = said
    assert [found.weighting, found.region, found.kind] == rest, found.explain()
    assert plane is None or found.plane == plane
    assert found.sagittal_t2_cervical == (said == ("sagittal", "t2", "cervical", "acquired"))
    assert all(": " in line for key, line in found.explain().items() if key in ("plane", "weighting", "kind"))
