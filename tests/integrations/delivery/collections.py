"""A Configuration Manager in memory: a ticket system whose tickets get their devices one by one."""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from integrations.connectors.base import Members, Phase, Reply, Resolution, Wanted
from tests.fakes import FATES, OK, FakeTicketSystem, answered


class Killed(BaseException):
    """The worker is gone at this point: nothing of it runs any more."""


@dataclass
class FakeCollections(FakeTicketSystem):
    """`member_fates` says what happens to the next additions; a device is known there unless `unknown` names it."""

    rules: dict[str, list[str]] = field(default_factory=dict)
    member_fates: deque = field(default_factory=deque)
    unknown: set[str] = field(default_factory=set)
    # Additions from here on, None for ever; then the worker dies: before the request or after it.
    dies_after: int | None = None
    dies_sent: bool = False
    additions: int = 0

    def resolve(self, wanted: Sequence[Wanted]) -> Resolution:
        known = {device.key: device.name for device in wanted if device.name not in self.unknown}
        return Resolution(OK, known, frozenset(device.key for device in wanted))

    def members(self, remote_id: str) -> Members:
        if remote_id not in self.tickets:
            return Members(answered(404))
        return Members(OK, frozenset(self.rules.get(remote_id, [])))

    def add_member(self, remote_id: str, member_id: str, name: str) -> Reply:
        self._live(remote_id, member_id)
        if remote_id not in self.tickets:
            return answered(404)
        fate = self.member_fates.popleft() if self.member_fates else "ok"
        if fate == "ok":
            stores, reply = True, Reply(Phase.COMPLETE, 201)
        else:
            stores, reply = FATES[fate]
        if stores:
            self._store(remote_id, member_id)
        return reply

    def _live(self, remote_id: str, member_id: str) -> None:
        if self.dies_after is not None:
            self.dies_after -= 1
            if self.dies_after < 0:
                if self.dies_sent:
                    self._store(remote_id, member_id)
                raise Killed

    def _store(self, remote_id: str, member_id: str) -> None:
        self.additions += 1
        self.rules.setdefault(remote_id, []).append(member_id)

    def doubled(self, remote_id: str) -> list[str]:
        return [member for member, times in Counter(self.rules.get(remote_id, [])).items() if times > 1]
