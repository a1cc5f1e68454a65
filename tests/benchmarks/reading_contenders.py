"""The two pages the reading benchmark drives and times alike: the product's reading room and a bare one."""

from __future__ import annotations

import re
import statistics
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page

from tests.benchmarks import reading_site
from tests.e2e import pages
from tests.e2e.demo_site import Site

SCROLLS = 12
FRAMES = 2 * reading_site.SLICES
PROBE = (Path(__file__).parent / "reading_probe.js").read_text()

#: Key, what it is, in which unit; timed case by case.
TIMES = [
    ("ahead_first", "next case loaded ahead: first image", "ms"),
    ("ahead", "next case loaded ahead: both images", "ms"),
    ("cold_first", "case not loaded ahead: first image", "ms"),
    ("cold", "case not loaded ahead: both images", "ms"),
    ("scroll_loading", "scroll while the next case loads", "ms"),
    ("scroll", "scroll: key to both images painted", "ms"),
    ("sign", "sign: Enter to signed", "ms"),
    ("sign_to_next", "sign to next case readable", "ms"),
    ("kilobytes", "sent by the server per case", "kB"),
]


class Contender:
    """A page under measurement: its samples, its bytes by case, its memory."""

    def __init__(self, browser: Browser, site: Site, renderer: str) -> None:
        self.browser = browser
        self.mode = "gpu" if renderer == "swiftshader" else "cpu"
        self.person = pages.sign_in(browser, site.url, reading_site.TIMED, reading_site.PASSWORD)
        self.page: Page = self.person.page
        self.samples: dict[str, list[float]] = defaultdict(list)
        self.arrived: dict[str, int] = defaultdict(int)  # frames, by case
        self._bytes: dict[str, float] = defaultdict(float)
        self._addresses: dict[str, str] = {}
        self.page.context.add_init_script(PROBE)
        self.devtools = self.page.context.new_cdp_session(self.page)
        self.devtools.on("Network.requestWillBeSent", self._asked)
        self.devtools.on("Network.loadingFinished", self._finished)
        self.devtools.send("Network.enable")

    def _asked(self, event: Any) -> None:
        self._addresses[event["requestId"]] = event["request"]["url"]

    def _finished(self, event: Any) -> None:
        address = self._addresses.pop(event["requestId"], "")
        found = re.search(r"/reading/cases/([^/]+)/", address)
        if found:
            self._bytes[found[1]] += event["encodedDataLength"]
            self.arrived[found[1]] += address.endswith("/frames/1")

    def timed(self, kind: str, on: str, act: Callable[[], object]) -> dict[str, float]:
        """Milliseconds from the input event ``on``, caused by ``act``, to the first and to all it changes."""
        self.page.evaluate("([kind, on]) => probe.arm(kind, on)", [kind, on])
        act()
        times: dict[str, float] = self.page.evaluate("probe.result()")
        return times

    def has_frames(self, code: str) -> None:
        """Wait until the case's frames are here, and decoded."""

        def here() -> bool:
            self.page.wait_for_timeout(50)  # lets the events in
            return self.arrived[code] >= FRAMES

        pages.wait_until(here, f"the frames of {code}", 60)
        self.page.wait_for_timeout(400)

    def opened(self, code: str, ahead: bool, times: dict[str, float]) -> None:
        name = "ahead" if ahead else "cold"
        self.samples[f"{name}_first"].append(times["first"])
        self.samples[name].append(times["all"])
        self.has_frames(code)

    def scrolls(self, name: str, times: int = SCROLLS) -> None:
        for number in range(times):
            key = "ArrowRight" if number % 6 < 3 else "ArrowLeft"
            timed = self.timed("slice", "keydown", partial(self.page.keyboard.press, key))
            self.samples[name].append(timed["all"])
            self.page.wait_for_timeout(30)  # as a held key repeats

    def drawn_by(self) -> str:
        return str(
            self.page.evaluate(
                """() => {
                  const gl = document.createElement('canvas').getContext('webgl2');
                  const named = gl?.getExtension('WEBGL_debug_renderer_info');
                  if (!gl) return 'CPU (2-D canvas; no WebGL)';
                  return named ? gl.getParameter(named.UNMASKED_RENDERER_WEBGL) : 'WebGL';
                }"""
            )
        )

    def summary(self) -> dict[str, Any]:
        self.samples["kilobytes"] = [
            size / 1e3 for code, size in self._bytes.items() if self.arrived[code] >= FRAMES
        ]
        return {name: spread(self.samples[name]) for name, _, _ in TIMES if self.samples[name]}


