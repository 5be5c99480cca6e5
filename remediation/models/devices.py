"""Devices in groups."""

from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .people import User

UNSEEN_AFTER = timedelta(days=30)
UNGROUPED = "Ungrouped"


class DeviceValue(models.TextChoices):
    LOW = "low", _("Low")
    NORMAL = "normal", _("Normal")
    HIGH = "high", _("High")


class ExposureLevel(models.TextChoices):
    NONE = "none", _("None")
    LOW = "low", _("Low")
    MEDIUM = "medium", _("Medium")
    HIGH = "high", _("High")


class DeviceGroupQuerySet(models.QuerySet):
    def visible_to(self, user: User) -> "DeviceGroupQuerySet":
        return self if user.sees_all_groups else self.filter(pk__in=user.device_groups.all())


class DeviceGroup(models.Model):
    """The unit of scope. Devices without a group of the source share the one named Ungrouped."""

    name = models.CharField(max_length=200, unique=True)

    objects = DeviceGroupQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class DeviceQuerySet(models.QuerySet):
    def present(self) -> "DeviceQuerySet":
        """Devices that count: not retired, and not merged into another."""
        return self.filter(retired_at=None, merged_into=None)

    def retired(self) -> "DeviceQuerySet":
        """Devices that the source no longer has, or has merged into another."""
        return self.filter(Q(retired_at__isnull=False) | Q(merged_into__isnull=False))

    def unseen(self) -> "DeviceQuerySet":
        limit = timezone.now() - UNSEEN_AFTER
        return self.filter(Q(last_seen_at=None) | Q(last_seen_at__lt=limit))

    def visible_to(self, user: User) -> "DeviceQuerySet":
        return self if user.sees_all_groups else self.filter(group__in=user.device_groups.all())


class Device(models.Model):
    """A managed machine."""

    source_id = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=255)
    entra_device_id = models.CharField(max_length=36, blank=True, default="")
    os_platform = models.CharField(max_length=64, blank=True, default="")
    os_version = models.CharField(max_length=64, blank=True, default="")
    group = models.ForeignKey(DeviceGroup, on_delete=models.PROTECT, related_name="devices")
    value = models.CharField(max_length=6, choices=DeviceValue, default=DeviceValue.NORMAL)
    # Null: not known; then the score has no factor for it.
    internet_facing = models.BooleanField(null=True)
    # What the source says of both, and whether a person has said otherwise; then the source no longer changes them.
    source_value = models.CharField(max_length=6, choices=DeviceValue, default=DeviceValue.NORMAL)
    source_internet_facing = models.BooleanField(null=True)
    value_by_hand = models.BooleanField(default=False)
    internet_facing_by_hand = models.BooleanField(default=False)
    set_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    set_at = models.DateTimeField(null=True)
    first_seen_at = models.DateTimeField(null=True)
    # Null where the source has none, or a date out of range. Counts as not seen.
    last_seen_at = models.DateTimeField(null=True)
    # When it was seen by the last sync that had software of it; null while none had any.
    reported_at = models.DateTimeField(null=True)
    # Seen by the last sync, and nothing was reported of its software for 30 days: what it has is not known.
    is_silent = models.BooleanField(default=False)
    retired_at = models.DateTimeField(null=True)
    merged_into = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="+")
    # S of the exposure score: the sum of the risks of the versions behind its exposures.
    risk_sum = models.FloatField(default=0)
    # What exceptions have taken from it.
    excepted_risk = models.FloatField(default=0, db_default=0)
    exposure_level = models.CharField(max_length=6, choices=ExposureLevel, default=ExposureLevel.NONE)
    # How many recommendations apply to it.
    recommendations = models.PositiveIntegerField(default=0)

    objects = DeviceQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        permissions = [("change_device_value", "Can set device values")]
        indexes = [
            models.Index(fields=["group", "-risk_sum"]),
            models.Index(fields=["name"]),
            # What the list of devices is sorted by. None is on a column that changes with every sync: PostgreSQL then
            # leaves all indexes alone when a sync brings nothing but a later "last seen".
            models.Index(fields=["risk_sum", "id"]),
            models.Index(fields=["recommendations", "id"]),
            # And what few devices are.
            models.Index(name="device_without_entra", fields=["risk_sum", "id"], condition=Q(entra_device_id="")),
            models.Index(name="device_internet_facing", fields=["risk_sum", "id"], condition=Q(internet_facing=True)),
            models.Index(name="device_silent", fields=["risk_sum", "id"], condition=Q(is_silent=True)),
            models.Index(name="device_retired", fields=["id"], condition=Q(retired_at__isnull=False)),
        ]
        constraints = [
            models.CheckConstraint(name="device_value_is_known", condition=Q(value__in=DeviceValue.values)),
            models.CheckConstraint(name="device_level_is_known", condition=Q(exposure_level__in=ExposureLevel.values)),
            models.CheckConstraint(name="device_risk_is_not_negative", condition=Q(risk_sum__gte=0)),
            models.CheckConstraint(
                name="device_source_value_is_known", condition=Q(source_value__in=DeviceValue.values)
            ),
            models.CheckConstraint(
                name="device_set_has_both_who_and_when",
                condition=Q(set_by=None, set_at=None) | Q(set_by__isnull=False, set_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("device", args=[self.pk])

    @property
    def is_unseen(self) -> bool:
        return self.last_seen_at is None or self.last_seen_at < timezone.now() - UNSEEN_AFTER

    @property
    def is_set_by_hand(self) -> bool:
        return self.value_by_hand or self.internet_facing_by_hand
