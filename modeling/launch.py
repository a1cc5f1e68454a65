"""One job, worked on: a trainer is started and watched, and its end becomes the run's or its part's.

Everything a trainer writes goes to ``RUNS_DIR/<run>/attempt-<fence>/``, or for a part of a run to
``RUNS_DIR/<run>/parts/<part>/attempt-<fence>/``, so that two workers that both believe in their claim
never share a file. A new attempt starts from hard links to what the last one left, and the attempt
that joins the parts from links to what each of them made: checkpoints and finished networks are
replaced whole, never changed in place.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from modeling import queries, results, runs
from modeling.models import Run, RunPart
from modeling.runs import Claim, LostClaim
from modeling.trainer_process import Report, TrainerProcess

logger = logging.getLogger(__name__)
T = TypeVar("T")

#: Seconds between heartbeats, at most a quarter of the lease.
HEARTBEAT = 3.0
#: From SIGTERM, at which the trainer finishes its step and writes a checkpoint, to SIGKILL. The
#: shorter one fits into the time that process managers leave a worker to end.
CANCEL_GRACE, SHUTDOWN_GRACE = 20.0, 3.0
#: How long the database may be away when a result is to be written.
DATABASE_PATIENCE = 600.0
BAD_INPUT, STOPPED = 2, 143
#: How the name of a file begins that belongs to a refused result.
REFUSED = "refused-"
OUT_OF_MEMORY = re.compile(r"out of memory|OutOfMemory|can't allocate memory|MemoryError|bad_alloc", re.I)


def work_on(run_id: int, *, stopping: Callable[[], bool] = lambda: False) -> bool:
    """Claim a job of the run and see it to an end; False if there is nothing to claim.

    Parameters
    ----------
    stopping
        Whether this worker is asked to end. The trainer then writes a checkpoint, and the run goes
        back to the queue without losing an attempt.
    """
    claim = runs.claim(run_id)
    if claim is None:
        logger.info("run %s: not to be claimed", run_id)
        return False
    logger.info("%s: claimed", claim)
    try:
        _work(claim, stopping)
    except LostClaim as lost:
        logger.warning("%s: no longer ours; nothing more is written", lost)
    return True


def command(run: Run, out: Path, part: RunPart | None = None) -> list[str]:
    """The trainer's argument list."""
    return [
        *(sys.executable, "-m", "modeling.training"),
        *("--manifest", str(queries.manifest_path(run.label_set))),
        *("--images", str(settings.IMAGE_STORE_DIR)),
        *("--recipe", str(out / "recipe.json")),
        *("--out", str(out), "--resume"),
        *("--cache", str(settings.PLANES_DIR)),
        *(("--part", part.key) if part else ()),
    ]


def trust_command(run: Run, *, full: bool = False) -> list[str]:
    """The argument list of what writes a published run's ``trust.json``."""
    return [
        *(sys.executable, "-m", "modeling.training.trust"),
        *("--run", str(queries.published_file(run, ""))),
        *("--manifest", str(queries.manifest_path(run.label_set))),
        *("--images", str(settings.IMAGE_STORE_DIR), "--cache", str(settings.PLANES_DIR)),
        *(["--full"] if full else []),
    ]


def _work(claim: Claim, stopping: Callable[[], bool]) -> None:
    run = Run.objects.select_related("label_set").get(pk=claim.run_id)
    if claim.trust_id:
        _work_on_trust(run, claim, stopping)
        return
    part = run.parts.get(pk=claim.part_id) if claim.part_id else None
    directory = queries.run_directory(run.pk)
    out = (directory / "parts" / part.key if part else directory) / f"attempt-{claim.fence}"
    try:
        manifest = queries.manifest(run.label_set)
        parts = [] if part else [Path(settings.RUNS_DIR) / done.path for done in run.parts.all()]
        _take_over(out, parts)
        (out / "recipe.json").write_text(json.dumps(run.recipe, indent=2))
        log = queries.log_path(run.pk, part.key if part else "")
        with log.open("a") as file:
            attempts = (part or run).attempts
            file.write(f"== attempt {attempts}, fence {claim.fence}, {os.uname().nodename}\n")
        trainer = TrainerProcess(command(run, out, part), log)
    except (queries.ManifestDamaged, OSError) as error:
        runs.fail(claim, _about_disk(error))
        return
    watch = _watched(claim, trainer, stopping)
    _conclude(run, claim, out, manifest, watch)


def _work_on_trust(run: Run, claim: Claim, stopping: Callable[[], bool]) -> None:
    log = queries.log_path(run.pk, "trust")
    try:
        trainer = TrainerProcess(trust_command(run, full=run.recipe.get("trust") == "full"), log)
    except OSError as error:
        runs.fail(claim, _about_disk(error))
        return
    watch = _watched(claim, trainer, stopping)
    code, said = trainer.process.returncode, watch.report.error or trainer.last_words()
    if code == 0:
        _patiently(lambda: runs.finish_trust(claim))
    elif watch.stopped_for:
        _patiently(lambda: runs.give_back(claim, "The worker was stopped.", counts=False))
    elif code < 0 or code == STOPPED:
        number = -code if code < 0 else signal.SIGTERM
        _patiently(lambda: runs.give_back(claim, f"The trust report was ended by signal {number:d}."))
    else:
        _patiently(lambda: runs.fail(claim, f"The trust report could not be made: {said}".strip()))


