"""The lead's view of archives and of what is pulled from them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any, cast

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.http import Http404, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cohort import pull_list, pulls
from cohort import pull_serializers as shapes
from cohort.models import Pull, PullItem
from cohort.pacs import archive, nodes
from config.accounts.models import User
from config.accounts.permissions import IsLead
from config.negotiation import AnyAccept

MAX_LIST_BYTES = 16 * 2**20
#: States of a line whose images are all here.
_SETTLED = (PullItem.State.DONE,)


def _with_counts() -> QuerySet[Pull]:
    return Pull.objects.select_related("created_by").annotate(
        lines=Count("items"),
        **{state: Count("items", filter=Q(items__state=state)) for state in PullItem.State.values},
        instances_expected=Coalesce(Sum("items__instances_expected"), 0),
        instances_arrived=Coalesce(Sum("items__instances_arrived"), 0),
    )


def _out(pull: Any) -> dict[str, Any]:
    pull.counts = {state: getattr(pull, state) for state in PullItem.State.values}
    return dict(shapes.PullOut(pull).data)


class Nodes(APIView):
    permission_classes = [IsLead]

    @extend_schema(responses=shapes.NodesOut)
    def get(self, request: Request) -> Response:
        """The archives that the operator has named; never their passwords."""
        from django.conf import settings

        try:
            found, error = list(nodes.load().values()), ""
        except nodes.NodesError as problem:
            found, error = [], str(problem)
        return Response(
            shapes.NodesOut({"nodes": found, "error": error, "ae_title": settings.DICOM_AE_TITLE}).data
        )


class CheckNode(APIView):
    permission_classes = [IsLead]

    @extend_schema(request=None, responses=shapes.NodeCheckOut)
    def post(self, request: Request, name: str) -> Response:
        """Ask an archive whether it answers: a C-ECHO, or a query for one study."""
        node = nodes.load().get(name)
        if node is None:
            raise Http404
        try:
            archive.connect(node).check()
        except archive.ArchiveError as error:
            return Response({"answers": False, "detail": f"No: {error}."})
        return Response({"answers": True, "detail": "It answers."})


class Pulls(APIView):
    permission_classes = [IsLead]
    parser_classes = [MultiPartParser]

    @extend_schema(responses=shapes.PullOut(many=True))
    def get(self, request: Request) -> Response:
        return Response([_out(pull) for pull in _with_counts()[:100]])

    @extend_schema(
        request={"multipart/form-data": shapes.PullIn},
        responses={201: shapes.PullOut, 400: shapes.ListErrorOut},
    )
    def post(self, request: Request) -> Response:
        """Queue a list of patients: CSV with ``patient_id`` and, for single exams, ``accession``."""
        form = shapes.PullIn(data=request.data)
        form.is_valid(raise_exception=True)
        content = form.validated_data["list"].read(MAX_LIST_BYTES + 1)
        try:
            if len(content) > MAX_LIST_BYTES:
                raise pull_list.ListError(f"The list is larger than {MAX_LIST_BYTES >> 20} MiB.")
            pull = pulls.create(
                node=form.validated_data["node"], content=content, by=cast(User, request.user)
            )
        except pull_list.ListError as error:
            rows = [{"line": line, "reason": reason} for line, reason in error.rows]
            return Response({"detail": str(error), "rows": rows}, status=400)
        return Response(_out(_with_counts().get(pk=pull.pk)), status=201)


class PullDetail(APIView):
    permission_classes = [IsLead]

    @extend_schema(responses=shapes.PullOut)
    def get(self, request: Request, pk: int) -> Response:
        return Response(_out(get_object_or_404(_with_counts(), pk=pk)))


class PullItems(ListAPIView[PullItem]):
    permission_classes = [IsLead]
    serializer_class = shapes.PullItemOut

    @extend_schema(parameters=[shapes.PullItemQuery])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        get_object_or_404(Pull, pk=kwargs["pk"])
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> Any:
        form = shapes.PullItemQuery(data=self.request.query_params)
        form.is_valid(raise_exception=True)
        items = PullItem.objects.filter(pull=self.kwargs["pk"]).order_by("line")
        if form.validated_data["open"]:
            items = items.exclude(state__in=_SETTLED)
        if "state" in form.validated_data:
            items = items.filter(state=form.validated_data["state"])
        return items


class CancelPull(APIView):
    permission_classes = [IsLead]

    @extend_schema(request=None, responses=shapes.PullOut)
    def post(self, request: Request, pk: int) -> Response:
        pulls.cancel(pull=get_object_or_404(Pull, pk=pk))
        return Response(_out(_with_counts().get(pk=pk)))


class _Line:
    """A file for csv that gives back what is written."""

    def write(self, text: str) -> str:
        return text


class PullReport(APIView):
    permission_classes = [IsLead]
    content_negotiation_class = AnyAccept

    @extend_schema(responses={(200, "text/csv"): {"type": "string"}})
    def get(self, request: Request, pk: int) -> StreamingHttpResponse:
        """Every line that is not complete: ``line`` is that of the list as it was given."""
        pull = get_object_or_404(Pull, pk=pk)
        header = ["line", "patient", "state", "images_expected", "images_arrived", "attempts", "reason"]
        items = pull.items.exclude(state__in=_SETTLED).order_by("line")

        def rows() -> Iterator[Any]:
            yield header
            yield from items.values_list(
                "line", "patient_pseudonym", "state", "instances_expected", "instances_arrived", "attempts",
                "reason",
            ).iterator(2000)  # fmt: skip

        writer = csv.writer(_Line())
        response = StreamingHttpResponse(
            (writer.writerow(row) for row in rows()), content_type="text/csv; charset=utf-8"
        )
        response["Content-Disposition"] = f'attachment; filename="pull-{pull.pk}-missing.csv"'
        return response
