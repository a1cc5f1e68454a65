"""Other series of a scan: what they leave of the link between the scans, and what happens where they fail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator

from tests.e2e import small_study
from tests.e2e.hands import slices, view
from tests.e2e.pages import Person, sign_in, wait_until
from tests.e2e.room import case_of, is_saved
from tests.e2e.small_study import SECOND_SLICES, SLICES, Study


@pytest.fixture
def reader(browser: Browser, study: Study) -> Iterator[Person]:
    """In front of the case whose baseline has a second series."""
    person = sign_in(browser, study.url, "observer_b", small_study.PASSWORD)
    items = person.page.request.get(f"{person.url}api/reading/worklist/").json()["items"]
    code = next(item["code"] for item in items if others(person, item["code"]))
    person.goes_to(f"/read/{code}")
    person.case_is_readable()
    yield person
    person.page.context.close()


def others(person: Person, code: str) -> list[dict[str, Any]]:
    return [series for scan in case_of(person, code)["scans"] for series in scan["others"]]


def shows(reader: Person, count: int) -> None:
    wait_until(
        lambda: view(reader).get_attribute("data-slices") == str(count), f"the series of {count} slices"
    )
    reader.image_is_drawn("baseline")


def picks(reader: Person, number: int) -> Locator:
    button = reader.page.get_by_role("button", name=f"Series {number} of 2, Baseline")
    button.click()
    return button


def test_a_series_that_fails_leaves_the_one_before_on_screen(reader: Person) -> None:
    page = reader.page
    code = page.url.rsplit("/", 1)[-1]
    headers = f"**/series/{others(reader, code)[0]['series_uid']}/metadata"

    def series_of_draft() -> int:
        is_saved(reader.page)
        return int(case_of(reader, code)["reading"]["content"]["baseline"]["series"])

    page.route(headers, lambda route: route.fulfill(status=500, body="{}"))
    picks(reader, 2)
    alert = page.get_by_role("alert").filter(has_text="Series 2 of Baseline cannot be shown")
    alert.get_by_text("The server failed (500)").wait_for()
    shows(reader, SLICES)
    page.keyboard.press("0")
    assert series_of_draft() == 0
    page.unroute(headers)
    alert.get_by_role("button", name="Try again").click()
    shows(reader, SECOND_SLICES)
    assert alert.count() == 0
    assert series_of_draft() == 1

    # The draft asks for it, and it cannot be had: the case opens all the same.
    page.route(headers, lambda route: route.fulfill(status=500, body="{}"))
    page.reload()
    alert.wait_for()
    shows(reader, SLICES)
    assert series_of_draft() == 0
    page.unroute(headers)


def test_a_key_slice_of_another_series_keeps_the_readers_shift(reader: Person) -> None:
    keyboard = reader.page.keyboard
    picks(reader, 2)
    shows(reader, SECOND_SLICES)
    keyboard.press("b")
    start = slices(reader)
    keyboard.press("]")
    wait_until(lambda: slices(reader) == (start[0], start[1] + 1), "the other scan to shift")
    for _ in range(3):
        keyboard.press("ArrowLeft")
    wait_until(lambda: slices(reader)[0] == start[0] - 3, "three slices back")
    reader.image_is_drawn("baseline")
    keyboard.press("k")
    marked = slices(reader)
    picks(reader, 1)
    shows(reader, SLICES)
    keyboard.press("b")
    for _ in range(5):
        keyboard.press("ArrowRight")
    wait_until(lambda: slices(reader)[1] > marked[1] + 1, "both away from there")
    keyboard.press("g")
    shows(reader, SECOND_SLICES)
    wait_until(lambda: slices(reader) == marked, "the key slice, and what matched it")
    reader.image_is_drawn("baseline")
    keyboard.press("k")
    picks(reader, 1)
    shows(reader, SLICES)
    is_saved(reader.page)
