"""Label sets, runs and the paper's figures, for the lead alone."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import FileResponse, Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.accounts.models import User
from config.accounts.permissions import IsLead
from config.exceptions import RuleViolation
from modeling import map_queries, queries, runs, snapshot
from modeling import recipe as recipes
from modeling.map_verdicts import METHODS
from modeling.models import LabelSet, Run
from modeling.published import check_published, consistent_matrices, not_searched
from modeling.serializers import (
    FrozenOut,
    LabelSetDetailOut,
    LabelSetIn,
    LabelSetOut,
    ManifestRowOut,
    PaperOut,
    PredictionOut,
    PublishedIn,
    PublishedOut,
    RecipesOut,
    RunIn,
    RunOut,
    RunPatientOut,
    RunRowOut,
)

M = TypeVar("M", bound=Model)


def user_of(request: Request) -> User:
    """Who asks."""
    assert isinstance(request.user, User)  # the permission class lets nobody else in
    return request.user


def damaged(error: queries.ManifestDamaged) -> RuleViolation:
    """The answer to a label set whose file is not what was frozen."""
    return RuleViolation(str(error), code="manifest_damaged")


def one(rows: QuerySet[M], pk: int) -> M:
    """The row, or the 404 that a reader gets too: not a word on what is missing."""
    try:
        row = rows.filter(pk=pk).first()
    except OverflowError:  # no key is so large
        row = None
    if row is None:
        raise Http404
    return row


def chosen(request: Request, name: str, allowed: Collection[str]) -> str | None:
    """A query parameter that is one of ``allowed``, None where it is absent; a 400 names it otherwise."""
    value = request.query_params.get(name)
    if value is not None and value not in allowed:
        raise ValidationError({name: [f"{value!r} is none of {', '.join(allowed)}."]})
    return value


def _run(pk: int) -> dict[str, Any]:
    """The whole run as it is now, with its parts."""
    found = one(queries.with_parts(Run.objects.prefetch_related("parts")), pk)
    content: dict[str, Any] = RunOut(found).data
    return content


class LeadView(APIView):
    permission_classes = [IsLead]


class LabelSets(LeadView):
    @extend_schema(responses=LabelSetOut(many=True))
    def get(self, request: Request) -> Response:
        return Response(LabelSetOut(queries.label_sets(), many=True).data)

    @extend_schema(request=LabelSetIn, responses={201: FrozenOut, 200: FrozenOut})
    def post(self, request: Request) -> Response:
        """Freeze the final labels and queue a run. The same labels again: the same label set, 200."""
        form = LabelSetIn(data=request.data)
        form.is_valid(raise_exception=True)
        before = LabelSet.objects.count()
        label_set = snapshot.freeze(by=user_of(request), name=form.validated_data["name"])
        run = queries.with_parts(Run.objects.filter(label_set=label_set)).first()
        body = {"label_set": LabelSetOut(label_set).data, "run": RunOut(run).data if run else None}
        new = LabelSet.objects.count() > before
        return Response(body, status=status.HTTP_201_CREATED if new else status.HTTP_200_OK)


class LabelSetDetail(LeadView):
    @extend_schema(responses=LabelSetDetailOut)
    def get(self, request: Request, pk: int) -> Response:
        label_set = one(queries.label_sets(), pk)
        try:
            content = queries.manifest(label_set)
        except queries.ManifestDamaged as error:
            raise damaged(error) from error
        described = {key: content[key] for key in ("study", "phantom", "intermediate_policy")}
        rows = ManifestRowOut(content["patients"], many=True).data
        body = LabelSetOut(label_set).data | described | {"counts": queries.counts(content), "rows": rows}
        return Response(body)


class LabelSetManifest(LeadView):
    @extend_schema(responses={(200, "application/json"): OpenApiTypes.OBJECT})
    def get(self, request: Request, pk: int) -> FileResponse:
        """The file itself: its sha256 is the label set's hash."""
        label_set = one(LabelSet.objects.all(), pk)
        try:
            file = queries.manifest_path(label_set).open("rb")
        except FileNotFoundError as error:
            raise RuleViolation(f"The file of label set {pk} is missing.", code="manifest_damaged") from error
        name = f"label-set-{label_set.hash[:12]}.json"
        return FileResponse(file, as_attachment=True, filename=name, content_type="application/json")


