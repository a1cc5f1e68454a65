"""The proof of blinding: replay every GET of an observer while the others act; the bytes must not change.

So must those of drafts that are refused: what a refusal says may depend on nobody else either.

The one thing another's act may add is an invitation to consensus, on a case that the observer has signed
and that the other read differently. It is declared here, counted, and nothing else is let through.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from annotation import queries, reading, rubric, workflow
from annotation.models import Assignment, Consensus, Reading
from config.accounts.models import Role, User
from config.exceptions import RuleViolation

#: Made anew for each answer, and of nobody's rows: a CSRF secret, the time of an answer never to be kept.
_PASSING_HEADERS = {"Set-Cookie", "Expires"}
#: The same secret, in the form of the admin's login page.
_CSRF_FIELD = re.compile(rb'name="csrfmiddlewaretoken" value="\w+"')
#: Answers that say how the server is, not what the study holds.
_NOT_THE_STUDY = ("healthz",)

#: Drafts that no state of a case accepts: of a scan that there is none of, and over a revision to come.
_REFUSED_DRAFTS = [
    json.dumps(draft, separators=(",", ":"))
    for draft in (
        {"revision": 0, "content": {"x": {}}, "measurements": [], "active_seconds": 0},
        {"revision": 10**6, "content": {}, "measurements": [], "active_seconds": 0},
    )
]

#: Status, headers in order of their names, body.
Answer = tuple[int, list[tuple[str, str]], bytes]


@dataclass
class Proof:
    """What was compared, and every difference by its address."""

    urls: int = 0
    actions: dict[str, int] = field(default_factory=dict)
    comparisons: int = 0
    bytes_compared: int = 0
    bytes_differing: int = 0
    invitations: int = 0
    differences: dict[str, str] = field(default_factory=dict)

    def summary(self) -> str:
        acts = ", ".join(f"{count} {name}" for name, count in sorted(self.actions.items()))
        return (
            f"{sum(self.actions.values())} actions of others ({acts}); {self.comparisons} answers at"
            f" {self.urls} addresses compared, {self.bytes_compared / 1e6:.1f} MB; {self.invitations}"
            f" invitations to consensus declared; {self.bytes_differing} bytes differ, at"
            f" {len(self.differences)} addresses"
        )


def prove(
    observer: User,
    *,
    actions: int,
    seed: int = 0,
    full_every: int = 100,
    stop_at_difference: bool = False,
) -> Proof:
    """Let the other observers and the adjudicators act at random and compare the observer's every GET.

    The observer's list, notices, four of their cases and two other addresses are compared after each
    action, all addresses every ``full_every`` and at the end.
    The study should hold open, drafted and signed cases of the observer, so that each kind is replayed.
    """
    rng = random.Random(seed)
    client = Client(SERVER_NAME="localhost", raise_request_exception=False)
    client.force_login(observer, backend="django.contrib.auth.backends.ModelBackend")
    own, rest = addresses(observer)
    proof = Proof(urls=len(own) + len(rest))
    before = {url: _answer(client, url) for url in (*own, *rest)}
    signing = _share_of_signing(observer, actions)
    for number in range(1, actions + 1):
        name = _act(observer, rng, signing)
        proof.actions[name] = proof.actions.get(name, 0) + 1
        whole = number % full_every == 0 or number == actions
        # The list and the notices each time, cases in turn by chance: all of them at every whole round.
        cases = own[2:]
        chosen = (*own[:2], *rng.sample(cases, min(4, len(cases))), *rng.sample(rest, min(2, len(rest))))
        if whole:
            chosen = (*own, *rest)
        _compare(client, chosen, before, observer, proof)
        if stop_at_difference and proof.differences:
            break
    proof.invitations = queries.consensus_visible_to(observer).count()
    return proof


def addresses(observer: User) -> tuple[list[str], list[str]]:
    """The observer's own pages; and every other GET address: images, others' cases, the lead's pages.

    Among the others are drafts to be refused, as "PUT address body".
    """
    codes = [row.code for row in queries.visible_to(observer)]
    own = ["/api/reading/worklist/", "/api/notices/", *(f"/api/reading/cases/{code}/" for code in codes)]
    foreign = Assignment.objects.exclude(reader=observer).values_list("code", flat=True)
    rest = [f"/api/reading/cases/{code}/" for code in (*foreign, "0" * 16)]
    rest += [
        f"PUT /api/reading/cases/{code}/draft/ {draft}"
        for code in (*codes, *foreign, "0" * 16)
        for draft in _REFUSED_DRAFTS
    ]
    rest += [f"/api/consensus/{'0' * 16}/", *(url for url in _plain_routes() if url not in own)]
    for code in codes:
        assignment = queries.assignment_of(observer, code)
        assert assignment is not None  # it is the observer's
        for scan in queries.blind_scans(assignment):
            for series in (scan, *scan["others"]):
                study_uid, series_uid = series["study_uid"], series["series_uid"]
                base = f"/api/reading/cases/{code}/wado/studies/{study_uid}/series/{series_uid}"
                rest.append(f"{base}/metadata")
                rest += [f"{base}/instances/{one['sop_uid']}/frames/1" for one in series["instances"]]
    return own, rest


def _plain_routes(resolver: Any = None, prefix: str = "/") -> Iterable[str]:
    """Addresses of all routes without parameters."""
    for entry in (resolver or get_resolver()).url_patterns:
        route = str(entry.pattern)
        if "<" in route or route.startswith(("^", *_NOT_THE_STUDY)):
            continue
        if isinstance(entry, URLResolver):
            yield from _plain_routes(entry, prefix + route)
        elif isinstance(entry, URLPattern):
            yield prefix + route


def _answer(client: Client, url: str) -> Answer:
    if url.startswith("PUT "):
        _, url, draft = url.split(" ", 2)
        response = client.put(url, draft, content_type="application/json")
    else:
        response = client.get(url)
    headers = sorted((k, v) for k, v in response.items() if k not in _PASSING_HEADERS)
    return response.status_code, headers, _CSRF_FIELD.sub(b"", response.getvalue())


def _compare(
    client: Client,
    urls: Iterable[str],
    before: dict[str, Answer],
    observer: User,
    proof: Proof,
) -> None:
    invited = {
        f"/api/reading/cases/{code}/"
        for code in Assignment.objects.filter(
            reader=observer, case__consensus__isnull=False, readings__state=Reading.State.SIGNED
        ).values_list("code", flat=True)
    }
    for url in urls:
        old, new = before[url], _answer(client, url)
        proof.comparisons += 1
        proof.bytes_compared += len(new[2])
        if old == new:
            continue
        differing = _differing_bytes(_undeclared(url, old, invited), _undeclared(url, new, invited))
        if differing:
            where = "status" if old[0] != new[0] else "headers" if old[1] != new[1] else "body"
            proof.bytes_differing += differing
            proof.differences.setdefault(url, f"{where} differs")


def _differing_bytes(old: Answer, new: Answer) -> int:
    """In how many places two answers differ; what one has beyond the other's length counts in full."""
    one, two = (repr(answer[:2]).encode() + answer[2] for answer in (old, new))
    return sum(a != b for a, b in zip(one, two, strict=False)) + abs(len(one) - len(two))


