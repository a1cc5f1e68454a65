"""The lead's look into the audit trail: search it, and have the whole of it checked."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import audit
from annotation import audit_serializers as shapes
from annotation.models import AuditEvent
from config.accounts.permissions import IsLead

_EXACT = ("object_type", "object_id", "verb")


class Audit(ListAPIView[Any]):
    permission_classes = [IsLead]
    serializer_class = shapes.AuditEventOut
    queryset = AuditEvent.objects.none()

    def get_queryset(self) -> QuerySet[AuditEvent]:
        given = shapes.AuditFilterIn(data=self.request.query_params.dict())
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        found = AuditEvent.objects.select_related("actor").order_by("-pk")
        found = found.filter(**{name: asked[name] for name in _EXACT if asked.get(name)})
        if asked.get("actor"):
            found = found.filter(actor__username=asked["actor"])
        if asked.get("since"):
            found = found.filter(at__gte=_midnight(asked["since"]))
        if asked.get("until"):
            found = found.filter(at__lt=_midnight(asked["until"]) + timedelta(days=1))
        return found

    @extend_schema(
        parameters=[
            *(OpenApiParameter(name, OpenApiTypes.STR) for name in (*_EXACT, "actor")),
            OpenApiParameter("since", OpenApiTypes.DATE),
            OpenApiParameter("until", OpenApiTypes.DATE, description="The last day, included."),
        ]
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


def _midnight(day: Any) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


class AuditChoices(APIView):
    permission_classes = [IsLead]

    @extend_schema(responses=shapes.AuditChoicesOut)
    def get(self, request: Request) -> Response:
        """What there is to search for."""
        events = AuditEvent.objects.order_by()
        return Response(
            {
                "actors": sorted(
                    events.exclude(actor=None).values_list("actor__username", flat=True).distinct()
                ),
                "verbs": sorted(events.values_list("verb", flat=True).distinct()),
                "object_types": sorted(events.values_list("object_type", flat=True).distinct()),
            }
        )


class VerifyAudit(APIView):
    permission_classes = [IsLead]

    @extend_schema(request=None, responses=shapes.AuditCheckOut)
    def post(self, request: Request) -> Response:
        """Check the whole trail now, as ``verify_audit`` does; takes a second for some thousand rows."""
        return Response({**vars(audit.check()), "checked_at": timezone.now()})
