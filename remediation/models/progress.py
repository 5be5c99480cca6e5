"""How far an activity was on which day: what its chart is drawn from."""

from django.db import models

from .activities import RemediationActivity
from .devices import DeviceGroup


class ActivityProgress(models.Model):
    """Devices of one device group that were fixed, and that were left, at the end of a day on which this changed."""

    activity = models.ForeignKey(RemediationActivity, on_delete=models.CASCADE, related_name="progress", db_index=False)
    group = models.ForeignKey(DeviceGroup, on_delete=models.PROTECT, related_name="+", db_index=False)
    day = models.DateField()
    fixed = models.PositiveIntegerField(default=0)
    # As `RemediationActivity.unresolved`.
    unresolved = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="progress_once_a_group_and_day", fields=["activity", "group", "day"])
        ]

    def __str__(self) -> str:
        return f"{self.activity_id}, {self.day}: {self.fixed} fixed, {self.unresolved} left"
