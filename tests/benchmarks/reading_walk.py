"""Many cases one after another in one page, weighed: the reading room and the bare page, nobody recording.

The cases are opened and signed by the page's own buttons and keys from a script in the page; the memory is
that of the page's process, in which its workers live too.
"""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from tests.benchmarks import reading_site
from tests.e2e import memory, pages
from tests.e2e.demo_site import Site
from tests.e2e.quiet_tab import QuietTab

SCRIPT = (Path(__file__).parent / "reading_walk.js").read_text()
#: The next case is asked for 0.6 s after this one is on screen, and is there well before this, ms.
LOADED_AHEAD = 1500
#: Cases from one weighing to the next.
EVERY = 3

#: Key, what it is, in which unit; weighed when garbage has been collected.
WEIGHTS = [
    ("renderer_mb", "page's process, memory of its own", "MB"),
    ("heap_mb", "JavaScript heap", "MB"),
    ("canvases", "canvases, one for each frame held", ""),
    ("nodes", "DOM nodes", ""),
    ("listeners", "event listeners", ""),
]


class Walk:
    """One page on its way through the cases, with what it weighed."""

    def __init__(self, browser: Browser, site: Site, path: str) -> None:
        self.browser = browser
        person = pages.sign_in(browser, site.url, reading_site.WALKING, reading_site.PASSWORD)
        person.page.goto("about:blank")  # signed in, and otherwise left alone
        self.tab = QuietTab(person.page)
        self.tab.goes_to(site.url + path)
        pages.wait_until(lambda: self.tab.evaluate("document.readyState") == "complete", path)
        self.tab.evaluate(SCRIPT)
        self.weights: dict[str, list[float]] = defaultdict(list)

    def step(self, call: str, *values: Any) -> Any:
        return self.tab.evaluate(f"walk.{call}({', '.join(map(json.dumps, values))})")

    def weighs(self) -> None:
        # Collected in the workers as well, whose garbage is the larger: frames on their way to the page.
        self.tab.send("Memory.simulatePressureNotification", {"level": "critical"})
        self.tab.pause(500)
        kept = memory.kept(self.tab)
        for name, value in (
            ("renderer_mb", memory.largest_renderer(self.browser)),
            ("heap_mb", kept.heap / 1e6),
            ("canvases", kept.canvases),
            ("nodes", kept.nodes),
            ("listeners", kept.listeners),
        ):
            self.weights[name].append(value)


def walk(ours: Browser, bare: Browser, site: Site, cases: int, renderer: str) -> dict[str, dict[str, Any]]:
    """The weights of both pages, on the same cases in turn, weighed every third."""
    mode = "gpu" if renderer == "swiftshader" else "cpu"
    room = Walk(ours, site, "")
    room.tab.evaluate(f"localStorage.setItem('odontoid:render', '{mode}')")
    floor = Walk(bare, site, f"static/bare-page/index.html?render={mode}")
    for number in range(1, cases + 1):
        code = room.step("opens", number > 1)
        floor.step("shows", code)
        room.tab.pause(LOADED_AHEAD)
        if number % EVERY == 0:
            room.weighs()
            floor.weighs()
        room.step("signs", reading_site.PASSWORD)
    return {"odontoid": dict(room.weights), "bare Cornerstone": dict(floor.weights)}


def growth(values: list[float]) -> dict[str, Any]:
    """From the first three weighings to the last three, by their medians."""
    start, end = statistics.median(values[:3]), statistics.median(values[-3:])
    return {"start": start, "end": end, "growth_percent": 100 * (end / start - 1), "all": values}
