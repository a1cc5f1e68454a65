"""Phantom cases with known truth, and what readers scored on them.

Tables of their own, tied to no patient, case or reading of the study: nothing that counts those can meet
a phantom.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from cohort.models import Instance, Series


class QualificationCase(models.Model):
    """One phantom neck with two scans. Seed and number determine it; its scans are drawn by a worker."""

    class Purpose(models.TextChoices):
        #: Read as often as one likes, scored for oneself.
        TRAINING = "training", "Training"
        #: Read once by each reader, within an attempt.
        QUALIFICATION = "qualification", "Qualification"

    purpose = models.CharField(max_length=13, choices=Purpose.choices)
    seed = models.PositiveBigIntegerField()
    number = models.PositiveIntegerField()
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["purpose", "seed", "number"], name="one_phantom_per_number")
        ]


class QualificationScan(models.Model):
    """One of a phantom's two scans: its truth, and where its images are in the store."""

    case = models.ForeignKey(QualificationCase, models.CASCADE, related_name="scans")
    #: As the scans of a study's case are named, see models.Scan.Key.
    key = models.CharField(max_length=10)
    #: Finding → grade, as a perfect reader sees it on these slices.
    truth = models.JSONField()
    study_uid = models.CharField(max_length=64)
    series_uid = models.CharField(max_length=64, unique=True)
    path = models.CharField(max_length=255, unique=True)
    #: In slice order: {"sop_uid", "file", "metadata"}, see cohort.phantom_series.
    instances = models.JSONField()

    class Meta:
        ordering = ["case", "key"]
        constraints = [models.UniqueConstraint(fields=["case", "key"], name="one_phantom_scan_per_key")]

    @property
    def images(self) -> list[Instance]:
        """The slices as the image store knows them; unsaved, and of no exam."""
        series = Series(study_uid=self.study_uid, series_uid=self.series_uid, path=self.path)
        return [Instance(series=series, index=k, **one) for k, one in enumerate(self.instances)]


class QualificationAttempt(models.Model):
    """One reader's test: some cases that this reader has not read before, scored together at the end."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        PASSED = "passed", "Passed"
        FAILED = "failed", "Not passed"

    reader = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="qualification_attempts"
    )
    state = models.CharField(max_length=6, choices=State.choices, default=State.OPEN)
    #: Finding → share of scans to be graded as the truth, as the charter had it at the start.
    marks = models.JSONField()
    rubric_version = models.PositiveIntegerField()
    #: Finding → {"k", "n", "mark", "passed"}; empty while open.
    results = models.JSONField(default=dict)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["reader"], condition=Q(state="open"), name="one_open_attempt_per_reader"
            ),
            models.CheckConstraint(
                condition=Q(state="open", finished_at__isnull=True)
                | (~Q(state="open") & Q(finished_at__isnull=False)),
                name="finished_attempt_has_end",
            ),
        ]

    def scans(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Given and true grades of each scan; an unreadable one has given none."""
        return [
            (read.content.get(scan.key, {}).get("grades", {}), scan.truth)
            for read in self.reads.prefetch_related("case__scans")
            for scan in read.case.scans.all()
        ]


class QualificationRead(models.Model):
    """One reader's scores of one phantom case, under a code of their own. A signed one never changes."""

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        SIGNED = "signed", "Signed"

    reader = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="qualification_reads")
    case = models.ForeignKey(QualificationCase, models.PROTECT, related_name="reads")
    #: Empty: training, which counts for nothing.
    attempt = models.ForeignKey(QualificationAttempt, models.PROTECT, null=True, related_name="reads")
    code = models.CharField(max_length=16, unique=True)
    state = models.CharField(max_length=6, choices=State.choices, default=State.DRAFT)
    # As in models.Reading.
    revision = models.PositiveIntegerField(default=0)
    content = models.JSONField(default=dict)
    measurements = models.JSONField(default=list)
    categories = models.JSONField(default=dict)
    rubric_version = models.PositiveIntegerField()
    active_seconds = models.FloatField(default=0)
    saved_at = models.DateTimeField(null=True)
    signed_at = models.DateTimeField(null=True)
    meaning = models.CharField(max_length=200, blank=True)
    content_hash = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["reader", "case"], condition=Q(state="draft"), name="one_open_read_per_phantom"
            ),
            # A phantom whose truth a reader has seen tests nothing.
            models.UniqueConstraint(
                fields=["reader", "case"],
                condition=Q(attempt__isnull=False),
                name="one_scored_read_per_phantom",
            ),
            models.CheckConstraint(
                condition=Q(state="draft")
                | (Q(signed_at__isnull=False) & ~Q(content_hash="") & ~Q(meaning="")),
                name="signed_phantom_read_has_signature",
            ),
        ]
