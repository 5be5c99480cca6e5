"""Target groups in Entra: the devices of a ticket as a group, to which its administrator assigns the fix."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from .people import User
from .tickets import Ticket


class TargetGroupState(models.TextChoices):
    WORKING = "working", _("Being filled")
    DONE = "done", _("Complete")
    FAILED = "failed", _("Failed")


class TargetGroup(models.Model):
    """A group that was asked for, and how far it is filled. The row is the queue, like a ticket's."""

    ticket = models.OneToOneField(Ticket, on_delete=models.CASCADE, related_name="target_group")
    # By it a repeat finds the group in Entra.
    unique_name = models.CharField(max_length=64, unique=True)
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()

    state = models.CharField(max_length=7, choices=TargetGroupState, default=TargetGroupState.WORKING)
    remote_id = models.CharField(max_length=64, blank=True, default="")
    # The device after which to go on: everything up to it is in the group, or not in Entra.
    last_device = models.BigIntegerField(default=0)
    added = models.PositiveIntegerField(default=0)
    not_found = models.PositiveIntegerField(default=0)

    next_attempt_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    # Rises with every claim: an older holder's word changes nothing.
    fence = models.PositiveIntegerField(default=0)
    # In a row, without any progress.
    failures = models.PositiveIntegerField(default=0)
    reason = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(name="target_group_state_is_known", condition=Q(state__in=TargetGroupState.values)),
            models.CheckConstraint(name="target_group_fence_covers_failures", condition=Q(fence__gte=F("failures"))),
        ]

    def __str__(self) -> str:
        return self.unique_name

    @property
    def handled(self) -> int:
        """Devices of the ticket that were looked at, whether or not Entra knows them."""
        return self.added + self.not_found
