"""The training subprocess and what it reports: ``python -m modeling.training`` in a session of its own.

A process of its own because torch, and a CUDA context above all, must not live in a web or queue
process; because its memory can then run out without taking a worker along; and because it can be
ended for certain. It dies with the worker that started it.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from config.bound_process import bound

ROOT = Path(__file__).resolve().parents[1]
#: What the trainer must not know: a run reads the manifest and the image store, never live rows.
SECRETS = ("DATABASE_URL", "REDIS_URL", "PG", "ODONTOID_", "DJANGO_")
KEPT = ("ODONTOID_CODE_VERSION",)
#: Points of a loss curve that are kept while a network trains; result.json has them all.
HISTORY = 400
#: Lines of the trainer's own last words that a failure quotes.
LAST_LINES = 12


class TrainerProcess:
    """A running trainer. ``log`` takes all it writes; events are its lines of JSON."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._log = log.open("ab")
        self._errors_from = self._log.tell()
        self.process = subprocess.Popen(
            bound(command, ending=signal.SIGKILL),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd=ROOT,
            env=_environment(),
            start_new_session=True,
        )
        self._events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        assert self.process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        self._reader.start()

    def _read(self, stream: IO[bytes]) -> None:
        for line in stream:
            with suppress(ValueError, OSError):  # a full disk must not stop the reading: the pipe would fill
                self._log.write(line)
                self._log.flush()
            with suppress(ValueError):
                event = json.loads(line)
                if isinstance(event, dict):
                    self._events.put(event)

    def events(self, wait: float) -> Iterator[dict[str, Any]]:
        """What was reported since the last call, after at most ``wait`` seconds."""
        with suppress(queue.Empty):
            yield self._events.get(timeout=wait)
            while True:
                yield self._events.get_nowait()

    def signal(self, number: signal.Signals) -> None:
        """Send to the trainer and whatever it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def end(self) -> None:
        """Leave nothing behind: SIGKILL if it still runs, reap, close the log."""
        if self.process.poll() is None:
            self.signal(signal.SIGKILL)
        self.process.wait()
        self.signal(signal.SIGKILL)  # children that outlived it
        self._reader.join(5)
        self._log.close()

    def last_words(self) -> str:
        """The end of what it wrote that is no event."""
        with Path(self._log.name).open("rb") as file:
            file.seek(self._errors_from)
            lines = file.read().decode(errors="replace").splitlines()
        return "\n".join([line for line in lines if not line.startswith("{")][-LAST_LINES:])


def _environment() -> dict[str, str]:
    known = {key: value for key, value in os.environ.items() if not key.startswith(SECRETS) or key in KEPT}
    return {**known, "PYTHONUNBUFFERED": "1"}


class Report:
    """The trainer's events as one state: what the run's page shows while it trains."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}
        self.error = ""
        self._network: Any = None

    def take(self, event: Mapping[str, Any]) -> None:
        """Add one event; its shape is in modeling/training/progress.py."""
        fields = {key: value for key, value in event.items() if key != "t"}
        if fields.get("event") == "error":
            self.error = str(fields.get("message", ""))
            return
        network = tuple(fields.get(key) for key in ("repeat", "fold", "inner"))
        if "epoch" in fields and network != self._network:
            self._network = network
            self.state["history"] = []
        if fields.get("event") == "epoch":
            self._add_epoch(fields)
        if fields.get("event") == "stage":
            if fields.get("stage") == "training":
                # How far among the networks; done and total are of the stage at hand.
                fields["members_done"], fields["members"] = fields["done"], fields["total"]
            for key in ("epoch", "step", "steps"):
                self.state.pop(key, None)
        self.state |= fields

    def _add_epoch(self, fields: Mapping[str, Any]) -> None:
        history = [*self.state.get("history", ()), {"epoch": fields["epoch"], "loss": fields.get("loss")}]
        if len(history) > HISTORY:
            history = [*history[:-1:2], history[-1]]
        self.state["history"] = history