def _watched(claim: Claim, trainer: TrainerProcess, stopping: Callable[[], bool]) -> _Watch:
    """See a trainer to its end, whatever that is."""
    watch = _Watch(claim, trainer, stopping)
    try:
        watch.until_end()
    except LostClaim:
        raise
    except BaseException:  # the worker is ended from outside the loop: Ctrl-C, a hard shutdown
        trainer.end()
        runs.give_back(claim, "The worker was stopped.", counts=False)
        raise
    finally:
        trainer.end()
    return watch


class _Watch:
    """The loop around a trainer: heartbeats, and the three reasons to stop it."""

    def __init__(self, claim: Claim, trainer: TrainerProcess, stopping: Callable[[], bool]) -> None:
        self.claim, self.trainer, self.stopping = claim, trainer, stopping
        self.report = Report()
        #: "cancel" or "shutdown" once the trainer was told to stop.
        self.stopped_for = ""
        self._kill_at = float("inf")

    def until_end(self) -> None:
        interval = min(HEARTBEAT, settings.RUN_LEASE_SECONDS / 4)
        beat_at = 0.0
        reported: dict[str, Any] = {}
        while True:
            ended = self.trainer.process.poll() is not None
            for event in self.trainer.events(wait=0 if ended else min(0.5, interval)):
                self.report.take(event)
            if ended:
                if self.report.state != reported:
                    self._beat(dict(self.report.state))  # what it said between the last beat and its end
                return
            if time.monotonic() >= beat_at:
                news = None if self.report.state == reported else dict(self.report.state)
                if self._beat(news):
                    self._stop("cancel", CANCEL_GRACE)
                reported, beat_at = news or reported, time.monotonic() + interval
            if self.stopping():
                self._stop("shutdown", SHUTDOWN_GRACE)
            if time.monotonic() >= self._kill_at:
                self.trainer.signal(signal.SIGKILL)

    def _beat(self, progress: dict[str, Any] | None) -> bool:
        try:
            return runs.heartbeat(self.claim, progress=progress)
        except (OperationalError, InterfaceError) as error:
            # A database that restarts is no reason to throw training away: whether the run is still
            # ours is asked again in a moment, and before anything is published.
            logger.warning("%s: heartbeat not written: %s", self.claim, error)
            connection.close()
            return False

    def _stop(self, reason: str, grace: float) -> None:
        deadline = time.monotonic() + grace
        if not self.stopped_for:
            self.trainer.signal(signal.SIGTERM)
            self.stopped_for = reason
        self._kill_at = min(self._kill_at, deadline)


def _conclude(run: Run, claim: Claim, out: Path, manifest: dict[str, Any], watch: _Watch) -> None:
    """The trainer has ended: exactly one of publish, cancel, fail and give back."""
    code, error = watch.trainer.process.returncode, watch.report.error
    last_words = watch.trainer.last_words()
    if watch.stopped_for == "cancel":
        _patiently(lambda: runs.end_cancelled(claim))
    elif code == 0 and claim.part_id is not None:
        path = out.relative_to(settings.RUNS_DIR).as_posix()
        _patiently(lambda: runs.finish_part(claim, path=path))
    elif code == 0:
        try:
            result = results.read(out, run, manifest)
        except results.ResultError as wrong:
            refusal = f"The result was refused: {wrong}"
            # Before the run is failed: from then on a retry may take over what lies here.
            _set_aside(out)
            _patiently(lambda: runs.fail(claim, refusal))
        else:
            _patiently(lambda: runs.publish(claim, path=f"{run.pk}/{out.name}", result=result))
    elif watch.stopped_for == "shutdown":
        _patiently(lambda: runs.give_back(claim, "The worker was stopped.", counts=False))
        return
    elif OUT_OF_MEMORY.search(f"{error}\n{last_words}"):
        _patiently(lambda: runs.fail(claim, _about_memory(run, error or last_words)))
    elif code < 0 or code == STOPPED:
        reason = _about_signal(run, -code if code < 0 else signal.SIGTERM)
        if _patiently(lambda: runs.give_back(claim, reason)) == Run.State.QUEUED:
            return
    else:
        text = error if code == BAD_INPUT else f"The trainer ended with status {code}: {error}\n{last_words}"
        _patiently(lambda: runs.fail(claim, text.strip()))
        if code == BAD_INPUT:  # what it refused may be its checkpoint: that network begins anew
            for checkpoint in out.glob("work/*.checkpoint.pt"):
                checkpoint.unlink(missing_ok=True)
    _tidy(run.pk)


