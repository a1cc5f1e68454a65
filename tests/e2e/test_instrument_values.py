"""What is measured: the values of known pixels, and nothing where there is nothing to measure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser

from tests.e2e import phantom_truth
from tests.e2e.demo_site import Site
from tests.e2e.hands import (
    click,
    drag,
    in_the_room,
    made,
    middle,
    number,
    slices,
    view,
    without_measurements,
)
from tests.e2e.pages import Person, wait_until
from tests.e2e.room import case_of, code_of, is_saved


@pytest.fixture(scope="module")
def reader(browser: Browser, site: Site) -> Iterator[Person]:
    yield from in_the_room(browser, site)


@pytest.fixture(autouse=True)
def as_opened(reader: Person) -> None:
    reader.page.reload()
    reader.case_is_readable()
    without_measurements(reader)


def kept(reader: Person) -> list[dict[str, Any]]:
    is_saved(reader.page)
    return list(case_of(reader, code_of(reader))["reading"]["measurements"])


def test_probe_ellipse_and_thickness_read_the_phantoms_pixels(reader: Person, site: Site) -> None:
    if site.data_dir is None:
        pytest.skip("the demo is served by somebody else: its truth is not ours to read")
    page, code = reader.page, code_of(reader)
    shown = phantom_truth.shown(reader, site.data_dir, code, "baseline")
    pixels = phantom_truth.stored(reader, code, "baseline")
    row, column = (round(index) for index in shown.pixel(shown.landmarks["dens_tip"]))
    page.keyboard.press("q")
    click(reader, *shown.pixel_on_screen(row, column))
    made(reader, "probe").wait_for()
    assert number(made(reader, "probe"), "data-mm") == pixels[row, column]

    page.keyboard.press("o")
    drag(reader, shown.pixel_on_screen(row + 4, column - 9), shown.pixel_on_screen(row + 24, column + 7))
    made(reader, "ellipse").wait_for()
    page.keyboard.press("t")
    start = shown.pixel_on_screen(row + 30, column)
    drag(reader, start, (start[0] + 24, start[1]))
    tissue = made(reader, "retro_odontoid")
    tissue.wait_for()
    assert number(tissue, "data-mm") == pytest.approx(24 * shown.mm_per_pixel, abs=shown.mm_per_pixel)
    page.keyboard.press("w")

    by_kind = {one["kind"]: one for one in kept(reader)}
    assert set(by_kind) == {"probe", "ellipse", "retro_odontoid"}
    ends = np.array([shown.pixel(point) for point in by_kind["ellipse"]["points"]])
    centre, radii = ends.mean(axis=0), (np.ptp(ends[2:, 0]) / 2, np.ptp(ends[:2, 1]) / 2)
    assert centre == pytest.approx((row + 14, column - 1), abs=1)
    assert radii == pytest.approx((10, 8), abs=1)
    rows, columns = np.indices(pixels.shape)
    inside = pixels[((rows - centre[0]) / radii[0]) ** 2 + ((columns - centre[1]) / radii[1]) ** 2 <= 1]
    assert by_kind["ellipse"]["mean"] == pytest.approx(inside.mean(), rel=1e-3)
    assert by_kind["ellipse"]["sd"] == pytest.approx(inside.std(ddof=1), rel=1e-2)
    area = np.pi * radii[0] * radii[1] * shown.spacing[0] * shown.spacing[1]
    assert by_kind["ellipse"]["value"] == pytest.approx(area, rel=1e-3)


def test_nothing_is_measured_where_there_is_no_pixel(reader: Person) -> None:
    page = reader.page
    box = view(reader).bounding_box()
    assert box
    page.keyboard.press("q")
    click(reader, box["x"] + box["width"] / 2, box["y"] + 60)  # above the image
    notice = view(reader).get_by_role("alert").filter(has_text="nothing was measured")
    notice.wait_for()
    assert made(reader, "probe").count() == 0
    page.keyboard.press("Escape")
    notice.wait_for(state="detached")

    # Slices that cannot be shown: what is clicked is the button, not a point of a line.
    slice_ = int(number(view(reader), "data-slice")) + 1
    sops = {one["index"]: one["sop_uid"] for one in case_of(reader, code_of(reader))["scans"][0]["instances"]}
    frames = [f"**/instances/{sops[slice_ + more]}/frames/1" for more in range(3)]
    for frame in frames:
        page.route(frame, lambda route: route.fulfill(status=500, body=""))
    page.reload()
    reader.case_is_readable()
    page.keyboard.press("z")
    scale = view(reader).get_by_test_id("scale-bar")
    fitted = number(scale, "data-mm-per-pixel")
    for _ in range(3):
        page.keyboard.press("Shift+ArrowUp")
    wait_until(lambda: number(scale, "data-mm-per-pixel") < 0.8 * fitted, "the zoom")
    zoomed = number(scale, "data-mm-per-pixel")
    page.keyboard.press("m")
    page.keyboard.press("ArrowRight")
    alert = view(reader).get_by_role("alert").filter(has_text="is not shown")
    alert.wait_for()
    page.unroute(frames[0])
    click(reader, middle(reader)[0], middle(reader)[1] - 120)
    alert.get_by_role("button", name="Try again").click()
    reader.image_is_drawn("baseline")
    assert view(reader).locator("[data-placing]").count() == 0
    assert number(scale, "data-mm-per-pixel") == pytest.approx(zoomed, rel=0.01)
    # What failed once is loaded on coming back to it, and at once where the browser says that it is online.
    for frame, back in ((frames[1], False), (frames[2], True)):
        page.keyboard.press("ArrowRight")
        alert.wait_for()
        page.unroute(frame)
        if back:
            page.evaluate("window.dispatchEvent(new Event('online'))")
        else:
            page.keyboard.press("ArrowLeft")
            reader.image_is_drawn("baseline")
            page.keyboard.press("ArrowRight")
        reader.image_is_drawn("baseline")
        assert alert.count() == 0
    page.keyboard.press("w")
    assert kept(reader) == []


def test_a_drag_that_the_wheel_ends_counts_as_drawn(reader: Person) -> None:
    page = reader.page
    x, y = middle(reader)
    page.keyboard.press("m")
    drag(reader, (x - 40, y), (x, y))
    line = made(reader, "length")
    line.wait_for()
    first, start = number(line, "data-mm"), slices(reader)[0]
    page.keyboard.press("w")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y, steps=3)
    page.mouse.wheel(0, 100)
    wait_until(lambda: slices(reader)[0] == start + 1, "the next slice")
    page.mouse.up()
    page.mouse.wheel(0, -100)
    wait_until(lambda: slices(reader)[0] == start, "the slice with the line")
    caption = view(reader).locator("[data-kind=length] text")
    assert number(line, "data-mm") == pytest.approx(2 * first, rel=0.05)
    assert caption.text_content() == f"{number(line, 'data-mm'):.1f} mm"
    assert kept(reader)[0]["value"] == number(line, "data-mm")
    page.get_by_role("button", name="Remove Length").click()
    is_saved(reader.page)
