from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("modeling", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="prediction",
            name="threshold",
            field=models.FloatField(default=0.5),
            preserve_default=False,
        )
    ]
