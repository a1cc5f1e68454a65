"""Accounts: one role each, so that nobody both reads and sees results."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models


class Role(models.TextChoices):
    OBSERVER = "observer", "Observer"
    ADJUDICATOR = "adjudicator", "Adjudicator"
    LEAD = "lead", "Study lead"


class User(AbstractUser):
    """A person of the study. A blank role (an operator with ``is_staff``) sees no study data."""

    role = models.CharField(max_length=16, choices=Role.choices, blank=True)

    @property
    def is_observer(self) -> bool:
        return self.role == Role.OBSERVER

    @property
    def is_adjudicator(self) -> bool:
        return self.role == Role.ADJUDICATOR

    @property
    def is_lead(self) -> bool:
        return self.role == Role.LEAD
