"""The worker's side: a real tiny training, and trainers that end in every other way."""

from __future__ import annotations

import csv
import json
import os
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection

from modeling import launch, map_queries, queries, runs, snapshot, tasks
from modeling.models import LabelSet, Prediction, Run
from tests.modeling.study import imaged, labelled

State = Run.State
TINY = [
    "depth=18",
    "grid=fit",
    "size=64",
    "epochs=2",
    "amp=off",
    "checkpoint_seconds=0",
    "trust=none",
    "onnx=no",
]


def fresh(run: Run) -> Run:
    run.refresh_from_db()
    return run


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition: Callable[[], Any], seconds: float = 90) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("waited in vain")


# --- The real trainer


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_real_training_is_published(sent: list[int]) -> None:
    imaged([0, 1] * 6)
    label_set = snapshot.freeze(by=None, start_run=False)
    run = runs.create(label_set=label_set, profile="paper", overrides=TINY, by=None)
    assert sent == [run.pk]
    tasks.train_run(run.pk)
    fresh(run)
    assert (run.state, run.error, run.attempts) == (State.SUCCEEDED, "", 1)
    assert run.result is not None
    assert run.result["manifest_sha256"] == label_set.hash
    assert run.device.startswith("CPU")
    assert [point["epoch"] for point in run.progress["history"]] == [1, 2]
    assert run.result["recipe"] == run.recipe

    test = list(run.predictions.filter(split=Prediction.Split.TEST))
    assert len(test) == run.result["metrics"]["n"]
    assert run.predictions.count() == 12
    directory = queries.published_file(run, "")
    with (directory / "predictions.csv").open() as file:
        scores = {row["patient"]: float(row["score"]) for row in csv.DictReader(file)}
    assert {row.patient: row.score for row in run.predictions.all()} == scores
    cells = [row.cell.lower() for row in test]
    assert {cell: cells.count(cell) for cell in ("tp", "fp", "tn", "fn")} == run.result["metrics"][
        "confusion"
    ]
    for row in test:
        found = map_queries.run_patient(run, row.patient)
        assert found is not None
        assert (found["saliency"]["width"], found["saliency"]["height"]) == (64, 64)
    train = run.predictions.filter(split=Prediction.Split.TRAIN).first()
    assert train is not None
    assert train.saliency == ""
    assert map_queries.run_patient(run, train.patient) is None
    assert '"event": "done"' in queries.log_tail(run.pk)

    # The same message four times more: nothing happens.
    published = Run.objects.values().get(pk=run.pk)
    for _ in range(4):
        tasks.train_run(run.pk)
    assert Run.objects.values().get(pk=run.pk) == published
    assert run.predictions.count() == 12


# --- Trainers that end otherwise: a script in the place of the real one


@pytest.fixture
def label_set(sent: list[int]) -> LabelSet:
    labelled([0, 1, 0, 1])
    return snapshot.freeze(by=None, start_run=False)


@pytest.fixture
def run(label_set: LabelSet) -> Run:
    return runs.create(label_set=label_set, profile="paper", overrides=["checkpoint_seconds=0"], by=None)


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Callable[[str], None]:
    """``trainer(script)``: what is run instead; ``out`` and ``emit(event, **fields)`` are at hand."""
    settings.RUN_LEASE_SECONDS = 2
    head = """
        import json, os, signal, sys, time
        from pathlib import Path
        out = Path(sys.argv[1])
        def emit(event, **fields):
            print(json.dumps({"event": event, "t": 0.0, **fields}), flush=True)
    """

    def use(script: str) -> None:
        text = textwrap.dedent(head) + textwrap.dedent(script)
        monkeypatch.setattr(
            launch, "command", lambda run, out, part=None: [sys.executable, "-c", text, str(out)]
        )

    return use


pytestmark = pytest.mark.django_db


def test_bad_input_fails_with_the_trainers_words(run: Run, trainer: Any) -> None:
    trainer('emit("error", message="patient p00: no such file"); sys.exit(2)')
    tasks.train_run(run.pk)
    assert (fresh(run).state, run.error) == (State.FAILED, "patient p00: no such file")


def test_a_crash_fails_with_its_last_lines(run: Run, trainer: Any) -> None:
    trainer("raise RuntimeError('the reason of it')")
    tasks.train_run(run.pk)
    assert fresh(run).state == State.FAILED
    assert "status 1" in run.error
    assert "RuntimeError: the reason of it" in run.error


@pytest.mark.parametrize(
    "said", ["torch.OutOfMemoryError: CUDA out of memory.", "DefaultCPUAllocator: can't allocate memory"]
)
def test_out_of_memory_suggests_a_smaller_batch(run: Run, trainer: Any, said: str) -> None:
    trainer(f'emit("error", message={said!r}); sys.exit(1)')
    tasks.train_run(run.pk)
    assert fresh(run).state == State.FAILED
    assert "batch_size=2" in run.error
    assert said in run.error


