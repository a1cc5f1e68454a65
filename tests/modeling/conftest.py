"""One thread: these networks are tiny, and the machine has other tests to run."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    import torch

    torch.set_num_threads(1)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Ids of runs that went to the queue, in place of the queue (tests/faults has a real one)."""
    from modeling import tasks

    ids: list[int] = []
    monkeypatch.setattr(tasks.train_run, "apply_async", lambda args, **_: ids.append(args[0]))
    return ids
