"""The images under the reader's mouse: length, linked scrolling, window, and what survives a reload."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser

from config import demo
from tests.e2e import phantom_truth
from tests.e2e.demo_site import Site
from tests.e2e.pages import Person, picture, sign_in, wait_until


@pytest.fixture
def reader(browser: Browser, site: Site) -> Iterator[Person]:
    person = sign_in(browser, site.url, "observer_b", demo.PASSWORD)
    person.opens_next_case()
    yield person
    person.page.context.close()


def slices(reader: Person) -> list[int]:
    page = reader.page
    return [
        int(page.get_by_test_id(f"viewport-{key}").get_attribute("data-slice") or -1)
        for key in ("baseline", "follow_up")
    ]


def test_a_length_is_right_and_kept(reader: Person) -> None:
    page = reader.page
    viewport = page.get_by_test_id("viewport-baseline")
    bar = viewport.get_by_test_id("scale-bar")
    millimetres = float(bar.get_attribute("data-mm") or "nan")
    drawn, box = bar.bounding_box(), viewport.bounding_box()
    assert drawn
    assert box
    across, down = 150, 90
    page.keyboard.press("m")
    x, y = box["x"] + box["width"] / 2 - 60, box["y"] + box["height"] / 2 - 40
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + across / 2, y + down / 2, steps=4)
    page.mouse.move(x + across, y + down, steps=4)
    page.mouse.up()
    measured = page.get_by_test_id("measurement")
    measured.first.wait_for()
    length = float(measured.first.get_attribute("data-mm") or "nan")
    # The bar's border boxes are whole pixels: a hundredth is what it can tell.
    assert length == pytest.approx(np.hypot(across, down) * millimetres / drawn["width"], rel=0.015)

    saved = page.get_by_test_id("save-state")
    wait_until(lambda: saved.get_attribute("data-status") == "saved", "the draft to be saved")
    page.reload()
    reader.case_is_readable()
    assert float(measured.first.get_attribute("data-mm") or "nan") == length


def test_scans_scroll_together(reader: Person) -> None:
    before = slices(reader)
    reader.page.keyboard.press("ArrowRight")
    reader.page.keyboard.press("ArrowRight")
    wait_until(lambda: slices(reader)[0] == before[0] + 2, "the baseline's slice")
    wait_until(lambda: abs(slices(reader)[1] - before[1] - 2) <= 1, "the follow-up's slice")
    reader.page.keyboard.press("l")  # unlinked
    alone = slices(reader)
    reader.page.keyboard.press("ArrowLeft")
    wait_until(lambda: slices(reader)[0] == alone[0] - 1, "the baseline's slice")
    assert slices(reader)[1] == alone[1]


def test_window_follows_the_mouse_and_reset_brings_it_back(reader: Person) -> None:
    page = reader.page
    viewport = page.get_by_test_id("viewport-baseline")
    canvas = viewport.locator("canvas").first
    box = viewport.bounding_box()
    assert box
    opened = picture(canvas)
    page.keyboard.press("w")
    page.mouse.move(box["x"] + 150, box["y"] + 250)
    page.mouse.down()
    page.mouse.move(box["x"] + 150, box["y"] + 350, steps=5)
    page.mouse.up()
    wait_until(lambda: np.abs(picture(canvas).astype(int) - opened).mean() > 3, "another window")
    page.keyboard.press("r")
    wait_until(lambda: np.abs(picture(canvas).astype(int) - opened).mean() < 0.5, "the first window")


def test_anterior_is_left_and_head_is_up(reader: Person) -> None:
    """The letters, and the slice itself: as it was stored, turned by its orientation, and in no other way."""
    viewport = reader.page.get_by_test_id("viewport-baseline")
    box = viewport.bounding_box()
    assert box
    places = {}
    for letter in "APHF":
        place = viewport.get_by_text(letter, exact=True).first.bounding_box()
        assert place
        places[letter] = (place["x"] - box["x"], place["y"] - box["y"])
    assert places["A"][0] < 40 < box["width"] - 60 < places["P"][0]
    assert places["H"][1] < 40 < box["height"] - 60 < places["F"][1]
    drawn = picture(viewport.locator("canvas").first).mean(axis=2)
    stored = phantom_truth.hanging(reader, reader.page.url.rsplit("/", 1)[-1], "baseline")
    likeness = phantom_truth.likeness(drawn, stored)
    assert likeness.pop("as it hangs") > 0.9 > 0.7 > max(likeness.values()), likeness
