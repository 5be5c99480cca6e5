"""Why scores move: what each publication counted of a device, what happened since, and the parts of every movement."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .devices import Device, DeviceGroup, DeviceValue
from .inventory import SoftwareVersion, Weakness
from .recommendations import Recommendation


class MovePart(models.TextChoices):
    """In the order in which they are told; see `counters/moves.py`."""

    FIXED_BY_US = "fixed_by_us", _("Fixed by your activities")
    FIXED_OTHERWISE = "fixed_otherwise", _("Fixed otherwise")
    GONE = "gone", _("Devices retired or merged")
    INACTIVE = "inactive", _("Devices not seen for 30 days, or back")
    REGROUPED = "regrouped", _("Devices moved between groups")
    RESCORED = "rescored", _("Weighed anew")
    NEW_WEAKNESSES = "new_weaknesses", _("New weaknesses")
    NEW_DEVICES = "new_devices", _("New devices")
    EXCEPTED = "excepted", _("Exceptions")


class ScoreMove(models.Model):
    """By how much one part changed the sums of a device group on a day: to the names of ScoreSnapshot.

    A day's parts, added to the sums of the day before, make the sums of the day.
    """

    SUMMED = ("devices_low", "devices_normal", "devices_high", "score_low", "score_normal", "score_high")

    day = models.DateField()
    group = models.ForeignKey(DeviceGroup, on_delete=models.CASCADE, related_name="+")
    part = models.CharField(max_length=16, choices=MovePart)
    # How often a device took part.
    touched = models.PositiveIntegerField(default=0)
    devices_low = models.IntegerField(default=0)
    devices_normal = models.IntegerField(default=0)
    devices_high = models.IntegerField(default=0)
    score_low = models.FloatField(default=0)
    score_normal = models.FloatField(default=0)
    score_high = models.FloatField(default=0)

    class Meta:
        ordering = ["day", "group", "part"]
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(name="move_once_a_day", fields=["day", "group", "part"]),
            models.CheckConstraint(name="move_part_is_known", condition=Q(part__in=MovePart.values)),
        ]

    def __str__(self) -> str:
        return f"{self.part} on {self.day}"


class PublishedDevice(models.Model):
    """What the scores that are published now count of a device: where the next movement starts."""

    device = models.OneToOneField(Device, primary_key=True, on_delete=models.CASCADE, related_name="+")
    group = models.ForeignKey(DeviceGroup, on_delete=models.CASCADE, related_name="+", db_index=False)
    value = models.CharField(max_length=6, choices=DeviceValue)
    factor = models.FloatField()
    risk_sum = models.FloatField()
    # False while nobody has seen it for 30 days.
    is_scored = models.BooleanField()
    # The score E that DeviceScore has last; null before the first.
    kept_score = models.FloatField(null=True)

    class Meta:
        default_permissions = ()


class DeviceScore(models.Model):
    """The score E of a device on a day on which it stood half a point or more from the one kept before.

    Between two rows it is the older one's: a trend needs no row a day, and a year of 200,000 devices stays small.
    """

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="scores", db_index=False)
    day = models.DateField(db_index=True)
    score = models.FloatField()

    class Meta:
        ordering = ["device", "day"]
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(name="device_score_once_a_day", fields=["device", "day"])]


class ExposureChange(models.Model):
    """An exposure of a published device that was opened, closed or moved to another version since the publication.

    Written in the transaction of the change, so that a sync that is killed between two of them loses no reason.
    """

    recommendation = models.ForeignKey(
        Recommendation, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    old_version = models.ForeignKey(
        SoftwareVersion, null=True, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    new_version = models.ForeignKey(
        SoftwareVersion, null=True, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )

    class Meta:
        default_permissions = ()


class FreshLink(models.Model):
    """A weakness found since the publication in a version that was published without it."""

    version = models.ForeignKey(SoftwareVersion, on_delete=models.CASCADE, related_name="+")
    weakness = models.ForeignKey(Weakness, on_delete=models.CASCADE, related_name="+", db_index=False)

    class Meta:
        default_permissions = ()
