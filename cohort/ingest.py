"""Take DICOM in: find, group, check, de-identify, recode, store, and tell what became of each file.

A series is stored whole or not at all. Pixels are decoded and encoded outside the transaction; the row
is written last, when the files are in place.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from cohort import delivery, dicom_file, flow, matching, pacs, quarantine, stack, stored_series
from cohort.dicom_file import FileError, Frame
from cohort.models import ImportBatch, Instance, Patient, ScanPair, Series
from cohort.pseudonyms import study_pseudonyms
from config.accounts.models import User

ACCEPTED, UNCHANGED, QUARANTINED, REJECTED = "accepted", "unchanged", "quarantined", "rejected"
#: On these roads the names of files are our own; elsewhere they may hold identities.
MACHINE_ROADS = frozenset({ImportBatch.Road.C_STORE, ImportBatch.Road.STOW, ImportBatch.Road.PULL})
OUTCOMES = (ACCEPTED, UNCHANGED, QUARANTINED, REJECTED)
#: Series read and encoded before their turn to be stored comes.
READ_AHEAD = 2
#: Pixels of one series held at a time.
MAX_SERIES_VALUES = 2**29


@dataclass(frozen=True)
class IngestResult:
    """What became of a series or, when it is rejected by itself, of a file. ``patient`` is a pseudonym."""

    outcome: str
    file: str
    reason: str
    series_uid: str | None = None
    patient: str | None = None
    slices: int | None = None

    def as_json(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if value is not None}


def summarise(results: Iterable[IngestResult]) -> dict[str, int]:
    counts = Counter(result.outcome for result in results)
    return {outcome: counts[outcome] for outcome in OUTCOMES}


def ingest_paths(paths: Iterable[Path | str], *, by: User | None = None) -> Iterator[IngestResult]:
    """Ingest files, folders and zip archives; yields one result for each series and each rejected file."""
    sources = [delivery.Source(str(path), Path(path)) for path in paths]
    return ingest_sources(sources, by=by, road=ImportBatch.Road.COMMAND)


class _scratch:
    """A folder that is gone afterwards, on the disk that uploads go to."""

    def __enter__(self) -> Path:
        Path(settings.FILE_UPLOAD_TEMP_DIR).mkdir(parents=True, exist_ok=True)
        self.path = Path(tempfile.mkdtemp(prefix="delivery-", dir=settings.FILE_UPLOAD_TEMP_DIR))
        return self.path

    def __exit__(self, *error: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def ingest_sources(
    sources: Sequence[delivery.Source], *, by: User | None, road: str, peer: str = ""
) -> Iterator[IngestResult]:
    """Ingest files under the names given to them, as one delivery that came by ``road`` from ``peer``.

    What a machine sends is recorded series by series: nobody else watches it come.
    """
    counts: Counter[str] = Counter()
    recorded: list[IngestResult] = []
    touched: set[int] = set()
    try:
        cores = min(4, os.cpu_count() or 1)
        with (
            _scratch() as scratch,
            ThreadPoolExecutor(cores) as codecs,
            ThreadPoolExecutor(READ_AHEAD) as readers,
        ):
            groups: dict[str, list[delivery.Source]] = defaultdict(list)
            for found in delivery.find(sources, scratch):
                refused = _sort_in(found, groups)
                if refused:
                    counts[refused.outcome] += 1
                    recorded.append(refused)
                    yield refused
            for read in _ahead(readers, lambda files: _read_series(files, codecs), list(groups.values())):
                for result in _store_read(read, touched):
                    counts[result.outcome] += 1
                    recorded.append(result)
                    yield result
    finally:
        # Also when the caller stops listening: what is stored must show in the flow.
        flow.refresh(touched)
        ImportBatch.objects.create(
            kind=ImportBatch.Kind.DICOM,
            created_by=by,
            road=road,
            peer=peer,
            summary={o: counts[o] for o in OUTCOMES},
            results=[r.as_json() for r in recorded] if road in MACHINE_ROADS else [],
        )


def _sort_in(
    found: delivery.Source | delivery.Refused, groups: dict[str, list[delivery.Source]]
) -> IngestResult | None:
    """Put a file with those of its series; the result when it cannot be put anywhere."""
    if isinstance(found, delivery.Refused):
        return IngestResult(REJECTED, found.name, found.reason)
    try:
        header = dicom_file.read_header(found.path)
    except FileError as error:
        return IngestResult(REJECTED, found.name, str(error))
    groups[str(header.SeriesInstanceUID)].append(found)
    return None


@dataclass
class _Read:
    """A series read and made ready, or why it was not."""

    label: str
    results: list[IngestResult] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    prepared: stored_series.Prepared | None = None


def _ahead(
    readers: ThreadPoolExecutor,
    read: Callable[[list[delivery.Source]], _Read],
    todo: list[list[delivery.Source]],
) -> Iterator[_Read]:
    """What ``read`` makes of each series, in order; the next ones are read while one is being stored.

    Codecs, disk and database all wait without holding the interpreter, so a thread is enough.
    """
    running: deque[Future[_Read]] = deque()
    try:
        for files in todo:
            running.append(readers.submit(read, files))
            if len(running) > READ_AHEAD:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        for future in running:
            future.cancel()


def _read_series(files: list[delivery.Source], pool: ThreadPoolExecutor) -> _Read:
    """Read, check, de-identify and encode a series. No database: this runs in a thread of its own."""
    frames: list[Frame] = []
    bad: list[IngestResult] = []
    values = 0
    read = _Read(files[0].name if len(files) == 1 else os.path.dirname(files[0].name) or files[0].name)
    for file in files:
        try:
            taken = dicom_file.read_frames(os.path.basename(file.name), file.path)
        except FileError as error:
            bad.append(IngestResult(REJECTED, file.name, str(error)))
            continue
        frames += taken
        values += sum(frame.values.size for frame in taken)
        if values > MAX_SERIES_VALUES:
            read.results = [IngestResult(REJECTED, read.label, "the series is too large to be one MR stack")]
            return read
    read.results = bad
    if not frames:
        return read
    if bad:
        many = f"{len(bad)} of its {len(files)} files cannot be read, the first is {bad[0].file}"
        read.results.append(IngestResult(REJECTED, read.label, f"the series is left out whole: {many}"))
        return read
    try:
        read.prepared = _prepare(frames, pool, read.codes)
    except (stack.StackError, stored_series.SeriesError) as error:
        read.results.append(IngestResult(REJECTED, read.label, str(error)))
    return read


def _prepare(frames: list[Frame], pool: ThreadPoolExecutor, codes: list[str]) -> stored_series.Prepared:
    captures = any(str(f.header.SOPClassUID) in dicom_file.SECONDARY_CAPTURE for f in frames)
    ordered = stack.loose(frames) if captures else stack.build(frames)
    if captures:
        codes.append("secondary_capture")
    if any(str(f.header.get("BurnedInAnnotation") or "NO").strip().upper() != "NO" for f in frames):
        codes.append("burned_in")
    if ordered.absent_numbers:
        codes.append("maybe_incomplete")
    return stored_series.prepare(ordered, study_pseudonyms(), pool)


def _store_read(read: _Read, touched: set[int]) -> Iterator[IngestResult]:
    yield from read.results
    if read.prepared is not None:
        with pacs.writing():
            result = _store(read.label, read.prepared, read.codes, touched)
        yield result


def _store(label: str, prepared: stored_series.Prepared, codes: list[str], touched: set[int]) -> IngestResult:
    """Write files and rows, or recognise that they are there. One writer at a time."""
    series = prepared.series
    patient = Patient.objects.filter(pseudonym=series.patient_pseudonym).first()
    match = matching.Match(None)
    if patient is None:
        codes = ["unknown_patient", *codes]
    else:
        match = matching.find_exam(patient, series, prepared.instances[0].metadata)
        if match.exam is None:
            codes = ["no_exam", *codes]
        if match.date_differs:
            codes = ["exam_date_differs", *codes]
    known = Series.objects.filter(series_uid=series.series_uid).first()

    def result(outcome: str, reason: str) -> IngestResult:
        return IngestResult(
            outcome, label, reason, series.series_uid, series.patient_pseudonym, series.slices
        )

    if known is not None and known.content_hash != series.content_hash:
        obstacle = _obstacle_to_replacing(known, prepared)
        if obstacle:
            return result(REJECTED, obstacle)
    elif known is not None:
        if known.state == Series.State.ACCEPTED:
            return result(UNCHANGED, "stored already, identical")
        if codes:
            _hold(known, codes)
            return result(QUARANTINED, quarantine.describe(codes))
        quarantine.release(series=known, by=None)
        return result(ACCEPTED, "released from quarantine")
    elsewhere = Instance.objects.filter(sop_uid__in=[i.sop_uid for i in prepared.instances])
    if elsewhere.exclude(series=known).exists():
        return result(REJECTED, "images of it are stored already as part of another series")
    _hold(series, codes, save=False)
    with pacs.staged(prepared.files, series.path), transaction.atomic():
        if known is not None:
            _remove(known)
        if not codes and patient is not None and match.exam is not None:
            matching.attach(series, patient, match.exam, prepared.instances[0].metadata)
            touched.add(patient.pk)
        series.save()
        for instance in prepared.instances:
            instance.series = series
        Instance.objects.bulk_create(prepared.instances)
    if codes:
        return result(QUARANTINED, quarantine.describe(codes))
    return result(ACCEPTED, stored_series.summary(series))


def _obstacle_to_replacing(known: Series, prepared: stored_series.Prepared) -> str | None:
    """Why a stored series stays as it is; None when the delivery only completes it."""
    stored = set(known.instances.values_list("sop_uid", flat=True))
    delivered = {instance.sop_uid for instance in prepared.instances}
    if not stored < delivered:
        return (
            f"this series is stored already with {known.slices} other images; the stored ones stay. "
            "Deliver a series in one piece"
        )
    if known.state == Series.State.ACCEPTED and _in_use(known):
        return "this series is being read already; the slices that it lacked are left out"
    return None


def _in_use(series: Series) -> bool:
    """Whether anything but the rule's choice of scans refers to the series: readings, a lead's choice."""
    pairs = ScanPair.objects.filter(Q(baseline=series) | Q(follow_up=series))
    if pairs.filter(chosen_by__isnull=False).exists():
        return True
    for relation in Series._meta.related_objects:
        if relation.related_model in (Instance, ScanPair):
            continue
        if relation.related_model._default_manager.filter(**{relation.field.name: series}).exists():
            return True
    return False


def _remove(known: Series) -> None:
    """Make room for the complete series; flow.refresh chooses the pair anew."""
    ScanPair.objects.filter(Q(baseline=known) | Q(follow_up=known)).delete()
    known.delete()


def _hold(series: Series, codes: list[str], *, save: bool = True) -> None:
    series.state = Series.State.QUARANTINED
    series.quarantine_codes, series.quarantine_reason = codes, quarantine.describe(codes)
    if save:
        series.save(update_fields=["quarantine_codes", "quarantine_reason"])
