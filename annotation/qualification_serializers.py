"""Shapes of training and qualification."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from annotation.models import QualificationAttempt, QualificationCase
from annotation.qualification_score import FINDINGS
from annotation.serializers import READ_STATUS, CaseOut, Closed, GradeField

_FINDINGS = list(FINDINGS)
_PURPOSES = QualificationCase.Purpose.choices


class FeedbackOut(serializers.Serializer[Any]):
    scan = serializers.CharField()
    finding = serializers.CharField(help_text="A finding's key, or category.")
    yours = GradeField()
    truth = GradeField()
    difference = serializers.IntegerField(
        allow_null=True,
        help_text="Steps from the truth; positive: graded worse. Null where there is no step.",
    )
    scored = serializers.BooleanField(help_text="Whether it counts towards the pass mark.")


class PhantomOut(CaseOut):
    """A phantom in the reading room: a case, and the truth once it is signed."""

    purpose = serializers.ChoiceField(choices=_PURPOSES)
    feedback = FeedbackOut(many=True, allow_null=True)


class MarkOut(serializers.Serializer[Any]):
    finding = serializers.ChoiceField(choices=_FINDINGS)
    mark = serializers.FloatField(help_text="Least share of scans to be graded as the truth is.")


class FindingResultOut(MarkOut):
    k = serializers.IntegerField(help_text="Graded as the truth is.")
    n = serializers.IntegerField()
    passed = serializers.BooleanField()
    share = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True, help_text="Wilson 95 % interval.")
    high = serializers.FloatField(allow_null=True)


class PhantomReadOut(serializers.Serializer[Any]):
    code = serializers.CharField()
    status = serializers.ChoiceField(choices=READ_STATUS)


class AttemptBase(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    state = serializers.ChoiceField(choices=QualificationAttempt.State.choices)
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    results = FindingResultOut(many=True)


class OwnAttemptOut(AttemptBase):
    reads = PhantomReadOut(many=True)


class RightOut(serializers.Serializer[Any]):
    k = serializers.IntegerField()
    n = serializers.IntegerField()


class TrainedOut(serializers.Serializer[Any]):
    code = serializers.CharField()
    signed_at = serializers.DateTimeField()
    right = RightOut()


class TrainingCaseOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    place = serializers.IntegerField(help_text="From 1.")
    open = serializers.CharField(allow_null=True, help_text="Code of the read that is not signed yet.")
    signed = TrainedOut(many=True)


class OwnQualificationOut(serializers.Serializer[Any]):
    required = serializers.BooleanField(  # type: ignore[assignment]
        help_text="Whether the charter in force asks for it."
    )
    passed = serializers.BooleanField()
    marks = MarkOut(many=True)
    cases_of_an_attempt = serializers.IntegerField()
    can_start = serializers.BooleanField()
    fresh_cases = serializers.IntegerField(help_text="Qualification cases that this reader has not read.")
    training = TrainingCaseOut(many=True)
    attempts = OwnAttemptOut(many=True)


class StartedOut(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="Of the read to open.")


class QualifiedReaderOut(serializers.Serializer[Any]):
    reader = serializers.CharField()
    role = serializers.CharField()
    passed = serializers.BooleanField()
    fresh_cases = serializers.IntegerField()


class AttemptOut(AttemptBase):
    reader = serializers.CharField()
    signed = serializers.IntegerField()
    cases = serializers.IntegerField()


class PhantomCountOut(serializers.Serializer[Any]):
    purpose = serializers.ChoiceField(choices=_PURPOSES)
    ready = serializers.IntegerField()
    waiting = serializers.IntegerField(help_text="Still to be drawn.")


class QualificationOverviewOut(serializers.Serializer[Any]):
    required = serializers.BooleanField()  # type: ignore[assignment]
    cases_of_an_attempt = serializers.IntegerField()
    readers = QualifiedReaderOut(many=True)
    attempts = AttemptOut(many=True)
    cases = PhantomCountOut(many=True)


class MakeCasesIn(Closed):
    purpose = serializers.ChoiceField(choices=_PURPOSES)
    count = serializers.IntegerField(min_value=1)
    seed = serializers.IntegerField(min_value=0)


class MadeCasesOut(serializers.Serializer[Any]):
    made = serializers.IntegerField()
