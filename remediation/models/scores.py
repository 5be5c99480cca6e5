"""The scores as sums over devices, one row a device group and day: the trend of any selection of groups is a sum."""

from django.db import models

from .devices import DeviceGroup


class ScoreSnapshotQuerySet(models.QuerySet["ScoreSnapshot"]):
    def present(self, groups=None) -> dict[str, float]:
        """The sums of the newest day over the device groups, or over all of them; zeros before the first sync."""
        rows = self.filter(day=self.model.objects.order_by("-day").values("day")[:1])
        if groups is not None:
            rows = rows.filter(group__in=groups)
        return {name: value or 0 for name, value in rows.aggregate(**_SUMS).items()}


class ScoreSnapshot(models.Model):
    """What a device group's scores were on a day. The newest day is the present."""

    SUMMED = (
        "devices_low",
        "devices_normal",
        "devices_high",
        "score_low",
        "score_normal",
        "score_high",
        "level_none",
        "level_low",
        "level_medium",
        "level_high",
        "unseen",
        "before_low",
        "before_normal",
        "before_high",
    )

    day = models.DateField()
    group = models.ForeignKey(DeviceGroup, on_delete=models.CASCADE, related_name="+")
    published_at = models.DateTimeField()
    model_version = models.PositiveSmallIntegerField()
    # Scored devices, and the sum of their scores E, by device value.
    devices_low = models.PositiveIntegerField(default=0)
    devices_normal = models.PositiveIntegerField(default=0)
    devices_high = models.PositiveIntegerField(default=0)
    score_low = models.FloatField(default=0)
    score_normal = models.FloatField(default=0)
    score_high = models.FloatField(default=0)
    # Scored devices by exposure level, and those left out because nobody has seen them for 30 days.
    level_none = models.PositiveIntegerField(default=0)
    level_low = models.PositiveIntegerField(default=0)
    level_medium = models.PositiveIntegerField(default=0)
    level_high = models.PositiveIntegerField(default=0)
    unseen = models.PositiveIntegerField(default=0)
    # The sums of the scores E as they would be if no exception lowered any.
    before_low = models.FloatField(default=0, db_default=0)
    before_normal = models.FloatField(default=0, db_default=0)
    before_high = models.FloatField(default=0, db_default=0)
    # Devices exposed to a weakness of the catalogue of known exploited ones.
    known_exploited = models.PositiveIntegerField(default=0, db_default=0)

    objects = ScoreSnapshotQuerySet.as_manager()

    class Meta:
        ordering = ["day", "group"]
        constraints = [models.UniqueConstraint(name="snapshot_once_a_day", fields=["day", "group"])]

    def __str__(self) -> str:
        return f"{self.group} on {self.day}"


_SUMS = {name: models.Sum(name) for name in ScoreSnapshot.SUMMED}


class OrganisationScoreQuerySet(models.QuerySet["OrganisationScore"]):
    def newest(self) -> "OrganisationScore | None":
        """The present one; None before the first complete sync."""
        return self.order_by("-day").first()


class OrganisationScore(models.Model):
    """The scores of the whole organisation on a day: ours, and the source's own, which are the headline."""

    day = models.DateField(unique=True)
    published_at = models.DateTimeField()
    model_version = models.PositiveSmallIntegerField()
    exposure = models.FloatField()
    # Null while no configuration applies to any device.
    configuration = models.FloatField(null=True)
    # The same if no exception lowered anything; null for days on which that was not counted.
    exposure_before = models.FloatField(null=True)
    configuration_before = models.FloatField(null=True)
    source_exposure = models.FloatField(null=True)
    source_configuration = models.FloatField(null=True)
    # When a feed changed the numbers of that sync afterwards.
    refreshed_at = models.DateTimeField(null=True)
    # What went in: the pass over the source, and the days of the published files.
    sync_run = models.PositiveBigIntegerField(null=True)
    epss_on = models.DateField(null=True)
    kev_on = models.DateField(null=True)

    objects = OrganisationScoreQuerySet.as_manager()

    class Meta:
        ordering = ["day"]

    @property
    def has_exposure_of_its_source(self) -> bool:
        return self.source_exposure is not None
