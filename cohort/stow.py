"""STOW-RS: DICOM objects in one multipart request (PS3.18 section 10.5).

Each part is written to disk as it streams in. Only when the whole request has been read do its objects
join those that wait for their series to be complete: senders cut a series into many requests. "Stored"
in the answer means: safe on disk. De-identification and the checks of the whole series follow; what they
found stands with the deliveries on the import page.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.http import HttpRequest, JsonResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from pydicom.dataset import Dataset
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request
from rest_framework.views import APIView

from cohort import multipart, pixels, receiving
from cohort.dicom_file import FileError, read_any_header
from cohort.machine_tokens import MaySendImages, TokenAuthentication
from cohort.models import ImportBatch
from config.negotiation import AnyAccept

logger = logging.getLogger(__name__)

#: PS3.18 10.5.3 and PS3.4 GG.4: why one object was not stored.
OUT_OF_RESOURCES, DATA_SET_MISMATCH, CANNOT_UNDERSTAND = 0xA700, 0xA900, 0xC000
SOP_CLASS_NOT_SUPPORTED, TRANSFER_SYNTAX_NOT_SUPPORTED = 0x0122, 0xC122
LIMITS = multipart.Limits()


@dataclass
class Outcome:
    """What became of one request's objects, as DICOM JSON items."""

    stored: list[dict[str, Any]] = field(default_factory=list)
    failed: list[dict[str, Any]] = field(default_factory=list)

    @property
    def status(self) -> int:
        if not self.failed:
            return 200
        if self.stored:
            return 202
        reasons = {item["00081197"]["Value"][0] for item in self.failed}
        return 503 if reasons == {OUT_OF_RESOURCES} else 409

    def as_json(self) -> dict[str, Any]:
        # RetrieveURL is of type 2: de-identified objects have other UIDs and are not to be had from here.
        answer: dict[str, Any] = {"00081190": {"vr": "UR"}}
        if self.stored:
            answer["00081199"] = {"vr": "SQ", "Value": self.stored}
        if self.failed:
            answer["00081198"] = {"vr": "SQ", "Value": self.failed}
        return answer


def store(read: Callable[[int], bytes], content_type: str, *, peer: str, study: str | None = None) -> Outcome:
    """Take one request's objects; all are durable when this returns.

    Raises
    ------
    multipart.MultipartError
        If the request is malformed, cut off or too large: none of it is kept.
    """
    boundary, kind = multipart.related(content_type)
    if kind not in ("application/dicom", ""):
        raise UnsupportedType
    origin = receiving.Origin(ImportBatch.Road.STOW, peer)
    outcome = Outcome()
    with receiving.arriving() as folder:
        arrived: list[receiving.Arrived] = []
        for number, part in enumerate(multipart.parts(read, boundary, LIMITS)):
            path = folder / f"{number:06d}"
            if part.content_type.partition(";")[0].strip() != "application/dicom":
                outcome.failed.append(_failure(None, CANNOT_UNDERSTAND))
                continue
            try:
                digest = receiving.write(path, part.chunks, sync=False)
                header = receiving.read_header(path)
            except receiving.NoRoom:
                outcome.failed.append(_failure(None, OUT_OF_RESOURCES))
            except FileError as error:
                logger.info("STOW from %s: an object was refused: it %s", peer, error)
                outcome.failed.append(_failure(*_why(path)))
            else:
                if study is not None and str(header.StudyInstanceUID) != study:
                    outcome.failed.append(_failure(header, DATA_SET_MISMATCH))
                else:
                    arrived.append(receiving.Arrived(path, digest, header))
        try:
            receiving.keep(arrived, origin, synced=False)
        except receiving.NoRoom:  # some may be in place; sent again they take their own places
            outcome.failed += [_failure(one.header, OUT_OF_RESOURCES) for one in arrived]
        else:
            outcome.stored = [_reference(one.header) for one in arrived]
    return outcome


class UnsupportedType(Exception):
    """Metadata and bulk data apart, or another media type: 415."""


def _why(path: Path) -> tuple[Dataset | None, int]:
    """What a refused file is, as far as it can be told, and the reason's code."""
    try:
        header = read_any_header(path)
    except FileError:
        return None, CANNOT_UNDERSTAND
    if not all(header.get(k) for k in ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID")):
        return header, DATA_SET_MISMATCH
    if header.file_meta.TransferSyntaxUID not in pixels.READABLE:
        return header, TRANSFER_SYNTAX_NOT_SUPPORTED
    return header, SOP_CLASS_NOT_SUPPORTED


def _reference(header: Dataset | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for tag, keyword in (("00081150", "SOPClassUID"), ("00081155", "SOPInstanceUID")):
        value = str(header.get(keyword) or "").strip() if header is not None else ""
        found[tag] = {"vr": "UI", "Value": [value]} if value else {"vr": "UI"}
    return found


def _failure(header: Dataset | None, reason: int) -> dict[str, Any]:
    return {**_reference(header), "00081197": {"vr": "US", "Value": [reason]}}


def reader(request: HttpRequest) -> Callable[[int], bytes]:
    """Reads the body as it comes, also one of unknown length (chunked), of which Django sees nothing."""
    if "HTTP_TRANSFER_ENCODING" in request.META and request.META.get("wsgi.input_terminated"):
        read: Callable[[int], bytes] = request.META["wsgi.input"].read
        return read
    return request.read


@extend_schema(
    request={"multipart/related": OpenApiTypes.BINARY},
    responses={(code, "application/dicom+json"): OpenApiTypes.OBJECT for code in (200, 202, 409)},
)
class StoreInstances(APIView):
    """Store DICOM objects (STOW-RS); for a machine's token or the lead."""

    authentication_classes = [SessionAuthentication, TokenAuthentication]
    permission_classes = [MaySendImages]
    content_negotiation_class = AnyAccept

    def post(self, request: Request, study: str | None = None) -> JsonResponse:
        peer = str(getattr(request.user, "name", None) or request.user)
        try:
            outcome = store(
                reader(request._request), request.META.get("CONTENT_TYPE", ""), peer=peer, study=study
            )
        except UnsupportedType:
            return _refusal('Send whole DICOM objects: type="application/dicom".', 415)
        except multipart.MultipartError as error:
            logger.info("STOW from %s: a request was refused: %s", peer, error)
            return _refusal(f"The request cannot be read: {error}. Nothing of it was kept.", 400)
        except receiving.NoRoom:
            return _refusal("The disk is full. Nothing of it was kept.", 503)
        except OSError:  # the sender went away
            return _refusal("The request broke off. Nothing of it was kept.", 400)
        return JsonResponse(outcome.as_json(), status=outcome.status, content_type="application/dicom+json")


class StoreStudyInstances(StoreInstances):
    """The same for objects of one study."""

    @extend_schema(operation_id="stow_study_create")
    def post(self, request: Request, study: str | None = None) -> JsonResponse:
        return super().post(request, study)


def _refusal(detail: str, status: int) -> JsonResponse:
    return JsonResponse({"detail": detail}, status=status)
