"""The demo study: phantoms through the real importers, simulated readers through the real workflow.

Six patients are left for the visitor. Two of them were already read by observer B, who got the
follow-up wrong: a truthful read as observer A makes them disagree. The rest is read, settled, frozen
and trained on, so that a label set and a run are there to look at.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.db import connection

from annotation import charter, qualification, read_plan, simulation
from annotation.models import QualificationCase
from cohort import flow, importing, ingest
from cohort.models import Patient
from cohort.phantom.cohort import write_cohort
from cohort.pseudonyms import study_pseudonyms
from config.accounts.models import Role, User
from modeling import launch, runs, snapshot
from modeling.models import Run

SEED = 2025
#: Fixed for the demo alone, so that two demos are the same study; a real charter draws its own.
SEEDS = {"plan_seed": SEED, "sham_seed": SEED}
PASSWORD = "phantom-demo-2025"
#: User name, role, what to do.
LOGINS = [
    ("observer_a", Role.OBSERVER, "six cases to read"),
    ("observer_b", Role.OBSERVER, "four cases to read"),
    ("neurosurgeon", Role.ADJUDICATOR, "settles what the observers cannot"),
    ("lead", Role.LEAD, "cohort, agreement, labels, runs"),
]
OPEN_PATIENTS = 6
#: Of the open ones, already read by observer B, wrongly.
DISAGREEING = 2
#: Phantoms with known truth, for a reader to learn on.
TRAINING_CASES = 2
#: Fewer leave too few of either outcome to train and test on.
FEWEST = 20
BASELINE_CASE_SHARE = 0.06

Say = Callable[[str], Any]


def prepare(*, patients: int, say: Say) -> None:
    """Make the demo study in the data directory, or go on where an interrupted start stopped.

    Raises
    ------
    CommandError
        With too few patients, or if the data directory already holds real ones.
    """
    if patients < FEWEST:
        raise CommandError(f"the demo needs at least {FEWEST} patients, not {patients}")
    if Patient.objects.filter(phantom=False).exists():
        raise CommandError(
            f"{settings.DATA_DIR} holds patients that are no phantoms; the demo is not for them"
        )
    if Run.objects.filter(state=Run.State.SUCCEEDED).exists():
        say(f"The demo study is already in {settings.DATA_DIR}.")
        return
    accounts = {username: _account(username, role) for username, role, _ in LOGINS}
    truth = _cohort(patients, by=accounts["lead"], say=say)
    _reads(truth, accounts, say)
    if not QualificationCase.objects.exists():
        # Rows alone: the worker draws them while the visitor looks around.
        qualification.make_cases(
            purpose=QualificationCase.Purpose.TRAINING, count=TRAINING_CASES, seed=SEED, by=accounts["lead"]
        )
    _first_run(accounts["lead"], say)


def _account(username: str, role: str) -> User:
    user, new = User.objects.get_or_create(username=username, defaults={"role": role})
    if new:
        user.set_password(PASSWORD)
        user.save(update_fields=["password"])
    return user


def _cohort(patients: int, *, by: User, say: Say) -> simulation.Truth:
    """Write the phantoms and bring them in as a hospital's delivery would come; returns the truth."""
    kept = settings.DATA_DIR / "demo_truth.json"
    if not kept.exists():
        with tempfile.TemporaryDirectory(dir=settings.DATA_DIR) as folder:
            delivery = Path(folder) / "delivery"
            document = write_cohort(
                delivery,
                patients,
                seed=SEED,
                matrix=320,
                slices=15,
                baseline_case_share=BASELINE_CASE_SHARE,
                positive_share=0.3,
                processes=os.cpu_count() or 1,
                progress=_progress(say, "Drawing phantom patients"),
            )
            report = importing.import_directory(delivery, by=by, phantom=True)
            say(f"Imported the CSV export: {len(report.errors)} rows in error")
            count = _progress(say, "Ingesting DICOM series")
            for done, result in enumerate(ingest.ingest_paths([delivery / "dicom"], by=by), 1):
                if result.outcome not in ("accepted", "unchanged"):
                    raise CommandError(f"{result.file}: {result.outcome}: {result.reason}")
                count(done, 2 * patients)
        kept.write_text(json.dumps(document))
    flow.refresh()
    document = json.loads(kept.read_text())
    return simulation.known_truth(document, study_pseudonyms().patient)


