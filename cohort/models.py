"""Who was imaged: patients, their scans, and why some leave the study.

Nothing here identifies a person. Ids are HMACs (see ``deidentify``), every date is shifted by a
per-patient number of days, so that intervals are true and dates are not.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from cohort.transfers import MachineToken, Pull, PullItem, Upload

__all__ = [  # the tables that stand elsewhere; the rest are below
    "MachineToken",
    "Pull",
    "PullItem",
    "Upload",
]


class Patient(models.Model):
    class Sex(models.TextChoices):
        FEMALE = "F", "Female"
        MALE = "M", "Male"
        OTHER = "O", "Other"

    #: HMAC-SHA256 of the hospital's id, 20 hex digits.
    pseudonym = models.CharField(max_length=20, unique=True)
    site = models.CharField(max_length=64, blank=True, db_index=True)
    sex = models.CharField(max_length=1, choices=Sex.choices, blank=True)
    birth_date = models.DateField(null=True, help_text="Shifted.")
    ra_diagnosis_date = models.DateField(null=True, help_text="Shifted.")
    rf = models.BooleanField(null=True, help_text="Rheumatoid factor positive.")
    anti_ccp = models.BooleanField(null=True)
    infliximab = models.BooleanField(null=True)
    other_biologic = models.BooleanField(null=True)
    #: When readers were first given this patient's scans; from then on chart decisions are not taken back.
    #: Who reads what is not the cohort's: whoever opens reading tells it through ``chart_review``.
    reading_since = models.DateTimeField(null=True)
    #: Made by cohort.phantom. Phantoms and patients never share a label set.
    phantom = models.BooleanField(default=False)
    #: Columns of the export that the study does not define.
    notes = models.JSONField(default=dict, blank=True)
    imported_at = models.DateTimeField(auto_now_add=True)
    #: The last delivery of tables that told something new of this patient. Read whole, so no index.
    last_import = models.ForeignKey(
        "ImportBatch", models.SET_NULL, null=True, db_index=False, related_name="patients"
    )

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.pseudonym


class Diagnosis(models.Model):
    class System(models.TextChoices):
        ICD9 = "ICD9", "ICD-9"
        ICD10 = "ICD10", "ICD-10"

    # No index of its own: the constraints below begin with it.
    patient = models.ForeignKey(Patient, models.CASCADE, related_name="diagnoses", db_index=False)
    system = models.CharField(max_length=5, choices=System.choices)
    code = models.CharField(max_length=16)
    date = models.DateField(null=True, help_text="Shifted.")
    notes = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["patient", "system", "code", "date"], name="diagnosis_once"),
            # SQL holds two unknown dates to differ.
            models.UniqueConstraint(
                fields=["patient", "system", "code"],
                condition=Q(date__isnull=True),
                name="undated_diagnosis_once",
            ),
        ]


class Exam(models.Model):
    patient = models.ForeignKey(Patient, models.CASCADE, related_name="exams", db_index=False)
    #: HMAC of the hospital's exam id or accession number.
    pseudonym = models.CharField(max_length=20, unique=True)
    date = models.DateField(help_text="Shifted.")
    modality = models.CharField(max_length=16)
    body_part = models.CharField(max_length=64, blank=True)
    #: As the export says; a series found in the DICOM itself outweighs it.
    sagittal_t2 = models.BooleanField(null=True)
    notes = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["date", "pk"]
        indexes = [models.Index(fields=["patient", "date"])]


class Series(models.Model):
    """One de-identified DICOM series in the image store, complete and ordered by position."""

    class State(models.TextChoices):
        ACCEPTED = "accepted", "Accepted"
        QUARANTINED = "quarantined", "Quarantined"

    #: Empty only in quarantine: the patient or exam is not known yet.
    exam = models.ForeignKey(Exam, models.CASCADE, related_name="series", null=True)
    patient_pseudonym = models.CharField(max_length=20, db_index=True)
    #: HMAC of the accession number, by which a quarantined series finds its exam later; may be empty.
    exam_pseudonym = models.CharField(max_length=20, blank=True)
    state = models.CharField(max_length=12, choices=State.choices)
    quarantine_reason = models.TextField(blank=True)
    #: The same as keys of quarantine.REASONS. Kept after release: what was waived, and why.
    quarantine_codes = models.JSONField(default=list, blank=True)
    released_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    release_reason = models.TextField(blank=True)

    study_uid = models.CharField(max_length=64, db_index=True)
    series_uid = models.CharField(max_length=64, unique=True)
    frame_of_reference_uid = models.CharField(max_length=64, blank=True)
    #: sha256 over pixels and geometry in slice order; names the images of a label set.
    content_hash = models.CharField(max_length=64)
    #: Directory under IMAGE_STORE_DIR.
    path = models.CharField(max_length=255, unique=True)

    rows = models.PositiveIntegerField()
    columns = models.PositiveIntegerField()
    slices = models.PositiveIntegerField()
    #: mm, between rows then between columns, as DICOM PixelSpacing.
    row_spacing = models.FloatField()
    column_spacing = models.FloatField()
    #: mm between neighbouring slice centres along the normal.
    slice_spacing = models.FloatField()
    #: ImageOrientationPatient: six direction cosines (LPS).
    orientation = models.JSONField()
    plane = models.CharField(max_length=12)
    weighting = models.CharField(max_length=12)
    #: Whether and why this counts as a sagittal T2 cervical series: recognition.recognise().
    sagittal_t2_cervical = models.BooleanField(default=False)
    recognition = models.JSONField(default=dict)

    manufacturer = models.CharField(max_length=64, blank=True)
    model_name = models.CharField(max_length=64, blank=True)
    field_strength = models.FloatField(null=True, help_text="Tesla.")
    echo_time = models.FloatField(null=True, help_text="ms.")
    repetition_time = models.FloatField(null=True, help_text="ms.")
    # What DICOMweb searches by, as in the stored files.
    study_date = models.DateField(null=True, db_index=True, help_text="Shifted.")
    study_description = models.CharField(max_length=64, blank=True)
    series_description = models.CharField(max_length=64, blank=True)
    series_number = models.IntegerField(null=True)
    dicom_modality = models.CharField(max_length=16, default="MR")
    #: What de-identification removed, kept and replaced, by attribute.
    deidentification = models.JSONField(default=dict)
    ingested_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "series"
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="quarantined") | Q(exam__isnull=False), name="accepted_series_has_exam"
            )
        ]


class Instance(models.Model):
    """One frame of a series: one file in the store."""

    series = models.ForeignKey(Series, models.CASCADE, related_name="instances")
    sop_uid = models.CharField(max_length=64, unique=True)
    #: 0-based, ascending along the slice normal. Never InstanceNumber.
    index = models.PositiveIntegerField()
    #: ImagePositionPatient, mm (LPS).
    position = models.JSONField()
    #: File name inside the series' directory.
    file = models.CharField(max_length=64)
    #: DICOM JSON without pixel data, from the stored (de-identified) file.
    metadata = models.JSONField()

    class Meta:
        ordering = ["series", "index"]
        constraints = [models.UniqueConstraint(fields=["series", "index"], name="one_instance_per_position")]


class ScanPair(models.Model):
    """The baseline and follow-up that stand for a patient: by rule, or by the lead with a reason."""

    patient = models.OneToOneField(Patient, models.CASCADE, related_name="scan_pair")
    baseline = models.ForeignKey(Series, models.PROTECT, related_name="+")
    follow_up = models.ForeignKey(Series, models.PROTECT, related_name="+")
    #: Empty when the rule chose.
    chosen_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    reason = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(baseline=models.F("follow_up")), name="pair_of_two_series"),
            models.CheckConstraint(
                condition=Q(chosen_by__isnull=True) | ~Q(reason=""), name="override_has_reason"
            ),
        ]


class ScanChoice(models.Model):
    """The history of a patient's scan pair: each choice of the lead, and each return to the rule."""

    patient = models.ForeignKey(Patient, models.CASCADE, related_name="scan_choices")
    #: Series UIDs, not keys: a series that is replaced later was still what was chosen.
    #: Empty: the rule's again.
    baseline = models.CharField(max_length=64, blank=True)
    follow_up = models.CharField(max_length=64, blank=True)
    reason = models.TextField()
    chosen_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    chosen_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.CheckConstraint(condition=~Q(reason=""), name="scan_choice_has_reason")]


