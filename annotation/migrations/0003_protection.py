"""Triggers that refuse UPDATE and DELETE on signed readings, labels, charters, decisions and the audit trail."""

from django.db import migrations

from annotation import protection


def install(apps, schema_editor):
    protection.install(schema_editor.connection)


def remove(apps, schema_editor):
    protection.remove(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("annotation", "0002_review_decision")]

    operations = [migrations.RunPython(install, remove)]
