"""The reading room under real input: worklist to signed and amended, what a read holds, what survives."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, Route

from tests.e2e import small_study
from tests.e2e.hands import by_keys, dialog_violations
from tests.e2e.pages import CLEAN, PANNUS, Person, picture, wait_until
from tests.e2e.room import case_of, cell, codes, is_saved, opens, signed_in, value
from tests.e2e.small_study import Study


@pytest.fixture
def reader(browser: Browser, study: Study) -> Iterator[Person]:
    yield from signed_in(browser, study.url, "observer_a", small_study.PASSWORD)


def tabs_to(page: Page, name: str) -> None:
    for _ in range(60):
        page.keyboard.press("Tab")
        if (
            page.evaluate(
                "(document.activeElement?.ariaLabel || document.activeElement?.innerText || '').trim()"
            )
            == name
        ):
            return
    raise AssertionError(f"Tab never reaches {name}")


def test_from_the_worklist_to_signed_and_amended_by_keyboard_alone(reader: Person) -> None:
    page, keyboard = reader.page, reader.page.keyboard
    page.get_by_role("link", name="Next case").wait_for()
    tabs_to(page, "Next case")
    keyboard.press("Enter")
    page.wait_for_url("**/read/*")
    code = reader.case_is_readable()

    # Signing an unfinished read goes to what is missing, and is said to a screen reader.
    keyboard.press("0")
    keyboard.press("Enter")
    assert page.get_by_role("dialog").count() == 0
    assert cell(page, "Follow-up: Pannus").get_attribute("data-current") == "true"
    assert page.get_by_role("alert").get_by_text("are missing").is_visible()
    reader.grades(CLEAN, PANNUS)
    wait_until(lambda: page.get_by_test_id("category-follow_up").text_content() == "Case", "the category")
    assert page.get_by_test_id("category-baseline").text_content() == "Clean"
    keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("I read these scans myself").wait_for()
    assert (found := dialog_violations(page)) == [], found
    reader.dialog_has_focus("INPUT")
    keyboard.type("not the password")
    keyboard.press("Enter")
    dialog.get_by_text("The password is not right").wait_for()
    keyboard.type(small_study.PASSWORD)
    keyboard.press("Enter")
    dialog.get_by_text("is signed and can no longer be changed").wait_for()

    # The worklist knows it from the first moment, however slow the network.
    def slowly(route: Route) -> None:
        page.wait_for_timeout(800)
        route.continue_()

    page.route("**/api/reading/worklist/", slowly)
    tabs_to(page, "Worklist")
    keyboard.press("Enter")
    row = page.get_by_test_id(f"case-{code}")
    wait_until(lambda: row.count() == 1, "the worklist")
    assert row.get_attribute("data-status") == "signed"
    assert page.get_by_test_id("progress").text_content() == f"1 of {small_study.PATIENTS} cases signed"

    # Signed, it cannot be changed; amended, it goes on from there as another version.
    tabs_to(page, f"View case {code}")
    keyboard.press("Enter")
    reader.case_is_readable()
    page.get_by_text("Signed, for reading only").wait_for()
    signed = case_of(reader, code)["reading"]["content_hash"]
    assert page.get_by_test_id("signed-hash").text_content() == signed[:8] != ""
    keyboard.press("1")
    assert value(page, "Baseline: Pannus") == "0"
    tabs_to(page, "Amend")
    keyboard.press("Enter")
    dialog.get_by_label("Reason").wait_for()
    assert (found := dialog_violations(page)) == [], found
    keyboard.type("The pannus was overlooked at baseline")
    tabs_to(page, "Open an amendment")
    keyboard.press("Enter")
    dialog.wait_for(state="hidden")
    page.get_by_role("button", name="Sign", exact=True).wait_for()  # before it, the room is for looking only
    reader.case_is_readable()
    cell(page, "Baseline: Pannus").focus()
    keyboard.press("1")
    wait_until(lambda: value(page, "Baseline: Pannus") == "1", "the amended grade")
    is_saved(page)
    own = case_of(reader, code)["reading"]
    assert (own["version"], own["state"]) == (2, "draft")
    assert own["content"]["baseline"]["grades"]["pannus"] == 1


def test_key_slices_comments_quality_and_copies_are_kept(reader: Person) -> None:
    page, keyboard = reader.page, reader.page.keyboard
    code = codes(reader)[-1]
    opens(reader, code)
    viewport = page.get_by_test_id("viewport-baseline")
    cell(page, "Baseline: Dens erosion").focus()
    opened = int(viewport.get_attribute("data-slice") or -1)
    for _ in range(3):
        keyboard.press("ArrowLeft")
    wait_until(lambda: viewport.get_attribute("data-slice") == str(opened - 3), "the slice")
    reader.image_is_drawn("baseline")
    keyboard.press("2")
    keyboard.press("k")
    by_keys(page, "m", 2)  # a length in the middle of the same slice
    page.get_by_test_id("measurement").wait_for()
    keyboard.press("Escape")
    cell(page, "Baseline: Dens erosion").focus()
    keyboard.press("c")
    keyboard.type("2 mm behind the dens")  # digits and letters are text here
    keyboard.press("Escape")
    assert value(page, "Baseline: Dens erosion") == "2"

    # Both stand on the position bar, at the slice's height, in their own colours.
    bar = viewport.get_by_test_id("position-bar")
    box = bar.bounding_box()
    assert box
    heights = [mark.bounding_box() for mark in bar.locator("i").all()]
    expected = box["y"] + box["height"] * (opened - 3 + 0.5) / small_study.SLICES
    assert len(heights) == 3, "a measurement, a key slice and where we are"
    for place in heights:
        assert place
        assert place["y"] + place["height"] / 2 == pytest.approx(expected, abs=3)
    for _ in range(3):
        keyboard.press("ArrowRight")
    wait_until(lambda: viewport.get_attribute("data-slice") == str(opened), "the slice")
    pixels = picture(bar).astype(int)
    colours = [mark.evaluate("e => getComputedStyle(e).backgroundColor") for mark in bar.locator("i").all()]
    assert len(set(colours)) == 3
    assert (pixels.max(axis=2) - pixels.min(axis=2)).max() > 60, "no coloured mark is drawn"
    keyboard.press("g")
    wait_until(lambda: viewport.get_attribute("data-slice") == str(opened - 3), "the key slice")

    keyboard.press("s")  # the follow-up the same as the baseline, for this finding
    assert value(page, "Follow-up: Dens erosion") == "2"
    cell(page, "Follow-up: Image quality").focus()
    keyboard.press("3")
    assert page.get_by_test_id("category-follow_up").text_content() == "Unreadable"
    assert value(page, "Follow-up: Dens erosion") == ""
    is_saved(page)
    content = case_of(reader, code)["reading"]["content"]
    assert content["baseline"]["key_slices"] == {"dens_erosion": opened - 3}
    assert content["baseline"]["comments"] == {"dens_erosion": "2 mm behind the dens"}
    assert content["follow_up"]["quality"] == "unreadable"
    assert content["follow_up"]["grades"] == {}
    cell(page, "Follow-up: Image quality").focus()
    keyboard.press("1")
    page.get_by_role("button", name="Remove Length").click()
    is_saved(page)


def test_pictures_of_the_grades_by_key_and_mouse(reader: Person) -> None:
    page, keyboard = reader.page, reader.page.keyboard
    opens(reader, codes(reader)[0])
    cell(page, "Baseline: Pannus").focus()
    details = page.get_by_label("Baseline: Pannus").and_(page.locator("section"))
    assert details.get_by_role("img").count() == 0
    keyboard.press("h")
    details.get_by_role("img").first.wait_for()
    names = [image.get_attribute("alt") for image in details.get_by_role("img").all()]
    assert names == [f"Phantom: Pannus, {grade}." for grade in ("None", "Doubtful", "Visible")]
    assert details.get_by_text("A pannus can be outlined.").is_visible()
    for image in details.get_by_role("img").all():
        wait_until(lambda image=image: picture(image).std() > 25, "a picture that is not blank")  # type: ignore[misc]
    shots = [picture(image).astype(int) for image in details.get_by_role("img").all()]
    assert np.abs(shots[0] - shots[2]).mean() > 3, "no pannus in the picture of a visible one"
    # A picture is the grade's button; the next finding brings its own pictures.
    details.get_by_role("img").nth(2).click()
    assert value(page, "Baseline: Pannus") == "2"
    cell(page, "Baseline: Pannus").focus()
    keyboard.press("ArrowDown")
    erosion = page.get_by_role("img", name="Phantom: Vertical translocation, Yes.")
    erosion.wait_for()
    # Remembered, and put away by the mouse.
    page.reload()
    reader.case_is_readable()
    page.get_by_role("img", name="Phantom: Pannus, Visible.").wait_for()
    page.get_by_role("button", name="Examples").click()
    assert page.get_by_role("img", name="Phantom: Pannus, Visible.").count() == 0


def test_another_series_of_a_scan(reader: Person) -> None:
    page, keyboard = reader.page, reader.page.keyboard
    found = {
        code: [scan["key"] for scan in case_of(reader, code)["scans"] if scan["others"]]
        for code in codes(reader)
    }
    (code, (key,)) = next(item for item in found.items() if item[1])
    opens(reader, code)
    assert key == "baseline"
    viewport, other = page.get_by_test_id("viewport-baseline"), page.get_by_test_id("viewport-follow_up")
    assert page.get_by_role("group", name="Series of Follow-up").count() == 0
    canvas = viewport.locator("canvas").first
    first = picture(canvas).astype(int)
    keyboard.press("e")  # what the other scan shows stays as it is
    keyboard.press("e")
    keyboard.press("ArrowRight")
    slice_of_other = other.get_attribute("data-slice")
    page.get_by_role("button", name="Series 2 of 2, Baseline").click()
    wait_until(lambda: viewport.get_attribute("data-slices") == str(small_study.SECOND_SLICES), "the series")
    second = reader.image_is_drawn("baseline").astype(int)
    assert np.abs(picture(canvas).astype(int) - first).mean() > 5, "the same pixels as before"
    assert other.get_attribute("data-slice") == slice_of_other
    assert second.std() > 15

    # What is measured and marked here is of this series, and is found again from the other one.
    keyboard.press("b")
    by_keys(page, "m", 2)
    page.get_by_test_id("measurement").filter(has_text="series 2").wait_for()
    keyboard.press("Escape")
    cell(page, "Baseline: Pannus").focus()
    keyboard.press("k")
    is_saved(page)
    scores = case_of(reader, code)["reading"]
    assert scores["measurements"][-1]["series"] == 1
    assert scores["content"]["baseline"]["series"] == 1
    assert scores["content"]["baseline"]["key_series"] == {"pannus": 1}
    keyboard.press("x")
    wait_until(lambda: viewport.get_attribute("data-slices") == str(small_study.SLICES), "the first series")
    reader.image_is_drawn("baseline")
    assert viewport.locator("[data-measurement]").count() == 0
    keyboard.press("g")
    wait_until(lambda: viewport.get_attribute("data-slices") == str(small_study.SECOND_SLICES), "its series")
    wait_until(lambda: viewport.locator("[data-measurement]").count() == 1, "the measurement")
    page.reload()
    reader.case_is_readable()
    wait_until(
        lambda: viewport.get_attribute("data-slices") == str(small_study.SECOND_SLICES), "its series again"
    )


def test_idle_time_does_not_count(reader: Person) -> None:
    page = reader.page
    page.clock.install()  # which goes on, too
    began = time.monotonic()
    code = codes(reader)[-1]
    opens(reader, code)
    before = float(case_of(reader, code)["reading"]["active_seconds"])
    page.mouse.move(300, 300)
    page.clock.run_for(300_000)  # five minutes without a hand on anything: the first of them still counts
    cell(page, "Baseline: Pannus").focus()
    page.keyboard.press("1" if value(page, "Baseline: Pannus") != "1" else "0")
    page.clock.run_for(10_000)
    is_saved(page)
    spent = float(case_of(reader, code)["reading"]["active_seconds"]) - before
    assert 55 <= spent <= 75 + time.monotonic() - began, spent


def test_half_a_screen_is_enough(reader: Person) -> None:
    page = reader.page
    page.set_viewport_size({"width": 1000, "height": 700})
    opens(reader, codes(reader)[0])
    end = right_of(page.locator("main"))
    toolbar = page.get_by_role("toolbar", name="Image tools")
    for part in (toolbar, *toolbar.get_by_role("button").all()):
        assert right_of(part) <= end, part.get_attribute("aria-label")
    for radio in page.get_by_role("radio").all():
        assert right_of(radio) <= 1000, radio.get_attribute("aria-label")
    assert picture(page.get_by_test_id("viewport-baseline")).shape[0] > 500


def right_of(element: Locator) -> float:
    box = element.bounding_box()
    assert box
    return box["x"] + box["width"]


def test_no_webgl_is_said_and_the_processor_draws(reader: Person) -> None:
    opens(reader, codes(reader)[0])
    page = reader.page
    assert page.get_by_test_id("render-mode").text_content() == "No WebGL: CPU rendering"
    assert page.get_by_role("region", name="Images").get_attribute("data-render") == "cpu"
    for key in ("baseline", "follow_up"):
        assert reader.image_is_drawn(key).std() > 15