class ChartReview(models.Model):
    """One decision on a patient's chart. The newest counts; older ones are its history.

    A decision made here (``decided_by``) outweighs those of the export. One that was taken back stays on
    record and counts for nothing.
    """

    class Decision(models.TextChoices):
        CONFIRMED = "confirmed", "RA confirmed"
        RA_REFUTED = "ra_refuted", "RA refuted"
        NO_ADEQUATE_FOLLOW_UP = "no_adequate_follow_up", "No adequate follow-up scan"
        JUNCTION_SURGERY = "junction_surgery", "Surgery at the craniocervical junction"
        ODONTOID_FRACTURE = "odontoid_fracture", "Odontoid fracture"
        OTHER = "other", "Other"

    patient = models.ForeignKey(Patient, models.CASCADE, related_name="chart_reviews")
    decision = models.CharField(max_length=24, choices=Decision.choices)
    note = models.TextField(blank=True)
    date = models.DateField(null=True, help_text="Shifted.")
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(auto_now_add=True)
    taken_back_at = models.DateTimeField(null=True)
    taken_back_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    taken_back_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["pk"]
        indexes = [
            models.Index(
                fields=["-decided_at"], condition=Q(decided_by__isnull=False), name="decisions_made_here"
            )
        ]


class Exclusion(models.Model):
    """Why a patient fails one step of the flow. At most one a patient is the step it leaves at."""

    class Step(models.TextChoices):
        IMAGED = "imaged", "At least one cervical MRI"
        INTERVAL = "interval", "Two cervical MRIs far enough apart"
        CODED = "coded", "Coded as rheumatoid arthritis"
        BASELINE_T2 = "baseline_t2", "Sagittal T2 at baseline"
        CHART_REVIEW = "chart_review", "Chart review"
        BASELINE_DEFORMITY = "baseline_deformity", "No deformity at baseline"

    class Source(models.TextChoices):
        RULE = "rule", "Rule"
        CHART = "chart_review", "Chart review"
        LABEL = "label", "Final label"
        LEAD = "lead", "Study lead"

    patient = models.ForeignKey(Patient, models.CASCADE, related_name="exclusions", db_index=False)
    step = models.CharField(max_length=20, choices=Step.choices)
    reason = models.CharField(max_length=40)
    note = models.TextField(blank=True)
    source = models.CharField(max_length=12, choices=Source.choices)
    #: This is the step at which the patient leaves: the first that fails.
    leaving = models.BooleanField(default=False)
    excluded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    excluded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["patient", "step"], name="one_exclusion_per_step"),
            models.UniqueConstraint(
                fields=["patient"], condition=Q(leaving=True), name="one_leaving_step_per_patient"
            ),
        ]
        indexes = [
            # Holds all that the flow and the list of patients ask, so that counting reads no row. ``leaving``
            # stands at its end because SQLite (3.40) looks it up in the row otherwise.
            models.Index(
                fields=["step", "patient", "reason", "leaving"], condition=Q(leaving=True), name="way_out"
            )
        ]


