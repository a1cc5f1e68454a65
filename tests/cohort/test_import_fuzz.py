"""Any bytes in any of the four files: no crash, no hang, nothing half-imported, no value in a message."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from cohort.columns import COLUMNS
from cohort.importing import import_files
from cohort.models import ChartReview, Diagnosis, Exam, ImportBatch, Patient, RememberedMapping

pytestmark = pytest.mark.timeout(120)

EXAMPLES = 150
_VALUES = st.one_of(
    st.sampled_from(
        ["P1", "P2", "", "F", "M", "yes", "no", "ICD10", "M05.79", "714.0", "MR", "CSPINE", "confirmed",
         "2010-03-04", "03/04/2010", "31/12/2010", "12/31/2010", "0001-01-01", "9999-12-31", "20100230",
         "# x", "=1+1", '"', "a\nb", "\0", "é", "\ufffd", "x" * 70, "1e999", "-", "？"]
    ),
    st.text(max_size=12),
)  # fmt: skip


@st.composite
def tables(draw: st.DrawFn, kind: str) -> bytes:
    """A file that looks like one of the four, more or less, in some encoding, perhaps cut or spoiled."""
    header = list(COLUMNS[kind])
    if draw(st.booleans()):
        header = draw(st.permutations(header))
    header += draw(st.lists(st.text(max_size=8), max_size=2))
    if draw(st.integers(0, 9)) == 0:
        header = header[:-2]
    delimiter = draw(st.sampled_from([",", ";", "\t", "|"]))
    rows = draw(st.lists(st.lists(_VALUES, min_size=len(header), max_size=len(header) + 1), max_size=6))
    lines = [delimiter.join(row) for row in [header, *rows]]
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"]))
    data = draw(st.sampled_from(["\n", "\r\n", "\r"])).join(lines).encode(encoding, "replace")
    if draw(st.integers(0, 4)) == 0:
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(st.binary(max_size=6)) + data[at + draw(st.integers(0, 3)) :]
    return data


@st.composite
def deliveries(draw: st.DrawFn) -> dict[str, bytes]:
    kinds = draw(st.lists(st.sampled_from(list(COLUMNS)), min_size=1, unique=True))
    return {kind: draw(st.one_of(tables(kind), tables(kind), st.binary(max_size=400))) for kind in kinds}


def stored() -> tuple[int, ...]:
    return tuple(
        model.objects.count()
        for model in (Patient, Diagnosis, Exam, ChartReview, ImportBatch, RememberedMapping)
    )


_SETTINGS = settings(
    max_examples=EXAMPLES, deadline=60_000, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip


class Fuzz(TestCase):
    """Each example in a transaction of its own that is taken back."""

    @_SETTINGS
    @given(deliveries())
    def test_import(self, files: dict[str, bytes]) -> None:
        def opened() -> dict[str, Any]:
            return {kind: io.BytesIO(data) for kind, data in files.items()}

        preview = import_files(opened(), commit=False)
        assert stored() == (0, 0, 0, 0, 0, 0)
        report = import_files(opened())
        assert report.committed == (report.error_count == 0)
        assert {k: vars(c) for k, c in report.summary.items()} == {
            k: vars(c) for k, c in preview.summary.items()
        }
        if not report.committed:
            assert stored() == (0, 0, 0, 0, 0, 0)
            report = import_files(opened(), skip_errors=True)
        if report.committed:
            counts = [report.summary[k].new if k in report.summary else 0 for k in COLUMNS]
            assert list(stored()[:4]) == counts
            again = import_files(opened(), skip_errors=True)
            assert all((c.new, c.changed) == (0, 0) for c in again.summary.values())


@pytest.mark.django_db
def test_the_page_answers_any_upload(as_lead: Any) -> None:
    @settings(_SETTINGS, max_examples=60)
    @given(deliveries(), st.booleans())
    def post(files: dict[str, bytes], commit: bool) -> None:
        sent: dict[str, Any] = {kind: SimpleUploadedFile(f"{kind}.csv", data) for kind, data in files.items()}
        answer = as_lead.post("/api/cohort/imports/", {**sent, "commit": commit}, format="multipart")
        assert answer.status_code == 200
        assert answer.json()["state"] in ("checked", "done")

    post()
