"""The shape of a run's result, for the schema: the trainer's result.json is served as it was written.

The figures are made in modeling/metrics.py and modeling/training/report.py; nothing is validated or
rounded here, since a figure that was changed on its way out would no longer be the stored one.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers


class FloatsField(serializers.ListField):
    child = serializers.FloatField()


class IntervalField(serializers.ListField):
    """``[low, high]``."""

    child = serializers.FloatField()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_length=2, max_length=2, **kwargs)


class EstimateOut(serializers.Serializer):
    value = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class FigureOut(serializers.Serializer):
    """A figure of a 2×2 table; those that are proportions carry ``k`` of ``n`` and their intervals."""

    value = serializers.FloatField(allow_null=True)
    k = serializers.IntegerField(required=False)
    n = serializers.IntegerField(required=False)
    wilson = IntervalField(required=False, allow_null=True)
    clopper_pearson = IntervalField(required=False, allow_null=True)
    bootstrap = IntervalField(required=False, allow_null=True)


class PairedAucOut(serializers.Serializer):
    """Two AUCs on the same patients, DeLong's test; low, high and p null where it has no variance."""

    first = serializers.FloatField()
    second = serializers.FloatField()
    difference = serializers.FloatField()
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    z = serializers.FloatField(allow_null=True)
    p = serializers.FloatField(allow_null=True)


class ConfusionOut(serializers.Serializer):
    tp = serializers.IntegerField()
    fp = serializers.IntegerField()
    tn = serializers.IntegerField()
    fn = serializers.IntegerField()


class RocOut(serializers.Serializer):
    fpr = FloatsField()
    tpr = FloatsField()
    thresholds = serializers.ListField(child=serializers.FloatField(allow_null=True))


class PrecisionRecallOut(serializers.Serializer):
    precision = FloatsField()
    recall = FloatsField()
    thresholds = serializers.ListField(child=serializers.FloatField(allow_null=True))


class CalibrationPointOut(serializers.Serializer):
    predicted = serializers.FloatField()
    observed = serializers.FloatField()
    k = serializers.IntegerField()
    n = serializers.IntegerField()
    wilson = IntervalField()


class CalibrationOut(serializers.Serializer):
    intercept = EstimateOut(allow_null=True)
    slope = EstimateOut(allow_null=True)
    observed_expected = serializers.FloatField(allow_null=True)
    ece = serializers.FloatField()
    curve = CalibrationPointOut(many=True)


class NetBenefitOut(serializers.Serializer):
    thresholds = FloatsField()
    model = FloatsField()
    treat_all = FloatsField()
    treat_none = FloatsField()


class McNemarOut(serializers.Serializer):
    against = serializers.CharField()
    b = serializers.IntegerField()
    c = serializers.IntegerField()
    p = serializers.FloatField()


class MetricsOut(serializers.Serializer):
    n = serializers.IntegerField()
    positives = serializers.IntegerField()
    prevalence = serializers.FloatField()
    confidence = serializers.FloatField()
    auc = EstimateOut(allow_null=True)
    auprc = serializers.FloatField(allow_null=True)
    auprc_ci = IntervalField(required=False, allow_null=True)
    roc = RocOut(allow_null=True)
    pr = PrecisionRecallOut(allow_null=True)
    threshold = serializers.FloatField()
    confusion = ConfusionOut()
    table = serializers.DictField(child=FigureOut())
    brier = serializers.FloatField()
    brier_ci = IntervalField(required=False, allow_null=True)
    calibration = CalibrationOut()
    net_benefit = NetBenefitOut()
    no_information_rate = serializers.FloatField()
    mcnemar = McNemarOut()


class ComparatorOut(MetricsOut):
    """In cross-validation ``auc`` is taken within folds and what would pool folds is null.

    ``against_network``: the network's AUC less the comparator's, on the same patients and folds.
    """

    calibration = CalibrationOut(allow_null=True)
    against_network = PairedAucOut(required=False, allow_null=True)


class UncalibratedOut(serializers.Serializer):
    """Before the temperature: what calibration changed."""

    auc = EstimateOut(allow_null=True)
    brier = serializers.FloatField()
    calibration = CalibrationOut()


class PolicyOut(serializers.Serializer):
    """The same scores judged under one policy for an intermediate follow-up."""

    n = serializers.IntegerField()
    positives = serializers.IntegerField()
    auc = EstimateOut(allow_null=True)
    auprc = serializers.FloatField(allow_null=True)
    brier = serializers.FloatField()
    confusion = ConfusionOut()
    table = serializers.DictField(child=FigureOut())


class PoliciesOut(serializers.Serializer):
    negative = PolicyOut(allow_null=True)
    exclude = PolicyOut(allow_null=True)
    positive = PolicyOut(allow_null=True)


