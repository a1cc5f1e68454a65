"""The figure: drawn from checked sums, read by screen readers, refused when it does not add up."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from cohort import flow_diagram

SVG = "{http://www.w3.org/2000/svg}"


def step(key: str, remaining: int, reasons: dict[str, int] | None = None, label: str = "") -> dict[str, Any]:
    reasons = reasons or {}
    left = sum(reasons.values())
    return {"key": key, "label": label or key, "remaining": remaining, "left": left, "reasons": reasons}


STEPS = [
    step("identified", 3248, label="Identified"),
    step("imaged", 2276, {"no_imaging": 100, "no_cervical_mri": 872}, "At least one cervical MRI"),
    step("coded", 2276, label="Coded as rheumatoid arthritis"),
    step("chart_review", 2200, {"ra_refuted": 70, "seen <elsewhere> & lost": 6}, "Chart review"),
    step("included", 2200, label="Included"),
]


def test_svg_holds_every_count_and_reason() -> None:
    root = ET.fromstring(flow_diagram.svg(STEPS, title="Patient flow, A & B"))
    texts = [element.text or "" for element in root.iter(f"{SVG}text")]
    plain = [text.replace("\u00a0", " ") for text in texts]
    assert plain[0] == "Patient flow, A & B"
    for wanted in (
        "n = 3,248", "n = 2,276", "Excluded (n = 972)", "No cervical MRI (n = 872)",
        "No exam on record (n = 100)", "Excluded (n = 76)", "Seen <elsewhere> & lost (n = 6)", "Chart review",
    ):  # fmt: skip
        assert wanted in plain, wanted
    assert root.get("role") == "img"
    title, described = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert described is not None
    assert root.get("aria-labelledby") == f"{title.get('id')} {described.get('id')}"
    assert described.text == flow_diagram.spoken(STEPS)
    assert "972 left: no exam on record 100, no cervical mri 872." in flow_diagram.spoken(STEPS)


def test_boxes_lie_apart_and_inside() -> None:
    diagram = flow_diagram.layout(STEPS)
    assert [box.kind for box in diagram.boxes] == ["step", "left", "step", "step", "left", "step", "step"]
    for k, box in enumerate(diagram.boxes):
        assert box.x >= 0
        assert box.x + box.width <= diagram.width
        assert box.y + box.height <= diagram.height
        for line in box.lines:
            assert flow_diagram._width(line.text) + line.indent <= box.width - 2 * flow_diagram.PADDING
        for other in diagram.boxes[k + 1 :]:
            apart_x = box.x + box.width <= other.x or other.x + other.width <= box.x
            assert apart_x or box.y + box.height <= other.y or other.y + other.height <= box.y
    down = [arrow for arrow in diagram.arrows if arrow.x1 == arrow.x2]
    assert len(down) == len(STEPS) - 1
    mains = [box for box in diagram.boxes if box.kind == "step"]
    for arrow, above, below in zip(down, mains, mains[1:], strict=False):
        assert (arrow.y1, arrow.y2) == (above.y + above.height, below.y)


def test_a_flow_that_does_not_sum_is_named_and_not_drawn() -> None:
    published = [
        step("coded", 303, label="Coded"),
        {**step("chart_review", 220, {"ra_refuted": 34, "other": 9}, "Chart review"), "left": 56},
    ]
    wrong = flow_diagram.contradictions(published)
    assert wrong == [
        "Chart review: the reasons sum to 43, not to the 56 who left.",
        "Chart review: 303 − 56 = 247, not 220.",
        "Those who left and those who stay are not those who came.",
    ]
    with pytest.raises(ValueError, match="does not add up"):
        flow_diagram.svg(published, title="Published")
    assert flow_diagram.contradictions([step("a", 1), step("b", -1, {"x": 2})])
    assert flow_diagram.contradictions(STEPS) == []


def test_sites_that_do_not_sum_to_the_whole_are_named() -> None:
    whole = [step("identified", 3), step("included", 2, {"x": 1})]
    a, b = (
        [step("identified", 2), step("included", 2)],
        [step("identified", 1), step("included", 0, {"x": 1})],
    )
    right = flow_diagram.sums(whole, [{"site": "A", "steps": a}, {"site": "B", "steps": b}])
    assert right == {"checked": 16, "contradictions": []}
    wrong = flow_diagram.sums(whole, [{"site": "A", "steps": a}])["contradictions"]
    assert wrong[0] == "identified: the sites' remaining sum to 2, not to 3."


def test_long_words_and_labels_wrap() -> None:
    assert flow_diagram.wrap("a" * 60, 100) == ["a" * 60]
    lines = flow_diagram.wrap("Two cervical MRIs far enough apart (n = 7)", 120)
    assert len(lines) > 2
    assert lines[-1].endswith("(n\u00a0=\u00a07)")
