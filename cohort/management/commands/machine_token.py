"""``manage.py machine_token create|revoke NAME``, ``machine_token list``"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cohort import machine_tokens
from cohort.models import MachineToken
from config.exceptions import RuleViolation


class Command(BaseCommand):
    help = "Tokens by which machines may send images by STOW-RS: create NAME, revoke NAME, list."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["create", "revoke", "list"])
        parser.add_argument("name", nargs="?", default="")

    def handle(self, *args: Any, action: str, name: str, **options: Any) -> None:
        try:
            if action == "create":
                self.stdout.write(machine_tokens.create(name=name))
                self.stderr.write("It is shown this once. Send it as: Authorization: Bearer TOKEN")
            elif action == "revoke":
                machine_tokens.revoke(name=name)
                self.stdout.write(f"{name} may send no longer.")
            else:
                for token in MachineToken.objects.all():
                    used = f"last used {token.last_used_at:%Y-%m-%d}" if token.last_used_at else "never used"
                    self.stdout.write(f"{token.name}\t{'revoked' if token.revoked_at else 'valid'}\t{used}")
        except RuleViolation as error:
            raise CommandError(error.message) from error
