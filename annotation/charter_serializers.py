"""Shapes of the charter, of opening reading under it, and of replacing a reader."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from annotation.serializers import Closed
from config.accounts.models import Role, User


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
