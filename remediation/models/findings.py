"""Where a ticket system and we disagree about which tickets there are."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .tickets import RemoteState, Ticket, TicketSystem


class FindingKind(models.TextChoices):
    # Ours was created there and is gone; also its ticket's `remote_state`.
    MISSING = "missing", _("Missing there")
    # It carries a genuine marker of ours, and no ticket here has that marker: a restored backup, or another instance.
    UNKNOWN = "unknown", _("Unknown here")
    # A second one with the marker of one of ours.
    DOUBLE = "double", _("Second ticket")


class RemoteFindingQuerySet(models.QuerySet):
    def current(self) -> "RemoteFindingQuerySet":
        """Those that the last complete listing still showed."""
        return self.filter(ended_at=None)


class RemoteFinding(models.Model):
    """One remote ticket that a complete listing shows otherwise than we have it, until a listing agrees again.

    Written by delivery at each complete listing, of which there is at least one a day.
    """

    system = models.ForeignKey(TicketSystem, on_delete=models.PROTECT, related_name="findings")
    kind = models.CharField(max_length=7, choices=FindingKind)
    remote_id = models.CharField(max_length=128)
    # Ours: the one that is missing, or of which this is the second; null for one that is unknown here.
    ticket = models.ForeignKey(Ticket, null=True, on_delete=models.CASCADE, related_name="findings")
    marker = models.CharField(max_length=64)
    # As they stood there; of a missing one as we knew them.
    title = models.CharField(max_length=255, blank=True, default="")
    remote_state = models.CharField(max_length=9, choices=RemoteState, default=RemoteState.UNKNOWN)
    created_there_at = models.DateTimeField(null=True)

    found_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    objects = RemoteFindingQuerySet.as_manager()

    class Meta:
        ordering = ["-found_at", "-pk"]
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                name="one_current_finding_a_remote_id",
                fields=["system", "kind", "remote_id"],
                condition=Q(ended_at=None),
            ),
            models.CheckConstraint(name="finding_kind_is_known", condition=Q(kind__in=FindingKind.values)),
            models.CheckConstraint(
                name="finding_of_ours_names_it",
                condition=Q(kind=FindingKind.UNKNOWN, ticket=None)
                | (~Q(kind=FindingKind.UNKNOWN) & Q(ticket__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.remote_id}"