class Runs(LeadView):
    @extend_schema(responses=RunRowOut(many=True))
    def get(self, request: Request) -> Response:
        return Response(RunRowOut(queries.runs(), many=True).data)

    @extend_schema(request=RunIn, responses={201: RunOut})
    def post(self, request: Request) -> Response:
        form = RunIn(data=request.data)
        form.is_valid(raise_exception=True)
        try:
            run = runs.create(by=user_of(request), **form.validated_data)
        except recipes.RecipeError as error:
            raise ValidationError({"overrides": [str(error)]}) from error
        return Response(_run(run.pk), status=status.HTTP_201_CREATED)


class RunDetail(LeadView):
    @extend_schema(responses=RunOut)
    def get(self, request: Request, pk: int) -> Response:
        return Response(_run(pk))


class RunCancel(LeadView):
    @extend_schema(request=None, responses=RunOut)
    def post(self, request: Request, pk: int) -> Response:
        """Cancel a queued run, or ask a running one to stop; 409 once it has ended."""
        run = one(queries.runs(), pk)
        runs.cancel(run=run, by=user_of(request))
        return Response(_run(pk))


class RunRetry(LeadView):
    @extend_schema(request=None, responses=RunOut)
    def post(self, request: Request, pk: int) -> Response:
        """Queue a failed run again; folds that have succeeded are not repeated. 409 unless it has failed."""
        run = one(queries.runs(), pk)
        runs.retry(run=run, by=user_of(request))
        return Response(_run(pk))


class RunLog(LeadView):
    @extend_schema(parameters=[OpenApiParameter("part", str)], responses=OpenApiTypes.STR)
    def get(self, request: Request, pk: int) -> Response:
        """The end of the trainer's log, as one JSON string; with ``part``, of that fold's."""
        run = one(queries.runs(), pk)
        part = request.query_params.get("part", "")
        if part and part not in {row.key for row in run.parts.all()}:
            raise ValidationError({"part": [f"Run {pk} has no part {part!r}."]})
        return Response(queries.log_tail(run.pk, part))


class RunPredictions(LeadView):
    @extend_schema(responses=PredictionOut(many=True))
    def get(self, request: Request, pk: int) -> Response:
        """Every patient's score, training and test; empty until the run is published."""
        run = one(queries.runs(), pk)
        return Response(PredictionOut(run.predictions, many=True).data)


class RunPredictionsFile(LeadView):
    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR})
    def get(self, request: Request, pk: int) -> FileResponse:
        run = one(queries.runs().filter(state=Run.State.SUCCEEDED), pk)
        file = queries.published_file(run, "predictions.csv").open("rb")
        return FileResponse(file, as_attachment=True, filename=f"run-{pk}-predictions.csv")


class RunPatient(LeadView):
    @extend_schema(
        parameters=[OpenApiParameter("method", str, enum=list(METHODS))],
        responses=RunPatientOut,
    )
    def get(self, request: Request, pk: int, pseudonym: str) -> Response:
        """A test patient's score and map, by default that of the answer given.

        404 for training patients, whose maps show what was memorised, and for a map that the run lacks.
        """
        method = chosen(request, "method", METHODS)
        run = one(queries.runs().select_related("label_set"), pk)
        try:
            found = map_queries.run_patient(run, pseudonym, method=method)
        except queries.ManifestDamaged as error:
            raise damaged(error) from error
        if found is None:
            raise Http404
        return Response(RunPatientOut(found).data)


class Paper(LeadView):
    @extend_schema(responses=PaperOut)
    def get(self, request: Request) -> Response:
        return Response(PaperOut(queries.paper()).data)


class PublishedCheck(LeadView):
    @extend_schema(request=PublishedIn, responses=PublishedOut)
    def post(self, request: Request) -> Response:
        """Which of a publication's figures cannot be true together; nothing is stored."""
        body = PublishedIn(data=request.data)
        body.is_valid(raise_exception=True)
        table = body.validated_data["table"]
        try:
            found = {
                "findings": check_published(table),
                "matrices": consistent_matrices(table),
                "not_searched": not_searched(table),
            }
        except ValueError as error:
            raise RuleViolation(str(error), code="bad_table") from error
        return Response(PublishedOut(found).data)


class Recipes(LeadView):
    @extend_schema(responses=RecipesOut)
    def get(self, request: Request) -> Response:
        return Response(RecipesOut(queries.recipes()).data)