def _about_memory(run: Run, said: str) -> str:
    recipe = run.recipe
    return (
        f"Out of memory with batch_size={recipe['batch_size']}, size={recipe['size']}, "
        f"depth={recipe['depth']}. Try again with {_smaller(run)}. The trainer said: {said.strip()[-400:]}"
    )


def _smaller(run: Run) -> str:
    batch, size = run.recipe["batch_size"], run.recipe["size"]
    return f"batch_size={batch // 2}" if batch > 1 else f"a size below {size} or a shallower network"


def _about_signal(run: Run, number: int) -> str:
    if number == signal.SIGKILL:
        return (
            "The trainer was killed (signal 9). If nobody did that, the system ran out of memory: launch it "
            f"again with {_smaller(run)}."
        )
    return f"The trainer was ended by signal {number} ({signal.Signals(number).name})."


def _about_disk(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"The disk is full: {error}"
    return str(error)


def _patiently(write: Callable[[], T]) -> T:
    """Write the end of a run, waiting for a database that restarts: hours of training hang on it."""
    give_up = time.monotonic() + DATABASE_PATIENCE
    while True:
        try:
            return write()
        except (OperationalError, InterfaceError) as error:
            if time.monotonic() >= give_up:
                raise
            logger.warning("the end of a run is not written yet: %s", error)
            connection.close()
            time.sleep(1)


# --- Directories


def _attempts(directory: Path) -> list[Path]:
    """The run's attempts, oldest first."""
    found = [path for path in directory.glob("attempt-*") if path.name[8:].isdigit()]
    return sorted(found, key=lambda path: int(path.name[8:]))


def _take_over(out: Path, parts: Sequence[Path] = ()) -> None:
    """Make ``out`` with what the last attempt had finished, and what each of the run's parts made.

    It is made under another name and renamed when it is whole: a worker that ends in the middle of this
    leaves no attempt from which the next one would take a result without what belongs to it.
    """
    earlier = [path for path in _attempts(out.parent) if path != out]
    staged = out.with_name(f"{out.name}.staged")
    staged.mkdir(parents=True)
    for source in [*earlier[-1:], *parts]:
        _link_all(source, staged)
    staged.rename(out)


def _link_all(last: Path, out: Path) -> None:
    """Link what lies in ``last``, where a worker that lost its claim may still be writing.

    It writes what a file speaks of before that file: all else before result.json, a network's weights before
    its scores in work/. So the file that speaks is linked first, and what it speaks of is listed only then.
    What was not there at its turn is not taken: of what it speaks, some may have been written since.
    """
    result, work = last / "result.json", last / "work"
    _link(result, out / result.name)
    _link_each(last, sorted(work.glob("*")), out)
    _link_each(last, sorted(p for p in last.rglob("*") if p != result and p.parent != work), out)


def _link_each(last: Path, paths: Sequence[Path], out: Path) -> None:
    for path in paths:
        if path.is_file() and path.suffix != ".part" and not path.name.startswith(REFUSED):
            _link(path, out / path.relative_to(last))


def _set_aside(out: Path) -> None:
    """Rename what a trainer would take as done, for a refused result; all else stays as it is.

    A retry goes on from the rest, and who looks into the refusal finds it. Networks that a retry trains may
    be others: what was made of the refused ones (trust report, ONNX) must not stand beside them.
    """
    for path in [out / "result.json", out / "trust.json", *out.glob("weights*.onnx*")]:
        with suppress(FileNotFoundError):
            path.rename(path.with_name(f"{REFUSED}{path.name}"))


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except (FileExistsError, FileNotFoundError):
        pass  # taken already, or replaced at this moment by its writer: then it is trained again
    except OSError:  # a file system without links
        shutil.copy2(source, target)


def _tidy(run_id: int) -> None:
    """Keep what is published, what a retry would need, and the logs.

    Checkpoints of a ResNet-101 are half a gigabyte each.
    """
    run = Run.objects.get(pk=run_id)
    directory = queries.run_directory(run_id)
    if run.state not in runs.ACTIVE:
        _keep(directory, run)
    ended = run.state in (Run.State.SUCCEEDED, Run.State.CANCELLED)
    if ended:
        shutil.rmtree(directory / "parts", ignore_errors=True)
        return
    for part in run.parts.exclude(state__in=runs.ACTIVE):
        _keep(directory / "parts" / part.key, part)


def _keep(directory: Path, job: Run | RunPart) -> None:
    """Of its attempts the published one, or of a failed job the newest: a retry goes on from there."""
    attempts = _attempts(directory)
    for staged in directory.glob("attempt-*.staged"):  # of a worker that ended while it took over
        shutil.rmtree(staged, ignore_errors=True)
    kept = attempts[-1].name if job.state == Run.State.FAILED and attempts else Path(job.path).name
    for attempt in attempts:
        if attempt.name != kept:
            shutil.rmtree(attempt, ignore_errors=True)
