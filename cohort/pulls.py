"""Pulls: a queue of patients to be asked from an archive, worked off a few at a time.

The rows are the truth; a message says only that there may be work. A line is claimed by a conditional
update that passes its fence, so a worker that was taken for dead can no longer write. Files that came lie
in the pull's folder until their series is complete: a retry asks only for what is missing.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from cohort import delivery, expected, ingest, pull_list, receiving
from cohort.models import ImportBatch, Instance, Patient, Pull, PullItem, Series
from cohort.pacs import archive, nodes
from cohort.pseudonyms import study_pseudonyms
from config.accounts.models import User
from config.exceptions import RuleViolation

logger = logging.getLogger(__name__)

State = PullItem.State
#: With the waits below, an archive may be away for a quarter of an hour.
MAX_ATTEMPTS = 6
FIRST_WAIT, LONGEST_WAIT = 30.0, 900.0
LEASE = timedelta(minutes=5)
_BEAT_EVERY = 5.0


class Stopped(Exception):
    """The line is no longer this worker's, or its pull was cancelled."""


@dataclass(frozen=True, slots=True)
class Claim:
    item: PullItem
    fence: int


def folder(pull_id: int) -> Path:
    return Path(settings.INCOMING_DIR) / "pulls" / str(pull_id)


def create(*, node: str, content: bytes, by: User | None) -> Pull:
    """Queue the lines of a list. Patients outside the cohort are not asked for.

    Raises
    ------
    pull_list.ListError
        Naming the lines that cannot be used; nothing is queued then.
    RuleViolation
        If there is no such node.
    """
    if node not in nodes.load():
        raise RuleViolation(f"No archive is named {node}.", code="no_node")
    lines = pull_list.parse(content)
    names = study_pseudonyms()
    known: set[str] = set()
    pseudonyms = {line.number: names.patient(line.patient_id) for line in lines}
    unique = sorted(set(pseudonyms.values()))
    for start in range(0, len(unique), 900):
        part = unique[start : start + 900]
        known |= set(Patient.objects.filter(pseudonym__in=part).values_list("pseudonym", flat=True))
    with transaction.atomic():
        pull = Pull.objects.create(node=node, created_by=by)
        items = []
        for line in lines:
            item = PullItem(pull=pull, line=line.number, patient_pseudonym=pseudonyms[line.number])
            if line.accession:
                item.exam_pseudonym = names.exam(line.patient_id, line.accession)
            if item.patient_pseudonym not in known:
                item.state, item.reason = State.REFUSED, "the patient is not in the cohort"
            items.append(item)
        PullItem.objects.bulk_create(items, batch_size=1000)
        folder(pull.pk).mkdir(parents=True)
        asked = {item.line for item in items if item.state == State.QUEUED}
        pull_list.write(folder(pull.pk) / "list", [line for line in lines if line.number in asked])
        transaction.on_commit(lambda: advance(pull.pk))
    return pull


def cancel(*, pull: Pull) -> Pull:
    """End a pull: what waits is not asked for, what runs stops at its next beat. Twice is once."""
    if pull.finished_at is not None:
        raise RuleViolation("This pull has ended.", code="pull_has_ended")
    Pull.objects.filter(pk=pull.pk).update(cancel_requested=True)
    advance(pull.pk)
    pull.refresh_from_db()
    return pull


def advance(pull_id: int) -> None:
    """Send as many messages as there are free places; end the pull when nothing is left. Safe at any time."""
    pull = Pull.objects.filter(pk=pull_id, finished_at=None).first()
    if pull is None:
        return
    if pull.cancel_requested:
        waiting = Q(state=State.QUEUED) | Q(state=State.RUNNING, lease_until__lt=Now())
        pull.items.filter(waiting).update(state=State.CANCELLED, reason="cancelled", fence=F("fence") + 1)
    left = pull.items.filter(state__in=(State.QUEUED, State.RUNNING))
    if not left.exists():
        shutil.rmtree(folder(pull_id), ignore_errors=True)
        Pull.objects.filter(pk=pull_id, finished_at=None).update(finished_at=Now())
        return
    node = nodes.load().get(pull.node)
    if node is not None:
        for _ in range(min(node.parallel, left.filter(_due()).count())):
            _send(pull_id)


def tend() -> None:
    """Advance every pull, and remove what a pull that never was, or has ended, left behind."""
    for pull_id in Pull.objects.filter(finished_at=None).values_list("pk", flat=True):
        advance(pull_id)
    root = folder(0).parent
    for path in root.iterdir() if root.is_dir() else ():
        open_ = Pull.objects.filter(pk=int(path.name), finished_at=None).exists()
        if not open_ and time.time() - path.stat().st_mtime > 3600:
            shutil.rmtree(path, ignore_errors=True)


def _send(pull_id: int) -> None:
    from kombu.exceptions import OperationalError

    from cohort.tasks import pull_item

    try:
        pull_item.apply_async(args=(pull_id,), retry=False)
    except (OperationalError, OSError) as error:
        logger.warning("pull %s: the queue did not take it (%s); it will be sent again", pull_id, error)


def _due() -> Q:
    queued = Q(state=State.QUEUED) & (Q(next_try_at=None) | Q(next_try_at__lte=Now()))
    return queued | Q(state=State.RUNNING, lease_until__lt=Now())


