"""What machines have sent, series by series: nobody watched it come."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request
from rest_framework.response import Response

from cohort import ingest
from cohort.models import ImportBatch
from config.accounts.permissions import IsLead


class ReceivedSeriesOut(serializers.Serializer[Any]):
    outcome = serializers.ChoiceField(choices=ingest.OUTCOMES)
    reason = serializers.CharField()
    series_uid = serializers.CharField(required=False)
    patient = serializers.CharField(required=False)
    slices = serializers.IntegerField(required=False)


class ReceivedOut(serializers.ModelSerializer[ImportBatch]):
    results = ReceivedSeriesOut(many=True)

    class Meta:
        model = ImportBatch
        fields = ["id", "road", "peer", "created_at", "results"]
        read_only_fields = fields


class _Pages(LimitOffsetPagination):
    default_limit, max_limit = 20, 100


class Received(ListAPIView[ImportBatch]):
    permission_classes = [IsLead]
    serializer_class = ReceivedOut
    pagination_class = _Pages
    queryset = ImportBatch.objects.filter(road__in=ingest.MACHINE_ROADS).order_by("-pk")

    @extend_schema(responses=ReceivedOut(many=True))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Deliveries by C-STORE, STOW-RS and pulls, newest first, with what became of each series."""
        return super().get(request, *args, **kwargs)