def _open_ones(truth: simulation.Truth) -> list[str]:
    """Pseudonyms of the patients left to the visitor: half of them developed a deformity.

    None of them comes back as a re-read, so that the visitor's list is as long as the logins say.
    """
    from annotation.models import Assignment
    from annotation.rubric import CASE, classify

    again = Assignment.objects.filter(kind=Assignment.Kind.REREAD).values("case__patient")

    eligible = sorted(
        pseudonym
        for pseudonym in flow.eligible().exclude(pk__in=again).values_list("pseudonym", flat=True)
        if classify(truth[pseudonym]["baseline"]) != CASE
    )
    cases = [p for p in eligible if classify(truth[p]["follow_up"]) == CASE]
    others = [p for p in eligible if p not in cases]
    half = OPEN_PATIENTS // 2
    # One of either outcome first: these are the ones observer B has got wrong.
    return [*cases[:1], *others[:1], *cases[1:half], *others[1:half]]


def _reads(truth: simulation.Truth, accounts: dict[str, User], say: Say) -> None:
    lead = accounts["lead"]
    if charter.current() is None:
        # Few patients make short lists: with the usual wash-out of 20 hardly any would come back.
        charter.freeze(by=lead, changes={"washout_reads": 8, **SEEDS}, reason="Demo study")
    read_plan.open_reading(by=lead)
    left = _open_ones(truth)
    observer_a, observer_b = accounts["observer_a"], accounts["observer_b"]
    simulation.read_as(
        observer_a, truth, seed=SEED, skip=left, progress=_progress(say, "Observer A reads (simulated)")
    )
    simulation.read_as(
        observer_b,
        truth,
        seed=SEED,
        skip=left[DISAGREEING:],
        contradicting=left[:DISAGREEING],
        progress=_progress(say, "Observer B reads (simulated)"),
    )
    held = simulation.meet(truth, seed=SEED, skip=left)
    say(f"Consensus meetings (simulated): {held['agreed']} agreed, {held['declined']} did not")
    adjudicated = simulation.read_as(
        accounts["neurosurgeon"], truth, seed=SEED, rates=simulation.EXPERT, skip=left
    )
    say(f"The neurosurgeon read {adjudicated} cases (simulated)")


def _first_run(lead: User, say: Say) -> None:
    """Freeze and train here and now: the visitor should find a finished run."""
    label_set = snapshot.freeze(by=lead, name="Demo: simulated reads", start_run=False)
    run = label_set.runs.first() or runs.create_from(
        snapshot.default_recipe(), label_set=label_set, by=lead, send=False
    )
    say(f"Training the first run on {label_set.patients} patients; this is the longest step")
    ended = threading.Event()
    watcher = threading.Thread(target=_watch, args=(run.pk, ended, say), daemon=True)
    watcher.start()
    while not launch.work_on(run.pk) and run.state in (Run.State.QUEUED, Run.State.RUNNING):
        # An interrupted start still holds the run; its lease ends by itself.
        say("Waiting for the claim of an interrupted start to run out")
        time.sleep(10)
        run.refresh_from_db()
    ended.set()
    watcher.join()
    run.refresh_from_db()
    if run.state != Run.State.SUCCEEDED:
        raise CommandError(f"the demo's run ended as {run.state}: {run.error}")


def _watch(run_id: int, ended: threading.Event, say: Say) -> None:
    """Say how far the trainer is, as the run's page does, once for each epoch."""
    said = 0
    while not ended.wait(5):
        progress = Run.objects.values_list("progress", flat=True).get(pk=run_id)
        if progress.get("epochs") and progress.get("epoch", 0) > said:
            said = progress["epoch"]
            left = f", about {progress['eta_s']:.0f} s left" if progress.get("eta_s") else ""
            say(f"Training: epoch {progress['epoch']}/{progress['epochs']}{left}")
    connection.close()  # this thread's own


def _progress(say: Say, what: str) -> Callable[[int, int], None]:
    """Says ``what`` with a count at most every five seconds, and at the end."""
    last = 0.0

    def report(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if done == total or now - last >= 5:
            last = now
            say(f"{what}: {done}/{total}")

    return report
