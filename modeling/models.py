"""What the network learned: frozen label sets and the runs on them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q


class LabelSet(models.Model):
    """A frozen manifest of final labels. Runs read its file and the image store, never live rows."""

    #: sha256 of the manifest's canonical JSON.
    hash = models.CharField(max_length=64, unique=True)
    #: File under LABEL_SETS_DIR.
    path = models.CharField(max_length=255)
    name = models.CharField(max_length=120, blank=True)
    charter_version = models.PositiveIntegerField()
    patients = models.PositiveIntegerField()
    positives = models.PositiveIntegerField()
    frozen_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    frozen_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]


class Job(models.Model):
    """Work for a trainer. The row is the truth; the queue only carries the run's id.

    Whoever works on it holds its ``fence``; each write says ``WHERE fence = mine``, so a worker
    that lost its lease can no longer report or publish.
    """

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    state = models.CharField(max_length=12, choices=State.choices, default=State.QUEUED)
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    #: The trainer's newest progress line, and the device it chose.
    progress = models.JSONField(default=dict)
    device = models.CharField(max_length=80, blank=True)
    error = models.TextField(blank=True)
    #: Directory under RUNS_DIR, set when it succeeded.
    path = models.CharField(max_length=255, blank=True)
    #: When it last went to the queue; the reconciler sends it again if nobody claims it.
    sent_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True


class Run(Job):
    """One training and evaluation.

    A cross-validated run has a :class:`RunPart` for every fold of every repeat. While they are worked
    on the run is *running* without a lease; when all have succeeded it is *queued* again, and whoever
    claims it then joins their scores and publishes.
    """

    label_set = models.ForeignKey(LabelSet, models.PROTECT, related_name="runs")
    profile = models.CharField(max_length=16)
    #: The whole recipe, not only what was overridden.
    recipe = models.JSONField()
    seed = models.BigIntegerField()
    cancel_requested = models.BooleanField(default=False)
    #: result.json as the trainer wrote it.
    result = models.JSONField(null=True)
    code_version = models.CharField(max_length=64, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="succeeded") | (Q(result__isnull=False) & ~Q(path="")),
                name="succeeded_run_is_published",
            )
        ]


class RunPart(Job):
    """One fold of a cross-validated run: a job of its own, on whatever machine is free."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="parts")
    repeat = models.PositiveSmallIntegerField()
    fold = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["run", "repeat", "fold"]
        constraints = [models.UniqueConstraint(fields=["run", "repeat", "fold"], name="one_part_per_fold")]

    @property
    def key(self) -> str:
        """Its name in files and for the trainer, ``r0-f1``."""
        return f"r{self.repeat}-f{self.fold}"


class TrustJob(Job):
    """The making of a published run's trust report after the fact; the report itself is ``trust.json``."""

    run = models.OneToOneField(Run, models.CASCADE, related_name="trust_job")


class Prediction(models.Model):
    """One patient's score in one run; every figure of the run comes from these."""

    class Split(models.TextChoices):
        TRAIN = "train", "Training"
        TEST = "test", "Test"

    run = models.ForeignKey(Run, models.CASCADE, related_name="predictions")
    #: Patient.pseudonym; not a foreign key, since a run outlives no manifest and reads no live rows.
    patient = models.CharField(max_length=20)
    split = models.CharField(max_length=5, choices=Split.choices)
    outcome = models.PositiveSmallIntegerField()
    logit = models.FloatField()
    #: Predicted probability, in [0, 1].
    score = models.FloatField()
    #: Called positive from here on; in cross-validation each fold has its own.
    threshold = models.FloatField()
    #: File under the run's directory; test patients only.
    saliency = models.CharField(max_length=120, blank=True)

    class Meta:
        ordering = ["run", "patient"]
        constraints = [
            models.UniqueConstraint(fields=["run", "patient", "split"], name="one_score_per_patient")
        ]

    @property
    def predicted(self) -> int:
        return int(self.score >= self.threshold)

    @property
    def cell(self) -> str:
        """Its cell of the confusion matrix: TP, FP, TN or FN."""
        return ("T" if self.predicted == self.outcome else "F") + ("P" if self.predicted else "N")
