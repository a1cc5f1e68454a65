"""A case read in a stock Firefox, from signing in to the next case: nothing here is Chromium's alone."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest

from cohort.pixels import decode_htj2k
from tests.e2e import firefox, phantom_truth, small_study
from tests.e2e.firefox import Tab
from tests.e2e.pages import CLEAN, PANNUS, wait_until

SCANS = ("baseline", "follow_up")


@pytest.fixture
def tab(plain: small_study.Study) -> Iterator[Tab]:
    if firefox.find() is None:
        pytest.skip("FIREFOX NOT TESTED: install firefox-esr, or set ODONTOID_FIREFOX to one")
    # The CPU renderer: the same on every machine. Without a window many have no WebGL in Firefox anyway.
    with firefox.tab(**{"webgl.disabled": True}) as opened:
        yield opened


def view(key: str) -> str:
    return f"[data-testid=viewport-{key}]"


def slices(tab: Tab) -> list[int]:
    return [int(tab.attribute(view(key), "data-slice") or -1) for key in SCANS]


def mm_per_pixel(tab: Tab, key: str) -> float:
    return float(tab.attribute(f"{view(key)} [data-testid=scale-bar]", "data-mm-per-pixel") or "nan")


def says(tab: Tab, text: str) -> None:
    wait_until(lambda: text in tab.text(), f"“{text}”")


def is_drawn(tab: Tab, code: str, key: str) -> None:
    """The slice as it was stored, turned by its orientation, and in no other way."""
    case = json.loads(tab.fetched(f"/api/reading/cases/{code}/"))
    scan = next(one for one in case["scans"] if one["key"] == key)
    series = f"/api/reading/cases/{code}/wado/studies/{scan['study_uid']}/series/{scan['series_uid']}"
    header = json.loads(tab.fetched(f"{series}/metadata"))[slices(tab)[SCANS.index(key)]]
    frame = decode_htj2k(tab.fetched(f"{series}/instances/{header['00080018']['Value'][0]}/frames/1"))
    drawn = tab.picture(f"{view(key)} canvas").mean(axis=2)
    likeness = phantom_truth.likeness(
        drawn, phantom_truth.hung(frame.astype(float), header, mm_per_pixel(tab, key))
    )
    assert likeness.pop("as it hangs") > 0.9 > 0.7 > max(likeness.values()), likeness


def images_are_there(tab: Tab) -> None:
    for key in SCANS:
        wait_until(lambda key=key: tab.attribute(view(key), "data-state") == "ready", f"the {key} image", 60)  # type: ignore[misc]


def is_readable(tab: Tab) -> str:
    """Wait for the page of the address, and for both images; returns the case's code."""
    own = "() => document.title.includes(location.pathname.match(/read.(.+)/)?.[1])"
    wait_until(lambda: tab.evaluate(own), "the page of a case")
    code = tab.url.rsplit("/", 1)[-1]
    images_are_there(tab)
    for key in SCANS:
        is_drawn(tab, code, key)
    return code


def test_a_case_is_read_signed_and_followed_by_the_next(plain: small_study.Study, tab: Tab) -> None:
    tab.goes_to(plain.url)
    tab.click("textbox", "User name")
    tab.press(*"observer_b", "Tab", *small_study.PASSWORD, "Enter")
    tab.click("link", "Next case")
    code = is_readable(tab)
    assert tab.attribute("[aria-label=Images]", "data-render") == "cpu"
    assert tab.text("[data-testid=render-mode]") == "No WebGL: CPU rendering"

    # Keys and a wheel over either scan scroll both.
    opened = slices(tab)
    before = tab.picture(f"{view('follow_up')} canvas").astype(int)
    tab.press("ArrowRight", "ArrowRight")
    wait_until(lambda: slices(tab) == [one + 2 for one in opened], "both scans to scroll")
    images_are_there(tab)
    after = tab.picture(f"{view('follow_up')} canvas")
    assert np.abs(after - before).mean() > 3, "the same pixels as before"
    box = tab.box(view("follow_up"))
    x, y = int(box["x"] + box["width"] / 2), int(box["y"] + box["height"] / 2)
    tab.wheel(x, y, -120)
    wait_until(lambda: slices(tab) == [one + 1 for one in opened], "both scans to scroll back")
    # A notch of a real mouse comes in lines to whoever asks for the unit first; BiDi turns by pixels only.
    tab.evaluate(
        """(css) => document.querySelector(css).dispatchEvent(new WheelEvent('wheel',
               {deltaY: -3, deltaMode: WheelEvent.DOM_DELTA_LINE, bubbles: true, cancelable: true}))""",
        view("baseline"),
    )
    wait_until(lambda: slices(tab) == opened, "both scans to scroll by lines")
    images_are_there(tab)

    # A length by a drag, as long as the scale says.
    tab.press("m")
    tab.drag((x - 60, y - 40), (x + 90, y + 50))
    wait_until(lambda: tab.attribute("[data-testid=measurement]", "data-mm"), "the measurement")
    length = float(tab.attribute("[data-testid=measurement]", "data-mm") or "nan")
    assert length == pytest.approx(np.hypot(150, 90) * mm_per_pixel(tab, "follow_up"), rel=0.015)

    for letter, keys in (("b", CLEAN), ("f", PANNUS)):
        tab.press(letter, *["ArrowUp"] * len(keys))
        for key in keys:
            tab.press(key, "ArrowDown")
    wait_until(lambda: tab.text("[data-testid=category-follow_up]") == "Case", "the category")
    assert tab.text("[data-testid=category-baseline]") == "Clean"
    wait_until(lambda: tab.text("[data-testid=save-state]") == "Saved", "the draft to be saved")
    reading = json.loads(tab.fetched(f"/api/reading/cases/{code}/"))["reading"]
    assert reading["content"]["follow_up"]["grades"]["pannus"] == 2
    assert [one["kind"] for one in reading["measurements"]] == ["length"]

    tab.press("Enter")
    says(tab, "I read these scans myself")
    wait_until(lambda: tab.evaluate("() => document.activeElement.type") == "password", "the focus")
    tab.press(*small_study.PASSWORD, "Enter")
    says(tab, f"Case {code} is signed and can no longer be changed")
    wait_until(lambda: tab.evaluate("() => document.activeElement.innerText") == "Next case", "the focus")
    tab.press("Enter")
    wait_until(lambda: not tab.url.endswith(code), "the next case")
    assert is_readable(tab) != code
    assert tab.errors == []
