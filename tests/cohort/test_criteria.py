from __future__ import annotations

from datetime import date

import pytest

from cohort import criteria


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


def test_the_list_says_of_itself_what_counts() -> None:
    shown = {one["system"]: one for one in criteria.in_force(1000)["codes"]}
    for system, codes in shown.items():
        for code in (*codes["alone"], *codes["with_deeper"]):
            assert criteria.is_rheumatoid(system, code)
        for code in codes["with_deeper"]:
            assert criteria.is_rheumatoid(system, f"{code}9")
    assert shown["ICD9"]["with_deeper"] == ["714.0", "714.2"]
    assert len(shown["ICD10"]["with_deeper"]) == 13
    rules = {one["rule"] for one in criteria.in_force(1000)["timings"]}
    assert "spin echo, TE from 70 ms, TR from 1500 ms" in rules
    assert "inversion recovery, TI 80 to 300 ms" in rules
