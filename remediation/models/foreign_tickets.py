"""Tickets of a ticket system that are not ours, kept where one of them could take the place of one of ours."""

from django.db import models
from django.db.models import Q

from .tickets import RemoteState, TicketSystem


class ForeignTicket(models.Model):
    """A remote ticket without a marker of ours, as the last complete listing showed it."""

    system = models.ForeignKey(TicketSystem, on_delete=models.CASCADE, related_name="foreign_tickets")
    remote_id = models.CharField(max_length=128)
    # software or configuration, as in a ticket's facts.
    kind = models.CharField(max_length=16)
    title = models.CharField(max_length=255, blank=True, default="")
    product = models.CharField(max_length=255, blank=True, default="")
    remote_state = models.CharField(max_length=9, choices=RemoteState, default=RemoteState.UNKNOWN)
    created_there_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_there_at", "-pk"]
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(name="one_row_a_foreign_ticket", fields=["system", "remote_id"]),
            models.CheckConstraint(
                name="foreign_remote_state_is_known", condition=Q(remote_state__in=RemoteState.values)
            ),
        ]

    def __str__(self) -> str:
        return self.title or self.remote_id
