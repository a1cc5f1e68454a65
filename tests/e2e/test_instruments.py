"""The reader's instruments under real mouse and keys: measuring, hanging, links, cine, access."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser

from tests.e2e import phantom_truth
from tests.e2e.demo_site import Site
from tests.e2e.hands import (
    by_keys,
    click,
    drag,
    in_the_room,
    is_moved,
    made,
    middle,
    number,
    slices,
    view,
    violations,
)
from tests.e2e.pages import Person, picture, wait_until
from tests.e2e.room import is_saved


@pytest.fixture(scope="module")
def reader(browser: Browser, site: Site) -> Iterator[Person]:
    yield from in_the_room(browser, site)


@pytest.fixture(autouse=True)
def as_opened(reader: Person) -> None:
    """Each test starts with the window tool on the opening slice, in whatever order they run."""
    reader.page.reload()
    reader.case_is_readable()


@pytest.fixture(scope="module")
def data_dir(site: Site) -> Path:
    if site.data_dir is None:
        pytest.skip("the demo is served by somebody else: its truth is not ours to read")
    return site.data_dir


def test_mcraes_line_equals_the_phantoms_truth(reader: Person, data_dir: Path) -> None:
    """Basion, opisthion and dens tip where the phantom has them: the tip's distance within half a pixel."""
    page = reader.page
    code = page.url.rsplit("/", 1)[-1]
    shown = phantom_truth.shown(reader, data_dir, code, "baseline")
    page.keyboard.press("v")
    for name in ("basion", "opisthion", "dens_tip"):
        click(reader, *shown.on_screen(name))
    line = made(reader, "mcrae").first
    line.wait_for()
    measured = number(line, "data-mm")
    assert measured == pytest.approx(-shown.landmarks["tip_below_mcrae"], abs=min(shown.spacing) / 2)

    # The proposed grade: accepted with a key, overridden with another, both recorded.
    page.get_by_role("radiogroup", name="Baseline: Vertical translocation").focus()
    note = page.get_by_test_id("proposal")
    expected = "1" if measured > 0 else "0"
    assert note.get_attribute("data-grade") == expected
    page.keyboard.press("y")
    wait_until(lambda: note.get_attribute("data-answer") == "agrees", "the proposal to be accepted")
    page.keyboard.press("1" if expected == "0" else "0")
    wait_until(lambda: note.get_attribute("data-answer") == "differs", "the grade to override it")
    is_saved(reader.page)
    kept = page.request.get(f"{reader.url}api/reading/cases/{code}/").json()["reading"]
    (recorded,) = kept["measurements"]
    assert recorded["proposed_grade"] == int(expected)
    assert kept["content"]["baseline"]["grades"]["vertical_translocation"] == 1 - int(expected)
    # In patient space, not on the screen.
    for name, point in zip(("basion", "opisthion", "dens_tip"), recorded["points"], strict=True):
        in_plane = np.asarray(point) - np.asarray(shown.landmarks[name])
        normal = np.cross(shown.row, shown.column)
        assert np.linalg.norm(in_plane - (in_plane @ normal) * normal) < min(shown.spacing)


def test_scans_open_on_the_midline(reader: Person, data_dir: Path) -> None:
    """By position alone: half a slice from where the technician put the stack's middle, 3 mm off at most."""
    code = reader.page.url.rsplit("/", 1)[-1]
    for key in ("baseline", "follow_up"):
        shown = phantom_truth.shown(reader, data_dir, code, key)
        # In the middle of the image: a stack may be turned by 8° against the neck, about that point.
        down, across = (np.array(shown.shape) - 1) / 2 * shown.spacing
        centre = shown.origin + down * shown.column + across * shown.row
        midline = shown.landmarks["basion"][0]
        assert abs(centre[0] - midline) < shown.between_slices / 2 + 3


