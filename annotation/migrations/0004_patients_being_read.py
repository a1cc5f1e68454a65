"""Tell the cohort of the patients whom readers have already."""

from django.db import migrations
from django.db.models import Min, OuterRef, Subquery


def mark(apps, schema_editor):
    patients = apps.get_model("cohort", "Patient").objects
    opened = (
        apps.get_model("annotation", "Case")
        .objects.filter(patient=OuterRef("pk"))
        .order_by()
        .values("patient")
        .annotate(first=Min("created_at"))
        .values("first")
    )
    patients.filter(cases__isnull=False).update(reading_since=Subquery(opened))


class Migration(migrations.Migration):
    dependencies = [("annotation", "0003_protection"), ("cohort", "0004_chart_review_queue")]

    operations = [migrations.RunPython(mark, migrations.RunPython.noop)]
