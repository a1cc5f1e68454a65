"""The reader's hand on the images: mouse and keys on a viewport, and what is read off it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page

from config import demo
from tests.e2e.demo_site import ROOT, Site
from tests.e2e.pages import Person, picture, sign_in, wait_until
from tests.e2e.room import is_saved

AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"


def view(reader: Person, key: str = "baseline") -> Locator:
    return reader.page.get_by_test_id(f"viewport-{key}")


def number(element: Locator, name: str) -> float:
    return float(element.get_attribute(name) or "nan")


def made(reader: Person, kind: str) -> Locator:
    return reader.page.locator(f"[data-testid=measurement][data-kind={kind}]")


def click(reader: Person, x: float, y: float) -> None:
    mouse = reader.page.mouse
    mouse.move(x, y)
    mouse.down()
    mouse.up()


def drag(
    reader: Person,
    start: tuple[float, float],
    end: tuple[float, float],
    button: Literal["left", "middle", "right"] = "left",
) -> None:
    mouse = reader.page.mouse
    mouse.move(*start)
    mouse.down(button=button)
    mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, steps=2)
    mouse.move(*end, steps=2)
    mouse.up(button=button)


def by_keys(page: Page, tool: str, points: int = 1) -> None:
    """Measures with keys alone: one point in the middle, each next one twenty pixels to the right."""
    page.keyboard.press(tool)
    page.keyboard.press("Space")
    page.keyboard.press("Space")
    for _ in range(points - 1):
        for _ in range(4):
            page.keyboard.press("Shift+ArrowRight")
        page.keyboard.press("Space")


def middle(reader: Person, key: str = "baseline") -> tuple[float, float]:
    box = view(reader, key).bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def slices(reader: Person) -> tuple[float, float]:
    return number(view(reader), "data-slice"), number(view(reader, "follow_up"), "data-slice")


def shift_of(moved: np.ndarray, before: np.ndarray) -> tuple[int, int]:
    """How far one picture was moved to become the other, in pixels right and down: the peak of their phase
    correlation (Kuglin and Hines 1975), without the letters at the edges."""
    spectra = [np.fft.rfft2(image[100:-100, 50:-50]) for image in (moved, before)]
    cross = spectra[0] * np.conj(spectra[1])
    height, width = moved[100:-100, 50:-50].shape
    likeness = np.fft.irfft2(cross / np.maximum(np.abs(cross), 1e-9), (height, width))
    down, right = np.unravel_index(likeness.argmax(), likeness.shape)
    return int((right + width // 2) % width - width // 2), int((down + height // 2) % height - height // 2)


def is_moved(
    canvases: Sequence[Locator],
    before: Sequence[np.ndarray],
    scales: Sequence[float],
    by: tuple[float, float],
) -> None:
    """Wait until each image has moved, and by as many millimetres as that is on the first: right and down."""
    for canvas, image, scale in zip(canvases, before, scales, strict=True):
        expected = pytest.approx(np.array(by) * scales[0], abs=1.5 * scale)

        def moved(
            canvas: Locator = canvas,
            image: np.ndarray = image,
            scale: float = scale,
            expected: object = expected,
        ) -> bool:
            now = picture(canvas).mean(axis=2)
            return bool(np.abs(now - image).mean() > 3) and np.array(shift_of(now, image)) * scale == expected

        wait_until(moved, f"the image to move by {by} of the first one's pixels")


def in_the_room(browser: Browser, site: Site) -> Iterator[Person]:
    """observer_b on the next case, without the measurements of an earlier test: their points stop Tab."""
    person = sign_in(browser, site.url, "observer_b", demo.PASSWORD)
    person.opens_next_case()
    without_measurements(person)
    yield person
    person.page.context.close()


def without_measurements(reader: Person) -> None:
    for remove in reversed(reader.page.get_by_role("button", name="Remove ").all()):
        remove.click()
    is_saved(reader.page)


def violations(page: Page) -> list[str]:
    """What axe-core holds against WCAG 2.2 A and AA, by rule and element."""
    page.evaluate(AXE.read_text())
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    result = page.evaluate("tags => axe.run(document, {runOnly: tags})", tags)
    return [f"{rule['id']}: {node['target']}" for rule in result["violations"] for node in rule["nodes"]]


def dialog_violations(page: Page) -> list[str]:
    """The same of a dialog that has just opened, once it has faded in: contrast counts."""
    is_faded_in(page)
    page.wait_for_timeout(400)
    return violations(page)


def is_faded_in(page: Page) -> None:
    """Wait for a dialog, and for it to stand still."""
    page.get_by_role("dialog").wait_for()
    opacity = """() => {
        let product = 1;
        for (let one = document.querySelector('[role=dialog]'); one; one = one.parentElement)
            product *= getComputedStyle(one).opacity;
        return product;
    }"""
    wait_until(lambda: page.evaluate(opacity) == 1, "the dialog to have faded in")
