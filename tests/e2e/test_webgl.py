"""WebGL drawn by SwiftShader shows and measures as the processor does; so does a page on plain HTTP."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Route

from tests.e2e import chromium, phantom_truth, small_study
from tests.e2e.hands import by_keys, drag, made, middle, number, shift_of, violations, without_measurements
from tests.e2e.pages import Person, beside, picture, sign_in, wait_until
from tests.e2e.room import is_saved, opens
from tests.e2e.small_study import Study

POINTS = ("Basion", "Opisthion", "Dens tip")


def measures_mcrae(reader: Person, study: Study, code: str) -> tuple[Locator, float, float]:
    """Clicks the phantom's landmarks; the new measurement, the true distance and half a pixel, mm."""
    shown = phantom_truth.shown(reader, study.folder, code, "baseline")
    lines = reader.page.locator("[data-testid=measurement][data-kind=mcrae]")
    before = lines.count()
    reader.page.keyboard.press("v")
    for name in ("basion", "opisthion", "dens_tip"):
        reader.page.mouse.click(*shown.on_screen(name))
    wait_until(lambda: lines.count() == before + 1, "the measurement")
    reader.page.keyboard.press("Escape")
    return lines.last, -shown.landmarks["tip_below_mcrae"], min(shown.spacing) / 2


def places(reader: Person) -> np.ndarray:
    """Centres of the first line's three points on the page, shape (3, 2)."""
    line = reader.page.get_by_test_id("viewport-baseline").locator("[data-kind=mcrae]").first
    centres = []
    for name in POINTS:
        box = line.locator(f"[data-point='{name}']").bounding_box()
        assert box
        centres.append((box["x"] + box["width"] / 2, box["y"] + box["height"] / 2))
    return np.array(centres)


def canvas(reader: Person) -> np.ndarray:
    """The middle of the image, without the letters and the scale at its edges."""
    pixels = picture(reader.page.get_by_test_id("viewport-follow_up").locator("canvas").first)
    return pixels[60:-60, 60:-60].mean(axis=2)


def length(line: Locator) -> float:
    return float(line.get_attribute("data-mm") or "nan")


def test_webgl_draws_and_measures_as_the_processor_does(browser: Browser, study: Study) -> None:
    reader = sign_in(browser, study.url, "observer_b", small_study.PASSWORD)
    code = reader.opens_next_case()
    images = reader.page.get_by_role("region", name="Images")
    assert images.get_attribute("data-render") == "cpu"
    line, truth, half_a_pixel = measures_mcrae(reader, study, code)
    measured = length(line)
    assert measured == pytest.approx(truth, abs=half_a_pixel)
    opens(reader, code)
    by_processor, places_by_processor = canvas(reader), places(reader)
    reader.page.context.close()

    with beside(browser, *chromium.SWIFTSHADER) as swiftshader:
        again = sign_in(swiftshader, study.url, "observer_b", small_study.PASSWORD)
        page = again.page
        page.evaluate("localStorage.setItem('odontoid:render', 'gpu')")
        opens(again, code)
        assert page.get_by_role("region", name="Images").get_attribute("data-render") == "gpu"
        by_webgl = canvas(again)
        assert by_webgl.shape == by_processor.shape
        assert np.corrcoef(by_webgl.ravel(), by_processor.ravel())[0, 1] > 0.995
        assert np.abs(by_webgl - by_processor).mean() < 4
        lines = page.locator("[data-testid=measurement][data-kind=mcrae]")
        assert length(lines.first) == measured
        assert np.abs(places(again) - places_by_processor).max() < 0.75, "the points moved"
        page.get_by_role("button", name="Remove McRae line").click()
        line, truth, half_a_pixel = measures_mcrae(again, study, code)
        assert length(line) == pytest.approx(truth, abs=half_a_pixel)
        # Another window is seen in the pixels, and taken back; the series' own may be much like the first.
        page.keyboard.press("Shift+3")
        wait_until(lambda: np.abs(canvas(again) - by_webgl).mean() > 3, "another window")
        page.keyboard.press("Shift+1")
        wait_until(lambda: np.abs(canvas(again) - by_webgl).mean() < 0.5, "the first window")
        # So do the keys' steps of zoom and pan, on both scans.
        bars = [
            page.get_by_test_id(f"viewport-{key}").get_by_test_id("scale-bar")
            for key in ("baseline", "follow_up")
        ]
        fitted = np.array([number(bar, "data-mm-per-pixel") for bar in bars])
        page.keyboard.press("z")
        page.keyboard.press("Shift+ArrowUp")
        wait_until(lambda: number(bars[0], "data-mm-per-pixel") < 0.95 * fitted[0], "the zoom")
        zoomed = np.array([number(bar, "data-mm-per-pixel") for bar in bars])
        assert zoomed == pytest.approx(fitted / 1.1, rel=1e-3)
        page.keyboard.press("r")
        wait_until(lambda: np.abs(canvas(again) - by_webgl).mean() < 0.5, "the fit")
        page.keyboard.press("p")
        page.keyboard.press("Shift+ArrowRight")
        wait_until(lambda: np.abs(canvas(again) - by_webgl).mean() > 3, "the pan")
        right = 24 * fitted[0] / fitted[1]
        assert shift_of(canvas(again), by_webgl) == pytest.approx((right, 0), abs=1.5)