def test_points_are_moved_undone_and_shown_again_exactly(reader: Person) -> None:
    page = reader.page
    x, y = middle(reader)
    page.keyboard.press("d")
    drag(reader, (x - 30, y + 60), (x - 10, y + 60))
    interval = made(reader, "atlantodental")
    interval.wait_for()
    first = number(interval, "data-mm")
    assert first == pytest.approx(
        20 * number(view(reader).get_by_test_id("scale-bar"), "data-mm-per-pixel"), rel=0.02
    )

    handle = view(reader).locator("[data-kind=atlantodental] [data-point='Front of the dens']")
    handle.focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    wait_until(lambda: number(interval, "data-mm") > first, "the point to be nudged")
    nudged = number(interval, "data-mm")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+z")
    wait_until(lambda: number(interval, "data-mm") == first, "the nudges to be undone at once")
    page.keyboard.press("Control+y")
    wait_until(lambda: number(interval, "data-mm") == nudged, "the nudges to come back")

    x2, y2 = middle(reader)
    page.keyboard.press("o")
    drag(reader, (x2 + 20, y2 + 60), (x2 + 60, y2 + 110))
    page.keyboard.press("n")
    for dx, dy in ((-60, 20), (-20, 60), (20, 20)):
        click(reader, x2 + dx, y2 + dy)
    assert number(made(reader, "angle"), "data-mm") == pytest.approx(90, abs=1)
    by_keys(page, "q")
    made(reader, "probe").wait_for()
    page.keyboard.press("Delete")
    made(reader, "probe").wait_for(state="detached")
    page.keyboard.press("w")

    is_saved(reader.page)
    texts = page.get_by_test_id("measurement").all_text_contents()
    assert any("mean" in text and "SD" in text for text in texts)
    drawn = view(reader).locator("[data-measurement]").count()
    values = [number(one, "data-mm") for one in page.get_by_test_id("measurement").all()]
    page.reload()
    reader.case_is_readable()
    again = page.get_by_test_id("measurement")
    wait_until(lambda: again.count() == len(values), "the measurements")
    assert [number(one, "data-mm") for one in again.all()] == values
    wait_until(lambda: view(reader).locator("[data-measurement]").count() == drawn, "their drawings")
    page.get_by_role("button", name="Remove Ellipse").click()
    wait_until(lambda: again.count() == len(values) - 1, "the ellipse to go")
    is_saved(reader.page)


def test_linked_scans_keep_a_shift_the_reader_sets(reader: Person) -> None:
    page = reader.page
    page.keyboard.press("b")
    before = slices(reader)
    page.keyboard.press("]")
    wait_until(lambda: slices(reader) == (before[0], before[1] + 1), "the other scan to shift")
    page.keyboard.press("ArrowLeft")
    wait_until(lambda: slices(reader) == (before[0] - 1, before[1]), "both to scroll, shifted")
    page.get_by_role("button", name="mm", exact=False).filter(has_text="+").click()
    wait_until(lambda: slices(reader)[1] - slices(reader)[0] == before[1] - before[0], "the shift to go")
    page.keyboard.press("ArrowRight")


def test_window_presets_are_joined_and_remembered(reader: Person) -> None:
    page = reader.page
    canvas = view(reader, "follow_up").locator("canvas").first
    opened = picture(canvas).astype(int)
    page.keyboard.press("Shift+Digit5")
    wait_until(lambda: np.abs(picture(canvas) - opened).mean() > 3, "another window")
    chosen = picture(canvas).astype(int)
    page.reload()
    reader.case_is_readable()
    wait_until(lambda: np.abs(picture(canvas) - chosen).mean() < 1, "the reader's window after a reload")
    page.keyboard.press("Shift+Digit1")
    wait_until(lambda: np.abs(picture(canvas) - opened).mean() < 1, "the first window")
    page.keyboard.press("j")
    page.keyboard.press("w")
    x, y = middle(reader)
    drag(reader, (x, y), (x, y + 90))
    wait_until(lambda: np.abs(picture(canvas) - opened).mean() > 3, "the other scan's window to follow")
    page.keyboard.press("j")
    page.keyboard.press("r")
    wait_until(lambda: np.abs(picture(canvas) - opened).mean() < 1, "the first window again")


def test_panning_moves_both_by_the_same_millimetres(reader: Person) -> None:
    page = reader.page
    keys = ("baseline", "follow_up")
    canvases = [view(reader, key).locator("canvas").first for key in keys]
    per_pixel = [number(view(reader, key).get_by_test_id("scale-bar"), "data-mm-per-pixel") for key in keys]
    opened = [picture(canvas).mean(axis=2) for canvas in canvases]
    x, y = middle(reader)
    page.keyboard.press("p")
    drag(reader, (x, y), (x + 40, y + 24))
    page.keyboard.press("w")
    is_moved(canvases, opened, per_pixel, (40, 24))
    page.keyboard.press("r")
    for canvas, before in zip(canvases, opened, strict=True):
        wait_until(
            lambda canvas=canvas, before=before: np.abs(picture(canvas).mean(axis=2) - before).mean() < 0.5,  # type: ignore[misc]
            "the image to come back",
        )


def test_wheel_home_and_end_go_through_both_stacks(reader: Person) -> None:
    page = reader.page
    start = slices(reader)
    page.mouse.move(*middle(reader))
    for _ in range(2):
        page.mouse.wheel(0, 100)
    wait_until(lambda: slices(reader) == (start[0] + 2, start[1] + 2), "two slices on")
    page.mouse.wheel(0, -100)
    wait_until(lambda: slices(reader) == (start[0] + 1, start[1] + 1), "one back")
    last = number(view(reader), "data-slices") - 1
    page.keyboard.press("End")
    wait_until(lambda: slices(reader)[0] == last, "the last slice")
    page.keyboard.press("Home")
    wait_until(lambda: slices(reader)[0] == 0, "the first slice")
    reader.case_is_readable()


