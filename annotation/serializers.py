"""Shapes of what readers send and get. They check shape only; rules are in the verbs, blinding in queries."""

from __future__ import annotations

import math
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotation import measurements, rubric
from annotation.models import Consensus

_GRADE = {"oneOf": [{"type": "integer"}, {"type": "string"}], "nullable": True}


@extend_schema_field(_GRADE)
class GradeField(serializers.Field[Any, Any, Any, Any]):
    """A grade: a whole number, a word such as ``not_visible``, or null for not graded yet."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_null=True, **kwargs)

    def to_internal_value(self, data: Any) -> int | str:
        if isinstance(data, bool) or not isinstance(data, int | str):
            raise serializers.ValidationError("A grade is a whole number or a word.")
        if isinstance(data, str) and len(data) > 32:
            raise serializers.ValidationError("A grade is at most 32 characters long.")
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class Closed(serializers.Serializer[Any]):
    """Input that refuses unknown keys: what would be dropped in silence is lost work."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = sorted(set(data) - set(self.fields))
            if unknown:
                raise serializers.ValidationError({str(key): ["Unknown field."] for key in unknown})
        return super().to_internal_value(data)


class GradeChoiceOut(serializers.Serializer[Any]):
    value = GradeField()
    label = serializers.CharField()  # type: ignore[assignment]
    description = serializers.CharField()
    shortcut = serializers.CharField()


class FindingOut(serializers.Serializer[Any]):
    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    help = serializers.CharField()
    group = serializers.CharField(allow_null=True)
    group_label = serializers.CharField(allow_null=True)
    ordered = serializers.BooleanField()
    grades = GradeChoiceOut(many=True)


class RubricOut(serializers.Serializer[Any]):
    version = serializers.IntegerField()
    findings = FindingOut(many=True)
    quality = FindingOut()
    exclusion_observation = FindingOut()


class ScanScores(Closed):
    """One scan's scores; every part may be missing in a draft."""

    grades = serializers.DictField(child=GradeField(), required=False)
    quality = serializers.ChoiceField(choices=list(rubric.QUALITY.values), required=False, allow_blank=True)
    exclusion_observation = serializers.ChoiceField(
        choices=list(rubric.EXCLUSION_OBSERVATION.values), required=False, allow_blank=True
    )
    #: Texts are kept as they were sent: the page tells by them whether a save arrived.
    exclusion_text = serializers.CharField(
        required=False, allow_blank=True, max_length=2000, trim_whitespace=False
    )
    comments = serializers.DictField(
        child=serializers.CharField(allow_blank=True, max_length=2000, trim_whitespace=False), required=False
    )
    key_slices = serializers.DictField(child=serializers.IntegerField(min_value=0), required=False)
    series = serializers.IntegerField(
        min_value=0, required=False, help_text="Number of the series on screen; 0, the scan's own, if absent."
    )
    key_series = serializers.DictField(
        child=serializers.IntegerField(min_value=0),
        required=False,
        help_text="By finding, the series of its key slice; 0 if absent.",
    )


class Finite(serializers.FloatField):
    """A number that survives every database's JSON unchanged, so that its hash does."""

    def to_internal_value(self, data: Any) -> float:
        value = super().to_internal_value(data)
        if not math.isfinite(value) or abs(value) > 1e6:
            raise serializers.ValidationError("Not a finite number of reasonable size.")
        return value


class MeasurementShape(Closed):
    """One annotation in patient space (LPS, mm) on one slice of one scan."""

    id = serializers.CharField(max_length=64)
    kind = serializers.ChoiceField(choices=list(measurements.KINDS))
    scan = serializers.CharField(max_length=16)
    series = serializers.IntegerField(
        min_value=0, required=False, help_text="Number of the series among the scan's; 0 if absent."
    )
    slice = serializers.IntegerField(min_value=0)
    sop_uid = serializers.CharField(max_length=64, allow_blank=True)
    points = serializers.ListField(
        child=serializers.ListField(child=Finite(), min_length=3, max_length=3), min_length=1, max_length=4
    )
    value = Finite(help_text="In the kind's unit; McRae's is signed, positive above the line.")
    proposed_grade = serializers.IntegerField(
        required=False, help_text="What McRae's line proposes for vertical translocation."
    )
    mean = Finite(required=False, help_text="Of the pixels in an ellipse, as is sd.")
    sd = Finite(required=False)


class Content(serializers.DictField):
    child = ScanScores()


class DraftIn(Closed):
    revision = serializers.IntegerField(min_value=0)
    content = Content()
    measurements = MeasurementShape(many=True, max_length=500)  # type: ignore[call-arg]
    active_seconds = Finite(min_value=0, help_text="Since the last save; they are added up.")


class CategoriesOut(serializers.DictField):
    child = serializers.ChoiceField(choices=rubric.CATEGORIES, allow_null=True)


class DraftSavedOut(serializers.Serializer[Any]):
    revision = serializers.IntegerField()
    saved = serializers.BooleanField()
    categories = CategoriesOut()


class SignIn(Closed):
    revision = serializers.IntegerField(min_value=0)
    password = serializers.CharField(max_length=128, trim_whitespace=False)
    meaning = serializers.CharField(max_length=200)
    active_seconds = Finite(min_value=0, default=0, help_text="Since the last save; they are added up.")


