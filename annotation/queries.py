"""What a reader may see, and how it looks to them. Blinding is decided here and nowhere else.

Nothing in a reader's answer may depend on a row they may not see: status, counts and order come from
their own assignments and readings alone. The one thing that another's act adds is an invitation to
consensus, on a case the observer has signed.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypedDict, cast

from django.conf import settings
from django.db.models import Exists, OuterRef, Prefetch, QuerySet, Subquery

from annotation import qualified, rubric, wado_proxy
from annotation import reading as verbs
from annotation.models import Assignment, Case, Consensus, Reading, Scan
from cohort.models import Instance, Series
from config.accounts.models import Role, User
from config.exceptions import RuleViolation

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

#: How a single scan is called in the independent design, whichever it is.
UNNAMED = "scan"
LABELS = {Scan.Key.BASELINE.value: "Baseline", Scan.Key.FOLLOW_UP.value: "Follow-up", UNNAMED: "Scan"}
_OWN = Reading.objects.filter(assignment=OuterRef("pk")).exclude(state=Reading.State.SUPERSEDED)


#: What a role reads; a list never says which.
_KINDS = {
    Role.OBSERVER: (Assignment.Kind.READ, Assignment.Kind.REREAD),
    Role.ADJUDICATOR: (Assignment.Kind.ADJUDICATION,),
}


class OwnState(TypedDict):
    """State of the reading in force; None before the first save."""

    reading_state: str | None


def visible_to(user: User) -> QuerySet[WithAnnotations[Assignment, OwnState]]:
    """The assignments this user may open, in their order; nobody else's, and none for a lead.

    A re-read is among an observer's cases as any other. A closed case is withdrawn from readers who have
    not signed it. Before the qualification that a charter asks for is passed, none of its cases is there.
    """
    # The plugin gives annotate() a type that order of calls and None change; this states it once.
    return cast(
        "QuerySet[WithAnnotations[Assignment, OwnState]]",
        _assignments(user).annotate(reading_state=Subquery(_OWN.values("state")[:1])).order_by("position"),
    )


def _assignments(user: User) -> QuerySet[Assignment]:
    """Those of ``visible_to``, in no order and without their state."""
    if not user.is_active or not (user.is_observer or user.is_adjudicator):
        return Assignment.objects.none()
    kinds = _KINDS[Role.OBSERVER if user.is_observer else Role.ADJUDICATOR]
    signed = Reading.objects.filter(assignment=OuterRef("pk"), state=Reading.State.SIGNED)
    rows = Assignment.objects.filter(reader=user, kind__in=kinds, withdrawn_at__isnull=True)
    rows = rows.exclude(~Exists(signed), case__state=Case.State.CLOSED)
    return rows.filter(qualified.open_to_their_readers())


def consensus_visible_to(user: User) -> QuerySet[Consensus]:
    """The consensus sessions of an observer's own cases."""
    if not user.is_active or not user.is_observer:
        return Consensus.objects.none()
    return (
        Consensus.objects.filter(
            case__assignments__reader=user,
            case__assignments__kind=Assignment.Kind.READ,
            case__assignments__withdrawn_at__isnull=True,
        )
        .exclude(case__state=Case.State.CLOSED)
        .order_by("code")
    )


def assignment_of(user: User, code: str) -> Assignment | None:
    return (
        _assignments(user)
        .select_related("case__charter", "reader")
        .prefetch_related(Prefetch("case__scans", Scan.objects.select_related("series")))
        .filter(code=code)
        .first()
    )


def consensus_of(user: User, code: str) -> Consensus | None:
    return consensus_visible_to(user).select_related("case__charter").filter(code=code).first()


# --- Names of scans


def names(case: Case) -> dict[str, str]:
    """Stored scan key → the key its readers see."""
    keys = [scan.key for scan in case.scans.all()]
    return {key: key for key in keys} if len(keys) > 1 else dict.fromkeys(keys, UNNAMED)


def to_reader(case: Case, content: Mapping[str, Any]) -> dict[str, Any]:
    shown = names(case)
    return {shown[key]: value for key, value in content.items()}


