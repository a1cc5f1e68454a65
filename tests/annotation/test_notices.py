"""Notices and digests say what waits, and nothing that a reader's own pages do not show."""

from __future__ import annotations

import smtplib
from datetime import date
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command

from annotation import notices, workflow
from annotation.models import Case, Digest
from cohort.models import Patient
from config.accounts.models import User
from tests.annotation.conftest import both, disagree, sign, to_adjudicator, unreadable

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def mail_server(settings: Any) -> None:
    settings.EMAIL_HOST = "mail.example"
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


def told(client: Any) -> dict[str, str]:
    return {row["key"]: row["text"] for row in client.get("/api/notices/").json()}


def test_what_waits(study: Any, readers: dict[str, Any], as_observer_a: Any, as_lead: Any) -> None:
    discrepant, odd, _ = study(3)
    disagree(discrepant, readers)
    sign(odd, readers["observer_b"], {**both(), "baseline": unreadable()})
    assert told(as_observer_a) == {"reads": "2 cases wait to read", "consensus": "1 case waits for consensus"}
    assert told(as_lead) == {
        "reviews": "1 case waits for your decision",
        "consensus_open": "1 case waits in consensus",
    }
    session = discrepant.consensus
    workflow.save_consensus(session=session, by=readers["observer_a"], revision=0, content=both())
    workflow.propose_consensus(session=session, by=readers["observer_a"], revision=1)
    assert "consensus" not in told(as_observer_a), "the other's turn"


def test_an_outsider_is_told_nothing(as_outsider: Any, cast: dict[str, Any]) -> None:
    assert as_outsider.get("/api/notices/").status_code == 404
    assert notices.of(cast["outsider"]) == []


def test_others_acts_change_no_readers_notice(
    study: Any, readers: dict[str, Any], as_observer_a: Any
) -> None:
    cases = study(4)
    before = as_observer_a.get("/api/notices/").content
    for case in cases[:3]:
        sign(case, readers["observer_b"], both("clean", "case"))
    sign(cases[3], readers["observer_b"], {**both(), "baseline": unreadable()})
    assert as_observer_a.get("/api/notices/").content == before


def test_digest_once_a_day(study: Any, readers: dict[str, Any], capsys: Any) -> None:
    study(2)
    User.objects.filter(username="observer_a").update(email="a@example.org")
    call_command("send_digests")
    call_command("send_digests")
    assert "1 digests sent\n0 digests sent" in capsys.readouterr().out
    (message,) = mail.outbox
    assert message.to == ["a@example.org"]
    assert "2 cases wait to read" in message.body
    assert notices.send_digests(day=date(2030, 1, 1)) == 1


def test_digests_hold_no_canary(study: Any, readers: dict[str, Any]) -> None:
    """No patient, place, code, grade, or name of another person; a sham's referral reads as any other."""
    cases = study(6, sham_share=1.0)
    for user in readers.values():
        User.objects.filter(pk=user.pk).update(email=f"{user.pk}@example.org")
    content = both("clean", "case")
    content["baseline"]["comments"] = {"pannus": "CANARY-COMMENT"}
    for case in cases[:2]:
        for name in ("observer_a", "observer_b"):
            sign(case, readers[name], content)
    disagree(cases[2], readers)
    to_adjudicator(cases[3], readers)
    notices.send_digests()
    assert len(mail.outbox) == 4
    secrets = {"CANARY", "case.", "intermediate", "pannus", "sham", "control", "discrepan", "Baseline"}
    secrets |= set(Patient.objects.values_list("pseudonym", flat=True))
    secrets |= {
        code for case in Case.objects.all() for code in case.assignments.values_list("code", flat=True)
    }
    secrets |= {name for name in readers if name != "lead"}
    for message in mail.outbox:
        text = f"{message.subject}\n{message.body}"
        own = {"neurosurgeon"} if message.to == [f"{readers['lead'].pk}@example.org"] else set()
        assert [secret for secret in secrets - own if secret in text] == []
    bodies = {message.to[0]: message.body for message in mail.outbox}
    surgeon = bodies[f"{readers['neurosurgeon'].pk}@example.org"]
    assert "3 cases wait to read" in surgeon, "two shams and one dispute, together"


def test_a_failing_mail_server_loses_nothing(
    study: Any, readers: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    study(1)
    User.objects.filter(username="observer_a").update(email="a@example.org")

    def fail(*args: Any, **kwargs: Any) -> None:
        raise smtplib.SMTPServerDisconnected("gone")

    with monkeypatch.context() as patch:
        patch.setattr(notices, "send_mail", fail)
        assert notices.send_digests() == 0
    assert not Digest.objects.exists()
    assert notices.send_digests() == 1


def test_without_a_mail_server(settings: Any) -> None:
    settings.EMAIL_HOST = ""
    assert notices.send_digests() == 0
    with pytest.raises(CommandError, match="ODONTOID_EMAIL_HOST"):
        call_command("send_digests")