class FlowRules(models.Model):
    """The settings that the flow was last computed with; the newest row counts, older ones are its history.

    The reading charter fixes them; it tells the cohort through this record, so that an import after
    the charter does not fall back on the default.
    """

    min_interval_days = models.PositiveIntegerField()
    set_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "flow rules"


class ImportBatch(models.Model):
    """One delivery of CSV or DICOM: who, when, what came of it. No file names: they hold identities."""

    class Kind(models.TextChoices):
        CSV = "csv", "CSV"
        DICOM = "dicom", "DICOM"

    class Road(models.TextChoices):
        UPLOAD = "upload", "Browser"
        COMMAND = "command", "Command line"
        C_STORE = "c_store", "C-STORE"
        STOW = "stow", "STOW-RS"
        PULL = "pull", "Pull from a PACS"

    kind = models.CharField(max_length=8, choices=Kind.choices)
    #: How images came, and from whom: an AE title, the name of a token, a node.
    road = models.CharField(max_length=8, choices=Road.choices, blank=True)
    peer = models.CharField(max_length=64, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    #: Counts by outcome, e.g. {"patients": {"new": 60, "unchanged": 0, "changed": 0, "errors": 1}}.
    summary = models.JSONField(default=dict)
    #: Series by series, for what a machine sent: IngestResult.as_json(), whose file names are our own.
    results = models.JSONField(default=list)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "import batches"


class RememberedMapping(models.Model):
    """What this deployment's headers, spellings and date orders mean: ``mapping.ColumnMapping`` as JSON."""

    kind = models.CharField(max_length=20, unique=True)
    mapping = models.JSONField()
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["kind"]


class TableImport(models.Model):
    """Files on their way in: checked, looked at, then stored or left. The row says what is to be done.

    The files lie in ``folder`` under IMPORTS_DIR, and only until it has ended: they hold identities. What is
    kept here holds none.
    """

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        READING = "reading", "Reading"
        STORING = "storing", "Storing"
        CHECKED = "checked", "Checked"
        DONE = "done", "Imported"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"
        EXPIRED = "expired", "Expired"

    state = models.CharField(max_length=12, choices=State.choices, default=State.QUEUED, db_index=True)
    folder = models.CharField(max_length=32, unique=True)
    #: Kinds of file, in the order in which they are read.
    kinds = models.JSONField()
    #: What was said of them: kind → ``mapping.ColumnMapping`` as JSON.
    mapping = models.JSONField(default=dict)
    #: Whether to store what is good, or only to say what would happen.
    commit = models.BooleanField(default=False)
    skip_errors = models.BooleanField(default=False)
    #: {"rows": 120000, "share": 0.4}
    progress = models.JSONField(default=dict)
    #: What was found, without values of the files but for spellings: see ``table_imports``.
    report = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)
    cancel_requested = models.BooleanField(default=False)
    fence = models.PositiveIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]
