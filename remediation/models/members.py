"""The devices of a ticket whose system gets them one by one, and how far each has come."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .devices import Device
from .tickets import Ticket


class MemberState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    # Its id over there is known.
    FOUND = "found", _("Found")
    ADDED = "added", _("Added")
    UNKNOWN = "unknown", _("Not known there")
    REFUSED = "refused", _("Refused")


class TicketMember(models.Model):
    """A device on its way into a ticket that gets its devices one by one."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="members")
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=7, choices=MemberState, default=MemberState.WAITING)
    # What the ticket system calls the device.
    remote_id = models.CharField(max_length=64, blank=True, default="")
    # Why it was left out, in words.
    reason = models.CharField(max_length=255, blank=True, default="")

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["ticket", "state"])]
        constraints = [
            models.UniqueConstraint(name="one_member_a_device", fields=["ticket", "device"]),
            models.CheckConstraint(name="member_state_is_known", condition=Q(state__in=MemberState.values)),
            models.CheckConstraint(
                name="found_has_a_remote_id",
                condition=~Q(state__in=[MemberState.FOUND, MemberState.ADDED]) | ~Q(remote_id=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.device}: {self.get_state_display()}"
