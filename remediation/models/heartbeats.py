"""Signs of life of the processes that work behind the pages, so that a page can say when nobody is there."""

from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

# A process without a sign of life for so long is taken for lost; it gives one every few seconds.
LOST_AFTER = timedelta(seconds=90)
# Rows of hosts that never came back are kept for so long, to be seen.
FORGOTTEN_AFTER = timedelta(days=1)


class Duty(models.TextChoices):
    DELIVERY = "delivery", _("Delivery worker")
    SYNC = "sync", _("Sync worker")
    CLOCK = "clock", _("Clock (beat)")


class HeartbeatManager(models.Manager["Heartbeat"]):
    def started(self, duty: str, name: str) -> None:
        """A process has come up. Under the name of an earlier one it takes its row."""
        now = timezone.now()
        self.filter(seen_at__lt=now - FORGOTTEN_AFTER).delete()
        self.update_or_create(duty=duty, name=name, defaults={"started_at": now, "seen_at": now})

    def seen(self, duty: str, name: str) -> None:
        """It lives. One UPDATE, as a rule."""
        if not self.filter(duty=duty, name=name).update(seen_at=timezone.now()):
            self.started(duty, name)

    def ended(self, duty: str, name: str) -> None:
        """It has stopped in an orderly way: nobody needs to miss it."""
        self.filter(duty=duty, name=name).delete()

    def last_seen(self, duty: str) -> models.Subquery:
        """When any process of a duty was seen last, as a value inside another query."""
        newest = self.filter(duty=duty).order_by("-seen_at").values("seen_at")
        return models.Subquery(newest[:1], output_field=models.DateTimeField())


class Heartbeat(models.Model):
    duty = models.CharField(max_length=8, choices=Duty)
    # As the process calls itself: a worker's node name, which is the same after a restart.
    name = models.CharField(max_length=128)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    objects = HeartbeatManager()

    class Meta:
        ordering = ["duty", "name"]
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(name="one_heartbeat_a_process", fields=["duty", "name"]),
            models.CheckConstraint(name="duty_is_known", condition=Q(duty__in=Duty.values)),
        ]

    def __str__(self) -> str:
        return f"{self.get_duty_display()} {self.name}"

    @property
    def silence(self) -> timedelta:
        return max(timezone.now() - self.seen_at, timedelta())

    @property
    def is_lost(self) -> bool:
        return self.silence > LOST_AFTER
