"""Scores, impacts and counts of the estate, computed from it whenever it has changed.

The exposure score is the weighted mean of device scores 100 · S / (S + 3), S being the sum of the risks on the device;
an impact is the score now minus the score without that recommendation's weaknesses.
"""

import time
from collections import defaultdict
from dataclasses import dataclass, field

from .catalogue import LIKELIHOOD_WITH_ALERT, Catalogue, Product
from .dates import DAY
from .estate import GROUPS, applies_to
from .store import Store

HALF_WAY = 3.0
VALUE_WEIGHT = {"Low": 0.75, "Normal": 1.0, "High": 2.0}
SEEN_WITHIN = 30 * DAY


@dataclass
class Counts:
    """What one recommendation counts; impact is in points of its score."""

    exposed: int = 0
    total: int = 0
    critical: int = 0
    impact: float = 0.0


@dataclass
class Figures:
    exposure_score: float = 0.0
    group_scores: dict[str | None, float] = field(default_factory=dict)
    configuration_score: float = 0.0
    recommendations: dict[str, Counts] = field(default_factory=dict)
    device_scores: dict[int, float] = field(default_factory=dict)
    weakness_devices: dict[str, int] = field(default_factory=dict)


def device_score(risk: float) -> float:
    return 100 * risk / (risk + HALF_WAY)


def exposure_level(score: float) -> str:
    if score <= 0:
        return "None"
    return "Low" if score < 30 else "Medium" if score < 70 else "High"


def risk_of(product: Product, version: str) -> float:
    """The version's risk; an active alert makes the worst weakness certain."""
    found = product.weaknesses_of.get(version, [])
    if not (found and product.alert):
        return product.risk_of.get(version, 0.0)
    worst = max(found, key=lambda weakness: weakness.cvss)
    return product.risk_of[version] - worst.risk + worst.cvss / 10 * LIKELIHOOD_WITH_ALERT


def is_exposed(product: Product, version: str) -> bool:
    return bool(product.weaknesses_of.get(version)) or product.remediation == "Uninstall"


def compute(store: Store, catalogue: Catalogue) -> Figures:
    """Read the estate once and count it."""
    figures = Figures()
    devices = {row["number"]: row for row in store.rows("SELECT * FROM device WHERE merged_into IS NULL")}
    risks = _software_risks(store, catalogue, figures, devices)
    _score_exposure(figures, devices, risks)
    _score_configuration(store, catalogue, figures, devices)
    return figures


def _software_risks(
    store: Store, catalogue: Catalogue, figures: Figures, devices: dict
) -> dict[tuple[int, str], float]:
    """Risk by (device, product), counting exposed and total devices on the way."""
    risks: dict[tuple[int, str], float] = defaultdict(float)
    exposed: dict[str, set[int]] = defaultdict(set)
    weak: dict[str, set[int]] = defaultdict(set)
    installed: dict[str, set[int]] = defaultdict(set)
    for device, product_id, version in store.connection.execute("SELECT device, product, version FROM installation"):
        product = catalogue.products[product_id]
        installed[product_id].add(device)
        if is_exposed(product, version):
            exposed[product_id].add(device)
            risks[device, product_id] += risk_of(product, version)
            for weakness in product.weaknesses_of[version]:
                weak[weakness.id].add(device)
    for product_id in catalogue.products:
        critical = sum(devices[number]["value"] == "High" for number in exposed[product_id])
        figures.recommendations[f"va-_-{product_id}"] = Counts(
            len(exposed[product_id]), len(installed[product_id]), critical
        )
    figures.weakness_devices = {cve: len(found) for cve, found in weak.items()}
    return risks


def _score_exposure(figures: Figures, devices: dict, risks: dict[tuple[int, str], float]) -> None:
    sums: dict[int, float] = defaultdict(float)
    for (device, _), risk in risks.items():
        sums[device] += risk
    since = time.time() - SEEN_WITHIN
    weights = {number: VALUE_WEIGHT[row["value"]] for number, row in devices.items() if row["last_seen"] >= since}
    figures.device_scores = {number: device_score(sums[number]) for number in devices}
    figures.exposure_score = _mean(figures.device_scores, weights)
    for group in GROUPS:
        members = {number: weight for number, weight in weights.items() if devices[number]["device_group"] == group.id}
        figures.group_scores[group.name] = _mean(figures.device_scores, members)
    total = sum(weights.values()) or 1
    for (device, product_id), risk in risks.items():
        if device in weights:
            gain = device_score(sums[device]) - device_score(max(0.0, sums[device] - risk))
            figures.recommendations[f"va-_-{product_id}"].impact += gain * weights[device] / total


def _score_configuration(store: Store, catalogue: Catalogue, figures: Figures, devices: dict) -> None:
    """Points achieved, each setting's being points times the compliant share of its devices."""
    failed: dict[str, list[int]] = defaultdict(list)
    for scid, device in store.connection.execute("SELECT scid, device FROM noncompliance"):
        failed[scid].append(device)
    for setting in catalogue.configurations.values():
        applicable = sum(applies_to(setting, row["kind"]) for row in devices.values())
        critical = sum(devices[number]["value"] == "High" for number in failed[setting.scid])
        missing = setting.points * len(failed[setting.scid]) / applicable if applicable else 0.0
        counts = Counts(len(failed[setting.scid]), applicable, critical, missing)
        figures.recommendations[setting.reference] = counts
        figures.configuration_score += setting.points - missing


def _mean(scores: dict[int, float], weights: dict[int, float]) -> float:
    return sum(scores[number] * weight for number, weight in weights.items()) / (sum(weights.values()) or 1)
