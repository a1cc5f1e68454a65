"""What a reader does is seen, can be taken back, and stays with the page it was done on."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e import small_study
from tests.e2e.hands import (
    click,
    dialog_violations,
    drag,
    made,
    middle,
    slices,
    violations,
    without_measurements,
)
from tests.e2e.pages import CLEAN, PANNUS, Person, sign_in, wait_until
from tests.e2e.room import cell, code_of, is_saved, value
from tests.e2e.small_study import Study

NAMES = ("Pannus", "Vertical translocation", "Dens erosion")


@pytest.fixture(scope="module")
def pairs(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    with small_study.running(tmp_path_factory.mktemp("acts")) as here:
        yield here


@pytest.fixture
def reader(browser: Browser, pairs: Study) -> Iterator[Person]:
    person = sign_in(browser, pairs.url, "observer_a", small_study.PASSWORD)
    person.opens_next_case()
    without_measurements(person)
    yield person
    person.page.context.close()


def values(page: Page, scan: str) -> list[str | None]:
    return [value(page, f"{scan}: {name}") for name in NAMES]


def opens_another(person: Person) -> bool:
    person.goes_to("/")
    person.page.get_by_text("cases signed").wait_for()
    left = person.page.get_by_role("link", name="Next case").count() > 0
    if left:
        person.opens_next_case()
    return left


def test_unreadable_gives_the_grades_back(reader: Person) -> None:
    page, keyboard = reader.page, reader.page.keyboard
    reader.grades(CLEAN, CLEAN)
    cell(page, "Baseline: Image quality").focus()
    keyboard.press("3")
    assert values(page, "Baseline") == ["", "", ""]
    note = page.get_by_test_id("set-aside")
    assert note.inner_text() == (
        "Baseline: 7 grades set aside while this page is open; choose 1 or 2 to have them back."
    )
    is_saved(reader.page)  # the server has no grades of an unreadable scan
    assert (found := violations(page)) == [], found
    keyboard.press("1")
    assert values(page, "Baseline") == ["0", "0", "0"]
    assert note.inner_text() == ""
    keyboard.press("3")
    keyboard.press("Control+z")
    assert values(page, "Baseline") == ["0", "0", "0"]
    is_saved(reader.page)


def test_undo_takes_grades_and_measurements_in_turn(reader: Person) -> None:
    page, keyboard = reader.page, reader.page.keyboard
    reader.grades(CLEAN, CLEAN)
    is_saved(reader.page)
    x, y = middle(reader)
    cell(page, "Baseline: Pannus").focus()
    keyboard.press("1")
    keyboard.press("m")
    drag(reader, (x - 50, y), (x + 50, y))
    wait_until(lambda: made(reader, "length").count() == 1, "the length")
    cell(page, "Baseline: Dens erosion").focus()
    keyboard.press("2")
    keyboard.press("Control+z")
    assert (value(page, "Baseline: Dens erosion"), made(reader, "length").count()) == ("0", 1)
    keyboard.press("Control+z")
    wait_until(lambda: made(reader, "length").count() == 0, "the length to go")
    assert value(page, "Baseline: Pannus") == "1"
    keyboard.press("Control+z")
    assert value(page, "Baseline: Pannus") == "0"
    keyboard.press("Control+y")
    assert value(page, "Baseline: Pannus") == "1"
    keyboard.press("Control+y")
    wait_until(lambda: made(reader, "length").count() == 1, "the length to come back")
    keyboard.press("Control+y")
    assert value(page, "Baseline: Dens erosion") == "2"


def test_undo_takes_the_point_just_placed_and_can_be_clicked(reader: Person) -> None:
    page, keyboard = reader.page, reader.page.keyboard
    cell(page, "Baseline: Pannus").focus()
    given = "1" if value(page, "Baseline: Pannus") != "1" else "2"
    keyboard.press(given)
    keyboard.press("v")
    x, y = middle(reader)
    click(reader, x - 60, y)
    click(reader, x + 60, y)
    placing = page.locator("[data-placing]")
    placing.wait_for()
    # A grade given since, on another slice, is taken back before the points, and the slice stays.
    start, before = slices(reader)[0], value(page, "Baseline: Dens erosion")
    cell(page, "Baseline: Dens erosion").focus()
    keyboard.press("ArrowRight")
    wait_until(lambda: slices(reader)[0] == start + 1, "the next slice")
    keyboard.press("1" if before != "1" else "2")
    keyboard.press("Control+z")
    assert (value(page, "Baseline: Dens erosion"), slices(reader)[0]) == (before, start + 1)
    keyboard.press("ArrowLeft")
    placing.wait_for()
    for _ in range(2):
        keyboard.press("Control+z")
    wait_until(lambda: placing.count() == 0, "both points to go")
    assert value(page, "Baseline: Pannus") == given
    assert cell(page, "Baseline: Dens erosion").get_attribute("data-current") == "true"
    # By keys: a key held down places nothing, and the point keeps the focus.
    keyboard.press("q")
    keyboard.down("Space")
    for _ in range(3):
        keyboard.down("Space")
    keyboard.up("Space")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("Pixel, Probe")
    assert made(reader, "probe").count() == 0
    keyboard.press("Escape")
    undo, redo = (page.get_by_role("button", name=name, exact=True) for name in ("Undo", "Redo"))
    undo.click()
    wait_until(lambda: value(page, "Baseline: Pannus") != given, "the grade to go")
    redo.click()
    wait_until(lambda: value(page, "Baseline: Pannus") == given, "the grade to come back")
    redo.click()
    wait_until(lambda: value(page, "Baseline: Dens erosion") != before, "the later grade, too")
    assert redo.is_disabled()
    is_saved(page)


def test_an_accepted_proposal_is_seen(reader: Person) -> None:
    page, keyboard = reader.page, reader.page.keyboard
    x, y = middle(reader)
    keyboard.press("v")
    for dx, dy in ((-60, 0), (60, 0), (0, -40)):
        click(reader, x + dx, y + dy)
    wait_until(lambda: made(reader, "mcrae").count() == 1, "the line")
    cell(page, "Baseline: C1–C2 right").focus()
    keyboard.press("y")
    row = cell(page, "Baseline: Vertical translocation")
    assert row.get_attribute("data-current") == "true"
    note = page.get_by_test_id("proposal")
    assert row.get_attribute("data-value") == note.get_attribute("data-grade")
    assert "Agrees with your grade." in note.inner_text()


def test_all_findings_same_as_baseline_and_back(reader: Person) -> None:
    page, keyboard = reader.page, reader.page.keyboard
    reader.grades(PANNUS, CLEAN)
    keyboard.press("Shift+S")
    assert values(page, "Follow-up")[0] == "2"
    keyboard.press("Control+z")
    assert values(page, "Follow-up")[0] == "0"
    marks = page.get_by_title("Key slice")
    cell(page, "Baseline: Pannus").focus()
    before = marks.count()
    for _ in range(4):
        keyboard.down("k")
    keyboard.up("k")
    wait_until(lambda: marks.count() == before + 1, "one mark, not four turns of it")


def test_at_200_percent_nothing_is_off_the_screen_sideways(reader: Person) -> None:
    page = reader.page
    page.set_viewport_size({"width": 683, "height": 384})
    last = cell(page, "Follow-up: Pannus")
    last.scroll_into_view_if_needed()
    box = last.bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 683
    assert page.evaluate("document.documentElement.scrollWidth") <= 683
    assert (found := violations(page)) == [], found


def test_a_page_left_open_on_a_case_signed_elsewhere(reader: Person) -> None:
    """It is told by the other page, or looks when the reader comes back; nothing has to be entered first."""
    page = reader.page
    assert page.title() == f"Case {page.url.rsplit('/', 1)[-1]} – Reading – Odontoid"
    assert re.fullmatch(r"\d+ of 4 read", page.get_by_test_id("progress").inner_text())
    other = page.context.new_page()
    other.goto(page.url)
    elsewhere = Person(other, reader.url, reader.password)
    elsewhere.case_is_readable()
    elsewhere.grades(CLEAN, CLEAN)
    elsewhere.signs()
    page.get_by_text("Signed, for reading only").wait_for()
    page.get_by_text("signed in another tab or on another computer").wait_for()
    assert page.get_by_role("button", name="Sign", exact=True).count() == 0
    # On another computer nobody tells; coming back does.
    other.get_by_role("dialog").get_by_role("button", name="Next case").click()
    wait_until(lambda: other.url != page.url, "the next case")
    page.get_by_role("button", name="Amend").click()
    page.get_by_role("dialog").get_by_label("Reason").fill("looked again")
    page.get_by_role("button", name="Open an amendment").click()
    page.get_by_role("button", name="Sign", exact=True).wait_for()
    code = page.url.rsplit("/", 1)[-1]
    api = f"{reader.url}api/reading/cases/{code}/"
    revision = page.request.get(api).json()["reading"]["revision"]
    token = {one["name"]: one["value"] for one in page.context.cookies()}["csrftoken"]
    signing = {"revision": revision, "password": reader.password, "meaning": "mine", "active_seconds": 0}
    headers = {"X-CSRFToken": token, "Referer": reader.url}
    assert page.request.post(f"{api}sign/", data=signing, headers=headers).ok
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    page.get_by_text("Signed, for reading only").wait_for()


def test_the_sheet_of_the_consensus_room_and_what_it_remembers(browser: Browser, pairs: Study) -> None:
    first, second = (
        sign_in(browser, pairs.url, f"observer_{letter}", small_study.PASSWORD) for letter in "ab"
    )
    # Everything that either has open, so that they differ on at least one case.
    for person, baseline in ((first, CLEAN), (second, PANNUS)):
        while opens_another(person):
            person.grades(baseline, CLEAN)
            person.signs()
    page, keyboard = first.page, first.page.keyboard
    first.goes_to("/")
    page.get_by_role("link", name=re.compile("^Open consensus ")).first.click()
    page.wait_for_url("**/consensus/*")
    title = f"Consensus {code_of(first)} – Odontoid"
    wait_until(lambda: page.title() == title, "the page's title")
    first.case_is_readable()
    keyboard.press("?")
    assert (found := dialog_violations(page)) == [], found
    said = page.get_by_role("dialog").inner_text()
    assert not re.search("Pictures|Comment on|Accept|Mark the slice|McRae|Put a measurement", said), said
    assert "Propose, or confirm" in said
    assert "Follow-up same as baseline" in said
    keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")
    agreed = cell(page, "Agreed Follow-up: Pannus")
    agreed.focus()
    before = agreed.get_attribute("data-value")
    keyboard.press("1")
    assert agreed.get_attribute("data-value") == "1"
    keyboard.press("Control+z")
    assert agreed.get_attribute("data-value") == before
    page.get_by_role("button", name="Scores on the left").click()
    keyboard.press("Shift+Digit3")
    page.reload()
    first.case_is_readable()
    page.get_by_role("button", name="Scores on the right").wait_for()
    panel, images = page.get_by_role("complementary").bounding_box(), page.locator("main").bounding_box()
    assert panel
    assert images
    assert panel["x"] < images["x"]
    # A 4K screen without scaling: what is read grows, and everything stays on it.
    height = (agreed.bounding_box() or {})["height"]
    page.set_viewport_size({"width": 3840, "height": 2160})
    wait_until(lambda: (agreed.bounding_box() or {})["height"] > 1.4 * height, "larger grades")
    first.case_is_readable()
    assert page.evaluate("document.documentElement.scrollWidth") <= 3840
    for person in (first, second):
        person.page.context.close()