def _undeclared(url: str, answer: Answer, invited: set[str]) -> Answer:
    """An answer without what an invitation to consensus is declared to change."""
    if url not in ("/api/reading/worklist/", "/api/notices/") and url not in invited:
        return answer
    status, headers, body = answer
    page = json.loads(body)
    if url == "/api/notices/":
        page = {"notices": [notice for notice in page if notice["key"] != "consensus"]}
    # The invitation itself; and that a read which has been compared can no longer be amended.
    page.pop("consensus" if url == "/api/reading/worklist/" else "amendable", None)
    return status, [(k, v) for k, v in headers if k != "Content-Length"], json.dumps(page).encode()


# --- What the others do


def _others(observer: User) -> list[User]:
    readers = User.objects.filter(role__in=[Role.OBSERVER, Role.ADJUDICATOR], is_active=True)
    return list(readers.exclude(pk=observer.pk).order_by("pk"))


def _share_of_signing(observer: User, actions: int) -> float:
    """How often to sign, so that there is still something to be done when the last action comes.

    An observer's case takes three signatures or so: the other read, the consensus, the adjudication.
    """
    cases = sum(queries.visible_to(user).count() for user in _others(observer))
    return min(0.4, 3 * cases / max(actions, 1))


def _act(observer: User, rng: random.Random, signing: float) -> str:
    """One random act of another reader; what cannot be done now is an act as well, refused."""
    weights = {_draft: 1 - signing, _sign: signing, _amend: signing / 2, _confer: signing / 2}
    left = [(by, act) for by in _others(observer) for act in weights]
    while left:
        by, act = rng.choices(left, [weights[act] for _, act in left])[0]
        try:
            done = act(by, rng)
        except RuleViolation as refusal:
            return f"refused ({refusal.code})"
        if done:
            return done
        left.remove((by, act))  # this reader has nothing that it could even be tried on
    return "idle"


