"""The pictures of the grades: one for each, as the phantom draws them, and telling the grades apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from annotation import rubric
from cohort.phantom.examples import Example, all_examples, draw

PICTURES = Path(__file__).resolve().parents[2] / "frontend/src/components/scoring/examples"
EXAMPLES = all_examples()


def kept(example: Example) -> np.ndarray:
    return np.asarray(Image.open(PICTURES / f"{example.name}.webp").convert("RGB")).astype(int)


def test_every_grade_of_every_finding_has_one() -> None:
    wanted = {(item.key, grade) for item in (*rubric.FINDINGS, rubric.QUALITY) for grade in item.values}
    assert {(example.finding, example.grade) for example in EXAMPLES} == wanted
    assert {path.stem for path in PICTURES.iterdir()} == {example.name for example in EXAMPLES}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_the_kept_picture_is_the_one_that_is_drawn(example: Example) -> None:
    """``make examples`` after a change of the phantom; small differences are the compression's."""
    drawn = draw(example).astype(int)
    assert np.abs(drawn - kept(example)).mean() < (12 if example.noise > 0.1 else 4)
    # The lesions are the grade's: no picture can be filed under another grade.
    if example.finding in example.lesions.grades and example.grade != "not_visible":
        assert example.lesions.grades[example.finding] == example.grade


def test_the_grades_of_a_finding_look_different() -> None:
    for item in (*rubric.FINDINGS, rubric.QUALITY):
        pictures = [kept(example) for example in EXAMPLES if example.finding == item.key]
        for number, one in enumerate(pictures):
            for other in pictures[:number]:
                # The smallest difference is an early erosion: some 2 mm of the dens' back.
                assert (np.abs(one - other) > 60).sum() > 60, item.key
