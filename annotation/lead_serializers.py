"""Shapes of what the study lead sees: progress, agreement, labels, reviews, charter, audit."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from annotation import rubric
from annotation.models import AuditEvent, FinalLabel, ReviewDecision
from annotation.serializers import CategoriesOut, Closed, GradeField, MeasurementShape
from config.accounts.models import Role, User


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
    closed_by = serializers.CharField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)
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


class TermsShape(Closed):
    """The study's settings; see charter.Terms for what each means."""

    read_design = serializers.ChoiceField(choices=["paired", "independent"])
    min_gap_reads = serializers.IntegerField(min_value=0)
    discrepancy_rule = serializers.ChoiceField(choices=["category", "any_finding"])
    consensus = serializers.BooleanField()
    reread_share = serializers.FloatField(min_value=0, max_value=1)
    washout_reads = serializers.IntegerField(min_value=1)
    sham_share = serializers.FloatField(min_value=0, max_value=1)
    plan_seed = serializers.IntegerField(min_value=0, allow_null=True, help_text="Null: drawn at freezing.")
    sham_seed = serializers.IntegerField(min_value=0, allow_null=True, help_text="Null: drawn at freezing.")
    rubric_version = serializers.IntegerField(min_value=1)
    intermediate_policy = serializers.ChoiceField(choices=["negative", "exclude", "positive"])
    min_interval_days = serializers.IntegerField(min_value=1)
    qualification_required = serializers.BooleanField()
    qualification_cases = serializers.IntegerField(min_value=1)
    pass_pannus = serializers.FloatField(min_value=0, max_value=1)
    pass_vertical_translocation = serializers.FloatField(min_value=0, max_value=1)
    pass_dens_erosion = serializers.FloatField(min_value=0, max_value=1)
    pass_facet_blossoming = serializers.FloatField(min_value=0, max_value=1)


class CharterOut(serializers.Serializer[Any]):
    version = serializers.IntegerField()
    terms = TermsShape()
    hash = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)
    frozen_by = serializers.CharField(allow_null=True)
    frozen_at = serializers.DateTimeField()


class CharterPageOut(serializers.Serializer[Any]):
    """``current`` is null until reading starts; ``proposed`` is what freezing now would freeze."""

    current = CharterOut(allow_null=True)
    proposed = TermsShape()
    history = CharterOut(many=True)


class CharterIn(Closed):
    terms = serializers.DictField(
        child=serializers.JSONField(), help_text="Only what changes; see TermsShape for keys and values."
    )
    reason = serializers.CharField(max_length=2000, allow_blank=True, default="")


class CharterCheckIn(Closed):
    terms = serializers.DictField(child=serializers.JSONField(), help_text="Only what changes.")


class TermDifferenceOut(serializers.Serializer[Any]):
    term = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


class CharterImpliesOut(serializers.Serializer[Any]):
    patients = serializers.IntegerField(help_text="Eligible and not open yet.")
    cases = serializers.IntegerField()
    observers = serializers.IntegerField()
    observers_passed = serializers.IntegerField(help_text="Of them, those who passed the qualification.")
    adjudicators = serializers.IntegerField()
    reads_per_observer = serializers.IntegerField()
    rereads_per_observer = serializers.IntegerField()
    list_per_observer = serializers.IntegerField()
    shams = serializers.IntegerField()
    conflicts = serializers.IntegerField(help_text="If assumed_discrepant of the cases are discrepant.")
    assumed_discrepant = serializers.FloatField()


class CharterCheckOut(serializers.Serializer[Any]):
    problems = serializers.ListField(child=serializers.CharField())
    warnings = serializers.ListField(child=serializers.CharField())
    differences = TermDifferenceOut(many=True)
    implies = CharterImpliesOut(allow_null=True)


class OpenReadingOut(serializers.Serializer[Any]):
    cases = serializers.IntegerField(help_text="New cases.")
    assignments = serializers.IntegerField(help_text="New assignments.")
    charter = serializers.IntegerField()


class ReplaceReaderIn(Closed):
    leaving = serializers.SlugRelatedField[User](
        "username", queryset=User.objects.filter(role__in=(Role.OBSERVER, Role.ADJUDICATOR))
    )
    joining = serializers.SlugRelatedField[User](
        "username", queryset=User.objects.filter(role__in=(Role.OBSERVER, Role.ADJUDICATOR))
    )
    reason = serializers.CharField(max_length=2000)


class ReplacedReaderOut(serializers.Serializer[Any]):
    cases = serializers.IntegerField(help_text="Cases that changed hands.")
    assignments = serializers.IntegerField(help_text="New assignments, re-reads included.")


class AuditEventOut(serializers.ModelSerializer[AuditEvent]):
    actor = serializers.SlugRelatedField[AuditEvent]("username", read_only=True, allow_null=True)

    class Meta:
        model = AuditEvent
        fields = ["id", "at", "actor", "verb", "object_type", "object_id", "detail", "hash"]
        read_only_fields = fields


class AuditFilterIn(serializers.Serializer[Any]):
    object_type = serializers.CharField(required=False, allow_blank=True)
    object_id = serializers.CharField(required=False, allow_blank=True)
    verb = serializers.CharField(required=False, allow_blank=True)
    actor = serializers.CharField(required=False, allow_blank=True)
    since = serializers.DateField(required=False)
    until = serializers.DateField(required=False)


class AuditChoicesOut(serializers.Serializer[Any]):
    actors = serializers.ListField(child=serializers.CharField())
    verbs = serializers.ListField(child=serializers.CharField())
    object_types = serializers.ListField(child=serializers.CharField())


class AuditCheckOut(serializers.Serializer[Any]):
    rows = serializers.IntegerField()
    signed = serializers.IntegerField()
    labels = serializers.IntegerField()
    newest_hash = serializers.CharField()
    failures = serializers.ListField(child=serializers.CharField(), help_text="Empty: all is whole.")
    checked_at = serializers.DateTimeField()
