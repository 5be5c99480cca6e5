"""One device: what is known of it, and why its score is what it is."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import FloatField, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.shortcuts import get_object_or_404

from remediation import scoring
from remediation.models import ActivityDevice, Device, Exposure, Weakness
from remediation.rules.devices import PERMISSION

from .. import charts
from ..groups import Selection, selection
from ..numbers import CountOf, numbers
from ..requests import Request

SHOWN_PARTS = 5
# Risks are published with the scores; what differs by more is a change that the next sync will bring.
_SAME = 0.005


@dataclass(frozen=True)
class Part:
    """What one recommendation contributes to S."""

    exposure: Any
    risk: float
    share: int

    @property
    def bar(self) -> Any:
        return charts.bar(self.share)


@dataclass(frozen=True)
class Explanation:
    """S as a sum: the parts that count most, and the rest."""

    device: Device
    largest: list[Exposure]
    # Of the versions behind its exposures, before the factor.
    all_risks: float

    @property
    def factor(self) -> float:
        """As the published score was made: by it the parts sum up to S."""
        return self.whole / self.all_risks if self.all_risks else 0.0

    @property
    def whole(self) -> float:
        """S before exceptions take anything from it."""
        return self.device.risk_sum + self.device.excepted_risk

    @cached_property
    def parts(self) -> list[Part]:
        whole = self.whole
        risks = [(exposure, exposure.version.risk * self.factor) for exposure in self.largest if exposure.version]
        return [Part(exposure, risk, round(100 * risk / whole)) for exposure, risk in risks if whole and risk]

    @property
    def rest(self) -> float:
        rest = self.whole - sum(part.risk for part in self.parts)
        return rest if rest > _SAME else 0.0

    @property
    def rest_share(self) -> int:
        return round(100 * self.rest / self.whole) if self.whole else 0

    @property
    def score(self) -> float:
        return scoring.device_score(self.device.risk_sum)

    @property
    def score_without_exceptions(self) -> float:
        return scoring.device_score(self.whole)

    @property
    def is_outdated(self) -> bool:
        """Something was set by hand that the score does not know yet."""
        now = scoring.device_risk([self.all_risks], self.device.internet_facing)
        return abs(now - self.whole) > _SAME * max(1.0, now)


def device_of(request: Request, pk: int) -> Any:
    """The device, with `all_risks`: those of the versions behind its exposures, summed."""
    mine = Exposure.objects.filter(device=OuterRef("pk")).order_by().values("device")
    risks = Subquery(mine.annotate(_sum=Sum("version__risk")).values("_sum"))
    rows = Device.objects.visible_to(request.user).select_related("group", "merged_into", "set_by")
    return get_object_or_404(rows.annotate(all_risks=Coalesce(risks, 0.0, output_field=FloatField())), pk=pk)


def exposures_of(device: Device) -> QuerySet[Exposure]:
    return Exposure.objects.filter(device=device)


def weaknesses_of(device: Device) -> QuerySet[Weakness]:
    versions = exposures_of(device).filter(version__isnull=False).values("version")
    links = Weakness.versions.through.objects.filter(softwareversion__in=versions)
    return Weakness.objects.filter(pk__in=links.values("weakness"))


def targets_of(device: Device, groups: Selection) -> QuerySet[ActivityDevice]:
    """Where it is a target, of the activities that the reader may see."""
    mine = ActivityDevice.objects.filter(device=device)
    return mine if groups.sees_everything else mine.filter(group__in=[group.pk for group in groups.visible])


def context_of(request: Request, device: Any, tab: str) -> dict[str, Any]:
    """What the page says above its tabs. Asks its numbers with those of the list."""
    groups = selection(request)
    numbers(request).ask(
        tab_software=CountOf(exposures_of(device).filter(version__isnull=False)),
        tab_weaknesses=CountOf(weaknesses_of(device)),
        tab_targets=CountOf(targets_of(device, groups)),
    )
    return {
        "device": device,
        "tab": tab,
        "numbers": numbers(request),
        "may_set": request.user.has_perm(PERMISSION),
        "may_report": request.user.has_perm("remediation.report_inaccuracy"),
        "survivor": _survivor(device, groups),
        "explanation": Explanation(device, _largest(device), device.all_risks),
    }


def _survivor(device: Device, groups: Selection) -> Device | None:
    """The device that it was merged into, where the reader may see that one."""
    survivor = device.merged_into
    may_see = survivor and (groups.sees_everything or survivor.group_id in {group.pk for group in groups.visible})
    return survivor if may_see else None


def _largest(device: Device) -> list[Exposure]:
    found = exposures_of(device).filter(version__risk__gt=0).select_related("recommendation", "version__software")
    return list(found.order_by("-version__risk", "recommendation")[:SHOWN_PARTS])


def newest_evidence(name: str) -> Subquery:
    """What an activity found on the device itself, for rows of exposures."""
    seen = ActivityDevice.objects.filter(
        device=OuterRef("device"), activity__recommendation=OuterRef("recommendation"), checked_at__isnull=False
    )
    return Subquery(seen.order_by("-checked_at").values(name)[:1])