def _any_assignment(by: User, rng: random.Random, *likely: str | None) -> Assignment | None:
    """One of the reader's cases, mostly in a state where the act can be done."""
    rows = list(queries.visible_to(by))
    fitting = [row.code for row in rows if row.reading_state in likely]
    # Now and then one in another state, which is to be refused.
    codes = [row.code for row in rows] if rng.random() < 0.1 else fitting
    return queries.assignment_of(by, rng.choice(codes)) if codes else None


def _random_content(assignment: Assignment, rng: random.Random) -> dict[str, Any]:
    return {
        key: {
            "grades": {
                finding.key: rng.choices(finding.values, [6, *[1] * (len(finding.values) - 1)])[0]
                for finding in rubric.FINDINGS
            },
            "quality": rng.choice(["adequate", "limited"]),
            "exclusion_observation": rng.choices(["none", "junction_surgery"], [20, 1])[0],
            "comments": {"pannus": f"comment {rng.random()}"},
        }
        for key in reading.scan_keys(assignment.case)
    }


def _draft(by: User, rng: random.Random) -> str | None:
    assignment = _any_assignment(by, rng, None, Reading.State.DRAFT)
    if assignment is None:
        return None
    current = reading.current_reading(assignment)
    content = _random_content(assignment, rng)
    if rng.random() < 0.1:
        content[rng.choice(sorted(content))] = {"grades": {}, "quality": rubric.UNREADABLE}
    workflow.save_draft(
        assignment=assignment, by=by, revision=current.revision if current else 0, content=content
    )
    return "drafts"


def _sign(by: User, rng: random.Random) -> str | None:
    assignment = _any_assignment(by, rng, Reading.State.DRAFT)
    if assignment is None:
        return None
    current = reading.current_reading(assignment)
    workflow.sign_reading(assignment=assignment, by=by, revision=current.revision if current else 0)
    return "signatures"


def _amend(by: User, rng: random.Random) -> str | None:
    assignment = _any_assignment(by, rng, Reading.State.SIGNED)
    if assignment is None:
        return None
    workflow.amend_reading(assignment=assignment, by=by, reason="looked again")
    return "amendments"


def _confer(by: User, rng: random.Random) -> str | None:
    session = (
        queries.consensus_visible_to(by)
        .filter(outcome=Consensus.Outcome.OPEN)
        .select_related("case")
        .prefetch_related("case__scans")
        .order_by("pk")
        .first()
    )
    if session is None:
        return None
    if rng.random() < 0.3:
        workflow.decline_consensus(session=session, by=by)
        return "sessions without consensus"
    assignment = session.case.assignments.get(reader=by, kind=Assignment.Kind.READ, withdrawn_at=None)
    saved = workflow.save_consensus(
        session=session, by=by, revision=session.revision, content=_random_content(assignment, rng)
    )
    workflow.propose_consensus(session=saved, by=by, revision=saved.revision)
    return "proposals"


def prepare(observer: User, *, seed: int = 0) -> None:
    """Give the observer open, drafted and signed cases, a third each, to be replayed."""
    rng = random.Random(f"{seed}/prepare")
    for number, row in enumerate(list(queries.visible_to(observer))):
        assignment = queries.assignment_of(observer, row.code)
        if number % 3 == 0 or assignment is None or row.reading_state is not None:
            continue
        saved = workflow.save_draft(
            assignment=assignment, by=observer, revision=0, content=_random_content(assignment, rng)
        )
        if number % 3 == 1:
            workflow.sign_reading(assignment=assignment, by=observer, revision=saved.revision)