class HorizonOut(serializers.Serializer):
    years = serializers.FloatField()
    median = serializers.FloatField()
    q1 = serializers.FloatField()
    q3 = serializers.FloatField()


class HazardCalibrationOut(serializers.Serializer):
    intercept = EstimateOut(allow_null=True)
    slope = EstimateOut(allow_null=True)
    observed_expected = serializers.FloatField(allow_null=True)
    ece = serializers.FloatField()


class HazardOut(serializers.Serializer):
    """P(case) = 1 − exp(−exp(intercept + score·f + shape·log years)), at each patient's own follow-up."""

    fitted_on = serializers.CharField()
    shape = serializers.FloatField(allow_null=True, help_text="Null where all were followed equally long.")
    score = serializers.FloatField()
    intercept = serializers.FloatField()
    auc = EstimateOut()
    brier = serializers.FloatField()
    brier_ci = IntervalField(allow_null=True)
    calibration = HazardCalibrationOut()
    against_plain = PairedAucOut()
    follow_up = FloatsField(help_text="Minimum, quartiles and maximum, years.")
    horizons = HorizonOut(
        many=True, allow_null=True, help_text="Null without a shape; empty if none lies within the follow-up."
    )


class ReaderRowOut(serializers.Serializer):
    """One observer's own label judged by the final one."""

    reader = serializers.IntegerField()
    provenance = serializers.CharField()
    n = serializers.IntegerField()
    confusion = ConfusionOut()
    sensitivity = FigureOut()
    specificity = FigureOut()
    accuracy = FigureOut()


class ReaderAgreementOut(serializers.Serializer):
    n = serializers.IntegerField()
    agree = serializers.IntegerField()
    wilson = IntervalField()
    kappa = serializers.FloatField(allow_null=True)


class ReadersOut(serializers.Serializer):
    rows = ReaderRowOut(many=True)
    agreement = ReaderAgreementOut(allow_null=True)
    people = serializers.IntegerField(required=False)


class MapVerdictOut(serializers.Serializer):
    validated = serializers.BooleanField()
    statement = serializers.CharField()


class AtThresholdOut(serializers.Serializer):
    threshold = serializers.FloatField()
    confusion = ConfusionOut()
    table = serializers.DictField(child=FigureOut())


class GroupOut(serializers.Serializer):
    level = serializers.CharField()
    n = serializers.IntegerField()
    positives = serializers.IntegerField()
    auc = EstimateOut(allow_null=True)
    confusion = ConfusionOut()
    sensitivity = FigureOut()
    specificity = FigureOut()


class FoldOut(serializers.Serializer):
    repeat = serializers.IntegerField()
    fold = serializers.IntegerField()
    train = serializers.ListField(child=serializers.CharField())
    test = serializers.ListField(child=serializers.CharField())
    threshold = serializers.FloatField()
    temperature = serializers.FloatField()
    test_logits = FloatsField(
        required=False, help_text="Its network's own, in the order of test; absent from earlier runs."
    )


class SplitOut(serializers.Serializer):
    kind = serializers.CharField()
    seed = serializers.IntegerField()
    train_patients = serializers.IntegerField(required=False)
    folds = FoldOut(many=True)


class EpochOut(serializers.Serializer):
    epoch = serializers.IntegerField()
    loss = serializers.FloatField(allow_null=True)


class FoldHistoryOut(serializers.Serializer):
    repeat = serializers.IntegerField()
    fold = serializers.IntegerField()
    epochs = EpochOut(many=True)


class ResultOut(serializers.Serializer):
    metrics = MetricsOut()
    metrics_at_half = AtThresholdOut()
    metrics_train = MetricsOut()
    metrics_uncalibrated = UncalibratedOut(allow_null=True)
    auc_within_folds = EstimateOut(
        required=False, allow_null=True, help_text="The network's, as its comparators' are taken."
    )
    comparators = serializers.DictField(child=ComparatorOut())
    groups = serializers.DictField(child=GroupOut(many=True))
    intermediate_policies = PoliciesOut()
    # Absent from runs that were published before these were made.
    hazard = HazardOut(required=False, allow_null=True)
    readers = ReadersOut(required=False)
    trust = MapVerdictOut(required=False, allow_null=True)
    onnx_refused = serializers.CharField(required=False, allow_null=True)
    warnings = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="What makes figures of this run doubtful."
    )
    split = SplitOut()
    history = FoldHistoryOut(many=True)
    saliency = serializers.ListField(child=serializers.CharField())
    environment = serializers.DictField()
    recipe = serializers.DictField()
    manifest_sha256 = serializers.CharField()
    study = serializers.CharField()
    intermediate_policy = serializers.CharField()
    device = serializers.CharField()
    seconds = serializers.DictField(child=serializers.FloatField())


@extend_schema_field(ResultOut)
class ResultField(serializers.JSONField):
    """result.json, untouched; described by :class:`ResultOut`."""
