"""The patient flow as a STARD diagram: checked sums, boxes with their places, SVG. No Django.

Layout of Bossuyt et al., STARD 2015 (BMJ 2015;351:h5527), Figure 1: who remains runs down the left, and who
leaves stands at the right of the arrow along which they left, with reasons and counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any

Step = Mapping[str, Any]  # {"key", "label", "remaining", "left", "reasons": {reason: n}}

#: Reasons in the words of a figure; one that is not here shows as its key, without underscores.
REASONS = {
    "no_imaging": "No exam on record",
    "no_cervical_mri": "No cervical MRI",
    "single_mri": "A single cervical MRI",
    "short_interval": "First and last MRI too close",
    "no_ra_code": "No code of rheumatoid arthritis",
    "no_sagittal_t2": "No sagittal T2 at baseline",
    "sagittal_t2_unknown": "Not known whether sagittal T2 at baseline",
    "unreadable": "Baseline scan not readable",
    "baseline_deformity": "Deformity at baseline",
    "ra_refuted": "RA refuted on chart review",
    "no_adequate_follow_up": "No adequate follow-up scan",
    "junction_surgery": "Surgery at the craniocervical junction",
    "odontoid_fracture": "Odontoid fracture",
}

FONT = 13.0
LINE = 18.0
PADDING = 10.0
GAP = 28.0
_MAIN_X, _MAIN_WIDTH = 1.0, 250.0
_SIDE_X, _SIDE_WIDTH = 305.0, 335.0
_INDENT = 12.0


def describe(reason: str) -> str:
    return REASONS.get(reason) or reason.replace("_", " ").capitalize()


def title(site: str | None) -> str:
    return "Patient flow" if site is None else f"Patient flow, {site or 'no site'}"


# ---- sums


def contradictions(steps: Sequence[Step]) -> list[str]:
    """What does not add up in one flow, a sentence each; empty for a flow that sums at every step."""
    found = []
    for step in steps:
        total = sum(step["reasons"].values())
        if total != step["left"]:
            found.append(f"{step['label']}: the reasons sum to {total}, not to the {step['left']} who left.")
        if min(step["remaining"], step["left"], *step["reasons"].values(), 0) < 0:
            found.append(f"{step['label']}: a negative count.")
    for before, step in pairwise(steps):
        expected = before["remaining"] - step["left"]
        if expected != step["remaining"]:
            sentence = f"{before['remaining']} − {step['left']} = {expected}, not {step['remaining']}"
            found.append(f"{step['label']}: {sentence}.")
    if steps and steps[0]["remaining"] != steps[-1]["remaining"] + sum(step["left"] for step in steps):
        found.append("Those who left and those who stay are not those who came.")
    return found


def sums(steps: Sequence[Step], sites: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Every sum of a flow and of its sites, worked out again from the figures as they are shown.

    Returns ``{"checked": number of equations, "contradictions": [sentence]}``.
    """
    found, checked = contradictions(steps), 2 * len(steps)
    for site in sites:
        name = site["site"] or "no site"
        found += [f"{name}: {text}" for text in contradictions(site["steps"])]
        checked += 2 * len(steps)
    for k, step in enumerate(steps if sites else []):
        for figure in ("remaining", "left"):
            total = sum(site["steps"][k][figure] for site in sites)
            checked += 1
            if total != step[figure]:
                found.append(f"{step['label']}: the sites' {figure} sum to {total}, not to {step[figure]}.")
    return {"checked": checked, "contradictions": found}


# ---- layout


@dataclass(frozen=True)
class Line:
    text: str
    strong: bool = False
    #: Set where the line says how many left for one reason.
    reason: str = ""
    #: px from the box's left text edge.
    indent: float = 0.0


@dataclass(frozen=True)
class Box:
    kind: str  # "step": who remains; "left": who left on the way there
    step: str
    x: float
    y: float
    width: float
    height: float
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Arrow:
    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True)
