"""What is said of each kind of map, and which is shown first."""

from __future__ import annotations

import pytest

from modeling.map_verdicts import (
    METHODS,
    current,
    default_kind,
    kind_statement,
    of_answer,
    statement,
    verdicts,
)
from tests.modeling.published_run import trust_report

GOOD = "passed randomisation, deletion, insertion and occlusion on 12 test patients"
LIMIT = "They do not show that the network is right."


@pytest.mark.parametrize(
    ("layercam", "gradcam", "expected"),
    [
        ([], [], f"LayerCAM and GradCAM {GOOD}: the maps follow this network. {LIMIT}"),
        (
            ["insertion"],
            [],
            f"GradCAM {GOOD}: its maps follow this network. {LIMIT} LayerCAM is not validated for "
            "localisation: insertion failed. Do not read anatomy from its maps.",
        ),
        (
            [],
            ["deletion", "occlusion"],
            f"LayerCAM {GOOD}: its maps follow this network. {LIMIT} GradCAM is not validated for "
            "localisation: deletion and occlusion failed. Do not read anatomy from its maps.",
        ),
        (
            ["randomisation", "deletion", "insertion"],
            ["occlusion"],
            "Not validated for localisation: LayerCAM failed randomisation, deletion and insertion, GradCAM "
            "failed occlusion, on 12 test patients. Do not read anatomy from these maps.",
        ),
    ],
)
def test_the_statement_names_who_passed_and_what_failed(
    layercam: list[str], gradcam: list[str], expected: str
) -> None:
    assert statement({"layercam": layercam, "gradcam": gradcam}, 12) == expected


def test_a_kinds_own_statement() -> None:
    assert kind_statement("layercam", [], 12).startswith(f"LayerCAM {GOOD}: its maps follow")
    assert kind_statement("gradcam", ["exactness"], 12) == (
        "Not validated for localisation: GradCAM failed exactness on 12 test patients. Do not read anatomy "
        "from its maps."
    )


@pytest.mark.parametrize(
    ("layercam", "gradcam", "first"),
    [
        ([], [], "layercam"),
        ([], ["deletion"], "layercam"),
        (["deletion"], ["deletion"], "layercam"),
        (["deletion"], [], "gradcam"),
    ],
)
def test_layercam_is_shown_first_unless_gradcam_alone_is_validated(
    layercam: list[str], gradcam: list[str], first: str
) -> None:
    found = trust_report(layercam, gradcam)
    assert default_kind(found) == verdicts(found)["default_map"] == first
    for kind, names in (("layercam", layercam), ("gradcam", gradcam)):
        assert verdicts(found)["maps"][kind]["validated"] is not bool(names)


def test_an_older_report_counts_as_none_and_says_so() -> None:
    old = {"version": 1, "validated": True, "statement": "Passed"}
    assert current(old) is None
    found = verdicts(old)
    assert not any(row["validated"] for row in (found, *found["maps"].values()))
    assert "older version" in found["statement"]
    assert "Make it again" in found["maps"]["gradcam"]["statement"]
    never = verdicts(None)
    assert (never["validated"], never["default_map"]) == (False, "layercam")
    assert "have not been tested" in never["statement"]


def test_why_there_is_no_report_is_said_of_every_map() -> None:
    recorded = {"validated": False, "statement": "Not validated: the trust report could not be made: why"}
    found = verdicts(None, recorded)
    assert [row["statement"] for row in (found, *found["maps"].values())] == [recorded["statement"]] * 3
    # A report that was made since counts; a verdict whose report is lost validates nothing.
    assert verdicts(trust_report([], []), recorded)["validated"]
    assert "have not been tested" in verdicts(None, {"validated": True, "statement": "Passed"})["statement"]


def test_every_method_is_one_kinds_for_one_answer() -> None:
    pairs = {of_answer(kind, predicted): kind for kind in ("gradcam", "layercam") for predicted in (0, 1)}
    assert pairs == dict(METHODS)
    assert (of_answer("gradcam", 0), of_answer("layercam", 0)) == ("against", "layercam_against")
