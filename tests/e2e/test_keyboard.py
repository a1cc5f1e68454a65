"""Where the keyboard's focus goes in the reading room, and what can be done with keys alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Route

from config import demo
from tests.e2e.demo_site import Site
from tests.e2e.hands import is_saved, middle, slices, view
from tests.e2e.pages import Person, sign_in, wait_until


@pytest.fixture(scope="module")
def reader(browser: Browser, site: Site) -> Iterator[Person]:
    person = sign_in(browser, site.url, "observer_b", demo.PASSWORD)
    person.opens_next_case()
    yield person
    person.page.context.close()


@pytest.fixture(autouse=True)
def as_opened(reader: Person) -> None:
    reader.page.reload()
    reader.case_is_readable()


def cell(reader: Person, name: str) -> Locator:
    return reader.page.get_by_role("radiogroup", name=name, exact=True)


def focused(reader: Person) -> str:
    return str(
        reader.page.evaluate(
            "(document.activeElement?.ariaLabel || document.activeElement?.innerText || '').trim()"
        )
    )


def test_the_wheel_leaves_a_comment_and_the_scan_in_hand_alone(reader: Person) -> None:
    page, keyboard = reader.page, reader.page.keyboard
    erosion, other = cell(reader, "Baseline: Dens erosion"), cell(reader, "Follow-up: Dens erosion")
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
    is_saved(reader)


def test_tab_goes_backwards_from_the_scores_to_the_tools(reader: Person) -> None:
    page, keyboard = reader.page, reader.page.keyboard
    cell(reader, "Baseline: Pannus").focus()
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
    reasons = cell(reader, "Baseline: Reason to exclude")
    reasons.focus()
    keyboard.press("3")
    keyboard.press("c")
    keyboard.press("Control+a")
    keyboard.type("2 plates of an operation")
    keyboard.press("Escape")
    assert focused(reader) == "Baseline: Reason to exclude"
    assert page.get_by_label("Which reason").input_value() == "2 plates of an operation"
    page.get_by_role("button", name="Follow-up same as baseline").click()
    follow_up = cell(reader, "Follow-up: Reason to exclude")
    assert follow_up.get_attribute("data-value") == "other"
    for grades in (follow_up, reasons):
        grades.focus()
        keyboard.press("0")
    is_saved(reader)


def test_single_keys_can_be_kept_to_where_the_focus_is(reader: Person) -> None:
    page, keyboard = reader.page, reader.page.keyboard
    pannus = cell(reader, "Baseline: Pannus")
    pannus.focus()
    keyboard.press("0")
    switch = "Letters, digits and signs work wherever the focus is"
    keyboard.press("?")
    page.get_by_role("switch", name=switch).click(force=True)  # Mantine draws another element over it
    keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")
    page.reload()  # remembered
    reader.case_is_readable()
    page.get_by_role("button", name="Keys").focus()
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
    page.get_by_role("switch", name=switch).click(force=True)
    keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")
    is_saved(reader)


def test_grades_given_before_the_images_stay_with_their_scan(reader: Person) -> None:
    """The viewer opens late, or anew after a conflict: the scan in hand is the score cursor's."""
    page, keyboard = reader.page, reader.page.keyboard

    def late(route: Route) -> None:
        page.wait_for_timeout(1500)
        route.continue_()

    page.route("**/assets/stack-pair*.js", late)
    page.reload()
    follow_up, baseline = cell(reader, "Follow-up: Pannus"), cell(reader, "Baseline: Pannus")
    follow_up.wait_for()
    keyboard.press("f")
    before = baseline.get_attribute("data-value")
    assert view(reader).count() == 0
    reader.case_is_readable()
    page.unroute("**/assets/stack-pair*.js")
    assert view(reader, "follow_up").get_attribute("data-active") == "true"
    value = "1" if follow_up.get_attribute("data-value") != "1" else "0"
    keyboard.press(value)
    assert follow_up.get_attribute("data-value") == value
    assert baseline.get_attribute("data-value") == before
    is_saved(reader)
