from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("remediation", "0020_exceptions_in_the_scores")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="session_generation",
            field=models.PositiveIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name="entraperson",
            name="kept_since",
            field=models.DateTimeField(null=True),
        ),
    ]
