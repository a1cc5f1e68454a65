"""The reading room in the browser, beside a bare Cornerstone page on the same series, interleaved.

Both run in a Chromium of their own and are timed by the same script in the page: from the input event's
stamp until a frame that shows the result has been drawn. The floor (``bare_page/``) is built from the same
npm packages, shows the same frames from the same server at the same size, and does nothing else: no
window from the pixels, no hanging, no scores.

``BENCH_READING_CASES`` (default 20, half of them loaded ahead) and ``BENCH_READING_RENDERER=swiftshader``
choose how many cases and which renderer.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Browser, Page

from tests.benchmarks import reading_site
from tests.e2e import chromium, pages
from tests.e2e.demo_site import ROOT, Site

CASES = int(os.environ.get("BENCH_READING_CASES", "20"))
RENDERER = os.environ.get("BENCH_READING_RENDERER", "cpu")
ARGUMENTS = {
    "cpu": ["--disable-3d-apis"],
    "swiftshader": ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
}
#: Cases before the first that counts: they load the code, the decoder and the caches.
WARM_UP = 2
SCROLLS = 12
FRAMES = 2 * reading_site.SLICES
HERE = Path(__file__).parent
BARE_PAGE = ROOT / "var" / "bench" / "bare-page"
PROBE = (HERE / "reading_probe.js").read_text()

#: Key, what it is, how it is given.
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


def run() -> tuple[dict[str, Any], str]:
    """Measure both pages over ``CASES`` cases; the result, and as text."""
    with ExitStack() as stack:
        _build_bare_page()
        site = stack.enter_context(reading_site.running(CASES + WARM_UP + 2))
        return measure(site)


def measure(site: Site) -> tuple[dict[str, Any], str]:
    arguments = ARGUMENTS[RENDERER]
    # Playwright runs one synchronous loop a thread: the second browser is launched by the first's.
    with pages.browser(*arguments) as first, _beside(first, arguments) as second:
        ours, bare = Room(first, site), Bare(second, site)
        for number in range(WARM_UP + CASES):
            if number == WARM_UP:
                ours.samples.clear()
                bare.samples.clear()
            ahead = number % 2 == 1
            code = ours.next if ahead else ours.last_open()
            assert code, f"only {number} cases to read"
            case = ours.case(code)
            bare.fits(ours)
            # Whose turn comes first changes, so that nothing is always warm for the same one.
            for page in (ours, bare) if number // 2 % 2 else (bare, ours):
                page.opens(code, case, ahead)
                page.scrolls("scroll")
                page.weighs()
            ours.signs(code, back=ahead)
        renderer = ours.renderer()
        contenders = {"odontoid": ours.summary(), "bare Cornerstone": bare.summary()}
    result = {
        "title": "Reading room",
        "unit": f"case of 2 × {reading_site.SLICES} × {reading_site.SIDE}²",
        "renderer": renderer,
        "cases": CASES,
        "contenders": contenders,
    }
    return result, _table(result)


@contextmanager
def _beside(browser: Browser, arguments: list[str]) -> Iterator[Browser]:
    other = browser.browser_type.launch(
        executable_path=chromium.find(), headless=True, args=[*chromium.ARGUMENTS, *arguments]
    )
    try:
        yield other
    finally:
        other.close()


def _build_bare_page() -> None:
    frontend = ROOT / "frontend"
    node = subprocess.run(
        [sys.executable, str(frontend / "find_node.py")], capture_output=True, text=True, check=True
    ).stdout.strip()
    command = ["npx", "vite", "build", "--logLevel", "error", "--config", HERE / "bare_page/vite.config.js"]
    environment = {**os.environ, "PATH": f"{node}:{os.environ['PATH']}"}
    subprocess.run(command, cwd=frontend, env=environment, check=True, stdout=subprocess.DEVNULL)


class Contender:
    """A page under measurement: its samples, its bytes by case, its memory."""

    def __init__(self, browser: Browser, site: Site) -> None:
        self.browser = browser
        self.person = pages.sign_in(browser, site.url, reading_site.READER, reading_site.PASSWORD)
        self.page: Page = self.person.page
        self.samples: dict[str, list[float]] = defaultdict(list)
        self.arrived: dict[str, int] = defaultdict(int)  # frames, by case
        self._bytes: dict[str, float] = defaultdict(float)
        self._addresses: dict[str, str] = {}
        self.page.context.add_init_script(PROBE)
        self.devtools = self.page.context.new_cdp_session(self.page)
        self.devtools.on("Network.requestWillBeSent", self._asked)
        self.devtools.on("Network.loadingFinished", self._finished)
        for domain in ("Network", "Performance", "HeapProfiler"):
            self.devtools.send(f"{domain}.enable")

    def _asked(self, event: Any) -> None:
        self._addresses[event["requestId"]] = event["request"]["url"]

    def _finished(self, event: Any) -> None:
        address = self._addresses.pop(event["requestId"], "")
        found = re.search(r"/reading/cases/([^/]+)/", address)
        if found:
            self._bytes[found[1]] += event["encodedDataLength"]
            self.arrived[found[1]] += address.endswith("/frames/1")

    def timed(self, kind: str, on: str, act: Any) -> Any:
        self.page.evaluate("([kind, on]) => probe.arm(kind, on)", [kind, on])
        act()
        return self.page.evaluate("probe.result()")

    def has_frames(self, code: str) -> None:
        """Wait until the case's frames are here, and decoded."""

        def here() -> bool:
            self.page.wait_for_timeout(50)  # lets the events in
            return self.arrived[code] >= FRAMES

        pages.wait_until(here, f"the frames of {code}", 60)
        self.page.wait_for_timeout(400)

    def opened(self, code: str, ahead: bool, times: Any) -> None:
        name = "ahead" if ahead else "cold"
        self.samples[f"{name}_first"].append(times["first"])
        self.samples[name].append(times["all"])
        self.has_frames(code)

    def scrolls(self, name: str) -> None:
        for number in range(SCROLLS):
            key = "ArrowRight" if number % 6 < 3 else "ArrowLeft"
            times = self.timed("slice", "keydown", lambda key=key: self.page.keyboard.press(key))
            self.samples[name].append(times["all"])
            self.page.wait_for_timeout(30)  # as a held key repeats

    def weighs(self) -> None:
        """JavaScript heap after a collection, and the renderer processes' own memory, in MB."""
        self.devtools.send("HeapProfiler.collectGarbage")
        metrics = {m["name"]: m["value"] for m in self.devtools.send("Performance.getMetrics")["metrics"]}
        self.samples["heap_mb"].append(metrics["JSHeapUsedSize"] / 1e6)
        session = self.browser.new_browser_cdp_session()
        processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
        session.detach()
        renderers = [psutil.Process(p["id"]) for p in processes if p["type"] == "renderer"]
        self.samples["renderer_mb"].append(sum(p.memory_full_info().uss for p in renderers) / 1e6)

    def renderer(self) -> str:
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
        found: dict[str, Any] = {
            name: _spread(self.samples[name]) for name, _, _ in TIMES if self.samples[name]
        }
        for name in ("heap_mb", "renderer_mb"):
            values = self.samples[name]
            start, end = statistics.median(values[:3]), statistics.median(values[-3:])
            found[name] = {
                "start": start,
                "end": end,
                "growth_percent": 100 * (end / start - 1),
                "all": values,
            }
        return found


