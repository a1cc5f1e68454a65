"""What waits for a person: a bell in the app and a daily e-mail, made of what their own pages show.

A reader's notice is counted from their worklist, which blinding has decided already, so it can tell them
nothing new; the e-mail leaves at a fixed hour, so its time tells nothing either.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.core.mail import send_mail
from django.db import IntegrityError, transaction
from django.utils import timezone

from annotation import lead_queries, lead_review, queries
from annotation.models import Digest
from config.accounts.models import User

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Notice:
    key: str
    count: int
    text: str
    #: A page of the front end.
    link: str


def of(user: User) -> list[Notice]:
    """What waits for this person now; nothing for somebody without a part in the study."""
    if not user.is_active:
        return []
    found = _of_the_lead() if user.is_lead else _of_a_reader(user)
    return [notice for notice in found if notice.count]


def _of_a_reader(user: User) -> list[Notice]:
    page = queries.worklist(user)
    unread = page["progress"]["total"] - page["progress"]["signed"]
    mine = sum(session["status"] != "waiting_for_other" for session in page["consensus"])
    locked = Notice(
        "qualification", int(bool(page["locked"])), "Qualification before your first case", "/training"
    )
    return [
        locked,
        Notice("reads", unread, f"{_cases(unread)} to read", "/"),
        Notice("consensus", mine, f"{_cases(mine)} for consensus", "/"),
    ]


def _of_the_lead() -> list[Notice]:
    progress = lead_queries.progress()
    reviews = len(lead_review.open_reviews())
    consensus, disputes = progress["consensus_open"], progress["adjudication_open"]
    return [
        Notice("reviews", reviews, f"{_cases(reviews)} for your decision", "/progress"),
        Notice("consensus_open", consensus, f"{_cases(consensus)} in consensus", "/progress"),
        Notice("adjudication_open", disputes, f"{_cases(disputes)} with the neurosurgeon", "/progress"),
    ]


def _cases(count: int) -> str:
    return f"{count} case waits" if count == 1 else f"{count} cases wait"


def send_digests(*, day: date | None = None) -> int:
    """Write to everybody with an address for whom something waits; once a day each. Returns how many."""
    if not settings.EMAIL_HOST:
        return 0
    day = day or timezone.localdate()
    sent = 0
    for user in User.objects.filter(is_active=True).exclude(role="").exclude(email="").order_by("pk"):
        waiting = of(user)
        if waiting and _claim(user, day):
            sent += _send(user, waiting, day)
    return sent


def _claim(user: User, day: date) -> bool:
    """Whether today's message to this person is ours to send: two senders at once send one."""
    try:
        with transaction.atomic():
            Digest.objects.create(user=user, day=day, sent_at=timezone.now())
    except IntegrityError:
        return False
    return True


def _send(user: User, waiting: list[Notice], day: date) -> int:
    lines = [f"- {notice.text}" for notice in waiting]
    text = "\n".join(["What waits for you in Odontoid:", "", *lines, "", settings.SITE_URL, "", _FOOT])
    try:
        send_mail("Odontoid: work waits for you", text, None, [user.email])
    except OSError:  # of the mail server; tomorrow's message, or a second try today, says the same
        logger.exception("The digest to user %s could not be sent", user.pk)
        Digest.objects.filter(user=user, day=day).delete()
        return 0
    return 1


_FOOT = "Sent once a day while something waits. Research use only, not a medical device."