def test_each_mouse_button_has_its_drag_on_both_scans(reader: Person) -> None:
    page = reader.page
    keys = ("baseline", "follow_up")
    canvases = [view(reader, key).locator("canvas").first for key in keys]
    opened = [picture(canvas).mean(axis=2) for canvas in canvases]

    def per_pixel() -> list[float]:
        return [number(view(reader, key).get_by_test_id("scale-bar"), "data-mm-per-pixel") for key in keys]

    fitted = per_pixel()
    x, y = middle(reader)
    drag(reader, (x, y), (x + 40, y + 24), "middle")
    is_moved(canvases, opened, fitted, (40, 24))
    assert per_pixel() == pytest.approx(fitted)
    page.keyboard.press("z")
    for button in ("right", "left"):
        page.keyboard.press("r")
        wait_until(lambda: per_pixel() == pytest.approx(fitted, rel=1e-3), "the fit")
        drag(reader, (x, y), (x, y + 90), "right" if button == "right" else "left")
        wait_until(lambda: per_pixel()[0] < 0.9 * fitted[0], f"the zoom by the {button} button")
        zoomed = np.array(per_pixel()) / fitted
        assert zoomed[1] == pytest.approx(zoomed[0], rel=0.02)
    page.keyboard.press("w")
    page.keyboard.press("r")


def test_cine_inversion_zoom_and_one_scan(reader: Person) -> None:
    page = reader.page
    start = slices(reader)[0]
    page.keyboard.press("a")
    wait_until(lambda: abs(slices(reader)[0] - start) >= 2, "cine")
    page.keyboard.press("a")
    stopped = slices(reader)[0]
    page.wait_for_timeout(500)
    assert slices(reader)[0] == stopped
    reader.case_is_readable()
    canvas = view(reader).locator("canvas").first
    bright = picture(canvas).mean()
    page.keyboard.press("i")
    wait_until(lambda: picture(canvas).mean() > bright + 20, "the inverted image")
    page.keyboard.press("i")
    scale = view(reader).get_by_test_id("scale-bar")
    fitted = number(scale, "data-mm-per-pixel")
    other = view(reader, "follow_up").get_by_test_id("scale-bar")
    ratio = number(other, "data-mm-per-pixel") / fitted
    page.mouse.move(*middle(reader))
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)  # what a pinch on a trackpad sends
    page.keyboard.up("Control")
    wait_until(lambda: number(scale, "data-mm-per-pixel") < 0.8 * fitted, "the zoom")
    together = number(other, "data-mm-per-pixel") / number(scale, "data-mm-per-pixel")
    assert together == pytest.approx(ratio, rel=0.02)
    page.keyboard.press("r")
    wait_until(lambda: number(scale, "data-mm-per-pixel") == pytest.approx(fitted, rel=1e-3), "the fit")
    bar = view(reader).get_by_test_id("position-bar").bounding_box()
    assert bar
    page.mouse.dblclick(bar["x"] + 5, bar["y"] + 3)  # enlarges nothing
    wait_until(lambda: slices(reader)[0] == 0, "the first slice")
    assert view(reader, "follow_up").is_visible()
    page.mouse.dblclick(*middle(reader))
    wait_until(lambda: not view(reader, "follow_up").is_visible(), "one scan")
    page.keyboard.press("e")
    wait_until(view(reader, "follow_up").is_visible, "both scans")


@pytest.mark.parametrize("size", [(1366, 768), (3840, 2160)])
def test_the_room_fits_and_axe_finds_nothing(reader: Person, size: tuple[int, int]) -> None:
    page = reader.page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    for key in ("baseline", "follow_up"):
        reader.image_is_drawn(key)
    extent = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    assert extent[0] <= size[0]
    assert extent[1] <= size[1]
    sign = page.get_by_role("button", name="Sign", exact=True)
    assert sign.is_visible()
    # What is read and clicked grows with a screen that is not scaled.
    least = 40 if size[0] > 2800 else 28
    for button in (sign, page.get_by_role("button", name="Window", exact=True)):
        assert (button.bounding_box() or {})["height"] >= least
    found = violations(page)
    page.set_viewport_size({"width": 1366, "height": 768})
    assert not found, found


def test_the_scores_can_stand_on_the_left(reader: Person) -> None:
    page = reader.page
    page.get_by_role("button", name="Scores on the left").click()
    panel, image = page.get_by_label("Scores", exact=True), view(reader)
    wait_until(lambda: (panel.bounding_box() or {})["x"] < (image.bounding_box() or {})["x"], "the panel")
    page.get_by_role("button", name="Scores on the right").click()
