"""Lives of devices, day by day: they update late, fall silent, are re-imaged, roll back; and sources that err.

Everything is drawn from one seed. What a device last reported is the truth that the oracle judges by.
"""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

OLD, NEW = "1.0", "2.0"
# A source drops the software of a silent device after so long, and the device itself later.
FORGETS_SOFTWARE, FORGETS_DEVICE = timedelta(days=30), timedelta(days=45)
DAYS = 75


@dataclass
class Life:
    """One device. `plan` says what happens on which day, `faults` what the source gets wrong about it then."""

    number: int
    group: str
    name: str
    installed: frozenset[str] = frozenset({OLD})
    # What it last said, when, and what the source believes to be the time of it.
    reported: frozenset[str] = frozenset({OLD})
    reported_at: datetime | None = None
    skew: timedelta = timedelta()
    plan: dict[int, list[str]] = field(default_factory=dict)
    faults: dict[int, str] = field(default_factory=dict)
    is_silent: bool = False
    # After re-imaging: the new device, and what the source makes of the old one ("merged", "duplicate", or nothing).
    heir: "Life | None" = None
    is_imaged: bool = False
    link: str = ""

    @property
    def id(self) -> str:
        return f"{self.number:040x}"

    @property
    def speaker(self) -> "Life":
        """Whose reports speak for this device."""
        return self.heir if self.heir and self.is_imaged and self.link else self

    @property
    def seen_at(self) -> datetime:
        assert self.reported_at is not None
        return self.reported_at + self.skew

    def is_listed(self, now: datetime) -> bool:
        return self.reported_at is not None and now - self.reported_at < FORGETS_DEVICE

    def has_software(self, now: datetime) -> bool:
        return self.reported_at is not None and now - self.reported_at < FORGETS_SOFTWARE

    def live(self, day: int, now: datetime, rng: random.Random) -> None:
        """The hours before the sync of `now`: what is planned happens, and then it reports, perhaps."""
        for what in self.plan.get(day, ()):
            _HAPPENS[what](self)
        if not self.is_silent and (self.reported_at is None or rng.random() < 0.9):
            self.reported, self.reported_at = self.installed, now - timedelta(hours=rng.uniform(0.1, 8))
        if self.heir and self.is_imaged:
            self.heir.live(day, now, rng)


def _update(life: Life) -> None:
    life.installed = frozenset({NEW})


def _half_update(life: Life) -> None:
    life.installed = frozenset({OLD, NEW})


def _roll_back(life: Life) -> None:
    life.installed = frozenset({OLD})


def _uninstall(life: Life) -> None:
    life.installed = frozenset()


def _fall_silent(life: Life) -> None:
    life.is_silent = True


def _wake_up(life: Life) -> None:
    life.is_silent = False


def _re_image(life: Life) -> None:
    life.is_silent = life.is_imaged = True


_HAPPENS = {
    "update": _update,
    "half update": _half_update,
    "roll back": _roll_back,
    "uninstall": _uninstall,
    "fall silent": _fall_silent,
    "wake up": _wake_up,
    "re-image": _re_image,
}


def draw(number: int, group: str, rng: random.Random) -> Life:
    """A life with the misfortunes of its kind. Most devices just update, 3 to 20 days late."""
    life = Life(number, group, f"pc-{number}")
    updates = rng.randint(3, 20)
    if rng.random() < 0.1:
        life.skew = timedelta(hours=rng.uniform(-30, 20))
    kind = rng.choices(list(_KINDS), [weight for weight, _ in _KINDS.values()])[0]
    _KINDS[kind][1](life, updates, rng)
    for _ in range(rng.choice([0, 0, 1, 2])):
        # Two of them in a row would be as good as true.
        day = rng.randint(2, DAYS - 2)
        if not {day - 2, day - 1, day + 1, day + 2} & life.faults.keys():
            life.faults[day] = rng.choice(["omitted", "glitch", "set aside"])
    return life


def _plan(life: Life, day: int, what: str) -> None:
    life.plan.setdefault(day, []).append(what)


def _plain(life: Life, updates: int, rng: random.Random) -> None:
    _plan(life, updates, "update")


def _restart(life: Life, updates: int, rng: random.Random) -> None:
    _plan(life, updates, "half update")
    _plan(life, updates + rng.randint(1, 12), "update")


def _regress(life: Life, updates: int, rng: random.Random) -> None:
    _plan(life, updates, "update")
    back = updates + rng.randint(1, 35)
    _plan(life, back, "roll back")
    if rng.random() < 0.6:
        _plan(life, back + rng.randint(1, 9), "update")


def _silent(life: Life, updates: int, rng: random.Random) -> None:
    """Before or after its update, for less or more than the thirty days; some never come back."""
    falls = rng.randint(1, 25)
    _plan(life, falls, "fall silent")
    _plan(life, updates, "update")
    if rng.random() < 0.7:
        _plan(life, falls + rng.randint(2, 44), "wake up")


def _removed(life: Life, updates: int, rng: random.Random) -> None:
    _plan(life, updates, "uninstall")


def _imaged(life: Life, updates: int, rng: random.Random) -> None:
    """A new device of the same name; some sources say whom the old one has become, and some do not."""
    day = rng.randint(2, 30)
    if rng.random() < 0.5:
        _plan(life, updates, "update")
    _plan(life, day, "re-image")
    has = frozenset({rng.choice([OLD, NEW, NEW])})
    life.heir = Life(life.number + 10_000_000, life.group, life.name, installed=has, faults=life.faults)
    if rng.random() < 0.6:
        _plan(life.heir, day + rng.randint(3, 20), "update")
    life.link = rng.choice(["merged", "duplicate", ""])


_KINDS = {
    "plain": (50, _plain),
    "restart": (10, _restart),
    "regress": (12, _regress),
    "silent": (14, _silent),
    "removed": (4, _removed),
    "imaged": (10, _imaged),
}
