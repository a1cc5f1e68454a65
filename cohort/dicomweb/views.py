"""The DICOMweb resources under /dicom-web/ for the study lead: search, metadata, instances, frames."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from django.http import HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.urls import reverse
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cohort.dicomweb import multipart, native_xml, rendering, retrieve, search
from cohort.dicomweb.accept import EXPLICIT_LITTLE, HTJ2K_LOSSLESS, STORED, BadAccept, Choice, Offer, choose
from cohort.models import Instance
from config.accounts.permissions import IsLead
from config.negotiation import AnyAccept

_JSON = (
    Offer("application/dicom+json", single=True, multipart=False),
    Offer("application/json", single=True, multipart=False),
    Offer("application/dicom+xml"),
)
_INSTANCE = (Offer("application/dicom", (EXPLICIT_LITTLE, HTJ2K_LOSSLESS, STORED), single=True),)
_INSTANCES = (Offer("application/dicom", (EXPLICIT_LITTLE, HTJ2K_LOSSLESS, STORED)),)
_PIXELS = (
    Offer("application/octet-stream", (EXPLICIT_LITTLE, HTJ2K_LOSSLESS, STORED), single=True),
    Offer("image/jphc", (HTJ2K_LOSSLESS, STORED), single=True),
)
_PICTURE = (
    Offer("image/jpeg", single=True, multipart=False),
    Offer("image/png", single=True, multipart=False),
    Offer("image/jpeg"),
    Offer("image/png"),
)
#: Answers up to this many parts are made whole first, so that a fault still has a status.
_SMALL = 8


class _NotAcceptable(Exception):
    pass


class _BadRequest(Exception):
    pass


class _Resource(APIView):
    permission_classes = [IsLead]
    content_negotiation_class = AnyAccept
    schema = None  # described by the standard, not by this application's OpenAPI

    def choose(self, offers: tuple[Offer, ...]) -> Choice:
        """What to answer with; the query parameter outweighs the header (PS3.18 8.3.3.1)."""
        accept = self.request.GET.get("accept") or self.request.headers.get("Accept", "")
        choice = choose(accept, offers)
        if choice is None:
            raise _NotAcceptable(
                "This resource is available as "
                + ", ".join(dict.fromkeys(f"{o.media} {' '.join(o.syntaxes)}".strip() for o in offers))
                + "."
            )
        return choice

    def handle_exception(self, exc: Exception) -> Response:
        status = None
        if isinstance(exc, BadAccept | search.BadSearch | rendering.BadRendering | _BadRequest):
            status = 400
        elif isinstance(exc, _NotAcceptable):
            status = 406
        elif isinstance(exc, retrieve.NotStoredSo):
            status, exc = 406, Exception("It is stored uncompressed; ask for Explicit VR Little Endian.")
        return Response({"detail": str(exc)}, status=status) if status else super().handle_exception(exc)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        done = super().finalize_response(request, response, *args, **kwargs)
        if request.method == "HEAD" and isinstance(done, StreamingHttpResponse):
            done.streaming_content = ()  # the headers are all that is wanted: read no files
        done.headers.setdefault("Vary", "Accept")
        return done

    def url(self, study: str, series: str = "", sop: str = "") -> str:
        """The absolute address of a resource, by the host that the client used."""
        at = f"{self.request.build_absolute_uri(reverse('dicomweb-studies'))}/{study}"
        if series:
            at += f"/series/{series}"
        return f"{at}/instances/{sop}" if sop else at


# ---- search


class _Search(_Resource):
    level = "study"
    find: Callable[..., search.Found] = staticmethod(search.studies)

    def get(self, request: Request, study: str = "", series: str = "") -> HttpResponseBase:
        choice = self.choose(_JSON)
        asked = search.parse(request.GET, self.level)
        for keyword, uid in (("StudyInstanceUID", study), ("SeriesInstanceUID", series)):
            if uid:
                asked.terms[keyword] = uid
        found = self.find(asked, self.url)
        if found.remaining:
            asked.warnings.append(f"There are {found.remaining} additional results that can be requested")
        response: HttpResponseBase
        if not found.results:
            response = HttpResponse(status=204)
        elif choice.multipart:
            response = _related(choice.media, _documents(found.results))
        else:
            response = JsonResponse(
                found.results, safe=False, content_type=choice.media,
                json_dumps_params={"separators": (",", ":")},
            )  # fmt: skip
        if asked.warnings:
            # RFC 7234 5.5: code, who warns, and the text in quotes.
            host = request.get_host()
            response["Warning"] = ", ".join(f'299 {host} "{text}"' for text in asked.warnings)
        return response


class Studies(_Search):
    pass


class SeriesSearch(_Search):
    level = "series"
    find = staticmethod(search.series)


class InstanceSearch(_Search):
    level = "instance"
    find = staticmethod(search.instances)


# ---- retrieve


class Retrieve(_Resource):
    """Part 10 files of a study, a series or one instance."""

    def get(self, request: Request, study: str, series: str | None = None, sop: str | None = None) -> Any:
        choice = self.choose(_INSTANCES if sop is None else _INSTANCE)
        found = list(retrieve.without_metadata(retrieve.instances(study, series, sop)))
        _or_404(found)
        retrieve.check_stored(found, choice.syntax)
        if not choice.multipart:
            content, syntax = retrieve.file(found[0], choice.syntax)
            return HttpResponse(content, content_type=multipart.content_type(choice.media, syntax))
        parts = retrieve.files(found, choice.syntax)
        return _related(choice.media, list(parts) if len(found) <= _SMALL else parts)


class Metadata(_Resource):
    def get(self, request: Request, study: str, series: str | None = None, sop: str | None = None) -> Any:
        choice = self.choose(_JSON)
        found = retrieve.instances(study, series, sop)
        if not found.exists():
            raise NotFound
        if choice.multipart:
            rows = (retrieve.with_pixels(row, self.url) for row in found.iterator(chunk_size=200))
            return _related(choice.media, _documents(rows))
        return StreamingHttpResponse(retrieve.metadata(found, self.url), content_type=choice.media)


class Frames(_Resource):
    """``frames/1,2``: the pixels of the named frames. Every stored image has one."""

    def get(self, request: Request, study: str, series: str, sop: str, frames: str) -> HttpResponseBase:
        choice = self.choose(_PIXELS)
        instance = _one(study, series, sop)
        numbers = frame_numbers(frames)
        content, syntax = retrieve.frame(instance, choice.syntax)
        kind = multipart.content_type(choice.media, syntax)
        if not choice.multipart and len(numbers) == 1:
            return HttpResponse(content, content_type=kind)
        at = f"{self.url(study, series, sop)}/frames"
        return _related(choice.media, [multipart.Part(content, kind, f"{at}/{number}") for number in numbers])


class BulkData(_Resource):
    def get(self, request: Request, study: str, series: str, sop: str, tag: str) -> HttpResponseBase:
        choice = self.choose(_PIXELS)
        instance = _one(study, series, sop)
        if tag.upper() != retrieve.PIXEL_DATA:
            raise NotFound
        content, syntax = retrieve.frame(instance, choice.syntax)
        kind = multipart.content_type(choice.media, syntax)
        if not choice.multipart:
            return HttpResponse(content, content_type=kind)
        at = f"{self.url(study, series, sop)}/bulkdata/{retrieve.PIXEL_DATA}"
        return _related(choice.media, [multipart.Part(content, kind, at)])


class Rendered(_Resource):
    """Pictures: one for an instance or a frame, one a part for a series or study."""

    def get(
        self,
        request: Request,
        study: str,
        series: str | None = None,
        sop: str | None = None,
        frames: str = "1",
    ) -> HttpResponseBase:
        choice = self.choose(_PICTURE)
        how = rendering.look(choice.media, request.GET.dict())
        found = list(retrieve.instances(study, series, sop))
        _or_404(found)
        if sop is not None:
            found = found * len(frame_numbers(frames))
        if len(found) == 1 and not choice.multipart:
            return HttpResponse(_picture(found[0], how), content_type=choice.media)
        return _related(choice.media, (multipart.Part(_picture(i, how), choice.media) for i in found))


class Thumbnail(_Resource):
    """The middle slice, small."""

    def get(
        self,
        request: Request,
        study: str,
        series: str | None = None,
        sop: str | None = None,
        frames: str = "1",
    ) -> HttpResponseBase:
        choice = self.choose(_PICTURE)
        parameters = {"viewport": "128,128", **request.GET.dict()}
        how = rendering.look(choice.media, parameters)
        rows = retrieve.instances(study, series, sop)
        if series is None:
            first = rows.values_list("series", flat=True).first()
            rows = rows.filter(series=first)
        count = rows.count()
        frame_numbers(frames)
        if not count:
            raise NotFound
        return HttpResponse(_picture(rows[count // 2], how), content_type=choice.media)


def frame_numbers(text: str) -> list[int]:
    """ "1,2" as numbers: malformed answers 400, a frame that is not there 404."""
    if not re.fullmatch(r"[1-9]\d{0,8}(,[1-9]\d{0,8})*", text):
        raise _BadRequest(f"{text[:64]!r} is not a list of frame numbers, counted from 1")
    numbers = [int(number) for number in text.split(",")]
    if any(number != 1 for number in numbers):
        raise NotFound
    return numbers


def _picture(instance: Instance, how: rendering.Look) -> bytes:
    return rendering.draw(retrieve.values(instance), instance.metadata, how)


def _one(study: str, series: str, sop: str) -> Instance:
    instance = retrieve.instances(study, series, sop).first()
    if instance is None:
        raise NotFound
    return instance


def _or_404(found: list[Instance]) -> None:
    if not found:
        raise NotFound


def _documents(rows: Iterable[dict[str, Any]]) -> Iterable[multipart.Part]:
    return (multipart.Part(native_xml.document(row), "application/dicom+xml") for row in rows)


def _related(media: str, parts: Iterable[multipart.Part]) -> HttpResponseBase:
    boundary = multipart.new_boundary()
    kind = multipart.related(media, boundary)
    body = multipart.body(parts, boundary)
    if isinstance(parts, list):
        return HttpResponse(b"".join(body), content_type=kind)
    return StreamingHttpResponse(body, content_type=kind)