def claim(pull_id: int) -> Claim | None:
    """Take the next line that is due, unless the node has as many at work as it may."""
    with transaction.atomic():
        pull = Pull.objects.filter(pk=pull_id, finished_at=None, cancel_requested=False).first()
        node = nodes.load().get(pull.node) if pull else None
        if pull is None or node is None:
            return None
        # Claims of one node go one after another, or two could take its last free place.
        list(Pull.objects.select_for_update().filter(node=pull.node, finished_at=None).order_by("pk"))
        running = PullItem.objects.filter(
            pull__node=pull.node, state=State.RUNNING, lease_until__gte=Now()
        ).count()
        item = pull.items.filter(_due()).order_by("line").first() if running < node.parallel else None
        if item is None:
            return None
        taken = PullItem.objects.filter(pk=item.pk, fence=item.fence).update(
            state=State.RUNNING, fence=F("fence") + 1, attempts=F("attempts") + 1, lease_until=Now() + LEASE
        )
        item.refresh_from_db()
        return Claim(item, item.fence) if taken == 1 else None


def _end(claimed: Claim, state: str, **changes: Any) -> None:
    mine = PullItem.objects.filter(pk=claimed.item.pk, fence=claimed.fence, state=State.RUNNING)
    if mine.update(state=state, lease_until=None, **changes) != 1:
        raise Stopped


def _beating(claimed: Claim) -> Callable[[], None]:
    last = time.monotonic()

    def beat() -> None:
        nonlocal last
        if time.monotonic() - last < _BEAT_EVERY:
            return
        last = time.monotonic()
        mine = PullItem.objects.filter(pk=claimed.item.pk, fence=claimed.fence, state=State.RUNNING)
        if mine.update(lease_until=Now() + LEASE) != 1 or mine.filter(pull__cancel_requested=True).exists():
            raise Stopped

    return beat


def work_on(pull_id: int) -> bool:
    """Claim one line and work on it to its end, or to its next attempt; whether there was one."""
    claimed = claim(pull_id)
    if claimed is None:
        return False
    try:
        _pull(claimed)
    except Stopped:
        mine = PullItem.objects.filter(pk=claimed.item.pk, fence=claimed.fence, state=State.RUNNING)
        mine.update(state=State.CANCELLED, lease_until=None, reason="cancelled")
    except archive.ArchiveError as error:
        _try_again(claimed, State.FAILED, f"The archive: {error}.")
    except OSError as error:  # our own disk
        _try_again(claimed, State.FAILED, f"This server: {error.strerror}.")
    advance(pull_id)
    return True


def _try_again(claimed: Claim, otherwise: str, reason: str, **changes: Any) -> None:
    attempts = claimed.item.attempts
    if attempts >= MAX_ATTEMPTS:
        _end(claimed, otherwise, reason=reason, **changes)
        return
    wait = timedelta(seconds=min(LONGEST_WAIT, FIRST_WAIT * 2 ** (attempts - 1)))
    _end(claimed, State.QUEUED, next_try_at=Now() + wait, reason=reason, **changes)


def _pull(claimed: Claim) -> None:
    item = claimed.item
    node = nodes.load()[item.pull.node]
    place = folder(item.pull_id)
    line = pull_list.read(place / "list")[item.line]
    files = place / str(item.line)
    files.mkdir(exist_ok=True)
    beat = _beating(claimed)
    source = archive.connect(node)
    wanted = source.find(line.patient_id, line.accession)
    changes: dict[str, Any] = {
        "studies": len({series.study_uid for series in wanted}),
        "instances_expected": sum(len(series.sop_uids) for series in wanted),
    }
    if not any(series.sop_uids for series in wanted):
        what = "no MR images of this exam" if line.accession else "no MR images of this patient"
        _end(claimed, State.MISSING, reason=f"The archive has {what}.", **changes)
        return
    arrived, lacking, notes, ready = 0, [], Counter[str](), []
    for series in wanted:
        beat()
        if _stored(series):
            arrived += len(series.sop_uids)
            continue
        if _have(series, files) < series.sop_uids:
            notes.update(source.fetch(series, line.patient_id, files, beat))
        here = _have(series, files) & series.sop_uids
        arrived += len(here)
        if here == series.sop_uids:
            ready.append(series)
        else:
            lacking.append(f"{len(series.sop_uids) - len(here)} of {len(series.sop_uids)} images")
    results = _ingest(ready, files, node.name)
    summary = Counter(item.summary)
    summary.update({outcome: n for outcome, n in ingest.summarise(results).items() if n})
    changes |= {"instances_arrived": arrived, "summary": dict(summary)}
    why = [f"{n} series lack{'s' * (n == 1)} {what}" for what, n in Counter(lacking).items()]
    why += list(notes) + sorted({r.reason for r in results if r.outcome == ingest.REJECTED})
    reason = "; ".join(why)
    if lacking:
        _try_again(claimed, State.INCOMPLETE, reason, **changes)
    else:
        _end(claimed, State.DONE, reason=reason, **changes)
        shutil.rmtree(files, ignore_errors=True)


def _have(series: archive.Wanted, files: Path) -> set[str]:
    """SOP instance UIDs of the images that have come."""
    paths = expected.arrived(files, series.series_uid)
    return {str(receiving.read_header(path).SOPInstanceUID) for path in paths}


def _stored(series: archive.Wanted) -> bool:
    """Whether the store holds all of it: a second pull of the same list asks for what is new."""
    names = study_pseudonyms()
    held = Series.objects.filter(series_uid=names.uid(series.series_uid)).first()
    if held is None:
        return False
    stored = set(Instance.objects.filter(series=held).values_list("sop_uid", flat=True))
    return {str(names.uid(sop)) for sop in series.sop_uids} <= stored


def _ingest(ready: list[archive.Wanted], files: Path, node: str) -> list[ingest.IngestResult]:
    paths = [path for series in ready for path in expected.arrived(files, series.series_uid)]
    if not paths:
        return []
    sources = [delivery.Source(path.name, path) for path in paths]
    results = list(ingest.ingest_sources(sources, by=None, road=ImportBatch.Road.PULL, peer=node))
    for path in paths:
        path.unlink()
    return results
