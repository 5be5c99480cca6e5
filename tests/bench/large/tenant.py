"""The large tenant: every number follows from its place, so that nothing has to be kept and every run is the same.

Devices, ranks and versions are numbered. The devices that a recommendation applies to lie on an arc: from its start,
one stride after the other. Moving the starts on is how time passes.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from django.utils import timezone

from ..estate import PRODUCTS, SYSTEMS, VENDORS, exposed_counts

# Shares no divisor with the number of devices, so that an arc meets each device once.
STRIDE = 7_919
MOST_WEAKNESSES = 60


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    devices: int
    exposures: int
    # Records of the two exports, read through HTTP.
    records: int
    activities: int
    active_activities: int
    activities_with_devices: int
    tickets: int
    recommendations: int = 2_000
    configurations: int = 250
    groups: int = 40
    days: int = 90


def size_of(share: float) -> Size:
    """A share of the large tenant. Recommendations stay, so that a device has as many as ever."""
    whole = (200_000, 10_000_000, 10_000_000, 50_000, 4_000, 300, 10_000)
    return Size(*(max(20, round(count * share)) for count in whole))


@dataclass(frozen=True)
class Version:
    """An installed version of the product of a rank; the older, the more of the product's weaknesses."""

    number: int
    rank: int
    text: str
    weaknesses: int


@dataclass
class Tenant:
    size: Size
    # Exposed devices by rank; fewer than the size says where the raw records are to be few.
    exposures: int = 0
    # By what share of its length each arc has moved on since the first sync.
    moved: float = 0
    now: datetime = field(default_factory=timezone.now)

    def __post_init__(self) -> None:
        self.exposures = self.exposures or self.size.exposures

    @cached_property
    def counts(self) -> list[int]:
        wanted = Size(**vars(self.size) | {"exposures": self.exposures})
        return exposed_counts(wanted)  # type: ignore[arg-type]

    @property
    def ranks(self) -> range:
        return range(1, self.size.recommendations + 1)

    def is_configuration(self, rank: int) -> bool:
        return rank % (self.size.recommendations // self.size.configurations) == 5

    def start(self, rank: int) -> int:
        """Where the arc begins; the device there has the next number."""
        strides = rank * 104_729 + round(self.counts[rank - 1] * self.moved)
        return strides * STRIDE % self.size.devices

    def group(self, device: int) -> int:
        """The first groups have the most devices, and each has one."""
        if device <= self.size.groups:
            return device
        place, number = device * 31 % (self.size.groups * (self.size.groups + 1) // 2), self.size.groups
        while place >= number:
            place, number = place - number, number - 1
        return self.size.groups - number + 1

    @cached_property
    def versions(self) -> list[Version]:
        """All of them by number from 0; the last of each product has no weakness any more."""
        found: list[Version] = []
        for rank in self.ranks:
            if self.is_configuration(rank):
                continue
            worst, count = 1 + rank * 37 % MOST_WEAKNESSES, 1 + rank % 6
            left = [max(1, worst * (count - place) // count) for place in range(count)]
            for place, weaknesses in enumerate([*left, 0]):
                found.append(Version(len(found), rank, f"{1 + rank % 40}.{place}.{rank}", weaknesses))
        return found

    @cached_property
    def versions_of(self) -> dict[int, list[Version]]:
        found: dict[int, list[Version]] = {}
        for version in self.versions:
            found.setdefault(version.rank, []).append(version)
        return found

    def vendor(self, rank: int) -> str:
        return VENDORS[rank % len(VENDORS)].lower()

    def product(self, rank: int) -> str:
        return f"{PRODUCTS[rank % len(PRODUCTS)].lower()}_{rank}"

    def reference(self, rank: int) -> str:
        if self.is_configuration(rank):
            return f"sca-_-scid-{rank}"
        return f"va-_-{self.vendor(rank)}-_-{self.product(rank)}"

    def weakness(self, rank: int, place: int) -> str:
        return f"CVE-{2019 + rank % 8}-{10_000 + rank * MOST_WEAKNESSES + place}"

    def device_id(self, device: int) -> str:
        return f"{device:040x}"

    def device_name(self, device: int) -> str:
        return f"{'srv' if device % 10 == 0 else 'ws'}-{device:06d}.corp.example"

    def system(self, device: int) -> str:
        return SYSTEMS[device % len(SYSTEMS)]

    def last_seen(self, device: int) -> datetime:
        """One in a hundred has not been seen for longer than a device counts."""
        return self.now - timedelta(days=45 if device % 100 == 3 else device % 5, minutes=device % 1_000)

    def ago(self, days: float) -> datetime:
        return self.now - timedelta(days=days)

    # --- Activities ---
    def place(self, number: int) -> tuple[int, tuple[int, ...]]:
        """Recommendation and device groups of an activity. The first has all devices of the tenth rank: 50,000."""
        everywhere = tuple(range(1, self.size.groups + 1))
        rank = (9 + (number - 1) * 7) % self.size.recommendations + 1
        turn = (number - 1) // self.size.recommendations
        return rank, everywhere if not turn else everywhere[turn % self.size.groups :][: 1 + turn % 9]

    def is_everywhere(self, groups: tuple[int, ...]) -> bool:
        return len(groups) == self.size.groups
