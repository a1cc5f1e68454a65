"""Shapes of label sets and runs, in and out. They check shape only and never save."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from modeling import queries
from modeling.map_verdicts import METHODS
from modeling.models import LabelSet, Prediction, Run, RunPart, TrustJob
from modeling.result_serializers import EstimateOut, ResultField

PROFILES = [("paper", "As published"), ("recommended", "Recommended")]
CELLS = [(cell, cell) for cell in ("TP", "FP", "TN", "FN")]


class LabelSetOut(serializers.ModelSerializer[LabelSet]):
    frozen_by = serializers.CharField(source="frozen_by.username", default=None, allow_null=True)

    class Meta:
        model = LabelSet
        fields = [
            "id",
            "hash",
            "name",
            "charter_version",
            "patients",
            "positives",
            "frozen_by",
            "frozen_at",
        ]
        read_only_fields = fields


class CovariatesOut(serializers.Serializer):
    """At baseline; ages and durations in years, null where unknown."""

    age = serializers.FloatField(allow_null=True)
    sex = serializers.CharField(allow_null=True)
    rf = serializers.BooleanField(allow_null=True)
    anti_ccp = serializers.BooleanField(allow_null=True)
    disease_years = serializers.FloatField(allow_null=True)


class ManifestRowOut(serializers.Serializer):
    patient = serializers.CharField()
    site = serializers.CharField()
    outcome = serializers.IntegerField()
    baseline_category = serializers.CharField()
    follow_up_category = serializers.CharField()
    provenance = serializers.CharField()
    follow_up_years = serializers.FloatField()
    covariates = CovariatesOut()
    series_uid = serializers.CharField(source="series.uid")
    content_hash = serializers.CharField(source="series.content_hash")


class LabelSetCountsOut(serializers.Serializer):
    provenance = serializers.DictField(child=serializers.IntegerField())
    baseline_category = serializers.DictField(child=serializers.IntegerField())
    follow_up_category = serializers.DictField(child=serializers.IntegerField())
    site = serializers.DictField(child=serializers.IntegerField())


class LabelSetDetailOut(LabelSetOut):
    study = serializers.CharField()
    phantom = serializers.BooleanField()
    intermediate_policy = serializers.CharField()
    counts = LabelSetCountsOut()
    rows = ManifestRowOut(many=True)

    class Meta(LabelSetOut.Meta):
        fields = [*LabelSetOut.Meta.fields, "study", "phantom", "intermediate_policy", "counts", "rows"]
        read_only_fields = fields


class LabelSetIn(serializers.Serializer):
    name = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")


class EpochLossOut(serializers.Serializer):
    epoch = serializers.IntegerField()
    loss = serializers.FloatField(allow_null=True)


class TrainingProgressOut(serializers.Serializer):
    """Where the trainer is. Empty until it reports; ``history`` is that of the network in training."""

    event = serializers.CharField(required=False)
    stage = serializers.CharField(required=False)
    done = serializers.IntegerField(required=False)
    total = serializers.IntegerField(required=False)
    repeat = serializers.IntegerField(required=False)
    fold = serializers.IntegerField(required=False)
    inner = serializers.IntegerField(required=False, allow_null=True)
    members = serializers.IntegerField(required=False)
    members_done = serializers.IntegerField(required=False)
    epoch = serializers.IntegerField(required=False)
    epochs = serializers.IntegerField(required=False)
    step = serializers.IntegerField(required=False)
    steps = serializers.IntegerField(required=False)
    loss = serializers.FloatField(required=False, allow_null=True)
    eta_s = serializers.FloatField(required=False, allow_null=True)
    device = serializers.CharField(required=False)
    history = EpochLossOut(many=True, required=False)


@extend_schema_field(TrainingProgressOut)
class TrainingProgressField(serializers.JSONField):
    """Run.progress as the worker wrote it; described by :class:`TrainingProgressOut`."""


class RunRowOut(serializers.ModelSerializer[Run]):
    """A run in a list: everything but the result, of which only the AUCs."""

    progress = TrainingProgressField()
    recipe = serializers.DictField()
    created_by = serializers.CharField(source="created_by.username", default=None, allow_null=True)
    auc = serializers.SerializerMethodField()
    auc_within_folds = serializers.SerializerMethodField()
    parts_total = serializers.IntegerField(
        help_text="Folds that are jobs of their own; 0: the run is one job."
    )
    parts_done = serializers.IntegerField()

    class Meta:
        model = Run
        fields = [
            "id",
            "state",
            "label_set",
            "profile",
            "recipe",
            "seed",
            "progress",
            "device",
            "error",
            "attempts",
            "cancel_requested",
            "code_version",
            "created_by",
            "created_at",
            "started_at",
            "finished_at",
            "auc",
            "auc_within_folds",
            "parts_total",
            "parts_done",
        ]
        read_only_fields = fields

    @extend_schema_field(EstimateOut(allow_null=True))
    def get_auc(self, run: Run) -> dict[str, float] | None:
        return queries.auc(run)

    @extend_schema_field(EstimateOut(allow_null=True))
    def get_auc_within_folds(self, run: Run) -> dict[str, float] | None:
        return queries.auc_within_folds(run)


JOB_FIELDS = ["state", "progress", "device", "error", "attempts", "started_at", "finished_at"]


class RunPartOut(serializers.ModelSerializer[RunPart]):
    """One fold of a cross-validated run, a job of its own; numbers count from 0."""

    progress = TrainingProgressField()
    key = serializers.CharField(help_text="Names its log.")

    class Meta:
        model = RunPart
        fields = ["key", "repeat", "fold", *JOB_FIELDS]
        read_only_fields = fields


class TrustJobOut(serializers.ModelSerializer[TrustJob]):
    """The making of a trust report after the run; null where nobody asked for one."""

    progress = TrainingProgressField()

    class Meta:
        model = TrustJob
        fields = JOB_FIELDS
        read_only_fields = fields


class RunOut(RunRowOut):
    result = ResultField(allow_null=True)
    parts = RunPartOut(many=True)
    networks = serializers.SerializerMethodField(help_text="Weights to download, safetensors and ONNX.")

    class Meta(RunRowOut.Meta):
        fields = [*RunRowOut.Meta.fields, "parts", "result", "networks"]
        read_only_fields = fields

    def get_networks(self, run: Run) -> list[str]:
        return queries.networks(run)


class RunIn(serializers.Serializer):
    label_set = serializers.PrimaryKeyRelatedField(queryset=LabelSet.objects.all())
    profile = serializers.ChoiceField(choices=PROFILES)
    overrides = serializers.DictField(
        child=serializers.JSONField(), required=False, default=dict, help_text="Recipe settings to change."
    )
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False, allow_null=True)


class FrozenOut(serializers.Serializer):
    label_set = LabelSetOut()
    run = RunOut(allow_null=True)


class PredictionOut(serializers.ModelSerializer[Prediction]):
    predicted = serializers.IntegerField()
    cell = serializers.ChoiceField(choices=CELLS)
    saliency = serializers.SerializerMethodField(help_text="Whether there is a map of this patient.")

    class Meta:
        model = Prediction
        fields = [
            "patient",
            "split",
            "outcome",
            "logit",
            "score",
            "threshold",
            "predicted",
            "cell",
            "saliency",
        ]
        read_only_fields = fields

    def get_saliency(self, row: Prediction) -> bool:
        return bool(row.saliency)


class PointField(serializers.ListField):
    """``[x, y, z]``, mm."""

    child = serializers.FloatField()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_length=3, max_length=3, **kwargs)


class ExplainedOut(serializers.Serializer):
    """What the network said whose map this is: the first repeat's, where a score is the mean of several."""

    score = serializers.FloatField()
    threshold = serializers.FloatField()
    predicted = serializers.IntegerField()
    repeats = serializers.IntegerField()


