"""What is counted of software, its versions and weaknesses in one device group: any selection of groups is a sum."""

from django.db import models

from .devices import DeviceGroup
from .inventory import Software, SoftwareVersion, Weakness


class SoftwareCounter(models.Model):
    """Devices with a product, whatever their number of versions of it."""

    SUMMED = ("installed", "exposed")

    software = models.ForeignKey(Software, on_delete=models.CASCADE, related_name="counters", db_index=False)
    group = models.ForeignKey(DeviceGroup, on_delete=models.CASCADE, related_name="+")
    installed = models.PositiveIntegerField(default=0)
    exposed = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="software_counter_once_a_group", fields=["software", "group"]),
        ]


class VersionCounter(models.Model):
    """Devices with one version. Exposed by it are those on which it is the riskiest version of the product."""

    SUMMED = ("installed", "exposed")

    version = models.ForeignKey(SoftwareVersion, on_delete=models.CASCADE, related_name="counters", db_index=False)
    group = models.ForeignKey(DeviceGroup, on_delete=models.CASCADE, related_name="+")
    installed = models.PositiveIntegerField(default=0)
    exposed = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="version_counter_once_a_group", fields=["version", "group"]),
        ]


class WeaknessCounter(models.Model):
    """Devices exposed to a weakness, whichever product carries it. A group without one has no row."""

    weakness = models.ForeignKey(Weakness, on_delete=models.CASCADE, related_name="counters", db_index=False)
    group = models.ForeignKey(DeviceGroup, on_delete=models.CASCADE, related_name="+")
    exposed = models.PositiveIntegerField(default=0)
    # Since when the group has been exposed without a break.
    first_seen_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="weakness_counter_once_a_group", fields=["weakness", "group"]),
        ]