@pytest.mark.slow
def test_a_real_trainer_that_runs_out_of_memory(sent: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    imaged([0, 1] * 3)
    label_set = snapshot.freeze(by=None, start_run=False)
    big = ["depth=18", "grid=fit", "size=1024", "batch_size=4", "epochs=1", "amp=off"]
    run = runs.create(label_set=label_set, profile="paper", overrides=big, by=None)
    real = launch.command

    def limited(run: Run, out: Path, part: Any = None) -> list[str]:
        # Enough address space for torch itself, not for the first layers of such a batch.
        return ["bash", "-c", 'ulimit -v 2500000; exec "$@"', "limited", *real(run, out, part)]

    monkeypatch.setattr(launch, "command", limited)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    tasks.train_run(run.pk)
    assert fresh(run).state == State.FAILED
    assert "Out of memory with batch_size=4, size=1024, depth=18" in run.error
    assert "Try again with batch_size=2." in run.error
    assert "allocate" in run.error


@pytest.mark.parametrize("refused", [False, True])
def test_what_a_failed_run_had_trained_is_there_for_a_retry(run: Run, trainer: Any, refused: bool) -> None:
    """All but a checkpoint that the trainer itself may have refused."""
    trainer(f"""
        work = out / "work"; work.mkdir(exist_ok=True)
        print("found", sorted(path.name for path in work.iterdir()), flush=True)
        (work / "r0-f0.json").write_text("a finished network")
        (work / "r0-f1.checkpoint.pt").write_text("epoch 3")
        sys.exit({2 if refused else 1})
    """)
    tasks.train_run(run.pk)
    assert fresh(run).state == State.FAILED
    runs.retry(run=run, by=None)
    tasks.train_run(run.pk)
    assert len(launch._attempts(queries.run_directory(run.pk))) == 1  # half a gigabyte each
    left = ["r0-f0.json"] if refused else ["r0-f0.json", "r0-f1.checkpoint.pt"]
    assert f"found {left}" in queries.log_tail(run.pk)


def test_a_killed_trainer_goes_on_from_its_checkpoint(run: Run, trainer: Any) -> None:
    trainer("""
        work = out / "work"; work.mkdir(exist_ok=True)
        done = work / "r0-f0.checkpoint.pt"
        print("found", done.exists(), flush=True)
        done.write_text("epoch 3")
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    tasks.train_run(run.pk)
    assert (fresh(run).state, run.attempts, run.error) == (State.QUEUED, 1, "")
    tasks.train_run(run.pk)
    assert (fresh(run).state, run.attempts) == (State.QUEUED, 2)
    tasks.train_run(run.pk)
    assert (fresh(run).state, run.attempts) == (State.FAILED, 3)
    assert "signal 9" in run.error
    assert "with batch_size=2" in run.error
    log = queries.log_tail(run.pk)
    assert [line for line in log.splitlines() if line.startswith("found")] == [
        "found False",
        "found True",
        "found True",
    ]
    (kept,) = launch._attempts(queries.run_directory(run.pk))  # half a gigabyte each
    assert kept.name == f"attempt-{run.fence}"


def test_progress_and_history_are_reported(run: Run, trainer: Any) -> None:
    trainer("""
        emit("start", device="CPU, 2 threads", members=1, epochs=3)
        emit("stage", stage="training", done=0, total=1)
        for epoch in (1, 2, 3):
            emit("epoch", repeat=0, fold=0, inner=None, epoch=epoch, epochs=3, loss=1 / epoch, eta_s=1.0)
        time.sleep(1.5)
        emit("error", message="enough"); sys.exit(2)
    """)
    tasks.train_run(run.pk)
    progress = fresh(run).progress
    assert run.device == "CPU, 2 threads"
    assert progress["history"] == [{"epoch": k, "loss": 1 / k} for k in (1, 2, 3)]
    assert (progress["stage"], progress["epochs"], progress["members"]) == ("training", 3, 1)


def test_a_result_that_contradicts_the_label_set_is_refused(run: Run, trainer: Any) -> None:
    trainer("""
        (out / "predictions.csv").write_text("patient,fold,split,outcome,logit,score,threshold\\n")
        (out / "result.json").write_text('{"manifest_sha256": "0"}')
    """)
    tasks.train_run(run.pk)
    assert fresh(run).state == State.FAILED
    assert "another label set" in run.error
    assert run.result is None


def test_a_refused_result_leaves_everything_else_to_a_retry(run: Run, trainer: Any) -> None:
    trainer("""
        print("found", sorted(path.name for path in out.rglob("*.*")), flush=True)
        for name in ("weights.safetensors", "weights.onnx", "trust.json", "saliency/p00.npz",
                     "work/r0-f0.json", "predictions.csv", "result.json"):
            (out / name).parent.mkdir(exist_ok=True)
            (out / name).write_text('{"manifest_sha256": "0"}')
    """)
    tasks.train_run(run.pk)
    assert "another label set" in fresh(run).error
    (kept,) = launch._attempts(queries.run_directory(run.pk))
    left = {"weights.safetensors", "p00.npz", "r0-f0.json", "predictions.csv", "recipe.json"}
    set_aside = {"refused-result.json", "refused-weights.onnx", "refused-trust.json"}
    assert {path.name for path in kept.rglob("*.*")} == left | set_aside
    runs.retry(run=run, by=None)
    tasks.train_run(run.pk)
    assert f"found {sorted(left)}" in queries.log_tail(run.pk)


def test_a_damaged_manifest_fails_before_anything_starts(run: Run, trainer: Any) -> None:
    trainer("raise SystemExit(0)")
    queries.manifest_path(run.label_set).write_text("{}")
    tasks.train_run(run.pk)
    assert fresh(run).state == State.FAILED
    assert "not what was frozen" in run.error


HANG = """
    import subprocess
    {ignore}
    child = subprocess.Popen(["sleep", "60"])
    (out / "pids").write_text(f"{{os.getpid()}} {{child.pid}}")
    emit("start", device="CPU")
    time.sleep(60)
"""


def pids_of(run: Run) -> list[int]:
    files = list(queries.run_directory(run.pk).glob("attempt-*/pids"))
    return [int(pid) for file in files for pid in file.read_text().split()]


def in_background(work: Callable[[], Any]) -> threading.Thread:
    def do() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=do)
    thread.start()
    return thread


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("ignore", ["", "signal.signal(signal.SIGTERM, signal.SIG_IGN)"])
def test_cancelling_leaves_no_process(
    run: Run, trainer: Any, lead: Any, monkeypatch: pytest.MonkeyPatch, ignore: str
) -> None:
    monkeypatch.setattr(launch, "CANCEL_GRACE", 1.0)
    trainer(HANG.format(ignore=ignore))
    worker = in_background(lambda: tasks.train_run(run.pk))
    pids = wait_for(lambda: pids_of(run))
    runs.cancel(run=run, by=lead)
    worker.join(90)
    assert not worker.is_alive()
    assert fresh(run).state == State.CANCELLED
    wait_for(lambda: not any(alive(pid) for pid in pids))


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_is_stopped_gives_back_without_cost(run: Run, trainer: Any) -> None:
    trainer(HANG.format(ignore=""))
    stop = threading.Event()
    worker = in_background(lambda: launch.work_on(run.pk, stopping=stop.is_set))
    pids = wait_for(lambda: pids_of(run))
    stop.set()
    worker.join(90)
    assert (fresh(run).state, run.attempts) == (State.QUEUED, 0)
    wait_for(lambda: not any(alive(pid) for pid in pids))


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_lost_its_claim_kills_its_trainer_and_writes_nothing(run: Run, trainer: Any) -> None:
    trainer(HANG.format(ignore=""))
    worker = in_background(lambda: tasks.train_run(run.pk))
    pids = wait_for(lambda: pids_of(run))
    Run.objects.filter(pk=run.pk).update(fence=7)  # somebody else's now
    worker.join(90)
    assert not worker.is_alive()
    assert (fresh(run).state, run.fence, run.error) == (State.RUNNING, 7, "")
    wait_for(lambda: not any(alive(pid) for pid in pids))


def test_a_database_that_restarts_does_not_end_the_training(
    run: Run, trainer: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    back = tmp_path / "back"
    trainer(f"""
        while not Path({str(back)!r}).exists():
            time.sleep(0.05)
        emit("error", message="the end"); sys.exit(2)
    """)
    beat, failures = runs.heartbeat, [0]

    def restarting(claim: Any, **kwargs: Any) -> bool:
        if failures[0] < 3:
            failures[0] += 1
            back.touch() if failures[0] == 3 else None
            raise OperationalError("server closed the connection unexpectedly")
        return beat(claim, **kwargs)

    monkeypatch.setattr(runs, "heartbeat", restarting)
    monkeypatch.setattr(connection, "close", lambda: None)  # the test's own transaction
    tasks.train_run(run.pk)
    assert failures == [3]
    assert (fresh(run).state, run.error) == (State.FAILED, "the end")


def test_the_trainer_is_told_no_secret(run: Run, trainer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODONTOID_SECRET_KEY", "canary")
    monkeypatch.setenv("DATABASE_URL", "postgres://canary@db/x")
    trainer('emit("error", message=json.dumps(dict(os.environ))); sys.exit(2)')
    tasks.train_run(run.pk)
    assert "canary" not in fresh(run).error
    assert json.loads(run.error)["PATH"] == os.environ["PATH"]
