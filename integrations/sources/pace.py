"""Not more requests than an endpoint takes, whoever asks: all workers draw on the same accounts."""

import time
from collections.abc import Callable

from .. import allowance
from ..allowance import Limit
from ..models import Allowance
from . import SourceError

# A longer wait than this is no pace any more: the part counts as not read.
LONGEST = 1800.0
# Below every documented limit.
LIMITS = {
    "lists": (Limit(90, 60.0), Limit(1400, 3600.0)),
    "pages": (Limit(28, 60.0), Limit(950, 3600.0)),
    "files": (Limit(5, 60.0), Limit(19, 3600.0)),
}


class Pace:
    """Waits before a request that would be one too many of the last minute or the last hour."""

    def __init__(self, name: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._limits = {f"defender {name} {limit.seconds:.0f}": limit for limit in LIMITS[name]}
        self._sleep = sleep

    def wait(self) -> None:
        for account, limit in self._limits.items():
            Allowance.objects.get_or_create(name=account)
            while not allowance.grant(Allowance, account, limit, 1):
                left = allowance.seconds_left(Allowance, account, limit)
                if left > LONGEST:
                    raise SourceError("The source's limit of requests is used up for the next half hour.")
                self._sleep(max(left, 0.1))