class Diagram:
    """Boxes and arrows in px; text is ``FONT`` px high, its lines ``LINE`` apart from ``PADDING`` down."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def layout(steps: Sequence[Step]) -> Diagram:
    """Places of all boxes, first step first."""
    boxes: list[Box] = []
    arrows: list[Arrow] = []
    middle, y = _MAIN_X + _MAIN_WIDTH / 2, 1.0
    for index, step in enumerate(steps):
        if index:
            start = y
            if step["left"]:
                lines = tuple(_left_lines(step))
                height = _height(lines)
                boxes.append(Box("left", step["key"], _SIDE_X, y + GAP / 2, _SIDE_WIDTH, height, lines))
                level = y + GAP / 2 + height / 2
                arrows.append(Arrow(middle, level, _SIDE_X, level))
                y += height + GAP
            else:
                y += GAP
            arrows.append(Arrow(middle, start, middle, y))
        words = [Line(text) for text in wrap(step["label"], _MAIN_WIDTH - 2 * PADDING)]
        lines = (*words, Line(f"n = {step['remaining']:,}", strong=True))
        boxes.append(Box("step", step["key"], _MAIN_X, y, _MAIN_WIDTH, _height(lines), lines))
        y += _height(lines)
    return Diagram(_SIDE_X + _SIDE_WIDTH + 1, y + 1, tuple(boxes), tuple(arrows))


def _left_lines(step: Step) -> Iterator[Line]:
    yield Line(f"Excluded (n = {step['left']:,})", strong=True)
    width = _SIDE_WIDTH - 2 * PADDING - _INDENT
    for reason, n in sorted(step["reasons"].items(), key=lambda item: (-item[1], item[0])):
        for text in wrap(f"{describe(reason)} (n = {n:,})", width):
            yield Line(text, reason=reason, indent=_INDENT)


def _height(lines: Sequence[Line]) -> float:
    return len(lines) * LINE + 2 * PADDING - 4


def wrap(text: str, width: float) -> list[str]:
    """Broken at spaces into lines of at most ``width`` px; a longer word, and "(n = 7)", stay whole."""
    lines: list[str] = []
    for word in text.replace("n = ", "n\u00a0=\u00a0").split(" "):
        if lines and _width(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines or [""]


def _width(text: str) -> float:
    """px of a line in a sans-serif of ``FONT``, rather too wide than too narrow."""
    return FONT * sum(
        0.36 if c in " ijlft.,;:'|!()[]r-" else 0.92 if c in "mwMW" else 0.72 if c.isupper() else 0.6
        for c in text
    )


# ---- SVG

_STYLE = (
    "text{font-family:Helvetica,Arial,'Liberation Sans',sans-serif;font-size:13px;fill:#000}"
    ".strong{font-weight:bold}rect{fill:#fff;stroke:#000}line{stroke:#000}"
)


def svg(steps: Sequence[Step], *, title: str) -> str:
    """A standalone SVG file: black on white, with a title and a description for screen readers.

    Raises
    ------
    ValueError
        If the flow does not sum: such a figure is not drawn.
    """
    wrong = contradictions(steps)
    if wrong:
        raise ValueError(f"the flow does not add up: {' '.join(wrong)}")
    diagram = layout(steps)
    margin, heading = 12.0, 30.0
    width, height = diagram.width + 2 * margin, diagram.height + 2 * margin + heading
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}" role="img" aria-labelledby="flow-title flow-desc">',
        f'<title id="flow-title">{escape(title)}</title>',
        f'<desc id="flow-desc">{escape(spoken(steps))}</desc>',
        f"<style>{_STYLE}</style>",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>',
        f'<rect width="{width:g}" height="{height:g}" style="stroke:none"/>',
        f'<text x="{margin + 1:g}" y="{margin + 14:g}" class="strong">{escape(title)}</text>',
        f'<g transform="translate({margin:g} {margin + heading:g})">',
    ]
    for arrow in diagram.arrows:
        parts.append(
            f'<line x1="{arrow.x1:g}" y1="{arrow.y1:g}" x2="{arrow.x2:g}" y2="{arrow.y2:g}" '
            'marker-end="url(#head)"/>'
        )
    for box in diagram.boxes:
        parts.append(f'<rect x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}"/>')
        parts += _texts(box)
    return "\n".join([*parts, "</g>", "</svg>", ""])


def _texts(box: Box) -> Iterator[str]:
    for index, line in enumerate(box.lines):
        y = box.y + PADDING + LINE * index + 11
        strong = ' class="strong"' if line.strong else ""
        if box.kind == "step":
            place = f'x="{box.x + box.width / 2:g}" y="{y:g}" text-anchor="middle"'
        else:
            place = f'x="{box.x + PADDING + line.indent:g}" y="{y:g}"'
        yield f"<text {place}{strong}>{escape(line.text)}</text>"


def spoken(steps: Sequence[Step]) -> str:
    """The flow in sentences, for those who do not see the figure."""
    sentences = []
    for step in steps:
        if step["left"]:
            reasons = ", ".join(f"{describe(reason).lower()} {n}" for reason, n in step["reasons"].items())
            sentences.append(f"{step['left']} left: {reasons}.")
        sentences.append(f"{step['label']}: {step['remaining']}.")
    return " ".join(sentences)
