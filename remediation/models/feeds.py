"""What others publish about weaknesses: how likely each is to be exploited (EPSS), which ones are (CISA KEV)."""

from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class FeedKind(models.TextChoices):
    EPSS = "epss", _("EPSS")
    KEV = "kev", _("CISA KEV")


class FeedQuerySet(models.QuerySet["Feed"]):
    def each(self) -> list["Feed"]:
        """One of each kind; those that nobody has tried yet are not stored."""
        known = {feed.kind: feed for feed in self}
        return [known.get(kind) or self.model(kind=kind) for kind in FeedKind.values]

    def by_kind(self) -> dict[str, "Feed"]:
        """Those that have been read, by kind."""
        return {feed.kind: feed for feed in self.filter(loaded_at__isnull=False)}


class FeedManager(models.Manager.from_queryset(FeedQuerySet)):  # type: ignore[misc]
    """Leaves the file in the database until somebody asks for it."""

    def get_queryset(self) -> FeedQuerySet:
        return super().get_queryset().defer("content")


class Feed(models.Model):
    """One published file as it was read last. Kept whole, so that weaknesses that arrive later get their facts too."""

    kind = models.CharField(max_length=8, choices=FeedKind, unique=True)
    # Its own date and version: the day of the scores and their model, the day and number of the catalogue.
    as_of = models.DateField(null=True)
    version = models.CharField(max_length=32, blank=True, default="")
    loaded_at = models.DateTimeField(null=True)
    rows = models.PositiveIntegerField(default=0)
    # Rows about weaknesses that are known here.
    matched = models.PositiveIntegerField(default=0)
    content = models.BinaryField(default=b"", editable=False)
    # The last try, and why it changed nothing, in words; empty when it did.
    tried_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=500, blank=True, default="")

    objects = FeedManager()

    class Meta:
        ordering = ["kind"]
        default_permissions = ("view",)
        constraints = [models.CheckConstraint(name="feed_kind_is_known", condition=Q(kind__in=FeedKind.values))]

    def __str__(self) -> str:
        return self.get_kind_display()

    def is_due(self, every: timedelta, again: timedelta) -> bool:
        """Read so long ago, and not tried just now."""
        now = timezone.now()
        is_old = self.loaded_at is None or self.loaded_at <= now - every
        return is_old and (self.tried_at is None or self.tried_at <= now - again)