def test_a_lost_graphics_card_is_said_and_the_processor_goes_on(browser: Browser, study: Study) -> None:
    with beside(browser, *chromium.SWIFTSHADER) as swiftshader:
        reader = sign_in(swiftshader, study.url, "observer_b", small_study.PASSWORD)
        page, keyboard = reader.page, reader.page.keyboard
        code = reader.opens_next_case()
        reader.goes_to(f"/read/{code}?render=gpu")
        reader.case_is_readable()
        images, mode = page.get_by_role("region", name="Images"), page.get_by_test_id("render-mode")
        assert images.get_attribute("data-render") == "gpu"
        for key in ("ArrowRight", "]", "Shift+ArrowLeft", "z", "Shift+ArrowUp", "p", "Shift+ArrowRight", "i"):
            keyboard.press(key)
        reader.case_is_readable()  # a slice on its way is not measured
        by_keys(page, "m", 2)
        lines = page.locator("[data-testid=measurement][data-kind=length]")
        lines.first.wait_for()
        before = canvas(reader), standing(reader), lines.count()
        swiftshader.new_browser_cdp_session().send("Browser.crashGpuProcess")
        alert = page.get_by_role("alert").filter(has_text="graphics card stopped drawing")
        alert.wait_for()
        wait_until(lambda: images.get_attribute("data-render") == "cpu", "the processor")
        reader.case_is_readable()
        wait_until(lambda: standing(reader) == before[1], "everything as it was")
        assert violations(page) == []
        alert.get_by_role("button", name="Only now").click()
        wait_until(lambda: np.abs(canvas(reader) - before[0]).mean() < 6, "the image as it was")
        # It can be undone still, and the reader goes on.
        keyboard.press("Control+z")
        wait_until(lambda: lines.count() == before[2] - 1, "the line to go")
        keyboard.press("ArrowRight")
        wait_until(lambda: standing(reader)[0] == before[1][0] + 1, "the next slice")
        assert page.evaluate("localStorage.getItem('odontoid:render')") is None
        page.reload()  # another page tries the graphics card again
        reader.case_is_readable()
        assert images.get_attribute("data-render") == "gpu"

        # The reader may choose the processor, at once and for good.
        reader.goes_to(f"/read/{code}")
        reader.case_is_readable()
        for choice, expected in (("Graphics card", "gpu"), ("Processor", "cpu")):
            mode.click()
            page.get_by_role("menuitem", name=choice).click()
            wait_until(lambda e=expected: images.get_attribute("data-render") == e, expected)  # type: ignore[misc]
            reader.case_is_readable()
        page.reload()
        reader.case_is_readable()
        assert images.get_attribute("data-render") == "cpu"
        assert page.evaluate("localStorage.getItem('odontoid:render')") == "cpu"

        # Before the first image there is no window to go on with.
        held: list[Route] = []
        holding = [True]
        page.route("**/frames/1", lambda route: held.append(route) if holding else route.continue_())
        page.reload()
        wait_until(lambda: mode.count() and held, "the images to be asked for")
        mode.click()
        page.get_by_role("menuitem", name="Graphics card").click()
        wait_until(lambda: images.get_attribute("data-render") == "gpu", "the graphics card")
        holding.clear()
        for route in held:
            route.continue_()
        reader.case_is_readable()
        height, width = canvas(reader).shape
        inside = canvas(reader)[height // 3 : -height // 3, width // 4 : -width // 4]
        assert inside.std() > 15, "a white image"


def standing(reader: Person) -> tuple[float, float, str, str, str | None]:
    """Slices, window, scale and tool."""
    views = [reader.page.get_by_test_id(f"viewport-{key}") for key in ("baseline", "follow_up")]
    first, second = (number(view, "data-slice") for view in views)
    scale = number(views[1].get_by_test_id("scale-bar"), "data-mm-per-pixel")
    window = views[0].locator("text=/W \\d+ L/").text_content() or ""
    return first, second, window, f"{scale:.3f}", views[0].get_attribute("data-measuring")


def test_plain_http_measures_too(browser: Browser, study: Study) -> None:
    """A page that is no secure context lacks a part of the browser's functions."""
    with beside(browser, "--disable-3d-apis", "--host-resolver-rules=MAP reading.test 127.0.0.1") as plain:
        url = study.url.replace("127.0.0.1", "reading.test")
        there = sign_in(plain, url, "observer_a", small_study.PASSWORD)
        there.opens_next_case()
        assert there.page.evaluate("[isSecureContext, typeof crypto.randomUUID]") == [False, "undefined"]
        without_measurements(there)  # an earlier test's, when it left this case half read
        x, y = middle(there)
        there.page.keyboard.press("m")
        drag(there, (x - 50, y), (x + 50, y))
        made(there, "length").wait_for()
        is_saved(there.page)
