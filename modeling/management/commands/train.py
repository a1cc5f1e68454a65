"""``manage.py train``: a run of a label set, by a worker or in this process."""

from __future__ import annotations

import time
from typing import Any

import redis
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.health import queue_client
from modeling import launch, runs
from modeling.models import LabelSet, Run
from modeling.recipe import RecipeError

POLL_SECONDS = 1.0


class Command(BaseCommand):
    help = "Train and evaluate a run. Where no queue answers it trains here, as with --foreground."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--profile", choices=["paper", "recommended"], default="paper")
        parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides")
        parser.add_argument("--label-set", help="id, else the start of its hash (default: the newest)")
        parser.add_argument("--seed", type=int)
        parser.add_argument("--wait", action="store_true", help="return when the run has ended")
        parser.add_argument("--foreground", action="store_true", help="train in this process")

    def handle(
        self,
        *args: Any,
        profile: str,
        overrides: list[str],
        label_set: str | None,
        seed: int | None,
        wait: bool,
        foreground: bool,
        **options: Any,
    ) -> None:
        here = foreground or not _queue_answers()
        try:
            run = runs.create(
                label_set=label_set_named(label_set),
                profile=profile,
                overrides=overrides,
                seed=seed,
                by=None,
                send=not here,
            )
        except RecipeError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"run {run.pk}")
        self.stdout.flush()
        if here:
            if not foreground:
                self.stderr.write("No queue answers, so this process trains. `manage.py serve` starts one.")
            self._train_here(run)
        elif wait:
            self._wait(run)
        else:
            return
        run.refresh_from_db()
        self.stdout.write(f"run {run.pk} {run.state}")
        if run.state != Run.State.SUCCEEDED:
            raise CommandError(run.error or f"run {run.pk} was {run.state}")

    def _train_here(self, run: Run) -> None:
        # A killed trainer goes back to the queue with its checkpoint; here is the queue. Folds that waited
        # long may have gone to a worker all the same: what is left to this process then is to wait for it.
        told = False
        while run.state in runs.ACTIVE:
            if not launch.work_on(run.pk):
                if not told:
                    self.stderr.write(f"A worker has what is left of run {run.pk}; waiting for it.")
                    told = True
                time.sleep(POLL_SECONDS)
            run.refresh_from_db()

    def _wait(self, run: Run) -> None:
        shown = ""
        while run.state in runs.ACTIVE:
            time.sleep(POLL_SECONDS)
            run.refresh_from_db(fields=["state", "progress"])
            line = _progress_line(run)
            if line != shown:
                self.stdout.write(line)
                self.stdout.flush()
                shown = line


def _queue_answers() -> bool:
    try:
        return bool(queue_client().ping())
    except redis.RedisError:
        return False


def label_set_named(wanted: str | None) -> LabelSet:
    """The newest label set, or the one of this id; where no id is meant, the only one whose hash starts so.

    Raises
    ------
    CommandError
        If there is none, or several; the message names them.
    """
    if wanted is None:
        newest = LabelSet.objects.first()
        if newest is None:
            raise CommandError("there is no label set yet: run freeze_labels")
        return newest
    wanted = wanted.strip().lower()
    if not wanted:
        raise CommandError("--label-set is empty: give an id or the start of a hash, or leave it out")
    if wanted.isdecimal() and len(wanted) < 10:
        by_id = LabelSet.objects.filter(pk=int(wanted)).first()
        if by_id is not None:
            return by_id
    found = list(LabelSet.objects.filter(hash__startswith=wanted)[:5])
    if not found:
        raise CommandError(f"there is no label set {wanted}")
    if len(found) > 1:
        named = ", ".join(f"{one.pk} ({one.hash[: len(wanted) + 8]}…)" for one in found)
        raise CommandError(f"the hashes of several label sets start with {wanted}: {named}")
    return found[0]


def _progress_line(run: Run) -> str:
    progress = run.progress
    where = [f"{key} {progress[key]}" for key in ("stage", "epoch") if key in progress]
    loss = progress.get("loss")
    return ", ".join(
        [f"run {run.pk} {run.state}", *where, *([f"loss {loss:.4f}"] if loss is not None else [])]
    )