class SaliencyOut(serializers.Serializer):
    """A map in the patient's space: centres of pixels [0, 0], [0, W−1] and [H−1, 0], LPS, mm."""

    width = serializers.IntegerField()
    height = serializers.IntegerField()
    origin = PointField()
    row_end = PointField()
    column_end = PointField()
    normal = PointField()
    normal_offsets_mm = serializers.ListField(
        child=serializers.FloatField(), help_text="Of each input plane from the map's, along the normal."
    )
    slices = serializers.ListField(
        child=serializers.FloatField(), help_text="Fall of the logit without each input plane."
    )
    values = serializers.CharField(help_text="Base64 of H × W bytes, row by row; 255 is the peak.")
    method = serializers.ChoiceField(choices=list(METHODS))
    methods = serializers.ListField(child=serializers.CharField(), help_text="Of all maps of this patient.")
    peak = serializers.FloatField(help_text="Value of 255, in logit units.")
    validated = serializers.BooleanField()
    statement = serializers.CharField()
    explained = ExplainedOut(allow_null=True)


class RunPatientOut(serializers.Serializer):
    patient = serializers.CharField()
    score = serializers.FloatField()
    logit = serializers.FloatField()
    threshold = serializers.FloatField()
    outcome = serializers.IntegerField()
    predicted = serializers.IntegerField()
    cell = serializers.ChoiceField(choices=CELLS)
    series_uid = serializers.CharField()
    labels = serializers.ListField(child=serializers.IntegerField(), help_text="Ids of final labels.")
    saliency = SaliencyOut(allow_null=True)


