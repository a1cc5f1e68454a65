"""The reader's hand on the images: what is done is done to what is seen, by dragging, clicking or keys."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Route

from tests.e2e import small_study
from tests.e2e.hands import (
    by_keys,
    click,
    drag,
    made,
    middle,
    number,
    slices,
    view,
    violations,
    without_measurements,
)
from tests.e2e.pages import Person, sign_in, wait_until
from tests.e2e.room import case_of, cell, code_of, is_saved
from tests.e2e.small_study import Study


@pytest.fixture(scope="module")
def reader(browser: Browser, study: Study) -> Iterator[Person]:
    person = sign_in(browser, study.url, "observer_b", small_study.PASSWORD)
    person.opens_next_case()
    yield person
    person.page.context.close()


@pytest.fixture(autouse=True)
def as_opened(reader: Person) -> None:
    reader.page.reload()
    reader.case_is_readable()
    without_measurements(reader)


def scale(reader: Person, key: str = "baseline") -> float:
    return number(view(reader, key).get_by_test_id("scale-bar"), "data-mm-per-pixel")


def test_a_slice_on_its_way_is_said_and_neither_marked_nor_measured(reader: Person) -> None:
    page, keyboard = reader.page, reader.page.keyboard
    slice_ = int(slices(reader)[0]) + 1
    (sop,) = (
        one["sop_uid"]
        for one in case_of(reader, code_of(reader))["scans"][0]["instances"]
        if one["index"] == slice_
    )
    held: list[Route] = []
    page.route(f"**/instances/{sop}/frames/1", lambda route: held.append(route))
    page.reload()
    reader.case_is_readable()
    pannus = cell(page, "Baseline: Pannus")
    pannus.focus()
    marks = view(reader).get_by_test_id("position-bar").locator("i")
    before = marks.count()
    said, image = view(reader).get_by_role("status"), view(reader).locator("canvas").first
    keyboard.press("ArrowRight")
    wait_until(lambda: said.text_content() == f"Loading slice {slice_ + 1}…", "the page to say so")
    opacity = "e => getComputedStyle(e.closest('[data-waiting]') ?? e).opacity"
    assert float(image.evaluate(opacity)) < 0.5, "the slice before stands under the number of this one"
    keyboard.press("k")
    page.get_by_role("button", name="Mark key slice (K)").click()
    by_keys(page, "q")
    click(reader, *middle(reader))
    assert view(reader).get_attribute("data-state") == "loading"
    assert (marks.count(), made(reader, "probe").count()) == (before, 0)
    assert violations(page) == []
    for route in held:
        route.continue_()
    page.unroute(f"**/instances/{sop}/frames/1")
    reader.image_is_drawn("baseline")
    wait_until(lambda: said.text_content() == "", "nothing more to be said")
    assert float(image.evaluate(opacity)) == 1
    keyboard.press("Escape")
    pannus.focus()
    keyboard.press("k")
    wait_until(lambda: marks.count() == before + 1, "the key slice to be marked")
    keyboard.press("k")
    is_saved(reader.page)


def test_delete_and_undo_reach_only_what_is_seen(reader: Person) -> None:
    page, keyboard = reader.page, reader.page.keyboard
    x, y = middle(reader)
    keyboard.press("m")
    drag(reader, (x - 40, y), (x + 40, y))
    line, start = made(reader, "length"), slices(reader)
    line.wait_for()
    keyboard.press("w")
    cell(page, "Baseline: Pannus").focus()
    keyboard.press("ArrowRight")
    wait_until(lambda: slices(reader)[0] == start[0] + 1, "the next slice")
    for key in ("Delete", "Backspace"):
        keyboard.press(key)
    keyboard.press("ArrowLeft")
    wait_until(lambda: slices(reader) == start, "the slice with the line")
    reader.image_is_drawn("baseline")
    keyboard.press("Delete")  # scrolled back, it is nobody's choice any more
    assert line.count() == 1
    line.click()
    keyboard.press("f")  # the other scan in hand
    keyboard.press("Delete")
    assert line.count() == 1

    for _ in range(2):
        keyboard.press("ArrowRight")
    wait_until(lambda: slices(reader)[0] == start[0] + 2, "two slices on")
    keyboard.press("Control+z")
    wait_until(lambda: slices(reader)[0] == start[0], "the slice of what was undone")
    wait_until(lambda: line.count() == 0, "the line to go")
    keyboard.press("Home")
    wait_until(lambda: slices(reader)[0] == 0, "the first slice")
    keyboard.press("Control+y")
    wait_until(lambda: slices(reader)[0] == start[0] and line.count() == 1, "the line on its slice")
    reader.image_is_drawn("baseline")
    line.click()
    keyboard.press("Delete")
    wait_until(lambda: line.count() == 0, "the line to go")


def test_a_slipped_double_click_measures_nothing(reader: Person) -> None:
    page = reader.page
    x, y = middle(reader)
    said = view(reader).get_by_role("alert").filter(has_text="Two points in one place")
    page.keyboard.press("v")
    for dx, dy in ((-60, 0), (-60, 0)):
        click(reader, x + dx, y + dy)
    said.wait_for()
    assert made(reader, "mcrae").count() == 0
    click(reader, x + 60, y)
    assert said.count() == 0
    click(reader, x, y + 40)
    made(reader, "mcrae").wait_for()
    page.keyboard.press("n")
    for dx, dy in ((0, 60), (40, 60), (40, 60)):
        click(reader, x + dx, y + dy)
    said.wait_for()
    page.keyboard.press("o")
    drag(reader, (x - 80, y + 90), (x - 20, y + 90))
    said.wait_for()
    assert (made(reader, "angle").count(), made(reader, "ellipse").count()) == (0, 0)
    # Nor is a point dragged onto its neighbour.
    page.keyboard.press("Escape")
    page.keyboard.press("w")
    first = number(made(reader, "mcrae"), "data-mm")
    drag(reader, (x - 60, y), (x + 60, y))
    assert np.isfinite(number(made(reader, "mcrae"), "data-mm"))
    assert abs(number(made(reader, "mcrae"), "data-mm") - first) < 10
    without_measurements(reader)


def test_mcraes_line_by_keys_alone_proposes_once_its_points_are_placed(reader: Person) -> None:
    page, keyboard = reader.page, reader.page.keyboard
    cell(page, "Baseline: Vertical translocation").focus()
    proposal = page.get_by_test_id("proposal")
    keyboard.press("v")
    keyboard.press("Space")
    said = view(reader).get_by_role("status")
    wait_until(lambda: (said.text_content() or "").startswith("Basion: arrow keys"), "the keys to be told")
    assert violations(page) == []
    keyboard.press("Space")
    wait_until(lambda: (said.text_content() or "").startswith("Opisthion"), "the next point")
    keyboard.press("Enter")  # where the one before is: refused, and nothing is signed
    view(reader).get_by_role("alert").filter(has_text="Two points in one place").wait_for()
    assert page.get_by_role("dialog").count() == 0
    for _ in range(5):
        keyboard.press("Shift+ArrowRight")
    keyboard.press("Enter")
    wait_until(lambda: (said.text_content() or "").startswith("Dens tip"), "the last point")
    assert (made(reader, "mcrae").count(), proposal.count()) == (0, 0)
    for key in ("Shift+ArrowDown", "Shift+ArrowLeft", "ArrowUp"):
        keyboard.press(key)
    keyboard.press("Space")
    made(reader, "mcrae").wait_for()
    assert number(made(reader, "mcrae"), "data-mm") < 0
    keyboard.press("ArrowUp")  # goes on with the tip
    cell(page, "Baseline: Vertical translocation").focus()
    assert proposal.get_attribute("data-grade") == "0"
    is_saved(reader.page)
    without_measurements(reader)


def test_escape_gives_up_a_point_then_the_tool(reader: Person) -> None:
    page, keyboard = reader.page, reader.page.keyboard
    x, y = middle(reader)
    keyboard.press("v")
    click(reader, x, y)
    placing = view(reader).locator("[data-placing]")
    placing.wait_for()
    keyboard.press("Escape")
    wait_until(lambda: placing.count() == 0, "the point to go")
    assert view(reader).get_attribute("data-measuring") == "mcrae"
    keyboard.press("Escape")
    wait_until(lambda: view(reader).get_attribute("data-measuring") is None, "the tool to be put away")
    window = page.get_by_role("button", name="Window", exact=True)
    assert window.get_attribute("aria-pressed") == "true"


def test_cine_stops_where_the_reader_scrolls(reader: Person) -> None:
    page = reader.page
    cine = page.get_by_role("button", name="Cine")
    for by_hand in (lambda: page.keyboard.press("ArrowLeft"), lambda: page.mouse.wheel(0, 100)):
        page.mouse.move(*middle(reader))
        start = slices(reader)[0]
        page.keyboard.press("a")
        wait_until(lambda start=start: slices(reader)[0] != start, "cine")  # type: ignore[misc]
        by_hand()
        wait_until(lambda: cine.get_attribute("aria-pressed") == "false", "cine to stop")
        stopped = slices(reader)
        page.wait_for_timeout(500)
        assert slices(reader) == stopped


def test_everything_a_drag_does_can_be_clicked(reader: Person) -> None:
    """WCAG 2.2, 2.5.7: window, zoom, pan, and a measurement's point, with a pointer that only clicks."""
    page = reader.page
    x, y = middle(reader)
    page.keyboard.press("m")
    for dx in (-40, 40):
        click(reader, x + dx, y)
    made(reader, "length").wait_for()
    page.keyboard.press("w")
    page.get_by_role("button", name="Steps instead of dragging").click()
    steps = page.get_by_role("group", name="Steps instead of dragging")
    assert violations(page) == []

    def press(name: str) -> None:
        steps.get_by_role("button", name=name, exact=True).click()

    def window() -> tuple[int, int]:
        found = re.search(r"W (\d+) L (-?\d+)", view(reader).text_content() or "")
        assert found
        return int(found[1]), int(found[2])

    opened = window()
    press("Wider window")
    wait_until(lambda: window()[0] > opened[0], "a wider window")
    wider = window()
    press("Brighter")
    wait_until(lambda: window()[1] < wider[1], "a brighter one")
    fitted = scale(reader)
    press("Larger")
    wait_until(lambda: scale(reader) == pytest.approx(fitted / 1.1, rel=1e-3), "the zoom")
    start = view(reader).locator("[data-kind=length] [data-point=Start]")
    before = start.bounding_box()
    press("Image right")
    wait_until(lambda: left(start) == pytest.approx((before or {})["x"] + 24, abs=1), "the pan")

    length, place = number(made(reader, "length"), "data-mm"), left(start)
    box = start.bounding_box()
    assert box
    click(reader, box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for _ in range(4):
        press("Point left")
    wait_until(lambda: left(start) < place, "the point to move")
    assert number(made(reader, "length"), "data-mm") > length + 1
    page.get_by_role("button", name="Steps instead of dragging").click()
    assert steps.count() == 0
    without_measurements(reader)


def left(element: Locator) -> float:
    return (element.bounding_box() or {})["x"]


def test_measurements_of_another_tab_leave_the_view_alone(reader: Person) -> None:
    page, keyboard = reader.page, reader.page.keyboard
    other = page.context.new_page()
    other.goto(page.url)
    there = Person(other, reader.url, reader.password)
    there.case_is_readable()
    page.bring_to_front()
    for key in (
        "]",
        "ArrowRight",
        "ArrowRight",
        "z",
        "Shift+ArrowUp",
        "Shift+ArrowUp",
        "w",
        "Shift+ArrowLeft",
        "m",
    ):
        keyboard.press(key)
    shown = slices(reader), round(scale(reader), 4)
    window = view(reader).locator("text=/W \\d+ L/").text_content()
    other.bring_to_front()
    by_keys(other, "d", 2)
    made(there, "atlantodental").wait_for()
    is_saved(there.page)
    other.close()
    page.bring_to_front()
    pannus = cell(page, "Baseline: Pannus")
    pannus.focus()
    keyboard.press("0" if pannus.get_attribute("data-value") != "0" else "1")
    made(reader, "atlantodental").wait_for()
    reader.case_is_readable()
    assert (slices(reader), round(scale(reader), 4)) == shown
    assert view(reader).locator("text=/W \\d+ L/").text_content() == window
    assert view(reader).get_attribute("data-measuring") == "length"
    # What is undone here is what was done here.
    x, y = middle(reader)
    drag(reader, (x - 40, y), (x + 40, y))
    made(reader, "length").wait_for()
    keyboard.press("Control+z")
    wait_until(lambda: made(reader, "length").count() == 0, "the length to go")
    keyboard.press("Control+z")
    assert made(reader, "atlantodental").count() == 1
    is_saved(reader.page)
    without_measurements(reader)
