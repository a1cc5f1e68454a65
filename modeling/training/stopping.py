"""How a trainer is asked to stop: SIGTERM or SIGINT, and the exit status that says it did."""

from __future__ import annotations

import signal
from types import FrameType

#: Exit status of a trainer that was stopped with its state on disk.
STOPPED = 143


class StopFlag:
    """Turns true at SIGTERM or SIGINT; the training asks after every step."""

    def __init__(self) -> None:
        self.raised = False
        signal.signal(signal.SIGTERM, self._raise)
        signal.signal(signal.SIGINT, self._raise)

    def _raise(self, _number: int, _frame: FrameType | None) -> None:
        self.raised = True

    def __call__(self) -> bool:
        return self.raised
