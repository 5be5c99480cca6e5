"""One pass over a source, from the first page to the publication of its numbers."""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

# A run without a sign of life for so long has died with its process.
LOST_AFTER = timedelta(minutes=10)


class SyncKind(models.TextChoices):
    FULL = "full", _("Full")
    # Only what changed since the last complete full pass: proves no fix and is no complete sync.
    DELTA = "delta", _("Changes only")


class SyncState(models.TextChoices):
    RUNNING = "running", _("Running")
    # A full pass that has read and applied everything. What is proved of activities hangs on this word.
    COMPLETE = "complete", _("Complete")
    # A pass over the changes whose news stand.
    APPLIED = "applied", _("Changes applied")
    # Applied without closing anything: a part could not be read to its last page.
    PARTIAL = "partial", _("Partial")
    # Applied without closing anything: more than half would have vanished.
    HELD = "held", _("Held back")
    FAILED = "failed", _("Failed")


class SyncPhase(models.TextChoices):
    MACHINES = "machines", _("Devices")
    RECOMMENDATIONS = "recommendations", _("Recommendations")
    SOFTWARE = "software", _("Software weaknesses")
    CONFIGURATIONS = "configurations", _("Configurations")
    WEAKNESSES = "weaknesses", _("Weaknesses")
    INVENTORY = "inventory", _("Software inventory")
    CHANGES = "changes", _("Changes")
    APPLYING = "applying", _("Applying changes")
    VERIFYING = "verifying", _("Checking activities")
    PUBLISHING = "publishing", _("Publishing numbers")


class SyncRunQuerySet(models.QuerySet["SyncRun"]):
    def last_complete(self) -> "SyncRun | None":
        """The last run that has read and applied everything."""
        return self.filter(state=SyncState.COMPLETE).order_by("-started_at").first()

    def running(self) -> "SyncRunQuerySet":
        """Those under way, with a sign of life."""
        return self.filter(state=SyncState.RUNNING, heartbeat_at__gte=timezone.now() - LOST_AFTER)

    def finished(self) -> "SyncRunQuerySet":
        """Those that have read what they set out to read: what the next one of their kind will be like."""
        return self.filter(state__in=[SyncState.COMPLETE, SyncState.APPLIED])

    def held(self) -> "SyncRunQuerySet":
        """Those that wait for a person's word: no complete run has come after them."""
        later = SyncRun.objects.filter(state=SyncState.COMPLETE, pk__gt=models.OuterRef("pk"))
        return self.filter(~models.Exists(later), state=SyncState.HELD, confirmed_at=None)


class SyncRun(models.Model):
    source = models.CharField(max_length=32)
    kind = models.CharField(max_length=5, choices=SyncKind, default=SyncKind.FULL)
    started_at = models.DateTimeField()
    # The moment that counts: what it says is true of then. Before its start where the source had files ready; null for
    # runs of versions that kept no count of the versions beside each other.
    as_of = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=8, choices=SyncState, default=SyncState.RUNNING)
    phase = models.CharField(max_length=16, choices=SyncPhase, default=SyncPhase.MACHINES)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    # Who said that a drop by more than half is real.
    confirmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    confirmed_at = models.DateTimeField(null=True)

    pages = models.PositiveIntegerField(default=0)
    rows = models.PositiveBigIntegerField(default=0)
    # Exposures that this run opened, changed to another version, and closed.
    new = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    fixed = models.PositiveIntegerField(default=0)
    # Records that could not be used, and why: [{"reason", "count", "samples": [...]}], the commonest first.
    set_aside = models.PositiveIntegerField(default=0)
    reasons = models.JSONField(default=list)
    # Why it is partial, held or failed, in words.
    error = models.TextField(blank=True, default="")
    # What it was at, in order: [{"phase", "seconds", "rows"}].
    phases = models.JSONField(default=list)
    # Of the process, in megabytes.
    peak_memory = models.PositiveIntegerField(null=True)
    # How often another process went on where one had died.
    continued = models.PositiveSmallIntegerField(default=0)

    objects = SyncRunQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["state", "-started_at"])]
        constraints = [
            models.CheckConstraint(name="sync_state_is_known", condition=Q(state__in=SyncState.values)),
            models.CheckConstraint(name="sync_kind_is_known", condition=Q(kind__in=SyncKind.values)),
            models.CheckConstraint(
                name="only_a_full_sync_is_complete",
                condition=Q(kind=SyncKind.FULL) | ~Q(state__in=[SyncState.COMPLETE, SyncState.HELD]),
            ),
            models.CheckConstraint(
                name="sync_runs_or_has_ended",
                condition=Q(state=SyncState.RUNNING, ended_at=None)
                | (~Q(state=SyncState.RUNNING) & Q(ended_at__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.started_at:%Y-%m-%d %H:%M}"

    @property
    def took(self) -> timedelta | None:
        return self.ended_at - self.started_at if self.ended_at else None

    @property
    def is_lost(self) -> bool:
        return self.state == SyncState.RUNNING and self.heartbeat_at < timezone.now() - LOST_AFTER


class Allowance(models.Model):
    """How many requests an API takes in a time: one account for all workers. See `integrations.allowance`."""

    name = models.CharField(max_length=32, primary_key=True)
    # The latest grants as [moment, number], and how many were ever granted.
    grants = models.JSONField(default=list)
    granted = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return self.name
