"""Shapes of the JSON about tables on their way in."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from cohort import omop
from cohort.columns import COLUMNS
from cohort.mapping import ColumnMapping, MappingError, from_json
from cohort.models import TableImport

#: Names under which files are sent.
FILES = (*COLUMNS, "person", "condition_occurrence", "procedure_occurrence", "image_occurrence")


class _Mappings(serializers.JSONField):
    """Kind of file → mapping, as ``mapping.from_json`` takes it."""

    def to_internal_value(self, data: Any) -> dict[str, ColumnMapping]:
        said = super().to_internal_value(data)
        if not isinstance(said, dict) or not said.keys() <= COLUMNS.keys():
            raise serializers.ValidationError(f"An object with {', '.join(COLUMNS)}.")
        try:
            return {kind: from_json(kind, part) for kind, part in said.items()}
        except MappingError as wrong:
            raise serializers.ValidationError(str(wrong)) from wrong


class ImportIn(serializers.Serializer[Any]):
    patients = serializers.FileField(required=False, allow_empty_file=True)
    diagnoses = serializers.FileField(required=False, allow_empty_file=True)
    exams = serializers.FileField(required=False, allow_empty_file=True)
    chart_review = serializers.FileField(required=False, allow_empty_file=True)
    # An OMOP export instead: see omop.
    person = serializers.FileField(required=False, allow_empty_file=True)
    condition_occurrence = serializers.FileField(required=False, allow_empty_file=True)
    procedure_occurrence = serializers.FileField(required=False, allow_empty_file=True)
    image_occurrence = serializers.FileField(required=False, allow_empty_file=True)
    commit = serializers.BooleanField(default=False, help_text="Store at once if nothing is in error.")
    skip_errors = serializers.BooleanField(default=False, help_text="Store the good rows even so.")
    mapping = _Mappings(required=False, help_text="Kind → columns, absent, values, dates.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not any(name in attrs for name in FILES):
            raise serializers.ValidationError(f"Send at least one file: {', '.join(COLUMNS)}.")
        tables = [name for name in omop.TABLES if name in attrs]
        if tables and any(name in attrs for name in COLUMNS):
            raise serializers.ValidationError(
                f"Send either {', '.join(COLUMNS)} or an OMOP export, not both at once."
            )
        if tables and "person" not in tables:
            raise serializers.ValidationError("An OMOP export needs its person table.")
        return attrs


class MappingIn(serializers.Serializer[Any]):
    mapping = _Mappings(help_text="Kind → columns, absent, values, dates.")


class CommitIn(serializers.Serializer[Any]):
    skip_errors = serializers.BooleanField(default=False, help_text="Store the good rows even so.")


class FileCountsOut(serializers.Serializer[Any]):
    new = serializers.IntegerField()
    changed = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    errors = serializers.IntegerField()  # type: ignore[assignment]


class RowErrorOut(serializers.Serializer[Any]):
    file = serializers.CharField()
    row = serializers.IntegerField(allow_null=True, help_text="As in a spreadsheet: the header is row 1.")
    column = serializers.CharField(allow_null=True)
    message = serializers.CharField()


class SpellingOut(serializers.Serializer[Any]):
    text = serializers.CharField()
    read_as = serializers.CharField(allow_null=True, help_text="Null: not understood.")
    rows = serializers.IntegerField()


class ColumnReadOut(serializers.Serializer[Any]):
    column = serializers.CharField()
    header = serializers.CharField(allow_null=True)
    taken_by = serializers.ChoiceField(choices=["", "name", "similar", "said"], help_text="Why this header.")
    date_order = serializers.ChoiceField(choices=["", "dmy", "mdy"])
    spellings = SpellingOut(many=True, required=False)


class LayoutOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    encoding = serializers.CharField(required=False)
    delimiter = serializers.CharField(required=False)
    columns = ColumnReadOut(many=True)
    header = serializers.ListField(child=serializers.CharField(allow_blank=True))
    notes = serializers.ListField(child=serializers.CharField())
    dropped = serializers.ListField(child=serializers.CharField())
    comments = serializers.IntegerField()


class ImportProgressOut(serializers.Serializer[Any]):
    rows = serializers.IntegerField(required=False)
    share = serializers.FloatField(required=False)


class ImportOut(serializers.ModelSerializer[TableImport]):
    created_by = serializers.CharField(source="created_by.username", allow_null=True, default=None)
    committed = serializers.SerializerMethodField(help_text="Whether it is stored.")
    progress = ImportProgressOut()
    summary = serializers.DictField(source="report.summary", child=FileCountsOut(), default=dict)
    errors = RowErrorOut(source="report.errors", many=True, default=list)  # type: ignore[assignment]
    error_count = serializers.IntegerField(source="report.error_count", default=0)
    notices = RowErrorOut(source="report.notices", many=True, default=list)
    refused = serializers.ListField(source="report.refused", child=serializers.CharField(), default=list)
    layouts = serializers.DictField(source="report.layouts", child=LayoutOut(), default=dict)
    delivery = serializers.IntegerField(source="report.batch", default=None, allow_null=True)

    class Meta:
        model = TableImport
        fields = [
            "id", "state", "kinds", "created_at", "created_by", "committed", "commit", "skip_errors",
            "progress", "summary", "errors", "error_count", "notices", "refused", "layouts", "delivery",
            "error", "mapping",
        ]  # fmt: skip
        read_only_fields = fields

    def get_committed(self, job: TableImport) -> bool:
        return job.state == TableImport.State.DONE


class ColumnOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=["id", "text", "date", "flag", "choice"])
    meaning = serializers.CharField()
    example = serializers.CharField(allow_blank=True)
    required = serializers.BooleanField()  # type: ignore[assignment]
    allowed = serializers.ListField(child=serializers.CharField())


class FileColumnsOut(serializers.Serializer[Any]):
    kind = serializers.CharField()
    columns = ColumnOut(many=True)
    remembered = serializers.JSONField(help_text="What earlier imports said of such files.")
