"""The fixes that the source recommends, the devices they apply to, and what is counted of them."""

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from .devices import Device, DeviceGroup
from .inventory import Software, SoftwareVersion
from .people import User


class RemediationType(models.TextChoices):
    UPDATE = "update", _("Software update")
    UPGRADE = "upgrade", _("Software upgrade")
    UNINSTALL = "uninstall", _("Software uninstall")
    CONFIGURATION_CHANGE = "configuration_change", _("Configuration change")
    ATTENTION_REQUIRED = "attention_required", _("Attention required")


class Category(models.TextChoices):
    APPLICATION = "application", _("Application")
    OS = "os", _("OS")
    NETWORK = "network", _("Network")
    ACCOUNTS = "accounts", _("Accounts")
    SECURITY_CONTROLS = "security_controls", _("Security controls")


class RecommendationStatus(models.TextChoices):
    ACTIVE = "active", _("Active")
    PARTIAL_EXCEPTION = "partial_exception", _("Partial exception")
    FULL_EXCEPTION = "full_exception", _("Full exception")


class RecommendationQuerySet(models.QuerySet):
    def open(self) -> "RecommendationQuerySet":
        """What the last complete sync still recommends."""
        return self.filter(closed_at=None)

    def visible_to(self, user: User) -> "RecommendationQuerySet":
        """Those that expose a device in a group which the user may see."""
        return self if user.sees_all_groups else self.exposed_in(user.device_groups.all())

    def exposed_in(self, groups) -> "RecommendationQuerySet":
        """Those that expose a device in one of the groups."""
        here = RecommendationCounter.objects.filter(recommendation=models.OuterRef("pk"), group__in=groups)
        return self.filter(models.Exists(here.filter(exposed__gt=0)))

    def with_totals(self) -> "RecommendationQuerySet":
        """What `with_counts_in` says for all groups, from what every sync stores: no sum of their counters."""
        counted = {f"in_{name}": models.F(name) for name in ("exposed", "total", "excepted", "mitigated")}
        found = self.filter(exposed__gt=0).annotate(**counted)
        return found.annotate(
            impact_exposure=models.F("exposure_impact"),
            impact_configuration=models.F("configuration_impact"),
            impact=models.F("exposure_impact") + models.F("configuration_impact"),
        )

    def with_counts_in(self, groups) -> "RecommendationQuerySet":
        """Those exposed in the device groups, annotated with the sums of their counters over them."""
        total = {name: models.Sum(f"counters__{name}") for name in RecommendationCounter.SUMMED}
        summed = {f"in_{name}": expression for name, expression in total.items()}
        # First the sums, then the question: a group without an exposed device still counts in the total.
        return self.filter(counters__group__in=groups).annotate(**summed).filter(in_exposed__gt=0)


