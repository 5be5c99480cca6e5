"""What people say is not so: that software is not there, a version is wrong, or a device is gone."""

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from .devices import Device
from .inventory import SoftwareVersion
from .people import User
from .recommendations import Recommendation


class InaccuracyReason(models.TextChoices):
    NOT_INSTALLED = "not_installed", _("The software is not installed")
    WRONG_VERSION = "wrong_version", _("The version is wrong")
    ALREADY_FIXED = "already_fixed", _("It is fixed already")
    RETIRED = "retired", _("The device is retired")
    OTHER = "other", _("Something else")


class InaccuracyState(models.TextChoices):
    OPEN = "open", _("Open")
    CLOSED = "closed", _("Closed")


class InaccuracyReportQuerySet(models.QuerySet):
    def visible_to(self, user: User) -> "InaccuracyReportQuerySet":
        return self if user.sees_all_groups else self.within(user.device_groups.all())

    def within(self, groups) -> "InaccuracyReportQuerySet":
        return self.filter(device__group__in=groups)


class InaccuracyReport(models.Model):
    """One person's word against the source's, about a device and perhaps one recommendation or version on it."""

    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="inaccuracies")
    recommendation = models.ForeignKey(Recommendation, null=True, on_delete=models.PROTECT, related_name="+")
    version = models.ForeignKey(SoftwareVersion, null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=16, choices=InaccuracyReason)
    note = models.TextField(blank=True, default="")
    reported_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    reported_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=InaccuracyState, default=InaccuracyState.OPEN)
    closed_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    closed_at = models.DateTimeField(null=True)
    # What came of it.
    answer = models.TextField(blank=True, default="")

    objects = InaccuracyReportQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        default_permissions = ("view",)
        permissions = [
            ("report_inaccuracy", "Can report inaccuracies"),
            ("close_inaccuracy", "Can close reports of inaccuracies"),
        ]
        indexes = [models.Index(fields=["state", "-id"])]
        constraints = [
            models.CheckConstraint(name="inaccuracy_reason_is_known", condition=Q(reason__in=InaccuracyReason.values)),
            models.CheckConstraint(
                name="inaccuracy_is_closed_by_someone_at_some_time",
                condition=Q(state=InaccuracyState.OPEN, closed_by=None, closed_at=None)
                | Q(state=InaccuracyState.CLOSED, closed_by__isnull=False, closed_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.device}: {self.get_reason_display()}"

    def get_absolute_url(self) -> str:
        return reverse("inaccuracy", args=[self.pk])
