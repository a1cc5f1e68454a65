"""A tab that nobody records: Chromium's own protocol, without the network log Playwright turns on.

That log keeps the bodies of a hundred megabytes of responses in the page's process, where a measurement of
memory cannot tell them from the page's own. Such a tab is for walks that are weighed, not for tests.
"""

from __future__ import annotations

import json
import time
from typing import Any

from playwright.sync_api import Page


class QuietTab:
    """A tab in a browser context of its own, with the cookies of a page that has signed in."""

    def __init__(self, page: Page) -> None:
        browser = page.context.browser
        assert browser is not None
        self._page = page
        self._browser = browser.new_browser_cdp_session()
        self._browser.on("Target.receivedMessageFromTarget", self._received)
        self._answers: dict[int, Any] = {}
        self._number = 0
        context = self._browser.send("Target.createBrowserContext")["browserContextId"]
        cookies = [
            {k: v for k, v in one.items() if k in ("name", "value", "domain", "path", "httpOnly", "sameSite")}
            for one in page.context.cookies()
        ]
        self._browser.send("Storage.setCookies", {"cookies": cookies, "browserContextId": context})
        # Playwright lets go of targets in contexts it has not made.
        target = self._browser.send(
            "Target.createTarget",
            {"url": "about:blank", "browserContextId": context, "width": 1366, "height": 768},
        )["targetId"]
        self._session = self._browser.send("Target.attachToTarget", {"targetId": target, "flatten": False})[
            "sessionId"
        ]

    def _received(self, event: Any) -> None:
        message = json.loads(event["message"])
        if event["sessionId"] == self._session and "id" in message:
            self._answers[message["id"]] = message

    def send(self, method: str, params: dict[str, Any] | None = None, *, seconds: float = 60) -> Any:
        """One command of the DevTools protocol, and its result."""
        self._number += 1
        number = self._number
        message = json.dumps({"id": number, "method": method, "params": params or {}})
        self._browser.send("Target.sendMessageToTarget", {"message": message, "sessionId": self._session})
        deadline = time.monotonic() + seconds
        while number not in self._answers:
            if time.monotonic() > deadline:
                raise TimeoutError(f"no answer to {method} in {seconds:.0f} s")
            self._page.wait_for_timeout(5)  # lets the answer in
        answer = self._answers.pop(number)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def evaluate(self, expression: str) -> Any:
        """The value of an expression, awaited where it is a promise."""
        answer = self.send(
            "Runtime.evaluate",
            {"expression": expression, "awaitPromise": True, "returnByValue": True, "userGesture": True},
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(json.dumps(answer["exceptionDetails"])[:2000])
        return answer["result"].get("value")

    def goes_to(self, url: str) -> None:
        self.send("Page.enable")
        self.send("Page.navigate", {"url": url})

    def pause(self, milliseconds: float) -> None:
        self._page.wait_for_timeout(milliseconds)
