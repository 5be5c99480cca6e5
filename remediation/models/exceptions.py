"""Exceptions: decisions not to remediate for a time, each with its justification, its scope and its end."""

from datetime import datetime, timedelta
from typing import cast

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .devices import DeviceGroup
from .inaccuracies import InaccuracyReport
from .inventory import Weakness
from .inventory_counters import WeaknessCounter
from .people import User
from .recommendations import Recommendation, RecommendationCounter


class Justification(models.TextChoices):
    """The names of Microsoft's own where it has them."""

    FALSE_POSITIVE = "false_positive", _("False positive")
    THIRD_PARTY_CONTROL = "third_party_control", _("Third party control")
    ALTERNATE_MITIGATION = "alternate_mitigation", _("Alternate mitigation")
    BUSINESS_NEED = "business_need", _("Productivity or business need")
    COMPLIANCE = "compliance", _("Compliance")
    RISK_ACCEPTED = "risk_accepted", _("Risk accepted")
    PLANNED_REMEDIATION = "planned_remediation", _("Planned remediation (grace)")
    OTHER = "other", _("Other")


# With these the scores count less: what was found is not there, or something else already prevents it. The others
# hide a recommendation for a time, and the devices stay exposed.
LOWERING = (Justification.FALSE_POSITIVE, Justification.THIRD_PARTY_CONTROL, Justification.ALTERNATE_MITIGATION)


class ExceptionStatus(models.TextChoices):
    AWAITING_APPROVAL = "awaiting", _("Awaiting approval")
    IN_EFFECT = "in_effect", _("In effect")
    # One for all devices stands above it for now.
    SUSPENDED = "suspended", _("Suspended")
    EXPIRED = "expired", _("Expired")
    CANCELLED = "cancelled", _("Cancelled")
    REJECTED = "rejected", _("Rejected")
    # The impact has grown beyond what was decided on.
    RESURFACED = "resurfaced", _("Resurfaced")


# Decided on, and not over.
STANDING = (ExceptionStatus.IN_EFFECT, ExceptionStatus.SUSPENDED)
# What still can come into effect, or is.
LIVE = (ExceptionStatus.AWAITING_APPROVAL, *STANDING)
# Days before the end at which it stands on the dashboard.
REMINDED_DAYS = 14


class RecommendationExceptionQuerySet(models.QuerySet["RecommendationException"]):
    def live(self) -> "RecommendationExceptionQuerySet":
        return self.filter(status__in=LIVE)

    def in_effect(self, at: datetime | None = None) -> "RecommendationExceptionQuerySet":
        return self.filter(status=ExceptionStatus.IN_EFFECT, ends_at__gt=at or timezone.now())

    def awaiting_approval(self) -> "RecommendationExceptionQuerySet":
        return self.filter(status=ExceptionStatus.AWAITING_APPROVAL)

    def over(self, at: datetime) -> "RecommendationExceptionQuerySet":
        """Whose end has come, and nobody has written it down yet."""
        return self.live().filter(ends_at__lte=at)

    def ending(self, at: datetime) -> "RecommendationExceptionQuerySet":
        """Those that end within two weeks, and are not asked to be extended yet."""
        soon = self.filter(status__in=STANDING, ends_at__lte=at + timedelta(days=REMINDED_DAYS))
        return soon.exclude(renewals__status__in=LIVE)

    def concerning(self, user: User) -> "RecommendationExceptionQuerySet":
        """Those that the person has filed or approved."""
        return self.filter(Q(filed_by=user) | Q(approved_by=user))

    def touching(self, groups) -> "RecommendationExceptionQuerySet":
        """Those for one of the groups, or for all devices where what is excepted exposes one of theirs."""
        named = RecommendationException.device_groups.through.objects.filter(
            recommendationexception=models.OuterRef("pk"), devicegroup__in=groups
        )
        here = {"group__in": groups, "exposed__gt": 0}
        recommended = RecommendationCounter.objects.filter(recommendation=models.OuterRef("recommendation"), **here)
        suffered = WeaknessCounter.objects.filter(weakness=models.OuterRef("weakness"), **here)
        exposing = models.Exists(recommended) | models.Exists(suffered)
        return self.filter(models.Exists(named) | Q(all_groups=True) & exposing)

    def visible_to(self, user: User) -> "RecommendationExceptionQuerySet":
        return self if user.sees_all_groups else self.touching(user.device_groups.all())