class Room(Contender):
    """The product: cases opened from the worklist or by "Next case", read, signed."""

    def __init__(self, browser: Browser, site: Site) -> None:
        super().__init__(browser, site)
        self.next: str | None = None
        self.signed: set[str] = set()
        suffix = "?render=gpu" if RENDERER == "swiftshader" else ""
        self.person.goes_to(f"/{suffix}")

    def last_open(self) -> str:
        """The case furthest down the worklist, which nothing loads ahead."""

        def last() -> str:
            return str(self._links().last.get_attribute("aria-label")).rsplit(" ", 1)[-1]

        # The list as it was stands until the new one has come.
        pages.wait_until(lambda: last() not in self.signed, "the worklist to be renewed")
        return last()

    def _links(self) -> Any:
        links = self.page.get_by_role("link", name=re.compile("^Read case "))
        links.last.wait_for()
        return links

    def case(self, code: str) -> Any:
        return self.page.request.get(f"{self.person.url}api/reading/cases/{code}/").json()

    def opens(self, code: str, case: Any, ahead: bool) -> None:
        link = self.page.get_by_role("button", name="Next case") if ahead else self._links().last
        times = self.timed("case", "click", link.click)
        assert self.page.url.endswith(f"/read/{code}"), f"{self.page.url} is not case {code}"
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

    def __init__(self, browser: Browser, site: Site) -> None:
        super().__init__(browser, site)
        self._loaded = False

    def fits(self, ours: Contender) -> None:
        """Start at the size of ours, from the files built for it; afterwards nothing is intercepted."""
        if self._loaded:
            return
        self._loaded = True
        address = f"{self.person.url}bare-page/index.html"
        self.page.route(
            "**/bare-page/**",
            lambda route: route.fulfill(
                path=BARE_PAGE / route.request.url.split("/bare-page/")[1].split("?")[0]
            ),
        )
        self.page.goto(address + ("" if RENDERER == "swiftshader" else "?render=cpu"))
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
        self.page.unroute_all()


def _spread(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "n": len(ordered),
        "median": statistics.median(ordered),
        "p95": ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))],
        "min": ordered[0],
        "max": ordered[-1],
    }


def _table(result: dict[str, Any]) -> str:
    lines = [f"{result['title']} – {result['unit']}, {result['cases']} cases, renderer {result['renderer']}"]
    for key, what, unit in TIMES:
        for name, row in result["contenders"].items():
            if key in row:
                found = row[key]
                lines.append(
                    f"  {what:<38}{name:<18}{found['median']:8.1f} {unit}  p95 {found['p95']:7.1f}"
                    f"  ({found['min']:.1f}–{found['max']:.1f}, n {found['n']})"
                )
    for key, what in (
        ("heap_mb", "JavaScript heap, collected"),
        ("renderer_mb", "renderer processes' memory"),
    ):
        for name, row in result["contenders"].items():
            found = row[key]
            lines.append(
                f"  {what:<38}{name:<18}{found['start']:8.1f} → {found['end']:.1f} MB"
                f"  ({found['growth_percent']:+.1f} % over {result['cases']} cases)"
            )
    return "\n".join(lines)
