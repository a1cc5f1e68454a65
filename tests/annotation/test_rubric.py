"""The rubric: every combination of grades against the definition as the method states it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation import rubric
from tests.annotation.conftest import CLEAN, scores, unreadable

SCANS = ("baseline", "follow_up")


def expected(g: dict[str, Any]) -> str:
    """Method section 2, word for word."""
    facets = [g[key] for key in g if key.startswith("facet_")]
    if g["pannus"] == 2 or g["vertical_translocation"] == 1 or g["dens_erosion"] == 2 or 1 in facets:
        return "case"
    return "intermediate" if g["pannus"] == 1 or g["dens_erosion"] == 1 else "clean"


def test_every_combination() -> None:
    facet = (0, 1, "not_visible")
    scale = {
        "pannus": (0, 1, 2),
        "vertical_translocation": (0, 1),
        "dens_erosion": (0, 1, 2),
        "facet_c0c1_left": facet,
        "facet_c0c1_right": facet,
        "facet_c1c2_left": facet,
        "facet_c1c2_right": facet,
    }
    seen = set()
    for values in itertools.product(*scale.values()):
        grades = dict(zip(scale, values, strict=True))
        assert rubric.classify(grades) == expected(grades), grades
        seen.add(expected(grades))
    assert seen == {"case", "intermediate", "clean"}


def test_nested_joints_mean_the_same() -> None:
    nested = {key: value for key, value in CLEAN.items() if not key.startswith("facet_")}
    joints = {key.removeprefix("facet_"): value for key, value in CLEAN.items() if key.startswith("facet_")}
    assert rubric.classify({**nested, "facet_blossoming": joints}) == "clean"
    assert rubric.classify({**nested, "facet_blossoming": {**joints, "c1c2_left": 1}}) == "case"
    with pytest.raises(ValueError, match="facet_c0c1_left: graded twice"):
        rubric.classify({**CLEAN, "facet_blossoming": joints})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pannus": 3}, "pannus: 3 is not one of"),
        ({"pannus": True}, "pannus: True"),
        ({"pannus": 1.0}, "pannus: 1.0"),
        ({"pannus": "1"}, "pannus: '1'"),
        ({"pannus": None}, "pannus: None"),
        ({"pannus": "not_visible"}, "pannus: 'not_visible'"),
        ({"facet_c0c1_left": 2}, "facet_c0c1_left: 2"),
        ({"myelopathy": 1}, "unknown finding: myelopathy"),
        ({"facet_blossoming": 1}, "facet_blossoming"),
    ],
)
def test_bad_grades(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rubric.classify({**CLEAN, **change})


@pytest.mark.parametrize("key", CLEAN)
def test_missing_finding(key: str) -> None:
    with pytest.raises(ValueError, match=f"{key}: not graded"):
        rubric.classify({k: v for k, v in CLEAN.items() if k != key})


def test_draft_names_what_is_wrong() -> None:
    content = {
        "baseline": {
            "grades": {"pannus": 7, "hair": 1, "dens_erosion": None},
            "quality": "splendid",
            "comments": {"hair": "x"},
        },
        "middle": {},
    }
    assert set(rubric.check_draft(content, SCANS)) == {
        "middle",
        "baseline.grades.pannus",
        "baseline.grades.hair",
        "baseline.quality",
        "baseline.comments.hair",
    }
    assert rubric.check_draft({"baseline": {"grades": {"pannus": 1}}}, SCANS) == {}


def test_other_reason_needs_words() -> None:
    content = {"baseline": scores(exclusion_observation="other"), "follow_up": scores()}
    assert rubric.missing(content, SCANS) == [{"scan": "baseline", "finding": "exclusion_text"}]
    content["baseline"]["exclusion_text"] = "Chiari malformation"
    assert rubric.missing(content, SCANS) == []


def test_categories_wait_for_all_grades() -> None:
    partial = scores(grades={"pannus": 2})
    assert rubric.categories({"baseline": scores("case"), "follow_up": partial}, SCANS) == {
        "baseline": "case",
        "follow_up": None,
    }
    assert rubric.categories({"baseline": unreadable()}, SCANS) == {"baseline": None, "follow_up": None}


def test_shortcuts_are_distinct() -> None:
    for finding in (*rubric.FINDINGS, rubric.QUALITY, rubric.EXCLUSION_OBSERVATION):
        keys = [choice.shortcut for choice in finding.grades]
        assert len(set(keys)) == len(keys), finding.key


@given(st.dictionaries(st.text(max_size=20), st.one_of(st.none(), st.booleans(), st.floats(), st.text())))
def test_anything_is_a_category_or_a_value_error(grades: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        rubric.classify(grades)
