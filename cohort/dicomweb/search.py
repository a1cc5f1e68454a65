"""QIDO-RS: search studies, series and instances (PS3.18 10.6). One or two queries whatever is found."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Max, Min, Q, QuerySet, Sum
from django.http import QueryDict
from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword

from cohort.deidentify import parse_date
from cohort.models import Instance, Series

#: More than this is not sent at once; a Warning says how many remain.
MAX_RESULTS = 2000
#: Attribute → column of Series.
STUDY_COLUMNS = {
    "StudyInstanceUID": "study_uid", "PatientID": "patient_pseudonym", "PatientName": "patient_pseudonym",
    "StudyDate": "study_date", "StudyDescription": "study_description",
}  # fmt: skip
SERIES_COLUMNS = {
    "SeriesInstanceUID": "series_uid", "Modality": "dicom_modality", "SeriesNumber": "series_number",
    "SeriesDescription": "series_description",
}  # fmt: skip
#: Not columns: looked up in the instances that the rest of the search leaves.
INSTANCE_KEYS = frozenset({"SOPInstanceUID", "SOPClassUID", "InstanceNumber"})
#: Empty in every file of the store (de-identification), so that only "anything" matches.
ALWAYS_EMPTY = frozenset(
    {"StudyTime", "AccessionNumber", "ReferringPhysicianName", "StudyID", "PatientBirthDate", "PatientSex"}
)
_PLAIN = {"limit", "offset", "fuzzymatching", "includefield", "accept", "charset", "emptyvaluematching"}


class BadSearch(ValueError):
    """The query cannot be understood; the message names the parameter."""


@dataclass
class Search:
    """A parsed query. ``warnings`` are what the answer must admit."""

    terms: dict[str, str] = field(default_factory=dict)
    #: Keywords asked for besides the usual ones; None for all.
    include: set[str] | None = field(default_factory=set)
    limit: int = MAX_RESULTS
    offset: int = 0
    warnings: list[str] = field(default_factory=list)


@dataclass
class Found:
    results: list[dict[str, Any]]
    remaining: int


def parse(query: QueryDict, level: str) -> Search:
    """``level`` is "study", "series" or "instance": what may be matched grows with it.

    Raises
    ------
    BadSearch
        For a parameter that is no attribute, and for a limit or date that makes no sense.
    """
    search = Search()
    known = {*STUDY_COLUMNS, *ALWAYS_EMPTY, "ModalitiesInStudy"}
    if level != "study":
        known |= set(SERIES_COLUMNS)
    if level == "instance":
        known |= INSTANCE_KEYS
    unsupported = []
    for name, values in query.lists():
        if name == "includefield":
            _include(search, values)
        elif name in {"limit", "offset"}:
            setattr(search, name, _count(name, values[-1]))
        elif name == "fuzzymatching":
            if values[-1].lower() not in {"true", "false"}:
                raise BadSearch("fuzzymatching is neither true nor false")
            if values[-1].lower() == "true":
                search.warnings.append(
                    "The fuzzymatching parameter is not supported. Only literal matching has been performed."
                )
        elif name not in _PLAIN:
            keyword = _keyword(name)
            if keyword not in known:
                unsupported.append(name)
            elif len(values) > 1 and dictionary_VR(tag_for_keyword(keyword) or 0) != "UI":
                raise BadSearch(f"{name} is given more than once")
            else:
                search.terms[keyword] = ",".join(values)
    search.limit = min(search.limit, MAX_RESULTS)
    if unsupported:
        search.warnings.append(f"Not matched at this level, and left out: {', '.join(unsupported)}.")
    return search


def studies(search: Search, url: Callable[..., str]) -> Found:
    """``url(study)`` gives the address that a study is retrieved from."""
    rows = (
        _by_series_columns(search)
        .order_by()
        .values("study_uid", "patient_pseudonym")
        .annotate(
            first=Min("pk"), day=Min("study_date"), text=Max("study_description"), series_count=Count("pk"),
            images=Sum("slices"),
        )
        .order_by("first")
    )  # fmt: skip
    page, remaining = _page(rows, search)
    modalities = _modalities([row["study_uid"] for row in page])
    firsts = _first_metadata([row["first"] for row in page], wanted=search.include)
    results = []
    for row in page:
        result = {
            **_chosen(firsts.get(row["first"], {}), search.include, only=_STUDY_LEVEL),
            **_study(row["study_uid"], row["patient_pseudonym"], row["day"], row["text"]),
            **element("ModalitiesInStudy", *sorted(modalities.get(row["study_uid"], ()))),
            **element("NumberOfStudyRelatedSeries", row["series_count"]),
            **element("NumberOfStudyRelatedInstances", row["images"]),
            **element("RetrieveURL", url(row["study_uid"])),
        }
        results.append(dict(sorted(result.items())))
    return Found(results, remaining)


def series(search: Search, url: Callable[..., str]) -> Found:
    rows = _by_series_columns(search).defer("deidentification", "recognition").order_by("pk")
    page, remaining = _page(rows, search)
    firsts = _first_metadata([row.pk for row in page], wanted=search.include)
    results = []
    for row in page:
        result = {
            **_chosen(firsts.get(row.pk, {}), search.include, but=_ONE_SLICE),
            **_study(row.study_uid, row.patient_pseudonym, row.study_date, row.study_description),
            **_series(row),
            **element("RetrieveURL", url(row.study_uid, row.series_uid)),
        }
        results.append(dict(sorted(result.items())))
    return Found(results, remaining)


def instances(search: Search, url: Callable[..., str]) -> Found:
    rows = (
        Instance.objects.filter(series__in=_by_series_columns(search))
        .select_related("series")
        .defer("series__deidentification", "series__recognition")
        .order_by("series", "index")
    )
    if "SOPInstanceUID" in search.terms:
        rows = rows.filter(_condition("sop_uid", "UI", search.terms["SOPInstanceUID"]))
    if {"SOPClassUID", "InstanceNumber"} & set(search.terms):
        matching: Any = [row for row in rows.iterator(chunk_size=500) if _instance_matches(row, search.terms)]
    else:
        matching = rows
    page, remaining = _page(matching, search)
    return Found([_instance(row, search.include, url) for row in page], remaining)


def element(keyword: str, *values: Any) -> dict[str, dict[str, Any]]:
    """One attribute in the DICOM JSON model (PS3.18 F.2); without values it is there and empty."""
    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword
    vr = dictionary_VR(tag)
    given = [value for value in values if value not in (None, "")]
    if vr == "PN":
        given = [{"Alphabetic": value} for value in given]
    return {f"{tag:08X}": {"vr": vr, "Value": given} if given else {"vr": vr}}


# ---- reading the query


def _keyword(name: str) -> str:
    """The keyword of a parameter that is a keyword or eight hexadecimal digits."""
    if re.fullmatch(r"[0-9A-Fa-f]{8}", name):
        keyword = keyword_for_tag(int(name, 16))
    else:
        keyword = name if tag_for_keyword(name.split(".")[0]) is not None else ""
    if not keyword:
        raise BadSearch(f"{name[:64]!r} is no attribute")
    return keyword


def _include(search: Search, values: Iterable[str]) -> None:
    for name in (part.strip() for value in values for part in value.split(",")):
        if name == "all":
            search.include = None
        elif name and search.include is not None:
            search.include.add(_keyword(name))


def _count(name: str, text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text):
        raise BadSearch(f"{name} is not a whole number")
    return int(text)


# ---- matching


def _by_series_columns(search: Search) -> QuerySet[Series]:
    rows = Series.objects.filter(state=Series.State.ACCEPTED)
    for keyword, text in search.terms.items():
        if keyword in ALWAYS_EMPTY:
            if text.strip("*"):
                return rows.none()
        elif keyword == "ModalitiesInStudy":
            matching = Series.objects.filter(
                _condition("dicom_modality", "CS", text), state=Series.State.ACCEPTED
            )
            rows = rows.filter(study_uid__in=matching.values("study_uid"))
        elif keyword not in INSTANCE_KEYS:
            column = {**STUDY_COLUMNS, **SERIES_COLUMNS}[keyword]
            rows = rows.filter(_condition(column, dictionary_VR(tag_for_keyword(keyword) or 0), text))
    return rows


def _condition(column: str, vr: str, text: str) -> Q:
    """Attribute matching of PS3.4 C.2.2.2 as a condition on one column."""
    if text in {"", "*"}:
        return Q()  # universal
    if vr == "UI":
        return Q(**{f"{column}__in": [uid for uid in re.split(r"[,\\]", text) if uid]})
    if vr == "DA":
        return _date_condition(column, text)
    if vr == "IS":
        return Q(**{column: _count(column, text.lstrip("+-") or "-") * (-1 if text[0] == "-" else 1)})
    if "*" in text or "?" in text:
        pattern = "".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in text)
        return Q(**{f"{column}__{'iregex' if vr == 'PN' else 'regex'}": f"^{pattern}$"})
    return Q(**{f"{column}__{'iexact' if vr == 'PN' else 'exact'}": text})


def _date_condition(column: str, text: str) -> Q:
    first, dash, last = text.partition("-")
    days = [parse_date(part) if re.fullmatch(r"\d{8}", part) else None for part in (first, last)]
    if any(part and day is None for part, day in zip((first, last), days, strict=True)) or text == "-":
        raise BadSearch(f"{text[:32]!r} is neither a date YYYYMMDD nor a range of two")
    if not dash:
        return Q(**{column: days[0]})
    condition = Q(**{f"{column}__isnull": False})
    if days[0]:
        condition &= Q(**{f"{column}__gte": days[0]})
    if days[1]:
        condition &= Q(**{f"{column}__lte": days[1]})
    return condition


def _instance_matches(row: Instance, terms: Mapping[str, str]) -> bool:
    for keyword in ("SOPClassUID", "InstanceNumber"):
        wanted = terms.get(keyword, "")
        if wanted not in {"", "*"}:
            values = row.metadata.get(next(iter(element(keyword))), {}).get("Value") or [None]
            if str(values[0]) not in re.split(r"[,\\]", wanted):
                return False
    return True


def _page(rows: Any, search: Search) -> tuple[list[Any], int]:
    page = list(rows[search.offset : search.offset + search.limit])
    if len(page) < search.limit:
        return page, 0
    total = len(rows) if isinstance(rows, list) else rows.count()
    return page, max(0, total - search.offset - search.limit)


# ---- what a result holds

_STUDY_LEVEL = frozenset(
    {"PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence",
     "LongitudinalTemporalInformationModified"}
)  # fmt: skip

#: Of one slice, not of its series.
_ONE_SLICE = frozenset(
    {"SOPInstanceUID", "SOPClassUID", "InstanceNumber", "ImagePositionPatient", "SliceLocation",
     "AcquisitionNumber", "SmallestImagePixelValue", "LargestImagePixelValue"}
)  # fmt: skip


def _study(uid: str, patient: str, day: Any, text: str) -> dict[str, Any]:
    parts: Iterator[dict[str, Any]] = (
        element("SpecificCharacterSet", "ISO_IR 192"),
        element("StudyDate", day.strftime("%Y%m%d") if day else None),
        *(element(keyword) for keyword in ALWAYS_EMPTY),
        element("InstanceAvailability", "ONLINE"),
        element("StudyDescription", text),
        element("PatientName", patient),
        element("PatientID", patient),
        element("StudyInstanceUID", uid),
    )  # type: ignore[assignment]
    return {tag: value for part in parts for tag, value in part.items()}


def _series(row: Series) -> dict[str, Any]:
    return {
        **element("Modality", row.dicom_modality),
        **element("SeriesDescription", row.series_description),
        **element("SeriesInstanceUID", row.series_uid),
        **element("SeriesNumber", row.series_number),
        **element("NumberOfSeriesRelatedInstances", row.slices),
    }


_INSTANCE_USUAL = ("SOPClassUID", "SOPInstanceUID", "InstanceNumber", "Rows", "Columns", "BitsAllocated")


def _instance(row: Instance, include: set[str] | None, url: Callable[..., str]) -> dict[str, Any]:
    found = row.series
    result = {
        **_chosen(row.metadata, None if include is None else include | set(_INSTANCE_USUAL)),
        **_study(found.study_uid, found.patient_pseudonym, found.study_date, found.study_description),
        **_series(found),
        **element("NumberOfFrames", 1),
        **element("RetrieveURL", url(found.study_uid, found.series_uid, row.sop_uid)),
    }
    return dict(sorted(result.items()))


def _chosen(
    metadata: Mapping[str, Any],
    include: set[str] | None,
    *,
    only: frozenset[str] | None = None,
    but: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """The attributes asked for by includefield, as far as this level has them."""
    chosen = {}
    for tag, value in metadata.items():
        keyword = keyword_for_tag(int(tag, 16))
        asked = include is None or keyword in include
        if asked and keyword not in but and (only is None or keyword in only):
            chosen[tag] = value
    return chosen


def _modalities(study_uids: list[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    rows = Series.objects.filter(study_uid__in=study_uids, state=Series.State.ACCEPTED)
    for uid, modality in rows.order_by().values_list("study_uid", "dicom_modality").distinct():
        found.setdefault(uid, set()).add(modality)
    return found


def _first_metadata(series: list[int], *, wanted: set[str] | None) -> dict[int, dict[str, Any]]:
    """The first slice's attributes of each series, only if somebody asked for some."""
    if wanted is not None and not wanted:
        return {}
    return dict(
        Instance.objects.filter(series__in=series, index=0).values_list("series", "metadata").order_by()
    )
