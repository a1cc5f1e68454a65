"""The lead's endpoints: progress, agreement, labels, reviews and the charter."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import (
    attestation,
    charter,
    charter_check,
    lead_agreement,
    lead_monitoring,
    lead_queries,
    lead_review,
    lead_tables,
    workflow,
)
from annotation import charter_serializers as charters
from annotation import lead_serializers as shapes
from annotation.models import Case, Charter, FinalLabel
from annotation.serializers import RefusalOut
from annotation.views import _read, _user
from config.accounts.permissions import IsLead
from config.negotiation import AnyAccept


class Progress(APIView):
    permission_classes = [IsLead]

    @extend_schema(responses=shapes.ProgressOut)
    def get(self, request: Request) -> Response:
        return Response(lead_queries.progress())


class Agreement(APIView):
    permission_classes = [IsLead]

    @extend_schema(
        parameters=[OpenApiParameter("comparison", OpenApiTypes.STR, description="A key of comparisons.")],
        responses={200: shapes.AgreementOut, 404: None},
    )
    def get(self, request: Request) -> Response:
        page = lead_agreement.agreement_page(
            request.query_params.get("comparison") or lead_agreement.OBSERVERS
        )
        if page is None:
            raise Http404
        return Response(page)


class Monitoring(APIView):
    permission_classes = [IsLead]

    @extend_schema(responses=shapes.MonitoringOut)
    def get(self, request: Request) -> Response:
        return Response(shapes.MonitoringOut(lead_monitoring.monitoring_page()).data)


class Table(APIView):
    permission_classes = [IsLead]
    content_negotiation_class = AnyAccept

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR, 404: None})
    def get(self, request: Request, name: str) -> HttpResponse:
        """One of the lead's tables as CSV; the names are lead_tables.TABLES."""
        text = lead_tables.as_csv(name)
        if text is None:
            raise Http404
        response = HttpResponse(text, content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
        return response


class Labels(ListAPIView[Any]):
    permission_classes = [IsLead]
    serializer_class = shapes.LabelOut
    queryset = FinalLabel.objects.none()

    def get_queryset(self) -> QuerySet[FinalLabel]:
        found = lead_queries.labels().order_by("-pk")  # newest first
        for name, column in (("how", "how"), ("category", "category"), ("scan", "scan__key")):
            if value := self.request.query_params.get(name):
                found = found.filter(**{column: value})
        if search := self.request.query_params.get("search"):
            found = found.filter(scan__case__patient__pseudonym__startswith=search.lower())
        return found

    @extend_schema(
        parameters=[
            OpenApiParameter(name, OpenApiTypes.STR) for name in ("how", "category", "scan", "search")
        ]
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.get_queryset()) or []
        rows = shapes.LabelOut([lead_queries.label_out(label) for label in page], many=True).data
        return self.get_paginated_response(rows)


class Label(APIView):
    permission_classes = [IsLead]

    @extend_schema(responses={200: shapes.LabelDetailOut, 404: None})
    def get(self, request: Request, pk: int) -> Response:
        label = lead_queries.labels().filter(pk=pk).first()
        if label is None:
            raise Http404
        return Response(shapes.LabelDetailOut(lead_queries.label_detail(label)).data)


class Attestation(APIView):
    permission_classes = [IsLead]

    @extend_schema(responses={200: shapes.AttestationOut, 404: None})
    def get(self, request: Request, pk: int) -> Response:
        label = lead_queries.labels().filter(pk=pk).first()
        if label is None:
            raise Http404
        return Response(shapes.AttestationOut(attestation.attestation(label)).data)


class LeadReview(APIView):
    permission_classes = [IsLead]

    @extend_schema(responses=shapes.ReviewOut(many=True))
    def get(self, request: Request) -> Response:
        reviews = [
            {
                "case": review.case.pk,
                "patient": review.case.patient.pseudonym,
                "state": review.case.state,
                "items": review.items,
                "actions": review.actions,
            }
            for review in lead_review.open_reviews()
        ]
        return Response(shapes.ReviewOut(reviews, many=True).data)


class ResolveReview(APIView):
    permission_classes = [IsLead]

    @extend_schema(request=shapes.ResolveIn, responses={200: shapes.ResolvedOut, 404: None, 409: RefusalOut})
    def post(self, request: Request, pk: int) -> Response:
        case = Case.objects.filter(pk=pk).first()
        if case is None:
            raise Http404
        form = _read(shapes.ResolveIn, request)
        case = workflow.resolve_review(case=case, by=_user(request), **form)
        return Response({"case": case.pk, "state": case.state})


class OpenReading(APIView):
    permission_classes = [IsLead]

    @extend_schema(request=None, responses={200: charters.OpenReadingOut, 409: RefusalOut})
    def post(self, request: Request) -> Response:
        """Open all eligible patients to the observers; freezes the charter the first time."""
        new = workflow.open_reading(by=_user(request))
        frozen = charter.current()
        assert frozen is not None  # open_reading froze one
        return Response(
            {
                "cases": len({assignment.case_id for assignment in new}),
                "assignments": len(new),
                "charter": frozen.version,
            }
        )


class ReplaceReader(APIView):
    permission_classes = [IsLead]

    @extend_schema(
        request=charters.ReplaceReaderIn,
        responses={200: charters.ReplacedReaderOut, 400: None, 409: RefusalOut},
    )
    def post(self, request: Request) -> Response:
        """Give what a leaving reader has not signed to another; closes the leaving account."""
        form = _read(charters.ReplaceReaderIn, request)
        given = workflow.replace_reader(by=_user(request), **form)
        return Response({"cases": len({row.case_id for row in given}), "assignments": len(given)})


class CharterPage(APIView):
    permission_classes = [IsLead]

    @extend_schema(responses=charters.CharterPageOut)
    def get(self, request: Request) -> Response:
        history = [_charter(row) for row in Charter.objects.select_related("frozen_by").order_by("-version")]
        current = history[0] if history else None
        page = {
            "current": current,
            "proposed": current["terms"] if current else charter.Terms().as_dict(),
            "history": history,
        }
        return Response(charters.CharterPageOut(page).data)

    @extend_schema(request=charters.CharterIn, responses={201: charters.CharterOut, 409: RefusalOut})
    def post(self, request: Request) -> Response:
        form = _read(charters.CharterIn, request)
        frozen = workflow.freeze_charter(by=_user(request), changes=form["terms"], reason=form["reason"])
        return Response(charters.CharterOut(_charter(frozen)).data, status=status.HTTP_201_CREATED)


class CheckCharter(APIView):
    permission_classes = [IsLead]

    @extend_schema(request=charters.CharterCheckIn, responses=charters.CharterCheckOut)
    def post(self, request: Request) -> Response:
        """What these terms would mean; nothing is kept."""
        form = _read(charters.CharterCheckIn, request)
        return Response(charters.CharterCheckOut(charter_check.check(form["terms"])).data)


def _charter(row: Charter) -> dict[str, Any]:
    return {
        "version": row.version,
        # With what a version of an earlier release did not know, as it holds for its cases.
        "terms": {**charter.Terms().as_dict(), **row.terms},
        "hash": row.hash,
        "reason": row.reason,
        "frozen_by": row.frozen_by.username if row.frozen_by else None,
        "frozen_at": row.frozen_at,
    }
