"""``manage.py make_qualification``: phantom cases with known truth, drawn here and now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation import qualification
from annotation.models import QualificationCase
from config.exceptions import RuleViolation


class Command(BaseCommand):
    help = "Make phantom cases for readers to train on, or to qualify by."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--count", type=int, required=True, help="how many cases")
        parser.add_argument("--seed", type=int, default=0, help="the same seed goes on where it stopped")
        parser.add_argument("--training", action="store_true", help="to be repeated, scored for oneself")

    def handle(self, *args: Any, count: int, seed: int, training: bool, **options: Any) -> None:
        purpose = QualificationCase.Purpose.TRAINING if training else QualificationCase.Purpose.QUALIFICATION
        try:
            made = qualification.make_cases(purpose=purpose, count=count, seed=seed, by=None)
        except RuleViolation as refusal:
            raise CommandError(refusal.message) from refusal
        drawn = qualification.draw_waiting()
        self.stdout.write(f"{len(made)} {purpose.label.lower()} cases made, {drawn} drawn")
