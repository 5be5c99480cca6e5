import django.db.models.deletion
from django.db import migrations, models

# The counts of the batches that there are.
COUNT = """
INSERT INTO remediation_batchcount (activity_id, group_id, batch, targets, fixed)
SELECT activity_id, group_id, batch, COUNT(*), SUM(CASE WHEN state = 'fixed' THEN 1 ELSE 0 END)
FROM remediation_activitydevice WHERE batch IS NOT NULL GROUP BY activity_id, group_id, batch
"""


class Migration(migrations.Migration):
    dependencies = [
        ("remediation", "0006_write_allowance"),
    ]

    operations = [
        migrations.AddField(
            model_name="softwareversion",
            name="disk_paths",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="softwareversion",
            name="registry_paths",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="softwareversion",
            name="security_update",
            field=models.CharField(blank=True, default="", max_length=64),
        ),
        migrations.CreateModel(
            name="BatchCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("batch", models.PositiveSmallIntegerField()),
                ("targets", models.PositiveIntegerField(default=0)),
                ("fixed", models.PositiveIntegerField(default=0)),
                (
                    "activity",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="batches",
                        to="remediation.remediationactivity",
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="remediation.devicegroup",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("activity", "batch", "group"), name="batch_count_once_a_group")
                ],
            },
        ),
        migrations.RunSQL(COUNT, migrations.RunSQL.noop),
    ]
