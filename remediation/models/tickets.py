"""Tickets as promises: what was asked of a ticket system, what was sent, and what is known to stand there."""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .activities import ActivityCount, RemediationActivity
from .people import User

# Devices that one ticket takes: the documented limit of what of a remediation request reaches Intune.
TICKET_LIMIT = 10_000


class Route(models.TextChoices):
    """What a connection test, or the first real answer, has taught us about a route of a tenant."""

    UNTRIED = "untried", _("Untried")
    WORKS = "works", _("Works")
    REFUSED = "refused", _("Refused")
    UNLICENSED = "unlicensed", _("No licence")


class TicketSystem(models.Model):
    """A system that tickets are opened in, whether it is switched on, and how its connection fares."""

    key = models.CharField(max_length=16, primary_key=True)
    name = models.CharField(max_length=64)
    is_enabled = models.BooleanField(default=False)
    create_route = models.CharField(max_length=10, choices=Route, default=Route.UNTRIED)
    list_route = models.CharField(max_length=10, choices=Route, default=Route.UNTRIED)
    # Whether it takes the devices inside the ticket; null until known.
    takes_devices = models.BooleanField(null=True)
    # Whether it knows devices without an Entra id too, by their names.
    takes_names = models.BooleanField(default=False)
    # Whether a ticket gets its devices one by one, after it was created.
    fills_later = models.BooleanField(default=False)
    # The throttle, shared by all workers: nothing is sent before this moment.
    paused_until = models.DateTimeField(null=True)
    pause_reason = models.CharField(max_length=255, blank=True, default="")
    # The allowance: the latest grants of writing requests as [moment, number], and how many were ever granted.
    grants = models.JSONField(default=list)
    granted = models.PositiveBigIntegerField(default=0)
    # The circuit: failures in a row, and since when it is open; one probe goes out at a time.
    failures = models.PositiveIntegerField(default=0)
    opened_at = models.DateTimeField(null=True)
    last_success_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=500, blank=True, default="")
    last_error_at = models.DateTimeField(null=True)
    last_listed_at = models.DateTimeField(null=True)

    class Meta:
        permissions = [("manage_settings", "Can change the settings of the product")]
        constraints = [
            models.CheckConstraint(name="create_route_is_known", condition=Q(create_route__in=Route.values)),
            models.CheckConstraint(name="list_route_is_known", condition=Q(list_route__in=Route.values)),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def ticket_limit(self) -> int | None:
        """Devices that one ticket takes; None where one serves for all, because it only links to their list."""
        return None if self.takes_devices is False else TICKET_LIMIT

    @property
    def needs_attention(self) -> bool:
        return self.is_enabled and (self.opened_at is not None or self.refuses_creation)

    @property
    def refuses_creation(self) -> bool:
        """The tenant has said no; delivery goes on asking now and then."""
        return self.create_route in {Route.REFUSED, Route.UNLICENSED}


class DeliveryState(models.TextChoices):
    READY = "ready", _("Queued")
    SENDING = "sending", _("Sending")
    UNCERTAIN = "uncertain", _("Checking")
    DELIVERED = "delivered", _("Created")
    DEAD = "dead", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


class RemoteState(models.TextChoices):
    UNKNOWN = "unknown", _("Unknown")
    PENDING = "pending", _("Pending")
    ACTIVE = "active", _("Accepted")
    COMPLETED = "completed", _("Completed")
    REJECTED = "rejected", _("Rejected")
    MISSING = "missing", _("Missing")


# Somebody over there may still do something about these.
OPEN_REMOTELY = (RemoteState.UNKNOWN, RemoteState.PENDING, RemoteState.ACTIVE)

# Delivery has nothing more to do about these.
FINAL_STATES = (DeliveryState.DELIVERED, DeliveryState.DEAD, DeliveryState.CANCELLED)


class TicketQuerySet(models.QuerySet):
    def due(self, now=None) -> "TicketQuerySet":
        """Ready to be sent, and not told to wait."""
        return self.filter(delivery_state=DeliveryState.READY, next_attempt_at__lte=now or timezone.now())

    def wanting(self, now=None) -> "TicketQuerySet":
        """Those that should be completed or rejected remotely and, as far as known, are not."""
        return self.filter(
            ~Q(remote_wanted="") & ~Q(remote_wanted=F("remote_state")),
            ~Q(remote_state=RemoteState.MISSING),
            delivery_state=DeliveryState.DELIVERED,
            wanted_next_at__lte=now or timezone.now(),
        )

    def filling(self) -> "TicketQuerySet":
        """Those that stand, are still wanted, and do not have all their devices yet."""
        return self.filter(
            delivery_state=DeliveryState.DELIVERED,
            system__fills_later=True,
            filled_at=None,
            remote_wanted="",
            remote_state__in=OPEN_REMOTELY,
        )

    def visible_to(self, user: User) -> "TicketQuerySet":
        return self if user.sees_all_groups else self.touching(user.device_groups.all())

    def touching(self, groups) -> "TicketQuerySet":
        """Those of an activity that touches one of the device groups."""
        return self.filter(models.Exists(ActivityCount.objects.of("activity", groups)))


class Ticket(models.Model):
    """One batch of an activity's devices, as a ticket of a ticket system.

    Two fields tell its story: `delivery_state` is what we know of our sending, `remote_state` what stands there.
    """

    activity = models.ForeignKey(RemediationActivity, on_delete=models.PROTECT, related_name="tickets")
    system = models.ForeignKey(TicketSystem, on_delete=models.PROTECT, related_name="tickets")
    batch = models.PositiveSmallIntegerField()
    batches = models.PositiveSmallIntegerField()
    devices = models.PositiveIntegerField()
    created_at = models.DateTimeField()

    # Our own id inside the ticket's text, made with the row, never reused.
    marker = models.CharField(max_length=64, unique=True)
    # Neutral facts, frozen at the request; the connector renders them once, at the first claim, and the bytes stay.
    facts = models.JSONField()
    payload = models.BinaryField(null=True)
    payload_sha256 = models.CharField(max_length=64, blank=True, default="")

    delivery_state = models.CharField(max_length=9, choices=DeliveryState, default=DeliveryState.READY)
    next_attempt_at = models.DateTimeField()
    # Rises with every claim and every outcome that is not its holder's: an older holder's word changes nothing.
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    worker = models.CharField(max_length=128, blank=True, default="")
    attempts = models.PositiveIntegerField(default=0)
    uncertain_since = models.DateTimeField(null=True)
    # Complete listings, started after the quarantine, that did not have our marker.
    absences = models.PositiveSmallIntegerField(default=0)
    last_absence_at = models.DateTimeField(null=True)
    cancel_wanted = models.BooleanField(default=False)
    reason = models.CharField(max_length=1000, blank=True, default="")

    remote_id = models.CharField(max_length=128, blank=True, default="")
    remote_state = models.CharField(max_length=9, choices=RemoteState, default=RemoteState.UNKNOWN)
    remote_note = models.TextField(blank=True, default="")
    remote_changed_at = models.DateTimeField(null=True)
    remote_read_at = models.DateTimeField(null=True)
    # What we want to stand there (completed, rejected), delivered with the same care as the ticket itself.
    remote_wanted = models.CharField(max_length=9, choices=RemoteState, blank=True, default="")
    remote_wanted_note = models.TextField(blank=True, default="")
    wanted_next_at = models.DateTimeField(null=True)
    wanted_lease_until = models.DateTimeField(null=True)
    wanted_attempts = models.PositiveIntegerField(default=0)

    # Where the devices go in one by one: how many are in, how many cannot be, and since when that is all of them.
    members_added = models.PositiveIntegerField(default=0)
    members_left_out = models.PositiveIntegerField(default=0)
    filled_at = models.DateTimeField(null=True)
    # Not before this moment; null for at once.
    fill_next_at = models.DateTimeField(null=True)

    objects = TicketQuerySet.as_manager()

    class Meta:
        ordering = ["activity", "batch"]
        indexes = [
            models.Index(fields=["delivery_state", "next_attempt_at"]),
            models.Index(fields=["remote_wanted", "wanted_next_at"]),
        ]
        constraints = [
            models.UniqueConstraint(name="one_ticket_a_batch", fields=["activity", "system", "batch"]),
            models.UniqueConstraint(
                name="one_ticket_a_remote_id", fields=["system", "remote_id"], condition=~Q(remote_id="")
            ),
            models.CheckConstraint(
                name="delivery_state_is_known", condition=Q(delivery_state__in=DeliveryState.values)
            ),
            models.CheckConstraint(name="remote_state_is_known", condition=Q(remote_state__in=RemoteState.values)),
            models.CheckConstraint(
                name="remote_wanted_is_known",
                condition=Q(remote_wanted__in=["", RemoteState.COMPLETED, RemoteState.REJECTED]),
            ),
            models.CheckConstraint(
                name="delivered_has_a_remote_id",
                condition=(Q(delivery_state=DeliveryState.DELIVERED) & ~Q(remote_id=""))
                | (~Q(delivery_state=DeliveryState.DELIVERED) & Q(remote_id="")),
            ),
            models.CheckConstraint(
                name="sending_has_a_lease",
                condition=Q(delivery_state=DeliveryState.SENDING, lease_until__isnull=False)
                | (~Q(delivery_state=DeliveryState.SENDING) & Q(lease_until=None)),
            ),
            models.CheckConstraint(name="fence_covers_attempts", condition=Q(fence__gte=F("attempts"))),
            models.CheckConstraint(
                name="wanted_says_when", condition=Q(remote_wanted="") | Q(wanted_next_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.system} {self.batch}/{self.batches}"

    @property
    def is_filling(self) -> bool:
        """Expects `system` to be loaded; see `TicketQuerySet.filling`."""
        is_open = self.delivery_state == DeliveryState.DELIVERED and self.remote_state in OPEN_REMOTELY
        return is_open and self.system.fills_later and self.filled_at is None and not self.remote_wanted


class AttemptPurpose(models.TextChoices):
    CREATE = "create", _("Create the ticket")
    FILL = "fill", _("Add its devices")
    STATUS = "status", _("Set its status")
    LOOK = "look", _("Look for it")


class AttemptResult(models.TextChoices):
    """What an attempt came to. Unknown is the default of the classifier, and never means failed."""

    STARTED = "started", _("Started")
    DONE = "done", _("Done")
    ADOPTED = "adopted", _("Found and adopted")
    NOT_SENT = "not_sent", _("Not sent")
    THROTTLED = "throttled", _("Asked to wait")
    AUTH = "auth", _("Not authorised")
    REFUSED = "refused", _("Refused")
    UNKNOWN = "unknown", _("Unknown outcome")
    ABSENT = "absent", _("Not found")
    CRASHED = "crashed", _("Worker was lost")


class TicketAttempt(models.Model):
    """One attempt on a ticket, written before a byte is sent and completed by what came back."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="history")
    fence = models.PositiveIntegerField()
    purpose = models.CharField(max_length=6, choices=AttemptPurpose)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    worker = models.CharField(max_length=128, blank=True, default="")
    result = models.CharField(max_length=10, choices=AttemptResult, default=AttemptResult.STARTED)
    # HTTP status; null when nothing came back.
    status = models.PositiveSmallIntegerField(null=True)
    # In words, for people.
    reason = models.CharField(max_length=1000, blank=True, default="")
    # For the ticket system's support: the id that we sent, and the one that came back.
    client_request_id = models.CharField(max_length=64, blank=True, default="")
    remote_request_id = models.CharField(max_length=64, blank=True, default="")
    remote_id = models.CharField(max_length=128, blank=True, default="")
    # False when a later claim had overtaken it: kept for the record, without effect.
    counted = models.BooleanField(default=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(name="attempt_once_a_fence", fields=["ticket", "fence", "purpose"]),
            models.CheckConstraint(name="attempt_result_is_known", condition=Q(result__in=AttemptResult.values)),
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()}: {self.get_result_display()}"
