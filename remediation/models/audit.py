"""Who did what, when, through what: one row a change, sealed into a chain of hashes shortly afterwards."""

from typing import Any

import structlog
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .people import User


class Through(models.TextChoices):
    PAGE = "page", _("on the page")
    ADMIN = "admin", _("in the admin")
    WORKER = "worker", _("by the worker")
    SYNC = "sync", _("by the sync")
    COMMAND = "command", _("by a command")


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    def visible_to(self, user: User) -> "AuditEventQuerySet":
        """All or nothing: an event names its subject and what it was, of whichever device group."""
        return self if user.sees_all_groups else self.none()

    def about(self, subject: models.Model) -> "AuditEventQuerySet":
        return self.filter(subject_type=subject._meta.label_lower, subject_id=str(subject.pk))

    def record(
        self,
        subject: models.Model,
        verb: str,
        *,
        by: User,
        through: str = Through.PAGE,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
        note: str = "",
    ) -> "AuditEvent":
        """Write down a change. Call it in the transaction of the change itself."""
        about = (subject._meta.label_lower, str(subject.pk), str(subject))
        return self.record_of(about, verb, by=by, through=through, before=before, after=after, note=note)

    def record_of(
        self,
        about: tuple[str, str, str],
        verb: str,
        *,
        by: User,
        through: str = Through.PAGE,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
        note: str = "",
    ) -> "AuditEvent":
        """Of what is no row: its kind, its key and its name."""
        kind, key, name = about
        request_id = structlog.contextvars.get_contextvars().get("request_id", "")
        return self.create(
            at=timezone.now(),
            actor=by,
            actor_name=str(by)[:150],
            through=through,
            verb=verb,
            subject_type=kind,
            subject_id=key[:64],
            subject_name=name[:255],
            before=before or {},
            after=after or {},
            note=note,
            request_id=request_id,
        )


class AuditEvent(models.Model):
    """Append-only. `sequence`, `previous` and `seal` are set once, by the sealing task, in order."""

    at = models.DateTimeField()
    # Its index is that of (actor, at).
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    # As it was that day.
    actor_name = models.CharField(max_length=150)
    through = models.CharField(max_length=8, choices=Through, default=Through.PAGE)
    verb = models.CharField(max_length=64)
    subject_type = models.CharField(max_length=64)
    subject_id = models.CharField(max_length=64)
    subject_name = models.CharField(max_length=255)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    note = models.TextField(blank=True, default="")
    request_id = models.CharField(max_length=64, blank=True, default="")

    sequence = models.PositiveBigIntegerField(null=True, unique=True)
    previous = models.CharField(max_length=64, null=True, unique=True)
    seal = models.CharField(max_length=64, blank=True, default="")

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["subject_type", "subject_id"]),
            models.Index(fields=["actor", "at"]),
            models.Index(fields=["at"]),
        ]
        constraints = [
            models.CheckConstraint(
                name="sealed_has_sequence_previous_and_seal",
                condition=Q(sequence=None, previous=None, seal="")
                | (Q(sequence__isnull=False, previous__isnull=False) & ~Q(seal="")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name} {self.verb} {self.subject_name}"


class AuditCheckpoint(models.Model):
    """Where the kept chain begins: place and seal of the last event that retention has deleted."""

    sequence = models.PositiveBigIntegerField(unique=True)
    seal = models.CharField(max_length=64)
    # By a signing key, so that nobody without one can make the chain begin elsewhere.
    signature = models.CharField(max_length=64)
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["-sequence"]
        default_permissions = ()

    def __str__(self) -> str:
        return f"after number {self.sequence}"
