"""The work: a remediation activity, its frozen goal, and its target devices one by one."""

from datetime import date

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .devices import Device, DeviceGroup
from .inventory import Weakness
from .people import User
from .recommendations import Recommendation, RemediationType

# What a person may request; the same words as the types of recommendations.
RequestedRemediation = RemediationType


class Priority(models.TextChoices):
    LOW = "low", _("Low")
    MEDIUM = "medium", _("Medium")
    HIGH = "high", _("High")


class ActivityStatus(models.TextChoices):
    ACTIVE = "active", _("Active")
    COMPLETED = "completed", _("Completed")
    CANCELLED = "cancelled", _("Cancelled")


class CompletionMethod(models.TextChoices):
    AUTOMATIC = "automatic", _("Automatic")
    MANUAL = "manual", _("Manual")


class DeviceState(models.TextChoices):
    """What the syncs say of one target device. Silence is its own state, never a fix."""

    EXPOSED = "exposed", _("Still exposed")
    FIXED = "fixed", _("Fixed")
    NOT_SEEN = "not_seen", _("Not seen for 30 days")
    PENDING_RESTART = "pending_restart", _("Pending restart")
    EXCEPTED = "excepted", _("Under exception")
    OUT_OF_SCOPE = "out_of_scope", _("Out of scope")
    REGRESSED = "regressed", _("Exposed again")


# The states that hold back automatic completion.
ACTIVITY_STATES_LEFT = (DeviceState.EXPOSED, DeviceState.NOT_SEEN, DeviceState.REGRESSED)
# The states from which a device may still come to be fixed.
UNRESOLVED_STATES = (*ACTIVITY_STATES_LEFT, DeviceState.PENDING_RESTART)


class RemediationActivityQuerySet(models.QuerySet):
    def active(self) -> "RemediationActivityQuerySet":
        return self.filter(status=ActivityStatus.ACTIVE)

    def overdue(self, today: date | None = None) -> "RemediationActivityQuerySet":
        return self.active().filter(due_on__lt=today or timezone.localdate())

    def visible_to(self, user: User) -> "RemediationActivityQuerySet":
        """Those that touch a device group which the user may see."""
        if user.sees_all_groups:
            return self
        return self.touching(user.device_groups.all())

    def touching(self, groups) -> "RemediationActivityQuerySet":
        return self.filter(models.Exists(ActivityCount.objects.of("pk", groups)))

    def left_in(self, groups) -> "RemediationActivityQuerySet":
        """Those that have a target device in the groups which is not fixed."""
        return self.filter(models.Exists(ActivityCount.objects.of("pk", groups).filter(fixed__lt=F("targets"))))

    def awaiting_a_decision(self) -> "RemediationActivityQuerySet":
        """Those that no sync can end: of their devices none was fixed, and all are excepted or retired."""
        return self.active().filter(unresolved=0, fixed=0, targets__gt=0, checked_at__isnull=False)

    def needing_the_next_version(self, groups=None) -> "RemediationActivityQuerySet":
        """Those with fixed devices that a newer weakness of the product exposes; in the groups, where given."""
        if groups is None:
            return self.filter(next_version__gt=0)
        return self.filter(models.Exists(ActivityCount.objects.of("pk", groups).filter(next_version__gt=0)))


