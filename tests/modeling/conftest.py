"""One thread: these networks are tiny, and the machine has other tests to run."""

from __future__ import annotations

import pytest

from modeling.models import LabelSet, Run
from tests.modeling.published_run import publish_run
from tests.modeling.study import labelled


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


@pytest.fixture
def label_set(sent: list[int]) -> LabelSet:
    """Of five patients without images, two of them cases."""
    from modeling import snapshot

    labelled([0, 1, 0, 1, 0])
    return snapshot.freeze(by=None, start_run=False)


@pytest.fixture
def run(label_set: LabelSet) -> Run:
    from modeling import runs

    return runs.create(label_set=label_set, profile="paper", by=None)


@pytest.fixture
def published(run: Run) -> Run:
    """p00 and p01 trained on, p02 (FP), p03 (TP), p04 (TN) tested."""
    return publish_run(run)
