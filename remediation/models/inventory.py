"""Software in versions, and the weaknesses of those versions."""

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from .people import User


class Severity(models.TextChoices):
    LOW = "low", _("Low")
    MEDIUM = "medium", _("Medium")
    HIGH = "high", _("High")
    CRITICAL = "critical", _("Critical")


class ExploitLevel(models.TextChoices):
    NONE = "none", _("No exploit known")
    PUBLIC = "public", _("Public exploit")
    VERIFIED = "verified", _("Verified exploit")
    KIT = "kit", _("In an exploit kit")


class EndOfSupport(models.TextChoices):
    """By the source: nothing said, of one version, or of the product in all its versions."""

    NONE = "none", _("Supported")
    UPCOMING_VERSION = "upcoming_version", _("Version reaches its end of support")
    VERSION = "version", _("Version is out of support")
    UPCOMING_SOFTWARE = "upcoming_software", _("Product reaches its end of support")
    SOFTWARE = "software", _("Product is out of support")


class SoftwareQuerySet(models.QuerySet):
    def visible_to(self, user: User) -> "SoftwareQuerySet":
        """What is installed on a device in a group which the user may see."""
        if user.sees_all_groups:
            return self
        itself = Software.objects.filter(pk=models.OuterRef("pk"))
        here = itself.filter(counters__group__in=user.device_groups.all(), counters__installed__gt=0)
        return self.filter(models.Exists(here))

    def with_counts(self) -> "SoftwareQuerySet":
        """What is installed anywhere, annotated with its totals."""
        return self.filter(installed__gt=0).annotate(in_installed=models.F("installed"), in_exposed=models.F("exposed"))

    def with_counts_in(self, groups) -> "SoftwareQuerySet":
        """The same for device groups: the sums of the counters over them."""
        sums = {f"in_{name}": models.Sum(f"counters__{name}") for name in ("installed", "exposed")}
        return self.filter(counters__group__in=groups).annotate(**sums).filter(in_installed__gt=0)


class Software(models.Model):
    """A product of a vendor."""

    source_id = models.CharField(max_length=255, unique=True)
    name = models.CharField(max_length=255)
    vendor = models.CharField(max_length=255, blank=True, default="")
    # What the source's own list of products says of it; optional, so null where it was never read.
    source_weaknesses = models.PositiveIntegerField(null=True)
    public_exploit = models.BooleanField(null=True)
    active_alert = models.BooleanField(null=True)
    # Of the product as a whole: out of support only where every version is.
    end_of_support_status = models.CharField(max_length=20, choices=EndOfSupport, default=EndOfSupport.NONE)
    end_of_support_on = models.DateField(null=True)

    # Totals over all device groups, written with what changes them.
    installed = models.PositiveIntegerField(default=0)
    exposed = models.PositiveIntegerField(default=0)
    weaknesses = models.PositiveIntegerField(default=0)

    objects = SoftwareQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name_plural = _("software")
        constraints = [
            models.CheckConstraint(
                name="software_end_of_support_is_known",
                condition=Q(end_of_support_status__in=EndOfSupport.values),
            )
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("software", args=[self.pk])


class WeaknessQuerySet(models.QuerySet):
    def visible_to(self, user: User) -> "WeaknessQuerySet":
        """Those that a device in a group which the user may see is exposed to."""
        if user.sees_all_groups:
            return self
        itself = Weakness.objects.filter(pk=models.OuterRef("pk"))
        here = itself.filter(counters__group__in=user.device_groups.all(), counters__exposed__gt=0)
        return self.filter(models.Exists(here))

    def with_counts(self) -> "WeaknessQuerySet":
        """All that the organisation has or had, annotated with their totals."""
        return self.annotate(in_exposed=models.F("exposed"), in_since=models.F("first_seen_at"))

    def with_counts_in(self, groups) -> "WeaknessQuerySet":
        """Those that expose a device of the groups, annotated with the sums of their counters over them."""
        exposed, since = models.Sum("counters__exposed"), models.Min("counters__first_seen_at")
        here = self.filter(counters__group__in=groups, counters__exposed__gt=0)
        return here.annotate(in_exposed=exposed, in_since=since)


class Weakness(models.Model):
    """A vulnerability present in the organisation: a CVE, or one that the source named itself."""

    name = models.CharField(max_length=64, unique=True)
    description = models.TextField(blank=True, default="")
    severity = models.CharField(max_length=8, choices=Severity, default=Severity.MEDIUM)
    # CVSS v3 base, 0 to 10; null where the source has none: then the severity stands in.
    cvss = models.FloatField(null=True)
    # Probability of exploitation in the next 30 days, 0 to 1, and the day of the published file that it is from; null
    # where the source itself says it.
    epss = models.FloatField(null=True)
    epss_on = models.DateField(null=True)
    exploit_level = models.CharField(max_length=8, choices=ExploitLevel, default=ExploitLevel.NONE)
    # The day it entered CISA's catalogue of known exploited vulnerabilities.
    kev_added_on = models.DateField(null=True)
    # CISA's own due date for it, and whether extortionists are known to use it.
    kev_due_on = models.DateField(null=True)
    kev_ransomware = models.BooleanField(default=False)
    published_on = models.DateField(null=True)
    updated_on = models.DateField(null=True)
    # When a sync first knew it; null for those from before that was kept.
    met_at = models.DateTimeField(null=True)
    # What the timeline has told of it; whatever differs from the facts above is news.
    told_exploit_level = models.CharField(max_length=8, choices=ExploitLevel, blank=True, default="")
    told_kev_on = models.DateField(null=True)
    # When the organisation first had it: by the source's word where it has one, else by the first sync that saw it.
    first_seen_at = models.DateTimeField(null=True)
    # Exposed devices of all groups, written with what changes them.
    exposed = models.PositiveIntegerField(default=0)

    objects = WeaknessQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name_plural = _("weaknesses")
        constraints = [
            models.CheckConstraint(name="weakness_severity_is_known", condition=Q(severity__in=Severity.values)),
            models.CheckConstraint(
                name="weakness_exploit_level_is_known", condition=Q(exploit_level__in=ExploitLevel.values)
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("weakness", args=[self.pk])


class SoftwareVersion(models.Model):
    """One installed version of a product. It knows its weaknesses, and so its risk."""

    software = models.ForeignKey(Software, on_delete=models.CASCADE, related_name="versions")
    version = models.CharField(max_length=128)
    weaknesses = models.ManyToManyField(Weakness, related_name="versions")
    # Sum of the risks r of its weaknesses (see scoring.py).
    risk = models.FloatField(default=0)
    # The same as the published scores count it; null for a version that they do not know yet.
    published_risk = models.FloatField(null=True)
    # Where it lies on the first device that was seen with it, and the update that replaces it: examples, for tickets.
    disk_paths = models.JSONField(default=list)
    registry_paths = models.JSONField(default=list)
    security_update = models.CharField(max_length=64, blank=True, default="")
    end_of_support_status = models.CharField(max_length=20, choices=EndOfSupport, default=EndOfSupport.NONE)
    end_of_support_on = models.DateField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="software_version_once", fields=["software", "version"]),
            models.CheckConstraint(
                name="version_end_of_support_is_known",
                condition=Q(end_of_support_status__in=EndOfSupport.values),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.software} {self.version}"