class Room(Contender):
    """The product: cases opened from the worklist or by "Next case", read, signed."""

    def __init__(self, browser: Browser, site: Site, renderer: str) -> None:
        super().__init__(browser, site, renderer)
        self.next: str | None = None
        self.signed: set[str] = set()
        self.person.goes_to("/")
        # By itself it prefers its CPU path to a WebGL drawn in software.
        self.page.evaluate("mode => localStorage.setItem('odontoid:render', mode)", self.mode)

    def last_open(self) -> str:
        """The case furthest down the worklist, which nothing loads ahead."""

        def last() -> str:
            return str(self._links().last.get_attribute("aria-label")).rsplit(" ", 1)[-1]

        # The list as it was stands until the new one has come.
        pages.wait_until(lambda: last() not in self.signed, "the worklist to be renewed")
        return last()

    def _links(self) -> Locator:
        links = self.page.get_by_role("link", name=re.compile("^Read case "))
        links.last.wait_for()
        return links

    def case(self, code: str) -> Any:
        return self.page.request.get(f"{self.person.url}api/reading/cases/{code}/").json()

    def opens(self, code: str, case: Any, ahead: bool) -> None:
        link = self.page.get_by_role("button", name="Next case") if ahead else self._links().last
        times = self.timed("case", "click", link.click)
        assert self.page.url.endswith(f"/read/{code}"), f"{self.page.url} is not case {code}"
        mode = self.page.locator("[data-render]").first.get_attribute("data-render")
        assert mode == self.mode, f"drawn by {mode}"
        self.opened(code, ahead, times)
        if ahead and self.samples["sign"]:
            self.samples["sign_to_next"].append(self.samples["sign"][-1] + times["all"])
        self.next = self.case(code)["next"]
        self.scrolls("scroll_loading")
        if self.next:
            self.has_frames(self.next)

    def signs(self, code: str, *, back: bool) -> None:
        """Score and sign; then stay at the offer of the next case, or go back to the worklist."""
        self.person.grades(pages.CLEAN, pages.CLEAN)
        self.page.keyboard.press("Enter")
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_role("textbox", name="Password").fill(reading_site.PASSWORD)
        times = self.timed("signed", "keydown", lambda: self.page.keyboard.press("Enter"))
        self.samples["sign"].append(times["all"])
        self.signed.add(code)
        if back:
            dialog.get_by_role("button", name="Worklist").click()


class Bare(Contender):
    """Two Cornerstone viewports, arrow keys, nothing else."""

    def starts(self) -> None:
        self.person.goes_to(f"static/bare-page/index.html?render={self.mode}")
        pages.wait_until(lambda: self.page.evaluate("typeof bare === 'object'"), "the bare page")

    def opens(self, code: str, case: Any, ahead: bool) -> None:
        wado = f"/api/reading/cases/{code}/wado"
        series = [
            {
                "key": scan["key"],
                "url": f"{wado}/studies/{scan['study_uid']}/series/{scan['series_uid']}",
                "sops": [i["sop_uid"] for i in sorted(scan["instances"], key=lambda i: i["index"])],
            }
            for scan in case["scans"]
        ]
        self.page.evaluate("([c, s, a]) => bare.offer(c, s, a)", [code, series, ahead])
        times = self.timed("case", "click", lambda: self.page.mouse.click(100, 100))
        self.page.evaluate("bare.loadShown()")
        self.opened(code, ahead, times)


def spread(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "n": len(ordered),
        "median": statistics.median(ordered),
        "p95": ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))],
        "min": ordered[0],
        "max": ordered[-1],
    }