class Recommendation(models.Model):
    """The fix: update, upgrade or uninstall a product, or change a configuration."""

    # `va-_-vendor-_-product` or `sca-_-scid-n`.
    source_id = models.CharField(max_length=255, unique=True)
    name = models.CharField(max_length=512)
    remediation_type = models.CharField(max_length=24, choices=RemediationType)
    category = models.CharField(max_length=24, choices=Category)
    subcategory = models.CharField(max_length=128, blank=True, default="")
    related_component = models.CharField(max_length=255, blank=True, default="")
    vendor = models.CharField(max_length=255, blank=True, default="")
    software = models.OneToOneField(Software, null=True, on_delete=models.PROTECT, related_name="recommendation")
    recommended_version = models.CharField(max_length=128, blank=True, default="")
    recommended_program = models.CharField(max_length=255, blank=True, default="")
    recommended_vendor = models.CharField(max_length=255, blank=True, default="")
    tags = models.JSONField(default=list, blank=True)
    associated_threats = models.JSONField(default=list, blank=True)
    public_exploit = models.BooleanField(default=False)
    active_alert = models.BooleanField(default=False)
    # Points p of a configuration, 1 to 10; 0 for software.
    severity_score = models.FloatField(default=0)
    # The source's own word: Defender knows Active and Exception.
    source_status = models.CharField(max_length=32, blank=True, default="")
    status = models.CharField(max_length=20, choices=RecommendationStatus, default=RecommendationStatus.ACTIVE)
    first_seen_at = models.DateTimeField()
    # When a complete sync no longer had it; null while it is recommended.
    closed_at = models.DateTimeField(null=True)

    # Totals over all device groups, written with what changes them.
    weaknesses = models.PositiveIntegerField(default=0)
    exposed = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    excepted = models.PositiveIntegerField(default=0, db_default=0)
    mitigated = models.PositiveIntegerField(default=0, db_default=0)
    # Points by which the organisation's score falls (exposure) or rises (configuration) when this is fixed everywhere.
    exposure_impact = models.FloatField(default=0)
    configuration_impact = models.FloatField(default=0)
    # Points by which that score is better already, for exceptions of it.
    held_impact = models.FloatField(default=0, db_default=0)

    objects = RecommendationQuerySet.as_manager()

    class Meta:
        ordering = ["-exposure_impact", "-configuration_impact", "pk"]
        constraints = [
            models.CheckConstraint(
                name="recommendation_type_is_known", condition=Q(remediation_type__in=RemediationType.values)
            ),
            models.CheckConstraint(name="recommendation_category_is_known", condition=Q(category__in=Category.values)),
            models.CheckConstraint(
                name="recommendation_status_is_known", condition=Q(status__in=RecommendationStatus.values)
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("recommendation", args=[self.pk])

    @property
    def is_configuration(self) -> bool:
        return self.remediation_type == RemediationType.CONFIGURATION_CHANGE


class Exposure(models.Model):
    """A recommendation that applies to a device, with the installed version that causes it.

    Nothing here changes with every sync: when the device was last seen is the device's, the risk is the version's.
    The database does not check the links: for ten million rows that took three times as long as writing them. A sync
    alone writes here, by joining the tables that it points to, and nothing ever deletes rows of those.
    """

    pk = models.CompositePrimaryKey("recommendation_id", "device_id")
    recommendation = models.ForeignKey(
        Recommendation, on_delete=models.CASCADE, related_name="exposures", db_index=False, db_constraint=False
    )
    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="exposures", db_constraint=False)
    # The riskiest one installed; null for configurations.
    version = models.ForeignKey(
        SoftwareVersion, null=True, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    first_seen_at = models.DateTimeField()


class RecommendationCounter(models.Model):
    """What is counted of a recommendation in one device group. Any selection of groups is a sum of these rows."""

    SUMMED = ("exposed", "total", "eligible", "excepted", "mitigated", "drop_low", "drop_normal", "drop_high")
    HELD = ("held_low", "held_normal", "held_high")

    recommendation = models.ForeignKey(
        Recommendation, on_delete=models.CASCADE, related_name="counters", db_index=False
    )
    group = models.ForeignKey(DeviceGroup, on_delete=models.CASCADE, related_name="+")
    exposed = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    # Exposed devices with an Entra device id: those that an Intune ticket can name.
    eligible = models.PositiveIntegerField(default=0)
    # Exposed devices under an exception of it that is in effect, and those that the published scores count as fixed.
    excepted = models.PositiveIntegerField(default=0, db_default=0)
    mitigated = models.PositiveIntegerField(default=0, db_default=0)
    # By how much the device scores E fall, summed by device value, when this alone is fixed.
    drop_low = models.FloatField(default=0)
    drop_normal = models.FloatField(default=0)
    drop_high = models.FloatField(default=0)
    # By how much they are lower already, because exceptions of it or of its weaknesses take their risk away.
    held_low = models.FloatField(default=0, db_default=0)
    held_normal = models.FloatField(default=0, db_default=0)
    held_high = models.FloatField(default=0, db_default=0)

    class Meta:
        constraints = [models.UniqueConstraint(name="counter_once_a_group", fields=["recommendation", "group"])]