class RemediationActivity(models.Model):
    """The tracked work item that a remediation request creates; also called security task."""

    recommendation = models.ForeignKey(Recommendation, on_delete=models.PROTECT, related_name="activities")
    # One form makes one activity, however often it is sent.
    request_key = models.UUIDField(unique=True)

    # Frozen at the request: the goal does not move with later releases.
    title = models.CharField(max_length=512)
    requested_remediation = models.CharField(max_length=24, choices=RemediationType)
    related_component = models.CharField(max_length=255, blank=True, default="")
    recommended_version = models.CharField(max_length=128, blank=True, default="")
    promised_impact = models.FloatField(default=0)
    all_groups = models.BooleanField(default=True)
    device_groups = models.ManyToManyField(DeviceGroup, related_name="+")
    # "all", or the ids of the chosen groups, sorted: equal scopes have equal keys.
    scope_key = models.CharField(max_length=2000)

    priority = models.CharField(max_length=6, choices=Priority, default=Priority.MEDIUM)
    # Null for "attention required" only.
    due_on = models.DateField(null=True)
    notes = models.TextField(blank=True, default="", max_length=1000)
    requester = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    assignee = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    status = models.CharField(max_length=9, choices=ActivityStatus, default=ActivityStatus.ACTIVE)
    status_changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    status_changed_at = models.DateTimeField()
    status_note = models.TextField(blank=True, default="", max_length=1000)
    completion_method = models.CharField(max_length=9, choices=CompletionMethod, blank=True, default="")

    # Sums of the counts by device group, written with them.
    targets = models.PositiveIntegerField(default=0)
    fixed = models.PositiveIntegerField(default=0)
    # Devices that may still come to be fixed: exposed, exposed again, not seen, pending restart.
    unresolved = models.PositiveIntegerField(default=0, db_default=0)
    # Fixed devices that a weakness from after the request exposes.
    next_version = models.PositiveIntegerField(default=0, db_default=0)
    # The last complete sync that checked it; null until the first.
    checked_at = models.DateTimeField(null=True)

    objects = RemediationActivityQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = _("remediation activities")
        permissions = [
            ("handle_remediation", "Can request, reopen and cancel remediation"),
            ("complete_activity", "Can mark remediation activities as completed"),
        ]
        indexes = [
            models.Index(fields=["status", "due_on"]),
            models.Index(fields=["due_on", "id"]),
            models.Index(fields=["title", "id"]),
        ]
        constraints = [
            models.CheckConstraint(name="activity_status_is_known", condition=Q(status__in=ActivityStatus.values)),
            models.CheckConstraint(name="activity_priority_is_known", condition=Q(priority__in=Priority.values)),
            models.CheckConstraint(
                name="activity_completed_has_a_method",
                condition=Q(status=ActivityStatus.COMPLETED, completion_method__in=CompletionMethod.values)
                | (~Q(status=ActivityStatus.COMPLETED) & Q(completion_method="")),
            ),
            models.CheckConstraint(
                name="activity_has_a_due_date",
                condition=Q(due_on__isnull=False) | Q(requested_remediation=RemediationType.ATTENTION_REQUIRED),
            ),
            models.CheckConstraint(name="activity_fixed_is_part_of_targets", condition=Q(fixed__lte=F("targets"))),
            models.UniqueConstraint(
                name="one_active_activity_a_scope",
                fields=["recommendation", "scope_key"],
                condition=Q(status=ActivityStatus.ACTIVE),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("activity", args=[self.pk])

    @property
    def awaits_decision(self) -> bool:
        """One row's `awaiting_a_decision`."""
        is_checked = self.status == ActivityStatus.ACTIVE and self.checked_at is not None
        return is_checked and self.targets > 0 and not (self.unresolved or self.fixed)

    @property
    def is_overdue(self) -> bool:
        return self.status == ActivityStatus.ACTIVE and self.due_on is not None and self.due_on < timezone.localdate()

    def touches_only(self, user: User) -> bool:
        """Whether the user may see every device group of it; without that, nobody changes its status."""
        if user.sees_all_groups:
            return True
        outside = self.counts.exclude(group__in=user.device_groups.all())
        return not outside.exists()


class ActivityCountQuerySet(models.QuerySet):
    def of(self, activity: str, groups) -> "ActivityCountQuerySet":
        """Inside another query: the counts in the groups of the activity that the field outside names."""
        return self.filter(activity=models.OuterRef(activity), group__in=groups)


class ActivityCount(models.Model):
    """How many target devices of one device group are in which state. A person's view is the sum of their groups."""

    activity = models.ForeignKey(RemediationActivity, on_delete=models.CASCADE, related_name="counts", db_index=False)
    group = models.ForeignKey(DeviceGroup, on_delete=models.PROTECT, related_name="+")
    targets = models.PositiveIntegerField(default=0)
    exposed = models.PositiveIntegerField(default=0)
    fixed = models.PositiveIntegerField(default=0)
    not_seen = models.PositiveIntegerField(default=0)
    excepted = models.PositiveIntegerField(default=0)
    out_of_scope = models.PositiveIntegerField(default=0)
    regressed = models.PositiveIntegerField(default=0)
    pending_restart = models.PositiveIntegerField(default=0, db_default=0)
    # Of the fixed ones, those that a weakness from after the request exposes.
    next_version = models.PositiveIntegerField(default=0, db_default=0)

    objects = ActivityCountQuerySet.as_manager()

    class Meta:
        # A reader's progress is summed from this index alone.
        indexes = [models.Index(fields=["activity", "group", "targets", "fixed"])]
        constraints = [models.UniqueConstraint(name="activity_count_once_a_group", fields=["activity", "group"])]


class BatchCount(models.Model):
    """How many target devices of one device group a batch holds, and how many of them are fixed."""

    activity = models.ForeignKey(RemediationActivity, on_delete=models.CASCADE, related_name="batches", db_index=False)
    group = models.ForeignKey(DeviceGroup, on_delete=models.PROTECT, related_name="+")
    batch = models.PositiveSmallIntegerField()
    targets = models.PositiveIntegerField(default=0)
    fixed = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(name="batch_count_once_a_group", fields=["activity", "batch", "group"])]

    def __str__(self) -> str:
        return f"{self.activity_id}, part {self.batch}: {self.fixed} of {self.targets}"


class ActivityWeakness(models.Model):
    """A weakness that the activity set out to remove, frozen at the request."""

    pk = models.CompositePrimaryKey("activity_id", "weakness_id")
    activity = models.ForeignKey(RemediationActivity, on_delete=models.CASCADE, related_name="goal", db_index=False)
    weakness = models.ForeignKey(Weakness, on_delete=models.PROTECT, related_name="+")


class ActivityDeviceQuerySet(models.QuerySet):
    def visible_to(self, user: User) -> "ActivityDeviceQuerySet":
        return self if user.sees_all_groups else self.filter(group__in=user.device_groups.all())


class ActivityDevice(models.Model):
    """One target device of an activity, and what the last complete sync saw of it."""

    pk = models.CompositePrimaryKey("activity_id", "device_id")
    activity = models.ForeignKey(RemediationActivity, on_delete=models.CASCADE, related_name="devices", db_index=False)
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="+")
    # Frozen at the request, so that counts and scope stay put when a device moves. The database checks the same group
    # once, in ActivityCount, instead of ten thousand times here.
    group = models.ForeignKey(
        DeviceGroup, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    # The part of the activity that a ticket serves, asked for or not yet; null when no ticket can name the device.
    batch = models.PositiveSmallIntegerField(null=True)
    state = models.CharField(max_length=15, choices=DeviceState, default=DeviceState.EXPOSED)
    state_changed_at = models.DateTimeField()

    # The evidence: what which sync saw, of a report made when. Null before the first complete sync.
    checked_at = models.DateTimeField(null=True)
    reported_at = models.DateTimeField(null=True)
    is_exposed = models.BooleanField(null=True)
    # The fix is installed and the old version still in use.
    awaits_restart = models.BooleanField(default=False, db_default=False)
    # Beyond the goal: a version with weaknesses that the request did not know of.
    needs_next_version = models.BooleanField(default=False, db_default=False)
    installed_version = models.CharField(max_length=255, blank=True, default="")
    disk_paths = models.JSONField(default=list)
    registry_paths = models.JSONField(default=list)
    security_update = models.CharField(max_length=64, blank=True, default="")
    # Complete syncs in a row that saw it exposed after it had been fixed: two make a regression.
    exposed_again = models.PositiveSmallIntegerField(default=0)

    objects = ActivityDeviceQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["activity", "state", "device"])]
        constraints = [
            models.CheckConstraint(name="activity_device_state_is_known", condition=Q(state__in=DeviceState.values)),
            models.CheckConstraint(
                name="evidence_has_both_what_and_when",
                condition=Q(checked_at=None, is_exposed=None) | Q(checked_at__isnull=False),
            ),
        ]
