"""Images on their way in: who may send them, uploads from browsers, pulls from archives.

Nothing here identifies a person; what does lies in the incoming area until the transfer has ended.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.crypto import get_random_string


class MachineToken(models.Model):
    """The right of one machine to send images by STOW-RS, and to do nothing else.

    Only the hash of the secret is kept. It is of 256 random bits, so a slow hash would add nothing.
    """

    name = models.CharField(max_length=64, unique=True)
    #: SHA-256 of the secret, hexadecimal.
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.name


class Claimed(models.Model):
    """Work that one worker at a time holds: it writes only while the fence is the one that it took."""

    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)

    class Meta:
        abstract = True


def _code() -> str:
    return get_random_string(16, "0123456789abcdef")


class Upload(Claimed):
    """Files that a lead's browser sends, in as many requests and after as many breaks as it takes."""

    class State(models.TextChoices):
        OPEN = "open", "Receiving files"
        QUEUED = "queued", "Waiting to be read"
        RUNNING = "running", "Being read"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    code = models.CharField(max_length=16, unique=True, default=_code)
    created_by: Any = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    #: Results so far, while the files are read.
    done = models.PositiveIntegerField(default=0)
    summary = models.JSONField(default=dict)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["-pk"]


class Pull(models.Model):
    """A list of patients whose images are asked for from one archive."""

    node = models.CharField(max_length=64)
    created_by: Any = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    cancel_requested = models.BooleanField(default=False)

    class Meta:
        ordering = ["-pk"]


class PullItem(Claimed):
    """One line of the list. The hospital's ids stand only in the list's file, deleted at the end."""

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        RUNNING = "running", "Being pulled"
        DONE = "done", "Complete"
        INCOMPLETE = "incomplete", "Found, but incomplete"
        MISSING = "missing", "Not found"
        FAILED = "failed", "Failed"
        REFUSED = "refused", "Not asked for"
        CANCELLED = "cancelled", "Cancelled"

    pull = models.ForeignKey(Pull, models.CASCADE, related_name="items")
    #: In the list as it was given, the header being line 1.
    line = models.PositiveIntegerField()
    patient_pseudonym = models.CharField(max_length=20)
    #: Of the accession number; empty when all of the patient's studies are asked for.
    exam_pseudonym = models.CharField(max_length=20, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    next_try_at = models.DateTimeField(null=True)
    studies = models.PositiveIntegerField(default=0)
    instances_expected = models.PositiveIntegerField(default=0)
    instances_arrived = models.PositiveIntegerField(default=0)
    #: Series by outcome, as ImportBatch.summary.
    summary = models.JSONField(default=dict)
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ["line"]
        constraints = [models.UniqueConstraint(fields=["pull", "line"], name="one_item_per_line")]
        indexes = [models.Index(fields=["state", "lease_until"])]
