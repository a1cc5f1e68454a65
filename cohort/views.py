"""The lead's view of the cohort: flow, patients, deliveries, quarantine, images."""

from __future__ import annotations

import csv
import io
from typing import Any, cast

from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cohort import (
    bids,
    chart_review,
    deidentification,
    flow,
    flow_diagram,
    nifti,
    pacs,
    quarantine,
    queries,
    review_queue,
    scan_pairs,
)
from cohort import serializers as shapes
from cohort.models import ChartReview, Instance, Patient, Series
from config import trail
from config.accounts.models import User
from config.accounts.permissions import IsLead
from config.exceptions import RuleViolation
from config.negotiation import AnyAccept

HTJ2K = "1.2.840.10008.1.2.4.201"


def _lead(request: Request) -> User:
    return cast(User, request.user)  # IsLead has let nobody else in


class FlowView(APIView):
    permission_classes = [IsLead]

    @extend_schema(parameters=[shapes.FlowQuery], responses=shapes.FlowOut)
    def get(self, request: Request) -> Response:
        """The flow of everybody and by site, the figure of those asked for, and its sums worked out again."""
        _, found, steps = _flow_of(request)
        sums = flow_diagram.sums(found["steps"], found["sites"])
        return Response(shapes.FlowOut({**found, "diagram": flow_diagram.layout(steps), "sums": sums}).data)


class Criteria(APIView):
    permission_classes = [IsLead]

    @extend_schema(responses=shapes.CriteriaOut)
    def get(self, request: Request) -> Response:
        """The rules that the flow is computed with now."""
        return Response(shapes.CriteriaOut(queries.criteria_in_force()).data)


class FlowFigure(APIView):
    permission_classes = [IsLead]
    content_negotiation_class = AnyAccept

    @extend_schema(parameters=[shapes.FlowQuery], responses={(200, "image/svg+xml"): OpenApiTypes.STR})
    def get(self, request: Request) -> HttpResponse:
        site, _, steps = _flow_of(request)
        drawn = flow_diagram.svg(steps, title=flow_diagram.title(site))
        return _file(drawn, "image/svg+xml", "patient-flow.svg")


class FlowTable(APIView):
    permission_classes = [IsLead]
    content_negotiation_class = AnyAccept

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR})
    def get(self, request: Request) -> HttpResponse:
        """Every step and every reason with its count, for everybody and then by site."""
        text = io.StringIO()
        table = csv.DictWriter(text, flow.ROW_FIELDS, lineterminator="\n")
        table.writeheader()
        table.writerows(flow.rows(flow.flow()))
        return _file(text.getvalue(), "text/csv", "patient-flow.csv")


def _flow_of(request: Request) -> tuple[str | None, dict[str, Any], list[dict[str, Any]]]:
    """The site asked for (None: all), the whole flow, and the steps of that site."""
    form = shapes.FlowQuery(data=request.query_params)
    form.is_valid(raise_exception=True)
    site = form.validated_data.get("site")
    found = flow.flow()
    steps = flow.steps_of(found, site)
    if steps is None:
        raise Http404
    return site, found, steps


