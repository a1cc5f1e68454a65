"""What a new attempt takes over of the one before, whatever moment that one ended or goes on writing."""

from __future__ import annotations

from pathlib import Path

import pytest

from modeling import launch
from modeling.models import Run


def test_a_new_attempt_takes_over_files_but_not_half_written_ones(tmp_path: Path) -> None:
    last = tmp_path / "attempt-2"
    for name in (
        "work/a.json",
        "work/b.checkpoint.pt",
        "saliency/p.npz",
        "weights.safetensors",
        "x.1-2.part",
    ):
        (last / name).parent.mkdir(parents=True, exist_ok=True)
        (last / name).write_text(name)
    (tmp_path / "attempt-1").mkdir()
    launch._take_over(tmp_path / "attempt-10")
    taken = sorted(
        str(p.relative_to(tmp_path / "attempt-10")) for p in (tmp_path / "attempt-10").rglob("*.*")
    )
    assert taken == ["saliency/p.npz", "weights.safetensors", "work/a.json", "work/b.checkpoint.pt"]


FILES = ["weights.safetensors", "work/r0-f0.json", "saliency/p.npz", "predictions.csv", "result.json"]


def taken_by(attempt: Path) -> set[str]:
    return {path.relative_to(attempt).as_posix() for path in attempt.rglob("*") if path.is_file()}


@pytest.mark.parametrize("written_before", range(1, 7))
def test_a_result_is_never_taken_over_without_what_it_speaks_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written_before: int
) -> None:
    """A worker that lost its claim finishes just before the n-th file is taken."""
    last, link = tmp_path / "attempt-1", launch._link
    calls: list[Path] = []
    (last / "work").mkdir(parents=True)
    for name in ("recipe.json", "work/a", "work/b", "x", "y"):
        (last / name).write_text(name)

    def while_it_writes(source: Path, target: Path) -> None:
        calls.append(source)
        if len(calls) == written_before:
            for name in FILES:
                (last / name).parent.mkdir(exist_ok=True)
                (last / name).write_text(name)
        link(source, target)

    monkeypatch.setattr(launch, "_link", while_it_writes)
    launch._take_over(tmp_path / "attempt-2")
    assert len(calls) >= 6
    taken = taken_by(tmp_path / "attempt-2")
    assert ("result.json" in taken) == (written_before == 1)
    if "result.json" in taken:
        assert taken >= set(FILES)
    if "work/r0-f0.json" in taken:
        assert "weights.safetensors" in taken


@pytest.mark.parametrize("ended_after", range(5))
def test_a_worker_that_ends_while_it_takes_over_leaves_no_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ended_after: int
) -> None:
    last, link = tmp_path / "attempt-1", launch._link
    calls: list[Path] = []
    for name in FILES:
        (last / name).parent.mkdir(parents=True, exist_ok=True)
        (last / name).write_text(name)

    def until_the_end(source: Path, target: Path) -> None:
        if len(calls) == ended_after:
            raise KeyboardInterrupt
        calls.append(source)
        link(source, target)

    monkeypatch.setattr(launch, "_link", until_the_end)
    with pytest.raises(KeyboardInterrupt):
        launch._take_over(tmp_path / "attempt-2")
    monkeypatch.setattr(launch, "_link", link)
    assert launch._attempts(tmp_path) == [last]
    launch._take_over(tmp_path / "attempt-3")
    assert taken_by(tmp_path / "attempt-3") == set(FILES)
    launch._keep(tmp_path, Run(state=Run.State.FAILED))
    assert [path.name for path in tmp_path.glob("attempt-*")] == ["attempt-3"]