class PublishedMatrixOut(serializers.Serializer):
    tp = serializers.IntegerField()
    fp = serializers.IntegerField()
    tn = serializers.IntegerField()
    fn = serializers.IntegerField()
    n = serializers.IntegerField()
    figures = serializers.DictField(child=serializers.FloatField(allow_null=True))
    fits = serializers.ListField(child=serializers.CharField())
    contradicts = serializers.ListField(child=serializers.CharField())


class PublishedIn(serializers.Serializer):
    """A publication's table as :func:`modeling.published.check_published` takes it."""

    table = serializers.DictField(
        help_text='Counts, margins, figures and their intervals; figures as printed, "0.80" or "86%".'
    )


class PublishedOut(serializers.Serializer):
    findings = serializers.ListField(child=serializers.CharField())
    matrices = PublishedMatrixOut(many=True)
    not_searched = serializers.CharField(
        allow_null=True,
        help_text="Why no table was searched for: then no finding does not mean none is wrong.",
    )


class PaperOut(serializers.Serializer):
    """The paper's Table 2 as printed, and what cannot be true in it."""

    title = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # a field's name, not its argument
    counts = serializers.DictField(child=serializers.IntegerField())
    figures = serializers.DictField(child=serializers.FloatField())
    disputed = serializers.ListField(
        child=serializers.CharField(), help_text="Figures that the printed matrix does not give."
    )
    matrices = PublishedMatrixOut(many=True)
    findings = serializers.ListField(child=serializers.CharField())


class SettingOut(serializers.Serializer):
    name = serializers.CharField()
    default = serializers.JSONField(allow_null=True)
    doc = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # a field's name, not its argument
    unit = serializers.CharField(allow_blank=True)
    choices = serializers.ListField(child=serializers.JSONField(), allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)


class RecipesOut(serializers.Serializer):
    """What a run can be told: the profiles, every setting, and what a freeze starts with."""

    profiles = serializers.DictField(child=serializers.DictField())
    settings = SettingOut(many=True)
    default_profile = serializers.ChoiceField(choices=PROFILES)
    default_overrides = serializers.ListField(child=serializers.CharField())
