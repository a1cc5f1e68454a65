"""Where an app below the audit trail says what it did.

The trail is kept by ``annotation.audit``, which the cohort must not import. That app puts its recorder
here when the apps load, so a verb of the cohort writes its audit row in its own transaction all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Recorder = Callable[..., Any]
_recorder: Recorder | None = None


def keep_with(recorder: Recorder) -> None:
    """Take ``recorder(verb, on, *, by, **detail)`` as the one that writes the trail."""
    global _recorder
    _recorder = recorder


def record(verb: str, on: Any, *, by: Any, **detail: Any) -> None:
    """Append one audit row, inside the caller's transaction; ids, states and hashes only.

    Raises
    ------
    RuntimeError
        When no app keeps a trail: an act that must be on record does not happen without it.
    """
    if _recorder is None:
        raise RuntimeError(f"{verb}: no app keeps an audit trail")
    _recorder(verb, on, by=by, **detail)
