"""Where the keyboard's focus goes in the reading room, and what can be done with keys alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Route

from tests.e2e.demo_site import Site
from tests.e2e.hands import (
    dialog_violations,
    in_the_room,
    is_faded_in,
    is_moved,
    middle,
    number,
    slices,
    view,
)
from tests.e2e.pages import Person, picture, wait_until
from tests.e2e.room import cell, is_saved

SCANS = ("baseline", "follow_up")


@pytest.fixture(scope="module")
def reader(browser: Browser, site: Site) -> Iterator[Person]:
    yield from in_the_room(browser, site)


@pytest.fixture(autouse=True)
def as_opened(reader: Person) -> None:
    reader.page.reload()
    reader.case_is_readable()


def focused(reader: Person) -> str:
    return str(
        reader.page.evaluate(
            "(document.activeElement?.ariaLabel || document.activeElement?.innerText || '').trim()"
        )
    )


def test_the_wheel_leaves_a_comment_and_the_scan_in_hand_alone(reader: Person) -> None:
    page, keyboard = reader.page, reader.page.keyboard
    erosion, other = cell(reader.page, "Baseline: Dens erosion"), cell(reader.page, "Follow-up: Dens erosion")
    for grades in (other, erosion):
        grades.focus()
        keyboard.press("1")
    keyboard.press("c")
    keyboard.press("Control+a")
    keyboard.type("at the tip, ")
    before = slices(reader)
    page.mouse.move(*middle(reader, "follow_up"))
    page.mouse.wheel(0, 100)
    wait_until(lambda: slices(reader) == (before[0] + 1, before[1] + 1), "both scans to scroll")
    keyboard.type("2 mm")
    comment = page.get_by_label("Comment on Dens erosion, Baseline")
    assert comment.input_value() == "at the tip, 2 mm"
    keyboard.press("Escape")
    assert focused(reader) == "Baseline: Dens erosion"
    assert [grades.get_attribute("data-value") for grades in (erosion, other)] == ["1", "1"]
    keyboard.press("0")
    assert erosion.get_attribute("data-value") == "0"
    comment.fill("")
    is_saved(reader.page)


def test_tab_goes_backwards_from_the_scores_to_the_tools(reader: Person) -> None:
    page, keyboard = reader.page, reader.page.keyboard
    cell(reader.page, "Baseline: Pannus").focus()
    passed = []
    while "Enlarge one scan" not in passed:
        keyboard.press("Shift+Tab")
        page.wait_for_timeout(50)  # whatever wants the focus has taken it by now
        passed.append(focused(reader))
        assert len(passed) < 10, passed
    assert [name.split(",")[0] for name in passed[:2]] == ["Follow-up", "Baseline"]


def test_a_reason_to_exclude_is_named_and_scans_made_the_same(reader: Person) -> None:
    """By keys, though Tab goes from the baseline's reasons to the follow-up's."""
    page, keyboard = reader.page, reader.page.keyboard
    reasons = cell(reader.page, "Baseline: Reason to exclude")
    reasons.focus()
    keyboard.press("3")
    keyboard.press("c")
    keyboard.press("Control+a")
    keyboard.type("2 plates of an operation")
    keyboard.press("Escape")
    assert focused(reader) == "Baseline: Reason to exclude"
    assert page.get_by_label("Which reason").input_value() == "2 plates of an operation"
    page.get_by_role("button", name="Follow-up same as baseline").click()
    follow_up = cell(reader.page, "Follow-up: Reason to exclude")
    assert follow_up.get_attribute("data-value") == "other"
    for grades in (follow_up, reasons):
        grades.focus()
        keyboard.press("0")
    is_saved(reader.page)


def test_single_keys_can_be_kept_to_where_the_focus_is(reader: Person) -> None:
    page, keyboard = reader.page, reader.page.keyboard
    pannus = cell(reader.page, "Baseline: Pannus")
    pannus.focus()
    keyboard.press("0")
    switch = "Letters, digits and signs work wherever the focus is"
    keyboard.press("?")
    assert (found := dialog_violations(page)) == [], found
    page.get_by_role("switch", name=switch).click(force=True)  # Mantine draws another element over it
    keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")
    page.reload()  # remembered
    reader.case_is_readable()
    page.get_by_role("button", name="Keys", exact=True).focus()
    for key in ("1", "f", "i", "?"):
        keyboard.press(key)
    assert page.get_by_role("dialog").count() == 0
    assert pannus.get_attribute("data-value") == "0"
    assert pannus.get_attribute("data-current") == "true"
    assert "inverted" not in (view(reader).text_content() or "")
    pannus.focus()
    keyboard.press("1")
    assert pannus.get_attribute("data-value") == "1"
    view(reader, "follow_up").focus()
    keyboard.press("i")
    wait_until(lambda: "inverted" in (view(reader).text_content() or ""), "the image to be inverted")
    keyboard.press("i")
    keyboard.press("?")
    is_faded_in(page)
    page.get_by_role("switch", name=switch).click(force=True)
    keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")
    is_saved(reader.page)


def test_grades_given_before_the_images_stay_with_their_scan(reader: Person) -> None:
    """The viewer opens late, or anew after a conflict: the scan in hand is the score cursor's."""
    page, keyboard = reader.page, reader.page.keyboard

    held: list[Route] = []
    holding = [True]
    page.route("**/assets/stack-pair*.js", lambda route: held.append(route) if holding else route.continue_())
    page.reload(wait_until="commit")
    follow_up, baseline = cell(reader.page, "Follow-up: Pannus"), cell(reader.page, "Baseline: Pannus")
    follow_up.wait_for()
    wait_until(lambda: focused(reader) == "Baseline: Pannus", "the page to listen to keys")
    keyboard.press("f")
    before = baseline.get_attribute("data-value")
    wait_until(lambda: page.title() and held, "the viewer to be asked for")
    assert view(reader).count() == 0
    holding.clear()
    for route in held:
        route.continue_()
    reader.case_is_readable()
    page.unroute("**/assets/stack-pair*.js")
    assert view(reader, "follow_up").get_attribute("data-active") == "true"
    value = "1" if follow_up.get_attribute("data-value") != "1" else "0"
    keyboard.press(value)
    assert follow_up.get_attribute("data-value") == value
    assert baseline.get_attribute("data-value") == before
    is_saved(reader.page)


