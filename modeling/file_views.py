"""What a published run gives away as files: networks, bundle, model card, maps; for the lead alone."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pydicom
from django.conf import settings
from django.http import FileResponse, Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from config.exceptions import RuleViolation
from modeling import bundle, map_queries, queries, runs, saliency_files
from modeling.map_verdicts import KINDS, METHODS
from modeling.models import Run, TrustJob
from modeling.run_pairs import run_pairs
from modeling.trust_serializers import RunPairOut, TrustOut
from modeling.views import LeadView, chosen, damaged, one, user_of

MOST_COMPARED = 12


def _published(pk: int) -> Run:
    rows = Run.objects.select_related("label_set").filter(state=Run.State.SUCCEEDED)
    return one(rows, pk)


def _map(
    run: Run, pseudonym: str, *, method: str | None = None, kind: str | None = None
) -> map_queries.PatientMap:
    row = map_queries.tested(run, pseudonym)
    found = map_queries.patient_map(run, row, method=method, kind=kind) if row else None
    if found is None:
        raise Http404
    return found


class RunTrust(LeadView):
    @extend_schema(responses=TrustOut)
    def get(self, request: Request, pk: int) -> Response:
        """Whether the run's maps may be believed, and every test behind that."""
        return Response(self._content(_published(pk)))

    @extend_schema(request=None, responses={202: TrustOut})
    def post(self, request: Request, pk: int) -> Response:
        """Queue the making of the report, the first time or again; 409 while it is being made."""
        run = _published(pk)
        runs.request_trust(run=run, by=user_of(request))
        return Response(self._content(run), status=status.HTTP_202_ACCEPTED)

    def _content(self, run: Run) -> dict[str, Any]:
        job = TrustJob.objects.filter(run=run).first()
        content: dict[str, Any] = TrustOut(
            map_queries.verdicts(run) | {"report": map_queries.trust(run), "job": job}
        ).data
        return content


class RunPairs(LeadView):
    @extend_schema(
        parameters=[OpenApiParameter("ids", str, required=True, description="Runs, as 3,4,7.")],
        responses=RunPairOut(many=True),
    )
    def get(self, request: Request) -> Response:
        """Every two of these runs compared on the patients that both tested."""
        words = request.query_params.get("ids", "").split(",")
        if not all(word.isdecimal() and len(word) < 10 for word in words) or len(words) > MOST_COMPARED:
            raise ValidationError({"ids": [f"Give two to {MOST_COMPARED} ids of runs, as 3,4,7."]})
        return Response(RunPairOut(run_pairs([int(word) for word in words]), many=True).data)


class RunNetwork(LeadView):
    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, pk: int, name: str) -> FileResponse:
        """One network, as safetensors or ONNX."""
        run = _published(pk)
        if name not in queries.networks(run):
            raise Http404
        file = queries.published_file(run, name).open("rb")
        return FileResponse(
            file, as_attachment=True, filename=f"run-{pk}-{name}", content_type="application/octet-stream"
        )


class RunBundle(LeadView):
    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: Request, pk: int) -> FileResponse:
        """All that another site needs to evaluate the model, and nothing of a patient."""
        run = _published(pk)
        # A file without a name: it is gone once it has been sent, whatever happens in between.
        packed = tempfile.TemporaryFile(dir=settings.DATA_DIR)  # noqa: SIM115
        try:
            bundle.write(run, packed)
        except queries.ManifestDamaged as error:
            raise damaged(error) from error
        packed.seek(0)
        return FileResponse(
            packed, as_attachment=True, filename=f"odontoid-run-{pk}.zip", content_type="application/zip"
        )


class RunModelCard(LeadView):
    @extend_schema(responses={(200, "text/markdown"): OpenApiTypes.STR})
    def get(self, request: Request, pk: int) -> HttpResponse:
        try:
            card = bundle.card(_published(pk))
        except queries.ManifestDamaged as error:
            raise damaged(error) from error
        response = HttpResponse(card, content_type="text/markdown; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="run-{pk}-model-card.md"'
        return response


class RunOverlay(LeadView):
    @extend_schema(
        parameters=[
            OpenApiParameter("method", str, enum=list(METHODS)),
            OpenApiParameter("map", str, enum=list(KINDS), description="Of the answer given."),
            OpenApiParameter("colours", str, enum=list(saliency_files.COLOURS)),
        ],
        responses={(200, "image/png"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, pk: int, pseudonym: str) -> HttpResponse:
        """A test patient's map over the middle input plane. Without a method: that of the answer given."""
        method, kind = chosen(request, "method", METHODS), chosen(request, "map", KINDS)
        colours = chosen(request, "colours", saliency_files.COLOURS) or "blue_red"
        found = _map(_published(pk), pseudonym, method=method, kind=kind)
        return HttpResponse(saliency_files.png(found.path, found.method, colours), content_type="image/png")


class RunMapDicom(LeadView):
    @extend_schema(
        parameters=[
            OpenApiParameter("method", str, enum=list(METHODS)),
            OpenApiParameter("kind", str, enum=list(saliency_files.SOP_CLASSES)),
        ],
        responses={(200, "application/dicom"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, pk: int, pseudonym: str) -> HttpResponse:
        """A test patient's map as DICOM, in the patient's space or as a picture."""
        run = _published(pk)
        sop_class = chosen(request, "kind", saliency_files.SOP_CLASSES) or "parametric_map"
        found = _map(run, pseudonym, method=chosen(request, "method", METHODS))
        try:
            patients = queries.manifest(run.label_set)["patients"]
        except queries.ManifestDamaged as error:
            raise damaged(error) from error
        series = next(patient["series"] for patient in patients if patient["patient"] == pseudonym)
        folder = Path(settings.IMAGE_STORE_DIR) / series["path"]
        try:
            sources = [pydicom.dcmread(folder / name, stop_before_pixels=True) for name in series["files"]]
        except OSError as error:
            raise RuleViolation(
                f"The series of {pseudonym} cannot be read: {error}", code="no_series"
            ) from error
        verdict = map_queries.verdict(run, found.method)
        content = saliency_files.dicom(
            found.path,
            sources,
            sop_class=sop_class,
            method=found.method,
            run=run.pk,
            version=run.code_version,
            statement=verdict["statement"],
            validated=verdict["validated"],
        )
        response = HttpResponse(content, content_type="application/dicom")
        response["Content-Disposition"] = (
            f'attachment; filename="run-{pk}-{pseudonym}-{found.method}-{sop_class}.dcm"'
        )
        return response
