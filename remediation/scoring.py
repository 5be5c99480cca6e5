"""The exposure score, the configuration score and what fixing something does to them: plain numbers in and out.

The formula is our own and public: Microsoft does not print its function. From it come the range 0 to 100, the levels
(0-29 low, 30-69 medium, 70-100 high), the device values, "High weighs a tenth of the devices", and the points of a
configuration. The set-based twin of this page is `counters/`; a test holds the two equal.

    b = CVSS / 10                      how bad; the severity stands in for a missing CVSS
    t = the strongest sign of threat   at least 0.15, EPSS, exploit, KEV, an active alert
    r = b * t                          the risk of a weakness on a device
    S = f * sum of r                   f = 1.5 where the device is known to face the internet
    E = 100 * S / (S + 3)              the device's score
    what is excepted as a false positive, by a third party control or an alternate mitigation is left out of S, on the
    devices in the scope of the exception; a setting so excepted counts as right on them
    organisation = sum(w * E) / sum(w) over devices seen within 30 days
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

# Stored with every daily point, so that a change of the formula shows as such in a trend.
MODEL_VERSION = 1

# S at which a device scores 50.
HALF = 3.0
INTERNET_FACTOR = 1.5
LEAST_THREAT = 0.15
BADNESS_BY_SEVERITY = {"critical": 0.95, "high": 0.8, "medium": 0.55, "low": 0.2}
THREAT_BY_EXPLOIT = {"none": 0.0, "public": 0.4, "verified": 0.55, "kit": 0.7}
THREAT_KEV = 0.85
THREAT_ALERT = 1.0
WEIGHT_LOW = 0.75
WEIGHT_NORMAL = 1.0
# High weighs a tenth of the devices, and never less than twice a normal one: in a fleet of ten that would be less.
WEIGHT_HIGH_LEAST = 2.0
WEIGHT_HIGH_SHARE = 10
MEDIUM_FROM = 30.0
HIGH_FROM = 70.0
VALUES = ("low", "normal", "high")
LEVELS = ("none", "low", "medium", "high")


def badness(cvss: float | None, severity: str) -> float:
    """b, 0 to 1: the CVSS base by ten, or what the severity stands for."""
    return BADNESS_BY_SEVERITY.get(severity, 0.55) if cvss is None else cvss / 10


def threat(epss: float | None, exploit_level: str, *, in_kev: bool = False, has_alert: bool = False) -> float:
    """t, 0.15 to 1. The strongest sign counts: a low EPSS never lowers what is known to be exploited."""
    signs = [LEAST_THREAT, epss or 0.0, THREAT_BY_EXPLOIT.get(exploit_level, 0.0)]
    signs += [THREAT_KEV] if in_kev else []
    signs += [THREAT_ALERT] if has_alert else []
    return max(signs)


def weakness_risk(
    cvss: float | None,
    severity: str,
    epss: float | None,
    exploit_level: str,
    *,
    in_kev: bool = False,
    has_alert: bool = False,
) -> float:
    """r = b * t, 0 to 1."""
    return badness(cvss, severity) * threat(epss, exploit_level, in_kev=in_kev, has_alert=has_alert)


def device_risk(risks: Iterable[float], internet_facing: bool | None) -> float:
    """S: the sum of the risks, half as much again on a device that is known to face the internet."""
    return sum(risks) * (INTERNET_FACTOR if internet_facing else 1.0)


def device_score(risk_sum: float) -> float:
    """E, 0 to 100. A ratio, so that every fix lowers it, also on a device with sixty weaknesses."""
    return 100.0 * risk_sum / (risk_sum + HALF)


def level(score: float) -> str:
    """The exposure level of a device or an organisation: none, low, medium, high."""
    if score <= 0:
        return "none"
    return "low" if score < MEDIUM_FROM else "medium" if score < HIGH_FROM else "high"


def weight_high(devices: int) -> float:
    return max(WEIGHT_HIGH_LEAST, devices / WEIGHT_HIGH_SHARE)


def _weighted(low: float, normal: float, high: float, devices: int) -> float:
    return WEIGHT_LOW * low + WEIGHT_NORMAL * normal + weight_high(devices) * high


def exposure_score(
    devices_low: int, devices_normal: int, devices_high: int, score_low: float, score_normal: float, score_high: float
) -> float:
    """The score of any selection of devices, 0 to 100, from their number and their scores E summed by device value."""
    devices = devices_low + devices_normal + devices_high
    weights = _weighted(devices_low, devices_normal, devices_high, devices)
    # Not above 0 also where the parts of a day name a device that left before the one that says it came.
    if weights <= 0:
        return 0.0
    return _weighted(score_low, score_normal, score_high, devices) / weights


def exposure_impact(
    drop_low: float, drop_normal: float, drop_high: float, devices_low: int, devices_normal: int, devices_high: int
) -> float:
    """Points by which the score of the same selection falls when one recommendation alone is fixed.

    Not additive: two recommendations on one device together lower it by more than the sum of both.
    """
    return exposure_score(devices_low, devices_normal, devices_high, drop_low, drop_normal, drop_high)


def exposure_score_of(sums: Mapping[str, float | None]) -> float:
    """The score by a mapping with the names of ScoreSnapshot (sums over the selected groups; None counts as 0)."""
    names = ("devices_low", "devices_normal", "devices_high", "score_low", "score_normal", "score_high")
    return exposure_score(*(sums.get(name) or 0 for name in names))  # type: ignore[arg-type]


def exposure_score_without_exceptions(sums: Mapping[str, float | None]) -> float:
    """The same as if no exception lowered the score of any device."""
    return exposure_score_of(dict(sums) | {f"score_{value}": sums.get(f"before_{value}") for value in VALUES})


def exposure_impact_of(counters: Mapping[str, float | None], snapshot: Mapping[str, float | None]) -> float:
    """The impact by the sums of RecommendationCounter and of ScoreSnapshot over the same groups."""
    drops = (counters.get(name) or 0 for name in ("drop_low", "drop_normal", "drop_high"))
    devices = (snapshot.get(name) or 0 for name in ("devices_low", "devices_normal", "devices_high"))
    return exposure_impact(*drops, *devices)  # type: ignore[arg-type]


Part = TypeVar("Part", bound=Hashable)


def telescope(start: Sequence[float], steps: Iterable[tuple[Part, Sequence[float]]]) -> dict[Part, float]:
    """Points by which each part moved the score, from the sums at the start and what each step in turn adds to them.

    The sums are the arguments of `exposure_score`. The points of all parts add up to the whole movement.
    """
    points: dict[Part, float] = {}
    sums = list(start)
    before = _score_of(sums)
    for part, added in steps:
        sums = [value + more for value, more in zip(sums, added, strict=True)]
        after = _score_of(sums)
        points[part] = points.get(part, 0.0) + after - before
        before = after
    return points


def _score_of(sums: Sequence[float]) -> float:
    low, normal, high, *scores = sums
    return exposure_score(round(low), round(normal), round(high), *scores)


def configuration_score(settings: Iterable[tuple[float, int, int]]) -> float | None:
    """0 to 100 from (points, applicable devices, compliant devices) a setting; None when none applies anywhere."""
    counted = [(points, compliant / applicable) for points, applicable, compliant in settings if applicable and points]
    total = sum(points for points, _ in counted)
    return 100.0 * sum(points * share for points, share in counted) / total if total else None


def configuration_impact(points: float, applicable: int, compliant: int, all_points: float) -> float:
    """Points by which the configuration score rises when this setting is right everywhere."""
    if not applicable or not all_points:
        return 0.0
    return 100.0 * points * (1 - compliant / applicable) / all_points
