from __future__ import annotations

from datetime import date

import pytest

from cohort import criteria

SAGITTAL = [0.0, 1.0, 0.0, 0.0, 0.0, -1.0]


@pytest.mark.parametrize(
    ("system", "code"),
    [
        ("ICD9", "714.0"), ("ICD9", "714.2"), ("ICD9", "7140"), ("ICD-9", "714.0"), ("ICD9CM", "714.2"),
        ("ICD10", "M05"), ("ICD10", "M05.0"), ("ICD10", "M05.5"), ("ICD10", "M05.9"), ("ICD10", "M05.79"),
        ("ICD10", "M0579"), ("ICD10", "m05.711"), ("ICD10", "M06"), ("ICD10", "M06.0"), ("ICD10", "M06.09"),
        ("ICD10", "M06.8"), ("ICD10", "M06.88"), ("ICD10", "M06.9"), ("ICD10", "M069"), ("ICD10", " M06.9 "),
        ("icd-10-cm", "M06.0A"),
    ],
)  # fmt: skip
def test_codes_of_rheumatoid_arthritis(system: str, code: str) -> None:
    assert criteria.is_rheumatoid(system, code)


@pytest.mark.parametrize(
    ("system", "code"),
    [
        ("ICD9", "714"), ("ICD9", "714.1"), ("ICD9", "714.3"), ("ICD9", "714.30"), ("ICD9", "714.4"),
        ("ICD9", "715.9"), ("ICD9", "M05"), ("ICD10", "714.0"), ("ICD10", "M06.1"), ("ICD10", "M06.4"),
        ("ICD10", "M06.2"), ("ICD10", "M06.3"), ("ICD10", "M061"), ("ICD10", "M06.10"), ("ICD10", "M07"),
        ("ICD10", "M08.0"), ("ICD10", "M04"), ("ICD10", "XM05"), ("ICD10", "M05X"), ("ICD10", ""),
        ("", "M05"), ("SNOMED", "M05"),
    ],
)  # fmt: skip
def test_codes_of_other_diseases(system: str, code: str) -> None:
    assert not criteria.is_rheumatoid(system, code)


def test_interval_counts_whole_days() -> None:
    first = date(2010, 1, 1)
    assert criteria.long_enough(first, date(2012, 9, 27))  # 1000 days
    assert not criteria.long_enough(first, date(2012, 9, 26))
    assert criteria.long_enough(first, date(2010, 1, 31), 30)
    assert not criteria.long_enough(date(2012, 9, 27), first)


@pytest.mark.parametrize(
    "text",
    ["CSPINE", "C-SPINE", "C SPINE", "c_spine", "Cervical spine", "NECK", "MR C-SP W/O", "CTSPINE", "HWS",
     "CRANIO-CERVICAL JUNCTION"],
)  # fmt: skip
def test_cervical_body_parts(text: str) -> None:
    assert criteria.is_cervical(text)


@pytest.mark.parametrize(
    "text", ["", "LSPINE", "THORACIC SPINE", "MEDIC SPINE", "BRAIN", "SPINE", "PELVIC SPINE"]
)
def test_other_body_parts(text: str) -> None:
    assert not criteria.is_cervical(text)


def typical(**changes: object) -> dict[str, object]:
    return {
        "ImageOrientationPatient": SAGITTAL, "EchoTime": 100, "RepetitionTime": 3500,
        "ScanningSequence": "SE",
        "SeriesDescription": "T2 TSE SAG", "BodyPartExamined": "CSPINE", **changes,
    }  # fmt: skip


def test_a_typical_series_is_recognised_and_explained() -> None:
    found = criteria.recognise(typical(), slices=15)
    assert found.sagittal_t2_cervical
    assert found.explain() == {
        "plane": "sagittal: the slice normal is 1.00 along the sagittal axis",
        "weighting": "t2: TE 100 ms, TR 3500 ms, and SeriesDescription names T2",
        "region": "cervical: BodyPartExamined names the cervical spine",
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
    found = criteria.recognise(typical(**changes), slices=15)
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
    assert criteria.recognise(typical(ImageOrientationPatient=orientation), slices=15).plane == plane


def test_description_outweighs_body_part_and_export_comes_last() -> None:
    head = typical(BodyPartExamined="HEAD", StudyDescription="MR CERVICAL SPINE")
    assert criteria.recognise(head, slices=15).region == "cervical"
    assert criteria.recognise(typical(BodyPartExamined="LSPINE"), slices=15).region == "elsewhere"
    silent = typical(BodyPartExamined="")
    assert criteria.recognise(silent, slices=15).region == "unknown"
    by_export = criteria.recognise(silent, slices=15).of_exam("CSPINE")
    assert (by_export.region, by_export.sagittal_t2_cervical) == ("cervical", True)
    assert "export" in by_export.explain()["region"]
    assert criteria.recognise(silent, slices=15).of_exam("LSPINE").region == "unknown"
    brain = typical(BodyPartExamined="BRAIN")
    assert criteria.recognise(brain, slices=15).of_exam("CSPINE").region == "elsewhere"


def test_recognition_comes_back_from_its_explanation() -> None:
    found = criteria.recognise(typical(), slices=15)
    assert criteria.Recognition.explained(found.explain(), 15) == found


def test_a_localizer_has_too_few_slices() -> None:
    found = criteria.recognise(typical(), slices=criteria.MIN_SLICES - 1)
    assert not found.sagittal_t2_cervical
    assert "too few slices" in found.explain()["sagittal_t2_cervical"]
