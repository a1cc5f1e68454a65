"""Shapes of what the study lead sees of the reads: progress, agreement, labels, reviews."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from annotation import rubric
from annotation.models import FinalLabel, ReviewDecision
from annotation.serializers import CategoriesOut, Closed, GradeField, MeasurementShape


class ReaderProgressOut(serializers.Serializer[Any]):
    username = serializers.CharField()
    role = serializers.CharField()
    assigned = serializers.IntegerField()
    draft = serializers.IntegerField()
    signed = serializers.IntegerField()
    colleagues = serializers.ListField(
        child=serializers.CharField(), help_text="Other active readers of this role."
    )


class ProgressOut(serializers.Serializer[Any]):
    cases = serializers.DictField(child=serializers.IntegerField(), help_text="Number of cases by state.")
    readers = ReaderProgressOut(many=True)
    discrepant = serializers.IntegerField(
        help_text="Cases whose two reads differed under the charter's rule."
    )
    consensus_open = serializers.IntegerField()
    adjudication_open = serializers.IntegerField(help_text="Discrepant cases only; shams are not counted.")
    adjudication_rate = serializers.FloatField(
        allow_null=True, help_text="Cases sent to the adjudicator ÷ cases that both observers have read."
    )


class IntervalOut(serializers.Serializer[Any]):
    """A statistic with its 95 % bootstrap interval; null where it is not defined."""

    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)


class ContingencyOut(serializers.Serializer[Any]):
    labels = serializers.ListField(child=GradeField())
    counts = serializers.ListField(child=serializers.ListField(child=serializers.IntegerField()))


class GradeAgreementOut(serializers.Serializer[Any]):
    """One grade against all others."""

    grade = GradeField()
    used = serializers.ListField(child=serializers.IntegerField(), help_text="By the first and the second.")
    agreement = IntervalOut(help_text="Specific agreement: 2·both ÷ (first + second).")
    kappa = IntervalOut()


class AgreementRowOut(serializers.Serializer[Any]):
    scan = serializers.ChoiceField(choices=["baseline", "follow_up", "all"])
    finding = serializers.CharField(help_text="A finding's key, or category.")
    label = serializers.CharField()  # type: ignore[assignment]
    n = serializers.IntegerField()
    percent_agreement = IntervalOut()
    kappa = IntervalOut()
    kappa_linear = IntervalOut(allow_null=True, help_text="Linear weights; ordered grades only.")
    kappa_weighted = IntervalOut(allow_null=True, help_text="Quadratic weights; ordered grades only.")
    ac1 = IntervalOut()
    ac2 = IntervalOut(allow_null=True, help_text="Quadratic weights; ordered grades only.")
    alpha = IntervalOut(help_text="Krippendorff's, nominal.")
    alpha_ordinal = IntervalOut(allow_null=True, help_text="Ordered grades only.")
    pabak = IntervalOut()
    grades = GradeAgreementOut(many=True)
    table = ContingencyOut()
    prevalence_warning = serializers.BooleanField(
        help_text="High agreement with a low kappa: the marginals, not the readers, make kappa low."
    )


class ComparisonOut(serializers.Serializer[Any]):
    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    n_cases = serializers.IntegerField()


class AgreementOut(serializers.Serializer[Any]):
    comparison = serializers.CharField()
    comparisons = ComparisonOut(many=True, help_text="All observers, each pair, each with their re-reads.")
    n_cases = serializers.IntegerField()
    by = AgreementRowOut(many=True)


class RateOut(IntervalOut):
    """``k`` of ``n`` with its Wilson 95 % interval."""

    k = serializers.IntegerField()
    n = serializers.IntegerField()


class DisagreementOut(serializers.Serializer[Any]):
    reader = serializers.CharField()
    index = RateOut(help_text="Adjudicator disagreed with the reader ÷ cases read (Raunig 2021).")
    adjudicated = serializers.IntegerField()
    p = serializers.FloatField(allow_null=True, help_text="Sign test: the adjudicator sides with either.")


class TieBreakerOut(serializers.Serializer[Any]):
    changed = RateOut(help_text="Concordant scans to which the adjudicator gave another category.")
    more_severe = serializers.IntegerField()
    less_severe = serializers.IntegerField()
    shift = IntervalOut(help_text="Mean of adjudicator − observers, in steps of the category.")
    p = serializers.FloatField(allow_null=True, help_text="Sign test: changes go either way.")


class DriftPointOut(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    kind = serializers.ChoiceField(choices=["reread", "phantom"])
    between = serializers.IntegerField(
        allow_null=True, help_text="Other reads between a re-read and the first; null for a phantom."
    )
    wrong = serializers.BooleanField()
    total = serializers.FloatField()
    alarm = serializers.BooleanField()


class DriftOut(serializers.Serializer[Any]):
    reader = serializers.CharField()
    threshold = serializers.FloatField()
    expected = serializers.FloatField()
    unacceptable = serializers.FloatField()
    points = DriftPointOut(many=True)


class TimePointOut(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    seconds = serializers.FloatField()
    again = serializers.BooleanField()


class TimesOut(serializers.Serializer[Any]):
    reader = serializers.CharField()
    n = serializers.IntegerField()
    median = serializers.FloatField(allow_null=True)
    q1 = serializers.FloatField(allow_null=True)
    q3 = serializers.FloatField(allow_null=True)
    points = TimePointOut(many=True)


class MonitoringOut(serializers.Serializer[Any]):
    adjudication_rate = RateOut()
    disagreement = DisagreementOut(many=True)
    tie_breaker = TieBreakerOut()
    drift = DriftOut(many=True)
    times = TimesOut(many=True)


class AttestedReaderOut(serializers.Serializer[Any]):
    reader = serializers.CharField()
    kind = serializers.CharField()
    assigned_at = serializers.DateTimeField()
    opened_images = serializers.ListField(child=serializers.DateTimeField())
    signed_at = serializers.DateTimeField()
    version = serializers.IntegerField()
    content_hash = serializers.CharField()
    could_see_until_signing = serializers.ListField(child=serializers.CharField())
    could_see_others_from = serializers.DateTimeField(
        allow_null=True, help_text="Null: never, as far as this label goes."
    )


class AttestedEventOut(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    who = serializers.CharField()
    what = serializers.CharField()
    event = serializers.IntegerField(allow_null=True, help_text="The audit row it is from.")


class AttestedCheckOut(serializers.Serializer[Any]):
    key = serializers.CharField()
    text = serializers.CharField()
    passed = serializers.BooleanField(allow_null=True, help_text="Null: no record speaks.")


class AttestedCharterOut(serializers.Serializer[Any]):
    version = serializers.IntegerField()
    hash = serializers.CharField()


class AttestationOut(serializers.Serializer[Any]):
    """``label`` is its id; ``hash`` is of all the rest."""

    label = serializers.IntegerField()  # type: ignore[assignment]
    case = serializers.IntegerField()
    scan = serializers.CharField()
    charter = AttestedCharterOut()
    readers = AttestedReaderOut(many=True)
    timeline = AttestedEventOut(many=True)
    checks = AttestedCheckOut(many=True)
    holds = serializers.BooleanField()
    hash = serializers.CharField()


class LabelReadingOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    reader = serializers.CharField()
    kind = serializers.CharField()
    version = serializers.IntegerField()
    categories = CategoriesOut()
    content_hash = serializers.CharField()
    signed_at = serializers.DateTimeField()


class LabelOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    patient = serializers.CharField()
    scan = serializers.CharField()
    series_uid = serializers.CharField()
    category = serializers.ChoiceField(choices=rubric.CATEGORIES)
    how = serializers.ChoiceField(choices=FinalLabel.How.choices)
    grades = serializers.DictField(child=GradeField())
    decided_at = serializers.DateTimeField()
    case = serializers.IntegerField()
    charter = serializers.IntegerField(help_text="Version of the charter it was decided under.")
    readings = LabelReadingOut(many=True)


class LabelReadingDetailOut(LabelReadingOut):
    meaning = serializers.CharField()
    rubric_version = serializers.IntegerField()
    grades = serializers.DictField(child=GradeField(), help_text="Of this label's scan.")
    comments = serializers.DictField(child=serializers.CharField())
    key_slices = serializers.DictField(child=serializers.IntegerField())
    measurements = MeasurementShape(many=True, help_text="On this label's scan, with its real instance UIDs.")


class ConsensusProvenanceOut(serializers.Serializer[Any]):
    outcome = serializers.CharField()
    proposed_by = serializers.CharField(allow_null=True)
    proposed_at = serializers.DateTimeField(allow_null=True)
    proposed_meaning = serializers.CharField(allow_blank=True)
    closed_by = serializers.CharField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)
    closed_meaning = serializers.CharField(allow_blank=True)
    content_hash = serializers.CharField(allow_blank=True)


class LabelDetailOut(LabelOut):
    readings = LabelReadingDetailOut(many=True)
    consensus = ConsensusProvenanceOut(allow_null=True)


class ReviewItemOut(serializers.Serializer[Any]):
    reader = serializers.CharField()
    scan = serializers.CharField()
    kind = serializers.ChoiceField(choices=["unreadable", "exclusion_observation"])
    observation = serializers.CharField(allow_blank=True)
    text = serializers.CharField(allow_blank=True)
    signed_at = serializers.DateTimeField()


class ReviewOut(serializers.Serializer[Any]):
    case = serializers.IntegerField()
    patient = serializers.CharField()
    state = serializers.CharField()
    items = ReviewItemOut(many=True)
    actions = serializers.ListField(child=serializers.ChoiceField(choices=ReviewDecision.Action.choices))


class ResolveIn(Closed):
    action = serializers.ChoiceField(choices=ReviewDecision.Action.choices)
    reason = serializers.CharField(max_length=2000)


class ResolvedOut(serializers.Serializer[Any]):
    case = serializers.IntegerField()
    state = serializers.CharField()
