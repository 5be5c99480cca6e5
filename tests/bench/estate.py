"""A large estate as plain rows: the same numbers in every run, on every database."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import combinations

from django.utils import timezone

GROUP_SHARES = {
    "Branch offices": 0.20,
    "Development": 0.08,
    "Executives": 0.02,
    "Headquarters": 0.40,
    "Manufacturing": 0.15,
    "Servers Europe": 0.10,
    "Servers overseas": 0.05,
}
SYSTEMS = ["Windows11", "Windows11", "Windows11", "Windows10", "WindowsServer2022", "macOS", "Linux"]
PRODUCTS = ["Reader", "Browser", "Runtime", "Office", "Archiver", "Player", "Terminal", "Database", "Agent", "Viewer"]
VENDORS = ["Contoso", "Fabrikam", "Northwind", "Tailspin", "Wingtip", "Litware", "Proseware", "Adatum"]
NARROW_GROUPS = 3


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    devices: int
    recommendations: int
    configurations: int
    exposures: int
    weaknesses: int
    activities: int
    active_activities: int
    tickets: int
    activities_with_devices: int
    days: int


FULL = Size(20_000, 500, 100, 500_000, 5_000, 50_000, 10_000, 10_000, 300, 30)
QUICK = Size(200, 20, 4, 1_500, 60, 300, 100, 60, 10, 5)
SIZES = {"full": FULL, "quick": QUICK}


@dataclass
class Estate:
    """What several tables have to agree about."""

    size: Size
    now: datetime = field(default_factory=timezone.now)
    dice: random.Random = field(default_factory=lambda: random.Random(20_000))
    group_of: list[int] = field(default_factory=list)
    risk_of_version: dict[int, float] = field(default_factory=dict)
    device_risk: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        shares = list(GROUP_SHARES.values())
        self.group_of = self.dice.choices(range(1, len(shares) + 1), weights=shares, k=self.size.devices)
        for number in range(1, self.size.recommendations + 1):
            for version in self.versions_of(number):
                self.risk_of_version[version] = round(self.dice.uniform(0.01, 2.5), 4)
        self.device_risk = [0.0] * self.size.devices

    def is_configuration(self, number: int) -> bool:
        """Whether the recommendation of this number is one; they are spread evenly over the ranks."""
        every = self.size.recommendations // self.size.configurations
        return number % every == 0 and number // every <= self.size.configurations

    def versions_of(self, number: int) -> range:
        """The ids of the installed versions of a recommendation's product; none for a configuration."""
        count = 0 if self.is_configuration(number) else 1 + number % 6
        return range(number * 10, number * 10 + count)

    def ago(self, days: float) -> datetime:
        return self.now - timedelta(days=days)

    def place(self, number: int) -> tuple[int, tuple[int, ...]]:
        """Recommendation and device groups of an activity: no pair comes twice among the active ones."""
        ways = scopes()
        recommendations = self.size.recommendations
        return (number - 1) % recommendations + 1, ways[(number - 1) // recommendations % len(ways)]

    def is_everywhere(self, groups: tuple[int, ...]) -> bool:
        return len(groups) == len(GROUP_SHARES)


def exposed_counts(size: Size) -> list[int]:
    """Exposed devices by rank: all, half, then falling by a power of the rank, so that the sum comes out exactly."""
    low, high = 0.0, 3.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if sum(_falling(size, middle)) > size.exposures else (low, middle)
    counts = _falling(size, high)
    missing = size.exposures - sum(counts)
    for rank in range(missing):
        counts[2 + rank % (len(counts) - 2)] += 1
    return counts


def _falling(size: Size, power: float) -> list[int]:
    ranks = range(3, size.recommendations + 1)
    return [size.devices, size.devices // 2, *(max(1, int(size.devices / rank**power)) for rank in ranks)]


def exposures(estate: Estate) -> Iterator[tuple[int, int, int | None, datetime]]:
    """Recommendation, device, version, first seen: in the order of the primary key. Adds up the devices' risks."""
    devices = estate.size.devices
    for number, count in enumerate(exposed_counts(estate.size), start=1):
        versions, first_seen = estate.versions_of(number), estate.ago(number % 90)
        start = estate.dice.randrange(devices)
        # A stride that shares no divisor with the number of devices meets each of them once.
        chosen = sorted((start + place * 7_919) % devices for place in range(count))
        for device in chosen:
            version = versions[(device * 31 + number) % len(versions)] if versions else None
            if version:
                estate.device_risk[device] += estate.risk_of_version[version]
            yield number, device + 1, version, first_seen


def scopes() -> list[tuple[int, ...]]:
    """All ways to choose device groups, the whole first."""
    groups = range(1, len(GROUP_SHARES) + 1)
    return [tuple(chosen) for size in range(len(groups), 0, -1) for chosen in combinations(groups, size)]
