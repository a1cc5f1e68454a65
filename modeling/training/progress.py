"""What a running training says about itself: one JSON object a line."""

from __future__ import annotations

import json
import math
import time
from typing import Any, TextIO


class Progress:
    """Writes events to a text stream as they happen.

    Events: ``start`` (device, members, epochs) · ``stage`` (stage: preprocessing | training | saliency |
    evaluation, done, total) · ``step`` (within an epoch, at most one every five seconds) · ``epoch``
    (repeat, fold, inner, epoch, epochs, loss, eta_s) · ``checkpoint`` · ``stopped`` · ``error`` · ``done``.
    All carry ``t``, seconds since the start.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._began = time.monotonic()
        self._last: dict[str, float] = {}

    def emit(self, event: str, **fields: Any) -> None:
        """Write one event now. A number that is not finite becomes null."""
        row = {"event": event, "t": round(time.monotonic() - self._began, 3)} | fields
        plain = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}
        self._stream.write(json.dumps(plain, allow_nan=False) + "\n")
        self._stream.flush()

    def emit_sometimes(self, event: str, *, every_s: float, **fields: Any) -> None:
        """Write one event unless one of its kind was written less than ``every_s`` ago."""
        now = time.monotonic()
        if now - self._last.get(event, -math.inf) >= every_s:
            self._last[event] = now
            self.emit(event, **fields)