def window(reader: Person, key: str) -> tuple[int, int]:
    """Width and level as the viewport tells them."""
    found = re.search(r"W (\d+) L (-?\d+)", view(reader, key).text_content() or "")
    assert found
    return int(found[1]), int(found[2])


def test_window_zoom_and_pan_by_keys_alone(reader: Person) -> None:
    """As the mouse does it: linked by millimetres and factor, the window only where windows are joined."""
    page, keyboard = reader.page, reader.page.keyboard
    scales = [view(reader, key).get_by_test_id("scale-bar") for key in SCANS]
    fitted = [number(bar, "data-mm-per-pixel") for bar in scales]
    keyboard.press("b")
    keyboard.press("z")
    for _ in range(2):
        keyboard.press("Shift+ArrowUp")
    for bar, before in zip(scales, fitted, strict=True):
        wait_until(
            lambda bar=bar, before=before: (  # type: ignore[misc]
                number(bar, "data-mm-per-pixel") == pytest.approx(before / 1.21, rel=1e-3)
            ),
            "both to come closer",
        )
    keyboard.press("r")
    wait_until(lambda: number(scales[0], "data-mm-per-pixel") == pytest.approx(fitted[0]), "the fit")

    canvases = [view(reader, key).locator("canvas").first for key in SCANS]
    opened = [picture(canvas).mean(axis=2) for canvas in canvases]
    keyboard.press("p")
    keyboard.press("Shift+ArrowRight")
    keyboard.press("Shift+ArrowDown")
    is_moved(canvases, opened, fitted, (24, 24))
    keyboard.press("r")

    keyboard.press("w")
    windows = [window(reader, key) for key in SCANS]
    keyboard.press("Shift+ArrowLeft")
    keyboard.press("Shift+ArrowUp")
    narrower = round(windows[0][0] * 0.95), round(windows[0][1] - 0.05 * 0.95 * windows[0][0])
    wait_until(lambda: window(reader, "baseline") == pytest.approx(narrower, abs=1), "a narrower window")
    assert window(reader, "follow_up") == windows[1]
    keyboard.press("j")
    keyboard.press("Shift+ArrowUp")
    wait_until(lambda: window(reader, "follow_up") != windows[1], "the other scan's window to follow")
    keyboard.press("j")
    keyboard.press("r")
    wait_until(lambda: [window(reader, key) for key in SCANS] == windows, "the first windows")
    page.get_by_role("button", name="Zoom", exact=True).hover()
    page.get_by_text("Zoom (Z), by key: Shift ↑ ↓").wait_for()