class SignedOut(serializers.Serializer[Any]):
    status = serializers.CharField()
    content_hash = serializers.CharField()
    next = serializers.CharField(allow_null=True)


class AmendIn(Closed):
    reason = serializers.CharField(max_length=2000)


READ_STATUS = ["open", "draft", "signed"]
CONSENSUS_STATUS = ["open", "waiting_for_you", "waiting_for_other"]
WHO = ["you", "other"]


class WorklistItemOut(serializers.Serializer[Any]):
    code = serializers.CharField()
    kind = serializers.ChoiceField(choices=["case"])
    status = serializers.ChoiceField(choices=READ_STATUS)
    position = serializers.IntegerField(help_text="Place in this reader's list, from 1.")


class ConsensusItemOut(serializers.Serializer[Any]):
    code = serializers.CharField()
    status = serializers.ChoiceField(choices=CONSENSUS_STATUS)


class ReadProgressOut(serializers.Serializer[Any]):
    signed = serializers.IntegerField()
    total = serializers.IntegerField()


class WorklistOut(serializers.Serializer[Any]):
    progress = ReadProgressOut()
    next = serializers.CharField(allow_null=True)
    locked = serializers.CharField(
        allow_blank=True, help_text="Why no case is shown before the qualification is passed; else empty."
    )
    items = WorklistItemOut(many=True)
    consensus = ConsensusItemOut(many=True)


class BlindInstanceOut(serializers.Serializer[Any]):
    sop_uid = serializers.CharField()
    index = serializers.IntegerField()


class BlindSeriesOut(serializers.Serializer[Any]):
    study_uid = serializers.CharField()
    series_uid = serializers.CharField()
    slices = serializers.IntegerField()
    instances = BlindInstanceOut(many=True)


class BlindScanOut(BlindSeriesOut):
    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    others = BlindSeriesOut(many=True, help_text="More adequate series of the same exam, numbered from 1.")


class OwnReadingOut(serializers.Serializer[Any]):
    version = serializers.IntegerField()
    revision = serializers.IntegerField()
    state = serializers.ChoiceField(choices=["draft", "signed"])
    content = Content()
    measurements = MeasurementShape(many=True)
    active_seconds = serializers.FloatField()
    signed_at = serializers.DateTimeField(allow_null=True)
    content_hash = serializers.CharField(allow_blank=True)


class CaseOut(serializers.Serializer[Any]):
    code = serializers.CharField()
    read_design = serializers.ChoiceField(choices=["paired", "independent"])
    status = serializers.ChoiceField(choices=READ_STATUS)
    amendable = serializers.BooleanField()
    scans = BlindScanOut(many=True)
    reading = OwnReadingOut()
    categories = CategoriesOut()
    next = serializers.CharField(allow_null=True)


class ReadInConsensusOut(serializers.Serializer[Any]):
    who = serializers.ChoiceField(choices=WHO)
    content = Content()
    categories = CategoriesOut()
    measurements = MeasurementShape(many=True)


class AgreedOut(serializers.Serializer[Any]):
    revision = serializers.IntegerField()
    content = Content()
    categories = CategoriesOut()
    proposed_by = serializers.ChoiceField(choices=WHO, allow_null=True)


class ConsensusOut(serializers.Serializer[Any]):
    code = serializers.CharField()
    outcome = serializers.ChoiceField(choices=Consensus.Outcome.choices)
    case_code = serializers.CharField(help_text="This reader's own code of the case, for image addresses.")
    scans = BlindScanOut(many=True)
    reads = ReadInConsensusOut(many=True)
    agreed = AgreedOut()


class ConsensusDraftIn(Closed):
    revision = serializers.IntegerField(min_value=0)
    content = Content()


class ConsensusDeclineIn(Closed):
    password = serializers.CharField(max_length=128, trim_whitespace=False)
    meaning = serializers.CharField(max_length=200, required=False, help_text="As the signer read it.")


class ConsensusSignIn(ConsensusDeclineIn):
    revision = serializers.IntegerField(min_value=0)


class ConsensusStateOut(serializers.Serializer[Any]):
    outcome = serializers.ChoiceField(choices=Consensus.Outcome.choices)
    revision = serializers.IntegerField()
    proposed_by = serializers.ChoiceField(choices=WHO, allow_null=True)
    categories = CategoriesOut()


class RefusalOut(serializers.Serializer[Any]):
    """A rule of the study stands against it (409). Further keys depend on ``code``."""

    detail = serializers.CharField()
    code = serializers.CharField()


class StaleDraftCurrentOut(serializers.Serializer[Any]):
    revision = serializers.IntegerField()
    content = Content()
    measurements = MeasurementShape(many=True, required=False)
    categories = CategoriesOut()


class StaleDraftOut(RefusalOut):
    """``code`` is ``stale_draft``: somebody, or another tab, saved in between."""

    current = StaleDraftCurrentOut(required=False)


class GapOut(serializers.Serializer[Any]):
    scan = serializers.CharField()
    finding = serializers.CharField()


class SignRefusalOut(StaleDraftOut):
    """``code`` is ``incomplete`` (with ``missing``), ``stale_draft`` or ``already_signed``."""

    missing = GapOut(many=True, required=False)


class NoticeOut(serializers.Serializer[Any]):
    key = serializers.CharField()
    count = serializers.IntegerField()
    text = serializers.CharField()
    link = serializers.CharField(help_text="A page of the front end.")
