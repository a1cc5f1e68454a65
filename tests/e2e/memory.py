"""What a page keeps alive, asked from Chromium itself after a collection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import psutil
from playwright.sync_api import Browser


class DevTools(Protocol):
    def send(self, method: str, params: dict[str, Any] | None = None) -> Any: ...


@dataclass(frozen=True)
class Kept:
    """Living things of one page's main thread.

    Attributes
    ----------
    heap
        JavaScript heap in use, bytes; the contents of array buffers are not in it.
    canvases
        Canvas elements, in the document or not. Cornerstone makes one for every frame it holds, which
        therefore counts the frames: Chromium does not list array buffers.
    nodes, listeners
        DOM nodes and event listeners, attached or not.
    """

    heap: int
    canvases: int
    nodes: int
    listeners: int


def kept(devtools: DevTools) -> Kept:
    """Collect, then count; ``devtools`` is the page's own session."""
    for domain in ("Performance", "HeapProfiler"):
        devtools.send(f"{domain}.enable")
    for _ in range(2):  # what the first frees may have held more
        devtools.send("HeapProfiler.collectGarbage")
    canvases = _number_of(devtools, "HTMLCanvasElement")
    metrics = {m["name"]: m["value"] for m in devtools.send("Performance.getMetrics")["metrics"]}
    return Kept(
        heap=int(metrics["JSHeapUsedSize"]),
        canvases=canvases,
        nodes=int(metrics["Nodes"]),
        listeners=int(metrics["JSEventListeners"]),
    )


def _number_of(devtools: DevTools, kind: str) -> int:
    """How many objects of a class are alive."""
    group = {"objectGroup": "kept"}
    prototype = devtools.send("Runtime.evaluate", {"expression": f"{kind}.prototype", **group})
    objects = devtools.send(
        "Runtime.queryObjects", {"prototypeObjectId": prototype["result"]["objectId"], **group}
    )
    number = devtools.send(
        "Runtime.callFunctionOn",
        {
            "objectId": objects["objects"]["objectId"],
            "functionDeclaration": "function () { return this.length; }",
            "returnByValue": True,
        },
    )
    devtools.send("Runtime.releaseObjectGroup", group)
    return int(number["result"]["value"])


def largest_renderer(browser: Browser) -> float:
    """Memory of its own (USS) of the browser's largest page process, workers included, MB."""
    session = browser.new_browser_cdp_session()
    listed = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    pages = [psutil.Process(one["id"]) for one in listed if one["type"] == "renderer"]
    return max(page.memory_full_info().uss for page in pages) / 1e6
