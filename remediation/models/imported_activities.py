"""Remediation that others track: Defender's own activities, and security tasks of Intune that are not ours."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .devices import DeviceGroup
from .people import User
from .recommendations import Recommendation


class ImportedFrom(models.TextChoices):
    DEFENDER = "defender", _("From Defender")
    INTUNE = "intune", _("From Intune")


class ImportedStatus(models.TextChoices):
    ACTIVE = "active", _("Active")
    COMPLETED = "completed", _("Completed")
    REJECTED = "rejected", _("Rejected")
    UNKNOWN = "unknown", _("Unknown")


class ImportedActivityQuerySet(models.QuerySet):
    def active(self) -> "ImportedActivityQuerySet":
        return self.filter(status=ImportedStatus.ACTIVE)

    def visible_to(self, user: User) -> "ImportedActivityQuerySet":
        """Without its device groups it is about the whole organisation; with them a reader must see every one."""
        if user.sees_all_groups:
            return self
        return self.within(user.device_groups.values("pk"))

    def within(self, groups) -> "ImportedActivityQuerySet":
        of_this = ImportedActivity.device_groups.through.objects.filter(importedactivity=models.OuterRef("pk"))
        outside = of_this.exclude(devicegroup__in=groups)
        return self.filter(models.Exists(of_this), ~models.Exists(outside))


class ImportedActivity(models.Model):
    """A remediation activity of another system as last seen there: read only, and kept when it is gone there."""

    imported_from = models.CharField(max_length=8, choices=ImportedFrom)
    remote_id = models.CharField(max_length=128)
    title = models.CharField(max_length=512)
    # The source's own word, such as Update.
    remediation_type = models.CharField(max_length=64, blank=True, default="")
    related_component = models.CharField(max_length=255, blank=True, default="")
    status = models.CharField(max_length=9, choices=ImportedStatus, default=ImportedStatus.UNKNOWN)
    priority = models.CharField(max_length=16, blank=True, default="")
    requester = models.CharField(max_length=255, blank=True, default="")
    notes = models.TextField(blank=True, default="")
    # Null where the source has none, or no sensible one.
    created_there_at = models.DateTimeField(null=True)
    due_on = models.DateField(null=True)
    closed_there_at = models.DateTimeField(null=True)
    # Null where the source does not count them.
    target_devices = models.PositiveIntegerField(null=True)
    fixed_devices = models.PositiveIntegerField(null=True)
    recommendation = models.ForeignKey(
        Recommendation, null=True, on_delete=models.SET_NULL, related_name="imported_activities"
    )
    # Those of its devices; none where they are not all known.
    device_groups = models.ManyToManyField(DeviceGroup, related_name="+")
    # By us.
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    objects = ImportedActivityQuerySet.as_manager()

    class Meta:
        ordering = ["-created_there_at", "-pk"]
        default_permissions = ("view",)
        verbose_name_plural = _("imported activities")
        indexes = [models.Index(fields=["status", "recommendation"])]
        constraints = [
            models.UniqueConstraint(name="one_row_an_imported_activity", fields=["imported_from", "remote_id"]),
            models.CheckConstraint(name="imported_from_is_known", condition=Q(imported_from__in=ImportedFrom.values)),
            models.CheckConstraint(name="imported_status_is_known", condition=Q(status__in=ImportedStatus.values)),
        ]

    def __str__(self) -> str:
        return self.title