class RecommendationException(models.Model):
    """A decision not to follow a recommendation, or not to mind a weakness, for a time; and its justification."""

    # What is excepted: one of the two.
    recommendation = models.ForeignKey(Recommendation, null=True, on_delete=models.PROTECT, related_name="exceptions")
    weakness = models.ForeignKey(Weakness, null=True, on_delete=models.PROTECT, related_name="exceptions")
    # One form makes one exception, however often it is sent.
    request_key = models.UUIDField(unique=True)
    # The one that it extends; that one ends when this comes into effect.
    renews = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="renewals")

    # How often it was put off before.
    deferrals = models.PositiveSmallIntegerField(default=0)

    justification = models.CharField(max_length=20, choices=Justification)
    context = models.TextField(max_length=1000)
    # Addresses of what proves it, and the report that it was filed for.
    evidence = models.JSONField(default=list)
    report = models.ForeignKey(InaccuracyReport, null=True, on_delete=models.PROTECT, related_name="exceptions")
    # All devices, those of later groups too; else those of the groups.
    all_groups = models.BooleanField(default=True)
    device_groups = models.ManyToManyField(DeviceGroup, related_name="+")
    # "all", or the ids of the groups, sorted: equal scopes have equal keys.
    scope_key = models.CharField(max_length=2000)
    ends_at = models.DateTimeField()

    # What was decided on: exposed devices in the scope, points of the score, and the risk of a weakness.
    exposed_then = models.PositiveIntegerField()
    impact_then = models.FloatField()
    risk_then = models.FloatField(null=True)
    # Whether the published scores count less for it.
    is_counted = models.BooleanField(default=False)

    filed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    filed_at = models.DateTimeField()
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    approved_at = models.DateTimeField(null=True)
    # Null until it comes into effect.
    started_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=10, choices=ExceptionStatus)
    status_changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    status_changed_at = models.DateTimeField()
    status_note = models.TextField(blank=True, default="", max_length=1000)

    objects = RecommendationExceptionQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        default_permissions = ("view",)
        permissions = [
            ("handle_exception", "Can file, extend and cancel exceptions"),
            ("approve_exception", "Can approve and reject the exceptions of others"),
        ]
        indexes = [models.Index(fields=["status", "ends_at"])]
        constraints = [
            models.CheckConstraint(name="exception_status_is_known", condition=Q(status__in=ExceptionStatus.values)),
            models.CheckConstraint(
                name="exception_justification_is_known", condition=Q(justification__in=Justification.values)
            ),
            models.CheckConstraint(
                name="exception_is_of_a_recommendation_or_a_weakness",
                condition=Q(recommendation__isnull=False, weakness=None, risk_then=None)
                | Q(recommendation=None, weakness__isnull=False, risk_then__isnull=False),
            ),
            models.CheckConstraint(
                name="exception_for_a_report_is_a_false_positive",
                condition=Q(report=None) | Q(justification=Justification.FALSE_POSITIVE),
            ),
            models.CheckConstraint(name="exception_says_why", condition=~Q(context="")),
            models.CheckConstraint(
                name="exception_approval_has_both_who_and_when",
                condition=Q(approved_by=None, approved_at=None)
                | Q(approved_by__isnull=False, approved_at__isnull=False),
            ),
            models.CheckConstraint(
                name="exception_is_approved_by_someone_else",
                condition=Q(approved_by=None) | ~Q(approved_by=F("filed_by")),
            ),
            models.CheckConstraint(name="exception_ends_after_it_was_filed", condition=Q(ends_at__gt=F("filed_at"))),
            models.CheckConstraint(
                name="exception_in_effect_has_started",
                condition=~Q(status__in=STANDING) | Q(started_at__isnull=False),
            ),
            models.UniqueConstraint(
                name="one_live_exception_a_scope",
                fields=["recommendation", "scope_key"],
                condition=Q(status__in=LIVE, renews=None),
            ),
            models.UniqueConstraint(
                name="one_live_exception_of_a_weakness_a_scope",
                fields=["weakness", "scope_key"],
                condition=Q(status__in=LIVE, renews=None),
            ),
            models.UniqueConstraint(
                name="one_live_extension_an_exception", fields=["renews"], condition=Q(status__in=LIVE)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject}: {self.get_justification_display()}"

    def get_absolute_url(self) -> str:
        return reverse("exception", args=[self.pk])

    @property
    def subject(self) -> Recommendation | Weakness:
        """What is excepted."""
        return self.recommendation or cast(Weakness, self.weakness)

    @property
    def lowers_scores(self) -> bool:
        return self.justification in LOWERING

    @property
    def is_live(self) -> bool:
        return self.status in LIVE

    @property
    def ends_on(self):
        """The last day on which it holds."""
        return timezone.localdate(self.ends_at - timedelta(seconds=1))

    def touches_only(self, user: User) -> bool:
        """Whether the user may see every device group of it; without that, nobody decides on it."""
        if user.sees_all_groups:
            return True
        outside = self.device_groups.exclude(pk__in=user.device_groups.all())
        return not self.all_groups and not outside.exists()
