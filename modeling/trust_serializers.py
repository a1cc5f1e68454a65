"""What is served of a trust report, which is described in modeling/training/trust_report.py.

``version`` and the run's own ``validated``, ``failed`` and ``statement`` are not: :class:`TrustOut` says what
stands on the maps, with or without a report.
"""

from __future__ import annotations

from rest_framework import serializers

from modeling.map_verdicts import KINDS
from modeling.result_serializers import FloatsField, IntervalField, MapVerdictOut, PairedAucOut
from modeling.run_pairs import BASES
from modeling.serializers import TrustJobOut


class ExactnessOut(serializers.Serializer):
    hirescam = serializers.FloatField()
    sum = serializers.FloatField()
    passed = serializers.BooleanField()


class LikenessSizeOut(serializers.Serializer):
    """Mean absolute likeness."""

    spearman = serializers.FloatField(allow_null=True)
    ssim = serializers.FloatField(allow_null=True)


class BaselineOut(LikenessSizeOut):
    """Of maps of two patients by one trained network."""

    pairs = serializers.IntegerField()


class StageOut(LikenessSizeOut):
    stage = serializers.CharField()
    networks = serializers.IntegerField()
    spearman_high = serializers.FloatField(allow_null=True)
    ssim_high = serializers.FloatField(allow_null=True)


class RandomisationOut(serializers.Serializer):
    baseline = BaselineOut()
    stages = StageOut(many=True)
    passed = serializers.BooleanField()


class LikenessOut(serializers.Serializer):
    """How alike the maps of two networks are on the same patients."""

    between = serializers.CharField(required=False)
    pairs = serializers.IntegerField()
    trained_on = serializers.IntegerField(
        required=False, help_text="How many of these patients the other network was trained on."
    )
    spearman = serializers.FloatField(allow_null=True)
    ssim = serializers.FloatField(allow_null=True)
    size = LikenessSizeOut()
    below_baseline = serializers.BooleanField(required=False)


class CurveOut(serializers.Serializer):
    share = FloatsField()
    map = FloatsField()
    random = FloatsField()
    gain = serializers.FloatField()
    p = serializers.FloatField()
    passed = serializers.BooleanField()


class OcclusionOut(serializers.Serializer):
    n = serializers.IntegerField()
    mean = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    passed = serializers.BooleanField()


class PointingRowOut(serializers.Serializer):
    map = serializers.CharField()
    hits = serializers.IntegerField()
    n = serializers.IntegerField()
    wilson = IntervalField()
    energy = serializers.FloatField(allow_null=True)


class AgainstPriorOut(serializers.Serializer):
    """A kind of map against the best map that knows nothing of the network; see trust_phantoms.pointing."""

    best = serializers.CharField()
    only_map = serializers.IntegerField()
    only_best = serializers.IntegerField()
    p = serializers.FloatField()
    beats = serializers.BooleanField()


class AgainstPriorsOut(serializers.Serializer):
    layercam = AgainstPriorOut()
    gradcam = AgainstPriorOut()


class PointingOut(serializers.Serializer):
    region = serializers.CharField()
    area = serializers.FloatField()
    rows = PointingRowOut(many=True)
    against_priors = AgainstPriorsOut()


class EnergyOut(serializers.Serializer):
    n = serializers.IntegerField()
    air = serializers.FloatField(allow_null=True)
    padding = serializers.FloatField(allow_null=True)
    air_area = serializers.FloatField(allow_null=True)
    padding_area = serializers.FloatField(allow_null=True)
    alarm = serializers.BooleanField()


class MapTestsOut(serializers.Serializer):
    """One kind of map. LayerCAM has no exactness: its cells do not sum to the logit."""

    validated = serializers.BooleanField()
    failed = serializers.ListField(child=serializers.CharField())
    statement = serializers.CharField()
    grain = serializers.ListField(child=serializers.IntegerField())
    exactness = ExactnessOut(allow_null=True)
    randomisation = RandomisationOut()
    label_shuffled = LikenessOut(allow_null=True)
    repeatability = LikenessOut(allow_null=True)
    deletion = CurveOut()
    insertion = CurveOut()
    occlusion = OcclusionOut()
    energy = EnergyOut()


class TestedMapsOut(serializers.Serializer):
    layercam = MapTestsOut()
    gradcam = MapTestsOut()


class TrustReportOut(serializers.Serializer):
    mode = serializers.CharField()
    patients = serializers.ListField(child=serializers.CharField())
    maps = TestedMapsOut()
    pointing = PointingOut(allow_null=True)
    seconds = serializers.FloatField()


class MapVerdictsOut(serializers.Serializer):
    layercam = MapVerdictOut()
    gradcam = MapVerdictOut()


class TrustOut(serializers.Serializer):
    """``report`` is null where none was made, or only by an older version; the statements then say so."""

    validated = serializers.BooleanField()
    statement = serializers.CharField()
    maps = MapVerdictsOut()
    default_map = serializers.ChoiceField(choices=list(KINDS), help_text="The kind of map shown first.")
    report = TrustReportOut(allow_null=True)
    job = TrustJobOut(allow_null=True)


class McNemarPairOut(serializers.Serializer):
    b = serializers.IntegerField()
    c = serializers.IntegerField()
    p = serializers.FloatField()


class RunPairOut(serializers.Serializer):
    """Two runs on the patients that both tested."""

    first = serializers.IntegerField()
    second = serializers.IntegerField()
    n = serializers.IntegerField()
    positives = serializers.IntegerField()
    auc = PairedAucOut(allow_null=True)
    auc_basis = serializers.ChoiceField(
        choices=list(BASES), help_text="Among whom the AUCs rank a patient: those of its own fold, or of all."
    )
    pooled_because = serializers.CharField(
        allow_null=True, help_text="Why the folds had to be pooled; null where they were not."
    )
    mcnemar = McNemarPairOut(allow_null=True)
