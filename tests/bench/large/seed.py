"""People and work for the large tenant, after its first sync: readers, activities with devices, tickets, scores."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group
from django.utils import timezone

from remediation import models, roles

from ..loading import analyze, load, reset_sequences
from ..seed import NARROW, SECURITY
from ..seed_work import seed_work
from .tenant import Tenant

# One reader sees everything, the other every fourth group.
READERS = {"all groups": SECURITY, "10 of 40 groups": NARROW}


def run(tenant: Tenant) -> dict[str, Any]:
    _people()
    seed_work(tenant)  # type: ignore[arg-type]
    _snapshots(tenant)
    reset_sequences(models.RemediationActivity, models.Ticket)
    analyze()
    counted = [
        models.Device, models.DeviceGroup, models.Recommendation, models.Exposure, models.SoftwareVersion,
        models.Weakness, models.RemediationActivity, models.ActivityCount, models.ActivityDevice, models.Ticket,
    ]  # fmt: skip
    return {str(model._meta.verbose_name_plural).capitalize(): model.objects.count() for model in counted}


def _people() -> None:
    wide = models.User.objects.create(username=SECURITY, first_name="Sam", last_name="Ito", sees_all_groups=True)
    narrow = models.User.objects.create(username=NARROW, first_name="Noor", last_name="Aziz")
    narrow.device_groups.set(models.DeviceGroup.objects.order_by("pk")[::4])
    for person in (wide, narrow):
        person.groups.set(Group.objects.filter(name=roles.SECURITY_TEAM))
    models.TicketSystem.objects.filter(key="intune").update(is_enabled=True)


def _snapshots(tenant: Tenant) -> None:
    """The days before the first sync, each a little different from the present."""
    today = timezone.localdate()
    days = [today - timedelta(days=back) for back in range(1, tenant.size.days)]
    present = list(models.ScoreSnapshot.objects.filter(day=today).values_list("group_id", "devices_normal"))
    load(
        models.ScoreSnapshot,
        ["day", "group_id", "devices_normal", "score_normal", "level_low", "level_medium", "level_high"],
        (
            (day, group, count, count * (40 + day.day % 9), count // 2, count // 4, count // 4)
            for day in days
            for group, count in present
        ),
        published_at=tenant.now,
        model_version=1,
    )
    load(
        models.OrganisationScore,
        ["day", "exposure", "configuration"],
        ((day, 40 + day.day % 9, 60 + day.day % 5) for day in days),
        published_at=tenant.now,
        model_version=1,
    )