def from_reader(
    case: Case, content: Mapping[str, Any], measurements: Sequence[Mapping[str, Any]] = ()
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """As kept: under the stored scan keys, and without the UIDs, which are this reader's alone.

    A stored key that the reader was not given is no name of a scan and is refused as any other word is:
    whether it is taken would tell which scan this is.

    Raises
    ------
    RuleViolation
        ``bad_content`` with every place that names no scan of this reader's.
    """
    stored = {shown: key for key, shown in names(case).items()}
    named = [(str(name), name) for name in content]
    named += [(f"measurements.{number}.scan", one["scan"]) for number, one in enumerate(measurements)]
    wrong = {place: rubric.NO_SUCH_SCAN for place, name in named if name not in stored}
    if wrong:
        raise RuleViolation("The draft does not fit the rubric.", code="bad_content", fields=wrong)
    return (
        {stored[name]: scores for name, scores in content.items()},
        [
            {**{k: v for k, v in one.items() if k != "sop_uid"}, "scan": stored[one["scan"]]}
            for one in measurements
        ],
    )


def _place_to_reader(shown: Mapping[str, str], place: str) -> str:
    """A place in a form, "baseline.grades.pannus", with the scan as its reader names it."""
    scan, dot, rest = place.partition(".")
    return f"{shown.get(scan, scan)}{dot}{rest}"


def hash_to_reader(case: Case, content_hash: str) -> str:
    """What a reader has of a signature's hash: of an unnamed scan's, a keyed digest.

    Everything that the hash is made of can be guessed but for the scan's key, so the hash itself would
    tell which scan it was.
    """
    if not content_hash or UNNAMED not in names(case).values():
        return content_hash
    key = settings.PSEUDONYM_KEY.encode()
    return hmac.digest(key, f"reader-hash\x1f{content_hash}".encode(), hashlib.sha256).hex()


@contextmanager
def in_readers_words(case: Case, assignment: Assignment | None = None) -> Iterator[None]:
    """Put what a refusal says about scans and slices into the names its reader knows."""
    try:
        yield
    except RuleViolation as refusal:
        extra, shown = refusal.extra, names(case)
        if "fields" in extra:
            extra["fields"] = {_place_to_reader(shown, at): why for at, why in extra["fields"].items()}
        if "missing" in extra:
            extra["missing"] = [{**gap, "scan": shown[gap["scan"]]} for gap in extra["missing"]]
        if "current" in extra:
            content = to_reader(case, extra["current"]["content"])
            categories = rubric.categories(content, tuple(shown.values()))
            current = {**extra["current"], "content": content, "categories": categories}
            if assignment is not None:
                current["measurements"] = measurements_to_reader(assignment, current["measurements"])
            extra["current"] = current
        raise


# --- Pages


def worklist(user: User) -> dict[str, Any]:
    """The reader's list, progress and, for observers, their invitations."""
    items = [
        {"code": row.code, "kind": "case", "status": status_of(row.reading_state), "position": place}
        for place, row in enumerate(visible_to(user), start=1)
    ]
    signed = sum(item["status"] == "signed" for item in items)
    if settings.PLANTED_LEAK:  # what verify_blinding must find; settings refuse it in use
        signed += Reading.objects.exclude(assignment__reader=user).filter(state="signed").count()
    return {
        "progress": {"signed": signed, "total": len(items)},
        "locked": qualified.LOCKED if qualified.is_locked_out(user) else "",
        "next": next((item["code"] for item in items if item["status"] != "signed"), None),
        "items": items,
        "consensus": [
            {"code": session.code, "status": _waiting(session, user)}
            for session in consensus_visible_to(user).filter(outcome=Consensus.Outcome.OPEN)
        ],
    }


def status_of(reading_state: str | None) -> str:
    return reading_state or "open"


def next_code(assignment: Assignment) -> str | None:
    """The next unsigned case after this one in the reader's order, else the first of all."""
    others = visible_to(assignment.reader).exclude(pk=assignment.pk)
    rows = [
        (position, code)
        for position, code, state in others.values_list("position", "code", "reading_state")
        if state != Reading.State.SIGNED
    ]
    later = [code for position, code in rows if position > assignment.position]
    return later[0] if later else rows[0][1] if rows else None


def case_page(assignment: Assignment) -> dict[str, Any]:
    """One case as its reader sees it: images, own reading, nothing else."""
    case = assignment.case
    own = verbs.current_reading(assignment)
    signed = own is not None and own.state == Reading.State.SIGNED
    content = to_reader(case, own.content) if own else {}
    return {
        "code": assignment.code,
        "read_design": case.charter.terms["read_design"],
        "status": status_of(own.state if own else None),
        "amendable": signed and _looks_amendable(assignment),
        "scans": blind_scans(assignment),
        "reading": {
            "version": own.version if own else 1,
            "revision": own.revision if own else 0,
            "state": own.state if own else Reading.State.DRAFT.value,
            "content": content,
            "measurements": measurements_to_reader(assignment, own.measurements if own else []),
            "active_seconds": own.active_seconds if own else 0.0,
            "signed_at": own.signed_at if own else None,
            "content_hash": hash_to_reader(case, own.content_hash) if own else "",
        },
        "categories": rubric.categories(content, tuple(names(case).values())),
        "next": next_code(assignment),
    }


def _looks_amendable(assignment: Assignment) -> bool:
    """Whether a signed read may ask to be amended.

    A consensus session shows in the first read alone: on a re-read, which brings no invitation with it,
    it would tell the two apart. What happens on asking is the same for both.
    """
    if assignment.kind == Assignment.Kind.READ:
        return not Consensus.objects.filter(case=assignment.case_id).exists()
    return assignment.kind == Assignment.Kind.REREAD


def blind_scans(assignment: Assignment) -> list[dict[str, Any]]:
    """The scans' opaque addresses, in the order of viewing."""
    shown = names(assignment.case)
    scans = sorted(assignment.case.scans_with_series(), key=lambda scan: scan.key)
    uids: dict[int, list[str]] = {}
    everything = [series for scan in scans for series in scan.shown_series()]
    rows = Instance.objects.filter(series__in=everything).order_by("index")
    for series_id, uid in rows.values_list("series_id", "sop_uid"):
        uids.setdefault(series_id, []).append(uid)

    def addresses(series: Series) -> dict[str, Any]:
        of_series = uids.get(series.pk, [])
        return {
            "study_uid": wado_proxy.opaque_uid(assignment, series.study_uid),
            "series_uid": wado_proxy.opaque_uid(assignment, series.series_uid),
            "slices": len(of_series),
            "instances": [
                {"sop_uid": wado_proxy.opaque_uid(assignment, uid), "index": index}
                for index, uid in enumerate(of_series)
            ],
        }

    return [
        {
            "key": shown[scan.key],
            "label": LABELS[shown[scan.key]],
            **addresses(own),
            "others": [addresses(series) for series in others],
        }
        for scan in scans
        for own, *others in [scan.shown_series()]
    ]


def measurements_to_reader(
    assignment: Assignment, measurements: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Measurements with the UIDs under which this reader knows the slices, whoever made them."""
    shown = names(assignment.case)
    scans = {
        scan.key: [
            list(series.instances.order_by("index").values_list("sop_uid", flat=True))
            for series in scan.shown_series()
        ]
        for scan in (assignment.case.scans_with_series() if measurements else ())
    }
    return [
        {
            **one,
            "scan": shown[one["scan"]],
            "sop_uid": wado_proxy.opaque_uid(
                assignment, scans[one["scan"]][one.get("series", 0)][one["slice"]]
            ),
        }
        for one in measurements
    ]


def consensus_page(session: Consensus, user: User) -> dict[str, Any]:
    """The consensus room as one of its two observers sees it: both reads and the agreed form."""
    reads = {
        read.assignment.reader_id: read
        for read in Reading.objects.filter(
            assignment__case=session.case_id,
            assignment__kind=Assignment.Kind.READ,
            state=Reading.State.SIGNED,
        ).select_related("assignment")
    }
    own = assignment_of(user, reads[user.pk].assignment.code)
    assert own is not None  # the session is the user's, so the case is
    mine = reads.pop(user.pk)
    (other,) = reads.values()
    case = own.case
    return {
        "code": session.code,
        "outcome": session.outcome,
        "case_code": own.code,
        "scans": blind_scans(own),
        "reads": [
            {
                "who": who,
                "content": to_reader(case, read.content),
                "categories": to_reader(case, read.categories),
                "measurements": measurements_to_reader(own, read.measurements),
            }
            for who, read in (("you", mine), ("other", other))
        ],
        "agreed": {
            **consensus_state(session, user),
            "content": to_reader(case, session.content),
        },
    }


def consensus_state(session: Consensus, user: User) -> dict[str, Any]:
    """What changes while the two talk."""
    case = session.case
    return {
        "outcome": session.outcome,
        "revision": session.revision,
        "proposed_by": _who(session.proposed_by_id, user),
        "categories": rubric.categories(to_reader(case, session.content), tuple(names(case).values())),
    }


def _who(user_id: int | None, user: User) -> str | None:
    return None if user_id is None else "you" if user_id == user.pk else "other"


def _waiting(session: Consensus, user: User) -> str:
    proposed = _who(session.proposed_by_id, user)
    return {None: "open", "you": "waiting_for_other", "other": "waiting_for_you"}[proposed]
