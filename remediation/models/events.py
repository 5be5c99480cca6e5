"""What came to the organisation, when, and which devices it touched: the timeline of weaknesses and assessments."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .devices import DeviceGroup
from .inventory import Weakness
from .recommendations import Recommendation


class EventKind(models.TextChoices):
    NEW_WEAKNESS = "new_weakness", _("New weakness")
    EXPLOIT_RAISED = "exploit_raised", _("New exploit")
    KEV_ADDED = "kev_added", _("Known to be exploited")
    KEV_REMOVED = "kev_removed", _("No longer in the KEV catalogue")
    NEW_ASSESSMENT = "new_assessment", _("New assessment")
    # Written once each, instead of a line for everything that was there from the beginning.
    FIRST_SYNC = "first_sync", _("Start of the timeline")
    FIRST_KEV = "first_kev", _("KEV catalogue read for the first time")


class Publication(models.Model):
    """A moment at which numbers were published that brought news, and the scores' sums before and after it."""

    at = models.DateTimeField()
    # The pass over a source that it ended; null where a feed alone was read.
    sync_run = models.PositiveBigIntegerField(null=True)

    class Meta:
        ordering = ["-pk"]
        default_permissions = ()


class PublicationSum(models.Model):
    """The sums of a device group at a publication, to the names of ScoreSnapshot."""

    SUMMED = ("devices_low", "devices_normal", "devices_high", "score_low", "score_normal", "score_high")

    publication = models.ForeignKey(Publication, on_delete=models.CASCADE, related_name="sums", db_index=False)
    group = models.ForeignKey(DeviceGroup, on_delete=models.CASCADE, related_name="+", db_index=False)
    before_devices_low = models.FloatField(default=0)
    before_devices_normal = models.FloatField(default=0)
    before_devices_high = models.FloatField(default=0)
    before_score_low = models.FloatField(default=0)
    before_score_normal = models.FloatField(default=0)
    before_score_high = models.FloatField(default=0)
    after_devices_low = models.FloatField(default=0)
    after_devices_normal = models.FloatField(default=0)
    after_devices_high = models.FloatField(default=0)
    after_score_low = models.FloatField(default=0)
    after_score_normal = models.FloatField(default=0)
    after_score_high = models.FloatField(default=0)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(name="publication_sum_once", fields=["publication", "group"])]


class EventQuerySet(models.QuerySet["Event"]):
    def touching(self, groups: Any) -> "EventQuerySet":
        """Those that affect a device of the groups."""
        here = EventCount.objects.filter(event=models.OuterRef("pk"), group__in=groups, devices__gt=0)
        return self.filter(models.Exists(here))


class Event(models.Model):
    """One line of the timeline."""

    kind = models.CharField(max_length=16, choices=EventKind)
    at = models.DateTimeField()
    publication = models.ForeignKey(Publication, on_delete=models.CASCADE, related_name="events")
    weakness = models.ForeignKey(Weakness, null=True, on_delete=models.CASCADE, related_name="events")
    recommendation = models.ForeignKey(Recommendation, null=True, on_delete=models.CASCADE, related_name="events")
    # What it is about, as it was called then; empty for what concerns everything.
    name = models.CharField(max_length=512, blank=True, default="")
    # Of an exploit: the level before and after. Of the catalogue: the day of the entry.
    before = models.CharField(max_length=32, blank=True, default="")
    after = models.CharField(max_length=32, blank=True, default="")

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-pk"]
        default_permissions = ("view",)
        indexes = [models.Index(fields=["-at", "-id"])]
        constraints = [
            models.CheckConstraint(name="event_kind_is_known", condition=Q(kind__in=EventKind.values)),
            models.CheckConstraint(
                name="event_is_about_one_thing", condition=Q(weakness=None) | Q(recommendation=None)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.name}"


class EventCount(models.Model):
    """Devices of a group that an event affected when it came."""

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="counts", db_index=False)
    group = models.ForeignKey(DeviceGroup, on_delete=models.CASCADE, related_name="+", db_index=False)
    devices = models.PositiveIntegerField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(name="event_count_once", fields=["event", "group"])]
