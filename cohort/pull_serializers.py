"""Shapes of the pages for archives and pulls."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from cohort.models import Pull, PullItem


class NodeOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=["dicomweb", "dimse"])
    address = serializers.CharField()
    parallel = serializers.IntegerField()


class NodesOut(serializers.Serializer[Any]):
    nodes = NodeOut(many=True)
    #: What is wrong with the operator's file; empty when it can be used.
    error = serializers.CharField()
    ae_title = serializers.CharField(help_text="Under which archives know this server.")


class NodeCheckOut(serializers.Serializer[Any]):
    answers = serializers.BooleanField()
    detail = serializers.CharField()


class PullIn(serializers.Serializer[Any]):
    node = serializers.CharField()
    list = serializers.FileField(allow_empty_file=True)


class PullCountsOut(serializers.Serializer[Any]):
    queued = serializers.IntegerField()
    running = serializers.IntegerField()
    done = serializers.IntegerField()
    incomplete = serializers.IntegerField()
    missing = serializers.IntegerField()
    failed = serializers.IntegerField()
    refused = serializers.IntegerField()
    cancelled = serializers.IntegerField()


class PullOut(serializers.ModelSerializer[Pull]):
    created_by = serializers.CharField(source="created_by.username", allow_null=True, default=None)
    lines = serializers.IntegerField()
    counts = PullCountsOut()
    instances_expected = serializers.IntegerField()
    instances_arrived = serializers.IntegerField()

    class Meta:
        model = Pull
        fields = [
            "id", "node", "created_by", "created_at", "finished_at", "cancel_requested", "lines", "counts",
            "instances_expected", "instances_arrived",
        ]  # fmt: skip
        read_only_fields = fields


class PullItemOut(serializers.ModelSerializer[PullItem]):
    class Meta:
        model = PullItem
        fields = [
            "line", "patient_pseudonym", "state", "attempts", "next_try_at", "studies", "instances_expected",
            "instances_arrived", "summary", "reason",
        ]  # fmt: skip
        read_only_fields = fields


class PullItemQuery(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=PullItem.State.choices, required=False)
    open = serializers.BooleanField(default=False, help_text="Only lines whose images are not all here.")


class ListErrorOut(serializers.Serializer[Any]):
    detail = serializers.CharField()
    rows = serializers.ListField(child=serializers.DictField())
