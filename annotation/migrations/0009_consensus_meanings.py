from django.db import migrations, models

from annotation import protection


def install(apps, schema_editor):
    protection.install(schema_editor.connection)


class Migration(migrations.Migration):

    dependencies = [
        ('annotation', '0008_offered_series'),
    ]

    # Each way ends with the triggers: SQLite rebuilds the table without them.
    operations = [
        migrations.RunPython(migrations.RunPython.noop, install),
        migrations.AddField(
            model_name='consensus',
            name='closed_meaning',
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name='consensus',
            name='proposed_meaning',
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.RunPython(install, migrations.RunPython.noop),
    ]
