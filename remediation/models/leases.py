"""Named leases in the database: what only one process may do at a time, whoever beats twice or dies."""

from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone


class LeaseManager(models.Manager):
    def take(self, name: str, holder: str, seconds: float) -> bool:
        """Take or prolong a lease. False when somebody else holds it."""
        now = timezone.now()
        self.get_or_create(name=name, defaults={"until": now - timedelta(seconds=1)})
        free = Q(until__lt=now) | Q(holder=holder)
        until = now + timedelta(seconds=seconds)
        return bool(self.filter(free, name=name).update(holder=holder, until=until))

    def release(self, name: str, holder: str) -> None:
        self.filter(name=name, holder=holder).update(holder="", until=timezone.now() - timedelta(seconds=1))


class Lease(models.Model):
    name = models.CharField(max_length=64, primary_key=True)
    holder = models.CharField(max_length=128, blank=True, default="")
    until = models.DateTimeField()

    objects = LeaseManager()

    def __str__(self) -> str:
        return self.name
