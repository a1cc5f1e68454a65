"""Shapes of the cohort's JSON. Input checks shape only; nothing here saves."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from cohort import chart_review, criteria, quarantine, queries
from cohort.models import (
    ChartReview,
    Diagnosis,
    Exam,
    Exclusion,
    ImportBatch,
    Patient,
    ScanChoice,
    ScanPair,
    Series,
)

INGEST_OUTCOMES = ["accepted", "unchanged", "quarantined", "rejected"]

# ---- flow


class FlowStepOut(serializers.Serializer[Any]):
    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    remaining = serializers.IntegerField()
    left = serializers.IntegerField()
    reasons = serializers.DictField(child=serializers.IntegerField())


class SiteFlowOut(serializers.Serializer[Any]):
    site = serializers.CharField()
    steps = FlowStepOut(many=True)


class FlowQuery(serializers.Serializer[Any]):
    site = serializers.CharField(required=False, allow_blank=True, help_text="Of this site alone.")


class DiagramLineOut(serializers.Serializer[Any]):
    text = serializers.CharField()
    strong = serializers.BooleanField()
    reason = serializers.CharField(help_text="Set where the line counts who left for one reason.")
    indent = serializers.FloatField(help_text="px")


class DiagramBoxOut(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=["step", "left"])
    step = serializers.CharField()
    x = serializers.FloatField()
    y = serializers.FloatField()
    width = serializers.FloatField()
    height = serializers.FloatField()
    lines = DiagramLineOut(many=True)


class DiagramArrowOut(serializers.Serializer[Any]):
    x1 = serializers.FloatField()
    y1 = serializers.FloatField()
    x2 = serializers.FloatField()
    y2 = serializers.FloatField()


class DiagramOut(serializers.Serializer[Any]):
    """Boxes and arrows in px."""

    width = serializers.FloatField()
    height = serializers.FloatField()
    boxes = DiagramBoxOut(many=True)
    arrows = DiagramArrowOut(many=True)


class SumsOut(serializers.Serializer[Any]):
    checked = serializers.IntegerField(help_text="Equations worked out again from these figures.")
    contradictions = serializers.ListField(child=serializers.CharField())


class FlowOut(serializers.Serializer[Any]):
    steps = FlowStepOut(many=True)
    sites = SiteFlowOut(many=True)
    diagram = DiagramOut(help_text="Of the site asked for, else of everybody.")
    sums = SumsOut()


class CodeListOut(serializers.Serializer[Any]):
    system = serializers.CharField()
    alone = serializers.ListField(child=serializers.CharField(), help_text="Count as they stand.")
    with_deeper = serializers.ListField(
        child=serializers.CharField(), help_text="Count with any deeper character."
    )


class TimingOut(serializers.Serializer[Any]):
    weighting = serializers.CharField()
    rule = serializers.CharField()


class IntervalSettingOut(serializers.Serializer[Any]):
    min_interval_days = serializers.IntegerField()
    set_at = serializers.DateTimeField()


class CriteriaOut(serializers.Serializer[Any]):
    codes = CodeListOut(many=True)
    min_interval_days = serializers.IntegerField()
    paper_interval_days = serializers.IntegerField()
    intervals = IntervalSettingOut(many=True, help_text="Settings so far, newest first; empty: the paper's.")
    plane = serializers.CharField()
    oblique_cosine = serializers.FloatField(help_text="Below this |cos| a stack is oblique.")
    weighting = serializers.CharField()
    timings = TimingOut(many=True, help_text="The first that fits decides.")
    strong_names = serializers.ListField(
        child=serializers.CharField(), help_text="Weightings whose name outweighs the timing."
    )
    region = serializers.CharField()
    cervical = serializers.ListField(child=serializers.CharField())
    elsewhere = serializers.ListField(child=serializers.CharField())
    min_slices = serializers.IntegerField()
    recognised = serializers.DictField(
        child=serializers.IntegerField(), help_text="Accepted series by weighting, and how many count."
    )


# ---- patients


class PatientQuery(serializers.Serializer[Any]):
    step = serializers.CharField(required=False, help_text="Left at this step.")
    reached = serializers.CharField(required=False, help_text="Still in the study after this step.")
    reason = serializers.CharField(required=False, help_text="Left for this reason.")
    site = serializers.CharField(required=False, allow_blank=True, help_text="Of this site.")
    search = serializers.CharField(required=False, help_text="Part of a pseudonym or site.")
    delivery = serializers.IntegerField(
        required=False, help_text="Only those whom this delivery of tables was the last to tell of."
    )


class PatientOut(serializers.ModelSerializer[Patient]):
    sex = serializers.CharField(allow_blank=True)
    age_at_baseline = serializers.SerializerMethodField(help_text="Years.")
    exams = serializers.IntegerField(source="exam_count")
    series = serializers.IntegerField(source="series_count", help_text="Accepted series.")
    leaves_at = serializers.CharField(allow_null=True)
    reason = serializers.CharField(allow_null=True)

    class Meta:
        model = Patient
        fields = [
            "pseudonym", "site", "sex", "age_at_baseline", "exams", "series", "leaves_at", "reason",
            "phantom",
        ]  # fmt: skip
        read_only_fields = fields

    def get_age_at_baseline(self, patient: Any) -> float | None:
        return queries.age(patient.birth_date, patient.baseline_date)


class SeriesOut(serializers.ModelSerializer[Series]):
    recognition = serializers.DictField(child=serializers.CharField())

    class Meta:
        model = Series
        fields = [
            "series_uid", "state", "plane", "weighting", "sagittal_t2_cervical", "recognition", "rows",
            "columns", "slices", "row_spacing", "column_spacing", "slice_spacing", "manufacturer",
            "field_strength", "content_hash",
        ]  # fmt: skip
        read_only_fields = fields


class QuarantinedOut(SeriesOut):
    quarantine_codes = serializers.ListField(child=serializers.CharField())
    needs_reason = serializers.SerializerMethodField(help_text="Whether a release must say why.")

    class Meta(SeriesOut.Meta):
        fields = [
            *SeriesOut.Meta.fields, "study_uid", "patient_pseudonym", "quarantine_reason", "quarantine_codes",
            "needs_reason", "ingested_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_needs_reason(self, series: Series) -> bool:
        return bool(quarantine.NEEDS_REASON & set(series.quarantine_codes))


class AttributeOut(serializers.Serializer[Any]):
    keyword = serializers.CharField(allow_blank=True)
    tag = serializers.CharField()
    name = serializers.CharField()


class DeidentifiedStudyOut(serializers.Serializer[Any]):
    study_uid = serializers.CharField()
    study_date = serializers.DateField(allow_null=True, help_text="Shifted.")
    method = serializers.CharField()
    profile_codes = serializers.ListField(child=serializers.CharField(), help_text="PS3.16 CID 7050.")
    series = serializers.ListField(child=serializers.CharField())
    removed = AttributeOut(many=True)
    replaced = AttributeOut(many=True)
    kept = AttributeOut(many=True)
    private_removed = serializers.IntegerField()


class ExamOut(serializers.ModelSerializer[Exam]):
    series = SeriesOut(many=True)

    class Meta:
        model = Exam
        fields = ["pseudonym", "date", "modality", "body_part", "sagittal_t2", "series"]
        read_only_fields = fields


class ExclusionOut(serializers.ModelSerializer[Exclusion]):
    excluded_by = serializers.CharField(source="excluded_by.username", allow_null=True, default=None)

    class Meta:
        model = Exclusion
        fields = ["step", "reason", "note", "source", "leaving", "excluded_by", "excluded_at"]
        read_only_fields = fields


class ChartReviewOut(serializers.ModelSerializer[ChartReview]):
    decided_by = serializers.CharField(source="decided_by.username", allow_null=True, default=None)
    taken_back_by = serializers.CharField(source="taken_back_by.username", allow_null=True, default=None)

    class Meta:
        model = ChartReview
        fields = [
            "id", "decision", "note", "date", "decided_by", "decided_at", "taken_back_by", "taken_back_at",
            "taken_back_reason",
        ]  # fmt: skip
        read_only_fields = fields


class DiagnosisOut(serializers.ModelSerializer[Diagnosis]):
    rheumatoid = serializers.SerializerMethodField(help_text="Whether the code is on the study's list.")

    class Meta:
        model = Diagnosis
        fields = ["system", "code", "date", "rheumatoid"]
        read_only_fields = fields

    def get_rheumatoid(self, diagnosis: Diagnosis) -> bool:
        return criteria.is_rheumatoid(diagnosis.system, diagnosis.code)


class ScanChoiceOut(serializers.ModelSerializer[ScanChoice]):
    chosen_by = serializers.CharField(source="chosen_by.username")
    baseline = serializers.CharField(help_text="Series UID; empty: the rule's choice again.")

    class Meta:
        model = ScanChoice
        fields = ["id", "baseline", "follow_up", "reason", "chosen_by", "chosen_at"]
        read_only_fields = fields


class ScanPairOut(serializers.ModelSerializer[ScanPair]):
    baseline = serializers.CharField(source="baseline.series_uid")
    follow_up = serializers.CharField(source="follow_up.series_uid")
    chosen_by = serializers.CharField(source="chosen_by.username", allow_null=True, default=None)

    class Meta:
        model = ScanPair
        fields = ["baseline", "follow_up", "chosen_by", "reason"]
        read_only_fields = fields


class PatientDetailOut(PatientOut):
    exams = ExamOut(many=True, source="loaded_exams")  # type: ignore[assignment]
    diagnoses = DiagnosisOut(many=True)
    exclusions = ExclusionOut(many=True)
    chart_reviews = ChartReviewOut(many=True)
    standing_review = serializers.SerializerMethodField(help_text="Id of the chart review that counts.")
    scan_pair = ScanPairOut(allow_null=True)
    scan_choices = ScanChoiceOut(many=True)
    disease_years = serializers.SerializerMethodField(help_text="From the RA diagnosis to baseline.")

    class Meta(PatientOut.Meta):
        fields = [
            *PatientOut.Meta.fields, "disease_years", "rf", "anti_ccp", "infliximab", "other_biologic",
            "notes", "reading_since", "diagnoses", "exclusions", "chart_reviews", "standing_review",
            "scan_pair", "scan_choices",
        ]  # fmt: skip
        read_only_fields = fields

    def get_disease_years(self, patient: Any) -> float | None:
        return queries.age(patient.ra_diagnosis_date, patient.baseline_date)

    def get_standing_review(self, patient: Patient) -> int | None:
        standing = chart_review.in_force(patient)
        return standing.pk if standing else None

    def to_representation(self, instance: Any) -> dict[str, Any]:
        if not hasattr(instance, "scan_pair"):
            instance.scan_pair = None  # a missing one-to-one row raises; here it means none
        return super().to_representation(instance)


class ScanPairIn(serializers.Serializer[Any]):
    baseline = serializers.CharField(max_length=64, help_text="Series UID.")
    follow_up = serializers.CharField(max_length=64, help_text="Series UID.")
    reason = serializers.CharField(max_length=1000)


class ScanRuleIn(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=1000)


class ScanRuleOut(serializers.Serializer[Any]):
    scan_pair = ScanPairOut(allow_null=True, help_text="Null: the rule finds no pair.")


# ---- chart review


class ChartReviewIn(serializers.Serializer[Any]):
    decision = serializers.ChoiceField(choices=ChartReview.Decision.choices)
    note = serializers.CharField(required=False, allow_blank=True, default="", max_length=4000)
    seen = serializers.IntegerField(
        allow_null=True, help_text="Id of the decision that stood when the chart was opened; null: none."
    )


class TakeBackIn(serializers.Serializer[Any]):
    reason = serializers.CharField(required=False, allow_blank=True, default="", max_length=1000)


class RecentReviewOut(ChartReviewOut):
    patient = serializers.CharField(source="patient.pseudonym")
    frozen = serializers.SerializerMethodField(help_text="Reading has begun.")

    class Meta(ChartReviewOut.Meta):
        fields = ["patient", "frozen", *ChartReviewOut.Meta.fields]
        read_only_fields = fields

    def get_frozen(self, review: ChartReview) -> bool:
        return review.patient.reading_since is not None


class QueueProgressOut(serializers.Serializer[Any]):
    reached = serializers.IntegerField(help_text="Patients who reach chart review.")
    decided = serializers.IntegerField()
    waiting = serializers.IntegerField()


class ReviewQueueOut(serializers.Serializer[Any]):
    progress = QueueProgressOut()
    patient = PatientDetailOut(allow_null=True)
    recent = RecentReviewOut(many=True)


# ---- CSV


class ImportBatchOut(serializers.ModelSerializer[ImportBatch]):
    created_by = serializers.CharField(source="created_by.username", allow_null=True, default=None)
    summary = serializers.JSONField()

    class Meta:
        model = ImportBatch
        fields = ["id", "kind", "created_at", "created_by", "summary"]
        read_only_fields = fields


# ---- DICOM


class IngestResultOut(serializers.Serializer[Any]):
    outcome = serializers.ChoiceField(choices=INGEST_OUTCOMES)
    file = serializers.CharField()
    series_uid = serializers.CharField(required=False)
    patient = serializers.CharField(required=False)
    slices = serializers.IntegerField(required=False)
    reason = serializers.CharField(allow_blank=True)


class ReleaseIn(serializers.Serializer[Any]):
    reason = serializers.CharField(required=False, allow_blank=True, default="", max_length=1000)


class ReleaseOut(serializers.Serializer[Any]):
    series_uid = serializers.CharField()
    state = serializers.ChoiceField(choices=Series.State.choices)
    patient = serializers.CharField()
