"""``manage.py open_reading``: give every eligible patient to the observers."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation.workflow import open_reading
from config.accounts.models import Role, User
from config.exceptions import RuleViolation


class Command(BaseCommand):
    help = "Open all eligible patients that are not open yet; freezes the charter the first time."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--by", help="user name of the study lead", default="")

    def handle(self, *args: Any, by: str, **options: Any) -> None:
        lead = User.objects.filter(username=by, role=Role.LEAD).first() if by else None
        if by and lead is None:
            raise CommandError(f"--by {by}: no study lead of that name")
        try:
            new = open_reading(by=lead)
        except RuleViolation as refusal:
            raise CommandError(refusal.message) from refusal
        cases = len({assignment.case_id for assignment in new})
        self.stdout.write(f"{cases} new cases, {len(new)} new assignments")
