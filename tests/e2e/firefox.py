"""The machine's own Firefox, driven over WebDriver BiDi, the W3C's protocol.

Playwright's Firefox is a patched one that lies beyond the package registries; to a stock one, its channel
``moz-firefox`` sends a command that Firefox 153 does not know (``emulation.setMediaFeaturesOverride``).
"""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from websockets.sync.client import ClientConnection, connect

from tests.e2e.pages import wait_until

#: What WebDriver calls the keys that write nothing.
KEYS = {
    "Tab": "\ue004",
    "Enter": "\ue006",
    "Escape": "\ue00c",
    "ArrowLeft": "\ue012",
    "ArrowUp": "\ue013",
    "ArrowRight": "\ue014",
    "ArrowDown": "\ue015",
}


def find() -> str | None:
    """Path of a Firefox, or None."""
    return os.environ.get("ODONTOID_FIREFOX") or shutil.which("firefox-esr") or shutil.which("firefox")


class Tab:
    """A tab of 1366 × 768 pixels, its errors, and a person's hands."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket, self._number = socket, 0
        #: Exceptions, ``console.error`` and what the content security policy refused, since the start.
        self.errors: list[str] = []
        self.send("session.new", capabilities={})
        self.send("session.subscribe", events=["log.entryAdded"])
        # Not the one that is there: its document never has the focus, so that Enter would press no button.
        self._context = self.send("browsingContext.create", type="tab")["context"]
        self._of_tab("browsingContext.setViewport", viewport={"width": 1366, "height": 768})

    def send(self, method: str, **params: Any) -> Any:
        """One command and its result."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv(timeout=180))
            if message["type"] == "event":
                entry = message["params"]
                if entry.get("level") == "error":
                    self.errors.append(str(entry["text"]))
            elif message["id"] == self._number:
                assert message["type"] == "success", f"{method}: {message['error']}: {message['message']}"
                return message["result"]

    def _of_tab(self, method: str, **params: Any) -> Any:
        return self.send(method, context=self._context, **params)

    def goes_to(self, url: str) -> None:
        self._of_tab("browsingContext.navigate", url=url, wait="complete")

    @property
    def url(self) -> str:
        return str(self.evaluate("() => location.href"))

    def evaluate(self, function: str, *arguments: str | int) -> Any:
        """What a function of the page returns, awaited; anything that JSON can say."""
        answer = self.send(
            "script.callFunction",
            functionDeclaration=f"async (...them) => JSON.stringify(await ({function})(...them) ?? null)",
            arguments=[
                {"type": "number" if isinstance(value, int) else "string", "value": value}
                for value in arguments
            ],
            target={"context": self._context},
            awaitPromise=True,
        )
        assert answer["type"] == "success", answer["exceptionDetails"]["text"]
        return json.loads(answer["result"]["value"])

    def fetched(self, path: str) -> bytes:
        """The body of an address of the site, by the page's own session."""
        script = """async (path) => {
            const answer = await fetch(path);
            if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
            return Array.from(new Uint8Array(await answer.arrayBuffer()));
        }"""
        return bytes(self.evaluate(script, path))

    def attribute(self, selector: str, name: str) -> str | None:
        value = self.evaluate(
            "(css, name) => document.querySelector(css)?.getAttribute(name)", selector, name
        )
        return None if value is None else str(value)

    def text(self, selector: str = "body") -> str:
        return str(self.evaluate("(css) => document.querySelector(css)?.innerText ?? ''", selector))

    def box(self, selector: str) -> dict[str, float]:
        """x, y, width and height on the page."""
        return dict(
            self.evaluate("(css) => document.querySelector(css).getBoundingClientRect().toJSON()", selector)
        )

    def picture(self, selector: str) -> np.ndarray:
        """The first such element as drawn: uint8, shape (rows, columns, 3)."""
        node = self._nodes({"type": "css", "value": selector})[0]
        shot = self._of_tab("browsingContext.captureScreenshot", clip={"type": "element", "element": node})
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(shot["data"]))).convert("RGB"))

    def _nodes(self, locator: dict[str, Any]) -> list[dict[str, str]]:
        found = self._of_tab("browsingContext.locateNodes", locator=locator)["nodes"]
        return [{"sharedId": node["sharedId"]} for node in found]

    def click(self, role: str, name: str) -> None:
        """On the element that assistive technology knows by this role and name, once it is there."""
        locator = {"type": "accessibility", "value": {"role": role, "name": name}}
        wait_until(lambda: self._nodes(locator), f"the {role} {name}")
        (node,) = self._nodes(locator)
        at = {"type": "pointerMove", "x": 0, "y": 0, "origin": {"type": "element", "element": node}}
        self._mouse(at, {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0})

    def press(self, *keys: str) -> None:
        """Each key down and up, by its name or by what it writes."""
        values = [KEYS.get(key, key) for key in keys]
        actions = [{"type": kind, "value": value} for value in values for kind in ("keyDown", "keyUp")]
        self._act("key", "keyboard", actions)

    def drag(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        (x, y), (right, down) = start, end
        ways = [(x, y), ((x + right) // 2, (y + down) // 2), (right, down)]
        first, *others = [{"type": "pointerMove", "x": x, "y": y, "duration": 50} for x, y in ways]
        self._mouse(first, {"type": "pointerDown", "button": 0}, *others, {"type": "pointerUp", "button": 0})

    def wheel(self, x: int, y: int, down: int) -> None:
        self._act("wheel", "wheel", [{"type": "scroll", "x": x, "y": y, "deltaX": 0, "deltaY": down}])

    def _mouse(self, *actions: dict[str, Any]) -> None:
        self._act("pointer", "mouse", list(actions))

    def _act(self, kind: str, name: str, actions: list[dict[str, Any]]) -> None:
        self._of_tab("input.performActions", actions=[{"type": kind, "id": name, "actions": actions}])


@contextmanager
def tab(**preferences: bool | int | str) -> Iterator[Tab]:
    """A tab of a new Firefox without a window, with a profile of its own that ends with it."""
    path = find()
    assert path, "no Firefox"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        lines = [
            f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in preferences.items()
        ]
        Path(folder, "user.js").write_text("\n".join(lines))
        process = subprocess.Popen(
            [path, "--headless", "--no-remote", "--profile", folder, "--remote-debugging-port=0"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            server = Path(folder, "WebDriverBiDiServer.json")
            wait_until(lambda: server.exists() and server.read_text(), "Firefox to listen", 120)
            port = json.loads(server.read_text())["ws_port"]
            with connect(
                f"ws://127.0.0.1:{port}/session", max_size=None, proxy=None, open_timeout=60
            ) as socket:
                yield Tab(socket)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
