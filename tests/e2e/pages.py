"""What a person does on each page, by what they see: labels, names, keys. No test ids but the viewer's."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, BrowserType, Error, Locator, Page, Route, sync_playwright

from tests.e2e import chromium

#: Keys in the order of the rubric's rows: seven findings, image quality adequate, no reason to exclude.
CLEAN = ["0", "0", "0", "0", "0", "0", "0", "1", "0"]
#: The same with a visible pannus.
PANNUS = ["2", *CLEAN[1:]]
#: How long a page may take for what is asked of it, ms.
PATIENCE = 30_000


@contextmanager
def browser(*arguments: str) -> Iterator[Browser]:
    with sync_playwright() as playwright, _launched(playwright.chromium, arguments) as instance:
        yield instance


@contextmanager
def beside(first: Browser, *arguments: str) -> Iterator[Browser]:
    """Another browser: Playwright runs one synchronous loop a thread, so the first one's launches it."""
    with _launched(first.browser_type, arguments) as instance:
        yield instance


@contextmanager
def _launched(kind: BrowserType, arguments: Sequence[str]) -> Iterator[Browser]:
    path = chromium.find()
    assert path, "no Chromium; see tests/e2e/chromium.py"
    instance = kind.launch(executable_path=path, headless=True, args=[*chromium.ARGUMENTS, *arguments])
    try:
        yield instance
    finally:
        instance.close()


def wait_until(condition: Callable[[], object], what: str, seconds: float = 30) -> None:
    """Poll from here: the page's content security policy refuses Playwright's in-page evaluation loop."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.1)


def lose_one_answer(page: Page, to: str) -> list[int]:
    """The next request to a path arrives, but its answer does not; returns where its status will stand."""
    lost: list[int] = []

    def lose(route: Route) -> None:
        answer = route.fetch()
        if lost:
            route.fulfill(response=answer)
        else:
            lost.append(answer.status)
            route.abort()

    page.route(to, lose)
    return lost


def picture(element: Locator) -> np.ndarray:
    """The element as drawn: uint8, shape (rows, columns, 3)."""
    try:
        shot = element.screenshot()
    except Error as error:  # the page put another element in its place while Chromium drew this one
        if "not attached" not in str(error):
            raise
        shot = element.screenshot()
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))


def grey(pixels: np.ndarray) -> np.ndarray:
    """Where red, green and blue are the same, as in an MR image without an overlay."""
    spread = pixels.max(axis=2).astype(int) - pixels.min(axis=2)
    return spread <= 3


@dataclass
class Person:
    """Somebody signed in, in a browser context of their own."""

    page: Page
    url: str
    password: str

    def goes_to(self, path: str) -> None:
        self.page.goto(self.url + path.lstrip("/"))

    def opens_next_case(self) -> str:
        self.goes_to("/")
        self.page.get_by_role("link", name="Next case").or_(
            self.page.get_by_role("button", name="Next case")
        ).click()
        self.page.wait_for_url("**/read/*")
        return self.case_is_readable()

    def case_is_readable(self) -> str:
        """Wait for the page and both images; returns the case's code."""
        self.page_is_there()
        for key in ("baseline", "follow_up"):
            self.image_is_drawn(key)
        return self._code()

    def _code(self) -> str:
        return self.page.url.partition("?")[0].rsplit("/", 1)[-1]

    def page_is_there(self) -> None:
        """Wait for the page of the address, which changes before the page does."""
        wait_until(lambda: self._code() in self.page.title(), "the page of the address")

    def image_is_drawn(self, key: str) -> np.ndarray:
        viewport = self.page.get_by_test_id(f"viewport-{key}")
        wait_until(lambda: viewport.get_attribute("data-state") == "ready", f"the {key} image", 60)
        pixels = picture(viewport)
        # A decoding failure leaves a black canvas behind a resolved promise.
        assert pixels.std() > 15, f"the {key} image is blank"
        return pixels

    def grades(self, baseline: list[str], follow_up: list[str]) -> None:
        keyboard = self.page.keyboard
        for letter, keys in (("b", baseline), ("f", follow_up)):
            keyboard.press(letter)
            for _ in keys:
                keyboard.press("ArrowUp")
            for key in keys:
                keyboard.press(key)
                keyboard.press("ArrowDown")

    def signs(self) -> None:
        """Enter, password, Enter; then the confirmation's own button."""
        self.page.keyboard.press("Enter")
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_role("textbox", name="Password").fill(self.password)
        self.page.keyboard.press("Enter")
        dialog.get_by_text("is signed and can no longer be changed").wait_for()
        self.dialog_has_focus("BUTTON")

    def dialog_has_focus(self, tag: str) -> None:
        """Wait for the focus to be on such an element of the dialog: it comes a moment after the dialog."""
        script = "() => document.activeElement?.closest('[role=dialog]') && document.activeElement.tagName"
        wait_until(lambda: self.page.evaluate(script) == tag, "the focus to be in the dialog")


def sign_in(instance: Browser, url: str, username: str, password: str) -> Person:
    context = instance.new_context(viewport={"width": 1366, "height": 768})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(url)
    sign_in_again(page, username, password)
    return Person(page, url, password)


def sign_in_again(page: Page, username: str, password: str) -> None:
    """On the page that asks for it."""
    page.get_by_label("User name").fill(username)
    page.get_by_role("textbox", name="Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name=username).wait_for()
