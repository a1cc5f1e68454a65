"""What readers said, and what became of it.

A case goes awaiting reads → concordant | discrepant → consensus → adjudication → final; the table
is in ``transitions``, the verbs are listed in ``workflow``. A final label is a record of its own,
never a flag on somebody's reading.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotation.qualification_models import (
    QualificationAttempt,
    QualificationCase,
    QualificationRead,
    QualificationScan,
)
from cohort.models import Patient, Series

__all__ = [  # the tables that stand elsewhere; the rest are below
    "QualificationAttempt",
    "QualificationCase",
    "QualificationRead",
    "QualificationScan",
]


class Charter(models.Model):
    """The study's settings, frozen and hashed when reading starts; a change is a new version."""

    version = models.PositiveIntegerField(unique=True)
    #: The settings themselves; keys and defaults in charter.Terms.
    terms = models.JSONField()
    hash = models.CharField(max_length=64)
    reason = models.TextField(blank=True)
    frozen_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    frozen_at = models.DateTimeField()

    class Meta:
        ordering = ["version"]


class Case(models.Model):
    """What one reader scores in one sitting: a patient's two scans (paired) or one (independent)."""

    class State(models.TextChoices):
        AWAITING_READS = "awaiting_reads", "Awaiting reads"
        CONSENSUS = "consensus", "In consensus"
        ADJUDICATION = "adjudication", "With the adjudicator"
        LEAD_REVIEW = "lead_review", "With the lead"
        FINAL = "final", "Final"
        CLOSED = "closed", "Closed without a label"

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="cases")
    charter = models.ForeignKey(Charter, models.PROTECT, related_name="cases")
    state = models.CharField(max_length=16, choices=State.choices, default=State.AWAITING_READS)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def scans_with_series(self) -> list[Scan]:
        """Its scans with all that their readers may look at, for one query more."""
        scans = list(self.scans.all())
        models.prefetch_related_objects(scans, "series", "offered__series")
        return scans


class Scan(models.Model):
    """One of a case's scans. ``key`` is how readers, drafts and labels name it."""

    class Key(models.TextChoices):
        BASELINE = "baseline", "Baseline"
        FOLLOW_UP = "follow_up", "Follow-up"

    case = models.ForeignKey(Case, models.CASCADE, related_name="scans")
    key = models.CharField(max_length=10, choices=Key.choices)
    series = models.ForeignKey(Series, models.PROTECT, related_name="scans")

    class Meta:
        ordering = ["case", "key"]
        constraints = [models.UniqueConstraint(fields=["case", "key"], name="one_scan_per_key")]

    def other_series(self) -> list[Series]:
        return [offer.series for offer in self.offered.all()]

    def shown_series(self) -> list[Series]:
        """What its readers may look at, by number: the scan's own series first."""
        return [self.series, *self.other_series()]


class OfferedSeries(models.Model):
    """Another adequate series of a scan's exam, which its readers may look at beside the scan's own.

    Kept when the case is made: what arrives later changes nothing for who reads later, or again.
    """

    scan = models.ForeignKey(Scan, models.CASCADE, related_name="offered")
    series = models.ForeignKey(Series, models.PROTECT, related_name="offers")
    #: From 1; the scan's own series is number 0. Readings name a series by this number.
    number = models.PositiveSmallIntegerField()

    class Meta:
        verbose_name_plural = "offered series"
        ordering = ["scan", "number"]
        constraints = [models.UniqueConstraint(fields=["scan", "number"], name="one_series_per_number")]


class Assignment(models.Model):
    """One case for one reader, under a code that means nothing to anyone else."""

    class Kind(models.TextChoices):
        READ = "read", "Independent read"
        #: The same case once more after a wash-out, under another code; it never changes a label.
        REREAD = "reread", "Re-read"
        ADJUDICATION = "adjudication", "Adjudication"

    case = models.ForeignKey(Case, models.CASCADE, related_name="assignments")
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="assignments")
    kind = models.CharField(max_length=14, choices=Kind.choices)
    #: Opaque, random, unique over the study; in every URL this reader sees.
    code = models.CharField(max_length=16, unique=True)
    #: Sorts this reader's list; drawn from the charter's seed, so it says nothing but the order.
    position = models.PositiveIntegerField()
    #: A concordant case mixed into the adjudicator's queue; the label is not affected.
    sham = models.BooleanField(default=False)
    #: Which opening of reading, or replacement, drew it; 0 outside these.
    batch = models.PositiveIntegerField(default=0)
    #: Set when somebody else reads the case instead: then it is open to nobody.
    withdrawn_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["reader", "position"]
        constraints = [
            models.UniqueConstraint(fields=["case", "reader", "kind"], name="one_assignment_per_reader"),
            models.UniqueConstraint(fields=["reader", "position"], name="one_case_per_position"),
        ]


