"""Values follow from points: hand-worked cases, the phantom's own truth, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from annotation import measurements
from cohort.phantom.acquire import draw_acquisition, geometry_of
from cohort.phantom.anatomy import make_patient
from cohort.phantom.observe import landmarks
from config.exceptions import RuleViolation
from tests.annotation.conftest import both, draft

# A sagittal slice at x = 4: y to the back, z to the head.
LINE = [[4.0, 0.0, 100.0], [4.0, 30.0, 90.0]]


@pytest.mark.parametrize(
    ("kind", "points", "value"),
    [
        ("length", [[0, 1, 2.5], [0, 4, 6.5]], 5.0),
        ("atlantodental", [[0, 0, 0], [0, 2.4, 0]], 2.4),
        ("retro_odontoid", [[0, 0, 0], [0, 3, 4]], 5.0),
        # The line falls 1 in 3; 5 mm straight above its start is 5 · 3/√10 from it.
        ("mcrae", [*LINE, [4, 0, 105]], 15 / math.sqrt(10)),
        ("mcrae", [*LINE, [4, 0, 95]], -15 / math.sqrt(10)),
        ("mcrae", [*LINE[::-1], [4, 0, 95]], -15 / math.sqrt(10)),
        ("mcrae", [*LINE, [4, 15, 95]], 0.0),
        ("angle", [[0, 1, 0], [0, 0, 0], [0, 0, 3]], 90.0),
        ("angle", [[0, 1, 0], [0, 0, 0], [0, -1, 1]], 135.0),
        ("ellipse", [[4, 10, 47], [4, 20, 47], [4, 15, 50], [4, 15, 44]], math.pi / 4 * 60),
    ],
)
def test_values_by_hand(kind: str, points: list[list[float]], value: float) -> None:
    assert measurements.value_of(kind, points) == pytest.approx(value, abs=1e-12)


def test_a_probe_has_no_value_of_its_own() -> None:
    assert measurements.value_of("probe", [[0, 0, 0]]) is None


@pytest.mark.parametrize("seed", range(6))
def test_mcrae_is_the_phantoms_truth(seed: int) -> None:
    """The phantom knows how far its dens lies below the line, in whatever way it was tilted."""
    rng = np.random.default_rng(seed)
    truth: dict[str, Any] = landmarks(make_patient(seed), geometry_of(draw_acquisition(rng)))
    points = [truth["basion"], truth["opisthion"], truth["dens_tip"]]
    assert measurements.value_of("mcrae", points) == pytest.approx(-truth["tip_below_mcrae"], abs=0.02)


def one(**changes: Any) -> dict[str, Any]:
    return {
        "id": "m", "kind": "mcrae", "scan": "baseline", "slice": 1, "sop_uid": "",
        "points": [*LINE, [4.0, 0.0, 105.0]], "value": 15 / math.sqrt(10), "proposed_grade": 1, **changes,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "volume"}, "kind"),
        ({"points": LINE}, "points"),
        ({"value": 4.7}, "value"),
        ({"value": -15 / math.sqrt(10)}, "value"),
        ({"proposed_grade": 0}, "proposed_grade"),
        ({"kind": "length", "points": LINE, "value": math.sqrt(1000), "proposed_grade": 1}, "proposed_grade"),
        ({"sd": -1.0}, "sd"),
    ],
)
def test_parts_that_contradict_each_other(changes: dict[str, Any], field: str) -> None:
    assert measurements.wrong_with(one()) == {}
    assert measurements.wrong_with(one(proposed_grade=None)) == {}
    assert field in measurements.wrong_with(one(**changes))


@pytest.mark.parametrize(
    ("kind", "points", "message"),
    [
        (
            "mcrae",
            [LINE[0], LINE[0], [4, 0, 105]],
            "Dens tip above McRae's line: basion and opisthion are the same",
        ),
        ("angle", [[0, 1, 0], [0, 1, 0], [0, 0, 3]], "Angle: first arm and vertex are the same"),
        ("angle", [[0, 1, 0], [0, 0, 3], [0, 0, 3]], "Angle: vertex and second arm are the same"),
        (
            "ellipse",
            [[4, 1, 7], [4, 5, 7], [4, 3, 7], [4, 3, 7]],
            "Area: column start and column end are the same",
        ),
    ],
)
def test_what_has_no_extent_is_no_measurement(kind: str, points: list[list[float]], message: str) -> None:
    """A slipped double click: the value fits the points, and means nothing."""
    value = measurements.value_of(kind, points)
    wrong = measurements.wrong_with(one(kind=kind, points=points, value=value, proposed_grade=None))
    assert list(wrong) == ["points"]
    assert wrong["points"].startswith(message)


@pytest.mark.django_db
def test_the_server_refuses_a_line_without_length(case: Any, readers: dict[str, Any]) -> None:
    flat = one(points=[LINE[0], LINE[0], [4, 0, 105]], value=5.0)
    with pytest.raises(RuleViolation) as refusal:
        draft(case, readers["observer_a"], both(), measurements=[one(), flat])
    assert "McRae's line" in refusal.value.extra["fields"]["measurements.1.points"]


@pytest.mark.django_db
def test_the_server_refuses_a_value_that_the_points_do_not_have(case: Any, readers: dict[str, Any]) -> None:
    saved = draft(case, readers["observer_a"], both(), measurements=[one()])
    assert saved.measurements == [one()]
    with pytest.raises(RuleViolation) as refusal:
        draft(case, readers["observer_a"], both(), measurements=[one(), one(value=2.0)])
    assert list(refusal.value.extra["fields"]) == ["measurements.1.value"]
    saved.refresh_from_db()
    assert saved.measurements == [one()]


def test_the_last_line_drawn_proposes() -> None:
    made = [one(id="a"), one(id="b"), one(id="c", scan="follow_up"), one(id="d", kind="length")]
    assert measurements.proposal(made, "baseline")["id"] == "b"
    assert measurements.proposal(made, "scan") is None
