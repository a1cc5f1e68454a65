"""Who reads a case and at which place of their list: drawn from the charter's seed and nothing else.

Every draw is HMAC-SHA256(seed, names), so an order is a uniformly random permutation that knows neither
date nor severity, and cases added later fall anywhere in it without moving the others.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import combinations, count

from annotation.charter import Terms
from annotation.models import Assignment, Case, Scan
from cohort.models import Patient
from config.accounts.models import User

READS_PER_CASE = 2
#: Places are 30 bits, plus the half of the list in the independent design: a positive 32-bit integer.
_PLACE_BITS = 30
_PLACES = 1 << _PLACE_BITS
#: How far, in shares of a half, a patient's second scan may fall from the place of the first.
_JITTER = 0.25


def number(seed: int | None, *parts: object) -> int:
    """A uniform 64-bit number that a seed and some names always give."""
    message = "\x1f".join(str(part) for part in parts).encode()
    return int.from_bytes(hmac.digest(str(seed).encode(), message, hashlib.sha256)[:8], "big")


def share(seed: int | None, *parts: object) -> float:
    """A uniform number in [0, 1)."""
    return number(seed, *parts) / 2**64


# --- Who


class Load:
    """How many patients each observer reads: at a site, in all, and together with whom."""

    def __init__(self) -> None:
        self._reads: Counter[tuple[object, ...]] = Counter()

    def add(self, site: str, reader_ids: Collection[int]) -> None:
        for reader_id in reader_ids:
            self._reads[site, reader_id] += 1
            self._reads[reader_id,] += 1
        self._reads["pair", *sorted(reader_ids)] += 1

    def of(self, site: str, reader_ids: Sequence[int]) -> tuple[int, int, int]:
        return (
            sum(self._reads[site, reader_id] for reader_id in reader_ids),
            sum(self._reads[reader_id,] for reader_id in reader_ids),
            self._reads["pair", *sorted(reader_ids)],
        )


def readers_of(patient: Patient, observers: Sequence[User], load: Load, terms: Terms) -> list[User]:
    """The two observers with the fewest patients of this site, then in all; the seed decides ties."""
    pairs = combinations(sorted(observers, key=lambda user: user.pk), READS_PER_CASE)
    chosen = min(
        pairs,
        key=lambda pair: (
            *load.of(patient.site, [user.pk for user in pair]),
            number(terms.plan_seed, "readers", *(user.pk for user in pair), patient.pseudonym),
        ),
    )
    return list(chosen)


# --- Where


def places(case: Case, reader_id: int, kind: str, terms: Terms) -> Iterator[int]:
    """The places of a case in a reader's list, in order of preference (the next if one is taken)."""
    name = case.patient.pseudonym
    scan_keys = [scan.key for scan in case.scans.all()]
    for attempt in count():
        if len(scan_keys) > 1 or kind == Assignment.Kind.ADJUDICATION:
            # An adjudicator's cases come one by one, so theirs need no halves to keep scans apart.
            yield number(terms.plan_seed, kind, reader_id, name, *scan_keys, attempt) % _PLACES
        else:
            # One of a patient's two scans is read in each half of the list, at about the same place:
            # far apart, and which of them comes first is a coin.
            first = share(terms.plan_seed, kind, reader_id, name, "place", attempt)
            coin = number(terms.plan_seed, kind, reader_id, name, "coin") % 2
            second_half = coin == (scan_keys[0] == Scan.Key.BASELINE)
            if second_half:
                jitter = share(terms.plan_seed, kind, reader_id, name, "jitter") * 2 - 1
                first = abs(first + _JITTER * jitter)
                first = 2 - first if first >= 1 else first
            yield second_half * _PLACES + min(int(first * _PLACES), _PLACES - 1)


def rereads(rows: Sequence[Assignment], taken: Collection[int], terms: Terms) -> list[tuple[Assignment, int]]:
    """Which of one reader's new reads come back, and at which place of the list.

    Parameters
    ----------
    rows
        The reads that one opening gave this reader, with case, patient and scans.
    taken
        Places of this reader's list that are not free.

    Returns
    -------
    list of (read, place)
        ``reread_share`` of the reads, or as many as can return with ``washout_reads`` others in between
        (and, in the independent design, ``min_gap_reads`` to the patient's other scan).
    """
    order = sorted(rows, key=lambda row: row.position)
    wanted = round(terms.reread_share * len(order))
    found: list[tuple[Assignment, int]] = []
    busy = set(taken)
    for row in sorted(rows, key=lambda row: _draw(row, terms, "reread")):
        slots = _slots(order, row, terms)
        if len(found) == wanted:
            break
        if slots:
            place = _between(order, row, slots, busy, terms)
            busy.add(place)
            found.append((row, place))
    return found


def _slots(order: Sequence[Assignment], row: Assignment, terms: Terms) -> list[int]:
    """After which reads of the list this one may return, by rank."""
    here = order.index(row)
    siblings = [
        rank
        for rank, other in enumerate(order)
        if other is not row and other.case.patient_id == row.case.patient_id
    ]
    return [
        slot
        for slot in range(here + terms.washout_reads, len(order))
        if all((slot - k if k <= slot else k - slot - 1) >= terms.min_gap_reads for k in siblings)
    ]


def _between(
    order: Sequence[Assignment], row: Assignment, slots: Sequence[int], busy: Collection[int], terms: Terms
) -> int:
    end = _PLACES * (1 if len(row.case.scans.all()) > 1 else 2)
    for attempt in count():
        slot = slots[_draw(row, terms, "slot", attempt) % len(slots)]
        low = order[slot].position
        room = (order[slot + 1].position if slot + 1 < len(order) else end) - low - 1
        if room > 0:
            place = low + 1 + _draw(row, terms, "return", attempt) % room
            if place not in busy:
                return place
    raise AssertionError("count() does not end")


def _draw(row: Assignment, terms: Terms, *what: object) -> int:
    keys = [scan.key for scan in row.case.scans.all()]
    return number(terms.plan_seed, *what, row.reader_id, row.case.patient.pseudonym, *keys)