def _file(text: str, kind: str, name: str) -> HttpResponse:
    response = HttpResponse(text, content_type=f"{kind}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


class _Pages(LimitOffsetPagination):
    max_limit = 500


class PatientList(ListAPIView[Patient]):
    permission_classes = [IsLead]
    serializer_class = shapes.PatientOut
    pagination_class = _Pages

    @extend_schema(parameters=[shapes.PatientQuery])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> Any:
        form = shapes.PatientQuery(data=self.request.query_params)
        form.is_valid(raise_exception=True)
        return queries.patients(**form.validated_data)


class PatientDetail(APIView):
    permission_classes = [IsLead]

    @extend_schema(responses=shapes.PatientDetailOut)
    def get(self, request: Request, pseudonym: str) -> Response:
        patient = get_object_or_404(queries.patient_details(), pseudonym=pseudonym)
        return Response(shapes.PatientDetailOut(patient).data)


class ChooseScanPair(APIView):
    permission_classes = [IsLead]

    @extend_schema(request=shapes.ScanPairIn, responses=shapes.ScanPairOut)
    def post(self, request: Request, pseudonym: str) -> Response:
        """Choose baseline and follow-up by hand; the rule no longer touches this patient's pair."""
        form = shapes.ScanPairIn(data=request.data)
        form.is_valid(raise_exception=True)
        patient = get_object_or_404(Patient, pseudonym=pseudonym)
        pair = scan_pairs.choose(patient=patient, by=_lead(request), **form.validated_data)
        return Response(shapes.ScanPairOut(pair).data)


class RestoreScanRule(APIView):
    permission_classes = [IsLead]

    @extend_schema(request=shapes.ScanRuleIn, responses=shapes.ScanRuleOut)
    def post(self, request: Request, pseudonym: str) -> Response:
        """Take back the lead's choice of scans: the rule chooses again."""
        form = shapes.ScanRuleIn(data=request.data)
        form.is_valid(raise_exception=True)
        patient = get_object_or_404(Patient, pseudonym=pseudonym)
        pair = scan_pairs.restore_rule(patient=patient, by=_lead(request), **form.validated_data)
        return Response(shapes.ScanRuleOut({"scan_pair": pair}).data)


class ReviewQueue(APIView):
    permission_classes = [IsLead]

    @extend_schema(
        parameters=[
            OpenApiParameter("after", str, description="Pseudonym: the next patient past this one."),
            OpenApiParameter("at", str, description="Pseudonym: this patient, if the chart waits."),
        ],
        responses=shapes.ReviewQueueOut,
    )
    def get(self, request: Request) -> Response:
        """The next patient whose chart waits, how far the review is, and what was decided last."""
        after, at = (request.query_params.get(name) for name in ("after", "at"))
        return Response(shapes.ReviewQueueOut(review_queue.page(after, at)).data)


class DecideChartReview(APIView):
    permission_classes = [IsLead]

    @extend_schema(request=shapes.ChartReviewIn, responses={201: shapes.ChartReviewOut})
    def post(self, request: Request, pseudonym: str) -> Response:
        form = shapes.ChartReviewIn(data=request.data)
        form.is_valid(raise_exception=True)
        patient = get_object_or_404(Patient, pseudonym=pseudonym)
        review = chart_review.decide(patient=patient, by=_lead(request), **form.validated_data)
        return Response(shapes.ChartReviewOut(review).data, status=status.HTTP_201_CREATED)


class TakeBackChartReview(APIView):
    permission_classes = [IsLead]

    @extend_schema(request=shapes.TakeBackIn, responses=shapes.ChartReviewOut)
    def post(self, request: Request, pk: int) -> Response:
        """Undo a decision; 409 once readers have the patient's scans."""
        form = shapes.TakeBackIn(data=request.data)
        form.is_valid(raise_exception=True)
        review = get_object_or_404(ChartReview, pk=pk)
        taken = chart_review.take_back(review=review, by=_lead(request), **form.validated_data)
        return Response(shapes.ChartReviewOut(taken).data)


class Deidentification(APIView):
    permission_classes = [IsLead]

    @extend_schema(responses=shapes.DeidentifiedStudyOut(many=True))
    def get(self, request: Request, pseudonym: str) -> Response:
        """What was removed, replaced and kept in each study of a patient; attributes, never values."""
        patient = get_object_or_404(Patient, pseudonym=pseudonym)
        return Response(shapes.DeidentifiedStudyOut(deidentification.report(patient), many=True).data)


class DeidentificationTable(APIView):
    permission_classes = [IsLead]

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR})
    def get(self, request: Request, pseudonym: str) -> HttpResponse:
        patient = get_object_or_404(Patient, pseudonym=pseudonym)
        response = HttpResponse(deidentification.as_csv(patient), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="deidentification-{pseudonym}.csv"'
        return response


class QuarantineList(ListAPIView[Series]):
    permission_classes = [IsLead]
    serializer_class = shapes.QuarantinedOut
    queryset = Series.objects.filter(state=Series.State.QUARANTINED)
    pagination_class = None


class ReleaseSeries(APIView):
    permission_classes = [IsLead]

    @extend_schema(request=shapes.ReleaseIn, responses=shapes.ReleaseOut)
    def post(self, request: Request, series_uid: str) -> Response:
        form = shapes.ReleaseIn(data=request.data)
        form.is_valid(raise_exception=True)
        held = get_object_or_404(Series, series_uid=series_uid, state=Series.State.QUARANTINED)
        series = quarantine.release(series=held, by=_lead(request), reason=form.validated_data["reason"])
        return Response(
            {"series_uid": series.series_uid, "state": series.state, "patient": series.patient_pseudonym}
        )


class DiscardSeries(APIView):
    permission_classes = [IsLead]

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, series_uid: str) -> Response:
        held = get_object_or_404(Series, series_uid=series_uid, state=Series.State.QUARANTINED)
        quarantine.discard(series=held, by=_lead(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class SeriesMetadata(APIView):
    permission_classes = [IsLead]
    content_negotiation_class = AnyAccept

    @extend_schema(
        responses={(200, "application/dicom+json"): {"type": "array", "items": {"type": "object"}}}
    )
    def get(self, request: Request, series_uid: str) -> HttpResponse:
        """DICOM JSON of every slice, ascending along the normal, without pixels."""
        series = get_object_or_404(Series, series_uid=series_uid)
        with transaction.atomic():  # one row an opening: the viewer asks for this before the frames
            trail.record("open_images", series, by=request.user, series=series_uid, images=series.slices)
        return HttpResponse(queries.series_metadata(series), content_type="application/dicom+json")


class SeriesNifti(APIView):
    permission_classes = [IsLead]
    content_negotiation_class = AnyAccept

    @extend_schema(responses={(200, "application/gzip"): OpenApiTypes.BINARY})
    def get(self, request: Request, series_uid: str) -> HttpResponse:
        """An accepted series as one NIfTI volume."""
        series = get_object_or_404(Series, series_uid=series_uid, state=Series.State.ACCEPTED)
        try:
            image, _ = bids.volume(series)
        except nifti.NiftiError as error:
            raise RuleViolation(f"No NIfTI file of this series: {error}.", code="no_nifti") from error
        with transaction.atomic():
            trail.record("open_images", series, by=request.user, series=series_uid, images=series.slices)
        response = HttpResponse(image, content_type="application/gzip")
        response["Content-Disposition"] = f'attachment; filename="{bids.file_name(series)}"'
        return response


class Frame(APIView):
    permission_classes = [IsLead]
    content_negotiation_class = AnyAccept

    @extend_schema(responses={(200, "image/jphc"): OpenApiResponse(OpenApiTypes.BINARY)})
    def get(self, request: Request, series_uid: str, sop_uid: str) -> HttpResponse:
        instance = get_object_or_404(
            Instance.objects.select_related("series"), sop_uid=sop_uid, series__series_uid=series_uid
        )
        pixels, syntax = pacs.read_frame(instance)
        kind = "image/jphc" if syntax == HTJ2K else "application/octet-stream"
        response = HttpResponse(pixels, content_type=f"{kind}; transfer-syntax={syntax}")
        response["Cache-Control"] = "private, max-age=86400, immutable"
        return response