class Reading(models.Model):
    """One reader's scores of one case. Signed ones never change; an amendment supersedes."""

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        SIGNED = "signed", "Signed"
        SUPERSEDED = "superseded", "Superseded"

    assignment = models.ForeignKey(Assignment, models.PROTECT, related_name="readings")
    version = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=12, choices=State.choices, default=State.DRAFT)
    #: Counts saves of the draft; a save names the revision it edits, so two tabs cannot overwrite.
    revision = models.PositiveIntegerField(default=0)
    #: {scan key: {"grades": {...}, "comments": {...}, "key_slices": {...}}}, see rubric.
    content = models.JSONField(default=dict)
    #: Annotations in patient space, by scan key; shape in viewer/measurements.ts.
    measurements = models.JSONField(default=list)
    #: {scan key: category} once signed.
    categories = models.JSONField(default=dict)
    rubric_version = models.PositiveIntegerField()
    amendment_reason = models.TextField(blank=True)
    #: Active seconds, idle time removed; monitoring only.
    active_seconds = models.FloatField(default=0)
    saved_at = models.DateTimeField(null=True)

    # The signature (21 CFR 11.50, 11.70): who, when, what it means, and of exactly which content.
    signed_at = models.DateTimeField(null=True)
    meaning = models.CharField(max_length=200, blank=True)
    content_hash = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["assignment", "version"]
        constraints = [
            models.UniqueConstraint(fields=["assignment", "version"], name="one_reading_per_version"),
            models.UniqueConstraint(
                fields=["assignment"], condition=~Q(state="superseded"), name="one_current_reading"
            ),
            models.CheckConstraint(
                condition=Q(state="draft")
                | (Q(signed_at__isnull=False) & ~Q(content_hash="") & ~Q(meaning="")),
                name="signed_reading_has_signature",
            ),
        ]


class Consensus(models.Model):
    """The two observers' joint session on a discrepant case."""

    class Outcome(models.TextChoices):
        OPEN = "open", "Open"
        AGREED = "agreed", "Agreed"
        NOT_AGREED = "not_agreed", "No consensus"

    case = models.OneToOneField(Case, models.CASCADE, related_name="consensus")
    #: Opaque; shared by both observers.
    code = models.CharField(max_length=16, unique=True)
    outcome = models.CharField(max_length=12, choices=Outcome.choices, default=Outcome.OPEN)
    #: The agreed read under discussion, in the shape of Reading.content.
    content = models.JSONField(default=dict)
    revision = models.PositiveIntegerField(default=0)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    proposed_at = models.DateTimeField(null=True)
    #: What each signature says it means; empty where it was given before that was kept.
    proposed_meaning = models.CharField(max_length=200, blank=True)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    closed_at = models.DateTimeField(null=True)
    closed_meaning = models.CharField(max_length=200, blank=True)
    content_hash = models.CharField(max_length=64, blank=True)

    class Meta:
        verbose_name_plural = "consensus sessions"
        constraints = [
            models.CheckConstraint(
                condition=~Q(outcome="agreed")
                | (Q(proposed_by__isnull=False) & ~Q(proposed_by=models.F("closed_by"))),
                name="agreed_by_two_people",
            )
        ]


class ReviewDecision(models.Model):
    """What the lead decided about a case that a reader called unreadable or proposed to exclude.

    What is still open is derived: signed readings with something to decide, newer than the last decision.
    """

    class Action(models.TextChoices):
        EXCLUDE = "exclude", "Exclude the patient"
        REREAD = "reread", "Have it read again"
        DISMISS = "dismiss", "Go on as it is"

    case = models.ForeignKey(Case, models.CASCADE, related_name="review_decisions")
    action = models.CharField(max_length=8, choices=Action.choices)
    reason = models.TextField()
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    decided_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [models.CheckConstraint(condition=~Q(reason=""), name="review_decision_has_reason")]


class FinalLabel(models.Model):
    """What a scan is taken to show, and how that came to be. Never changes."""

    class How(models.TextChoices):
        CONCORDANT = "concordant", "Concordant reads"
        CONSENSUS = "consensus", "Consensus"
        ADJUDICATED = "adjudicated", "Adjudicated"

    scan = models.OneToOneField(Scan, models.PROTECT, related_name="final_label")
    category = models.CharField(max_length=12)
    #: By finding. null where concordant readers agreed on the category and not on this finding.
    grades = models.JSONField()
    how = models.CharField(max_length=12, choices=How.choices)
    #: Signed readings this label rests on: both observers', plus the adjudicator's if there was one.
    readings = models.ManyToManyField(Reading, related_name="final_labels")
    charter = models.ForeignKey(Charter, models.PROTECT, related_name="+")
    decided_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]


class Digest(models.Model):
    """One day's e-mail to one person; at most one, so that its time says nothing of anybody's acts."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="digests")
    day = models.DateField()
    sent_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["user", "day"], name="one_digest_a_day")]


class AuditEvent(models.Model):
    """Append-only, hash-chained; UPDATE and DELETE are refused by database triggers."""

    at = models.DateTimeField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    verb = models.CharField(max_length=48, db_index=True)
    #: Model label and key of what was acted on, e.g. "annotation.reading", "17".
    object_type = models.CharField(max_length=48)
    object_id = models.CharField(max_length=32)
    #: Ids and hashes; never identities or grades.
    detail = models.JSONField(default=dict)
    previous_hash = models.CharField(max_length=64)
    #: Unique, so that two writers cannot both extend the same row.
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["previous_hash"], name="audit_chain_does_not_fork")]
        indexes = [models.Index(fields=["object_type", "object_id"])]
