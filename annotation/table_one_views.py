"""Table 1 for the lead: as JSON and as a file."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import table_one
from config.accounts.permissions import IsLead
from config.negotiation import AnyAccept


class TableOneQuery(serializers.Serializer[Any]):
    by = serializers.ChoiceField(choices=table_one.BY, required=False, default="outcome")


class TableGroupOut(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment]
    n = serializers.IntegerField()


class NumberCellOut(serializers.Serializer[Any]):
    n = serializers.IntegerField()
    median = serializers.FloatField()
    q1 = serializers.FloatField()
    q3 = serializers.FloatField()
    mean = serializers.FloatField()
    sd = serializers.FloatField(allow_null=True)
    low = serializers.FloatField()
    high = serializers.FloatField()


class CountCellOut(serializers.Serializer[Any]):
    n = serializers.IntegerField()
    of = serializers.IntegerField(help_text="Of those of whom it is known.")
    share = serializers.FloatField(allow_null=True)


class TableLevelOut(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment]
    cells = CountCellOut(many=True)


class TableRowOut(serializers.Serializer[Any]):
    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    unit = serializers.CharField()
    kind = serializers.ChoiceField(choices=["number", "category"])
    missing = serializers.ListField(child=serializers.IntegerField(), help_text="Not known, by group.")
    cells = serializers.ListField(child=NumberCellOut(allow_null=True), help_text="Of numbers, by group.")
    levels = TableLevelOut(many=True)
    test = serializers.CharField()
    p = serializers.FloatField(allow_null=True)
    smd = serializers.FloatField(allow_null=True, help_text="Standardised mean difference of two groups.")


class TableOneOut(serializers.Serializer[Any]):
    by = serializers.ChoiceField(choices=table_one.BY, help_text="none: there is nothing to group by yet.")
    ungrouped = serializers.IntegerField(help_text="In the column of all only.")
    groups = TableGroupOut(many=True)
    rows = TableRowOut(many=True)


class TableOne(APIView):
    permission_classes = [IsLead]

    @extend_schema(parameters=[TableOneQuery], responses=TableOneOut)
    def get(self, request: Request) -> Response:
        """Characteristics of the included patients, the first group being all of them."""
        return Response(TableOneOut(table_one.table_one(_by(request))).data)


class TableOneFile(APIView):
    permission_classes = [IsLead]
    content_negotiation_class = AnyAccept

    @extend_schema(parameters=[TableOneQuery], responses={(200, "text/csv"): OpenApiTypes.STR})
    def get(self, request: Request) -> HttpResponse:
        text = table_one.as_csv(table_one.table_one(_by(request)))
        response = HttpResponse(text, content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="table-1.csv"'
        return response


def _by(request: Request) -> str:
    form = TableOneQuery(data=request.query_params)
    form.is_valid(raise_exception=True)
    return str(form.validated_data["by"])
