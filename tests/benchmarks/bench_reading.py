"""The reading room in the browser, beside a bare Cornerstone page on the same series, interleaved.

Both run in a Chromium of their own and are timed by the same script in the page: from the input event's
stamp until a frame that shows the result has been drawn. The floor (``bare_page/``) is built from the same
npm packages as they come, shows the same frames from the same server at the same size, and does nothing
else: no window from the pixels, no hanging, no scores.

Then both are walked through many cases and weighed, in tabs that nobody records (``reading_walk``).

``BENCH_READING_RENDERER=swiftshader`` chooses the other renderer, ``BENCH_READING_CASES`` (default 20, half
of them loaded ahead) how many cases are timed, ``BENCH_READING_WALK`` how many are walked through (default
50; with SwiftShader 0, for its time).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from tests.benchmarks import reading_site
from tests.benchmarks.reading_contenders import TIMES, Bare, Room
from tests.benchmarks.reading_walk import WEIGHTS, growth, walk
from tests.e2e import chromium, pages
from tests.e2e.demo_site import ROOT, Site

RENDERER = os.environ.get("BENCH_READING_RENDERER", "cpu")
CASES = int(os.environ.get("BENCH_READING_CASES", "20"))
WALK = int(os.environ.get("BENCH_READING_WALK", "50" if RENDERER == "cpu" else "0"))
ARGUMENTS = {
    "cpu": ["--disable-3d-apis"],
    "swiftshader": chromium.SWIFTSHADER,
}
TITLES = {"cpu": "CPU rendering", "swiftshader": "WebGL on SwiftShader"}
#: Cases before the first that counts: they load the code, the decoder and the caches.
WARM_UP = 2
BARE_PAGE = ROOT / "var" / "bench" / "bare-page"


def run() -> tuple[dict[str, Any], str]:
    """Time both pages over ``CASES`` cases and weigh them over ``WALK``; the result, and as text."""
    with ExitStack() as stack:
        _build_bare_page()
        patients = max(WARM_UP + CASES + 2, WALK)
        site = stack.enter_context(reading_site.running(patients, BARE_PAGE))
        # Playwright runs one synchronous loop a thread: the second browser is launched by the first's.
        first = stack.enter_context(pages.browser(*ARGUMENTS[RENDERER]))
        second = stack.enter_context(pages.beside(first, *ARGUMENTS[RENDERER]))
        drawn_by, contenders = time_cases(site, first, second)
        weights = walk(first, second, site, WALK, RENDERER) if WALK else {}
    for name, weighed in weights.items():
        contenders[name] |= {key: growth(values) for key, values in weighed.items()}
    result = {
        # Each renderer has its own place among the results that are kept of a machine.
        "title": f"Reading room, {TITLES[RENDERER]}",
        "unit": f"case of 2 × {reading_site.SLICES} × {reading_site.SIDE}²",
        "renderer": drawn_by,
        "cases": CASES,
        "walk": WALK,
        "contenders": contenders,
    }
    return result, table(result)


def time_cases(site: Site, first: Browser, second: Browser) -> tuple[str, dict[str, dict[str, Any]]]:
    """What draws, and for both contenders the spread of every time."""
    ours, bare = Room(first, site, RENDERER), Bare(second, site, RENDERER)
    bare.starts()
    for number in range(WARM_UP + CASES):
        if number == WARM_UP:
            ours.samples.clear()
            bare.samples.clear()
        ahead = number % 2 == 1
        code = ours.next if ahead else ours.last_open()
        assert code, f"only {number} cases to read"
        case = ours.case(code)
        # Whose turn comes first changes, so that nothing is always warm for the same one.
        for page in (ours, bare) if number // 2 % 2 else (bare, ours):
            page.opens(code, case, ahead)
            page.scrolls("scroll")
        ours.signs(code, back=ahead)
    return ours.drawn_by(), {"odontoid": ours.summary(), "bare Cornerstone": bare.summary()}


def _build_bare_page() -> None:
    frontend = ROOT / "frontend"
    node = subprocess.run(
        [sys.executable, str(frontend / "find_node.py")], capture_output=True, text=True, check=True
    ).stdout.strip()
    settings = Path(__file__).parent / "bare_page" / "vite.config.js"
    command = ["npx", "vite", "build", "--logLevel", "error", "--config", settings]
    environment = {**os.environ, "PATH": f"{node}:{os.environ['PATH']}"}
    subprocess.run(command, cwd=frontend, env=environment, check=True, stdout=subprocess.DEVNULL)


def table(result: Mapping[str, Any]) -> str:
    """The result as text."""
    lines = [f"{result['title']} – {result['unit']}, {result['cases']} cases, renderer {result['renderer']}"]
    for key, what, unit in TIMES:
        for name, row in result["contenders"].items():
            if key in row:
                found = row[key]
                lines.append(
                    f"  {what:<38}{name:<18}{found['median']:8.1f} {unit}  p95 {found['p95']:7.1f}"
                    f"  ({found['min']:.1f}–{found['max']:.1f}, n {found['n']})"
                )
    for key, what, unit in WEIGHTS:
        for name, row in result["contenders"].items():
            if key in row:
                found = row[key]
                lines.append(
                    f"  {what:<38}{name:<18}{found['start']:8.1f} → {found['end']:.1f} {unit}"
                    f"  ({found['growth_percent']:+.1f} % over {result['walk']} cases)"
                )
    return "\n".join(lines)
