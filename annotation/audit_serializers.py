"""Shapes of the audit trail and of what checking it found."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from annotation.models import AuditEvent


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
