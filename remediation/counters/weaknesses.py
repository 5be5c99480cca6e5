"""What one weakness adds to the scores of the devices that have it: asked for one form at a time, never for a list.

Reads the exposures of the products that carry it, where no exception of the product has taken its risk already.
"""

from django.db import connection
from django.utils import timezone

from ..models import DeviceValue, Weakness
from ..models.devices import UNSEEN_AFTER
from .devices import FACTOR
from .risks import BADNESS, THREAT
from .tables import rows, score_of

_MINE = f"""
SELECT d.id, d.value, d.risk_sum AS risk, {FACTOR} * SUM({BADNESS} * {THREAT}) AS own
FROM {{exposure}} e
JOIN {{device}} d ON d.id = e.device_id
JOIN {{recommendation}} r ON r.id = e.recommendation_id
JOIN {{counter}} c ON c.recommendation_id = e.recommendation_id AND c.group_id = d.group_id AND c.mitigated = 0
JOIN {{weakness}} w ON w.id = %s
WHERE e.recommendation_id IN (
        SELECT a.id FROM {{recommendation}} a JOIN {{version}} v ON v.software_id = a.software_id
        JOIN {{link}} l ON l.softwareversion_id = v.id WHERE l.weakness_id = %s)
    AND e.version_id IN (SELECT l.softwareversion_id FROM {{link}} l WHERE l.weakness_id = %s)
    AND d.last_seen_at >= %s AND d.retired_at IS NULL AND d.merged_into_id IS NULL AND d.group_id IN ({{groups}})
GROUP BY d.id, d.value, d.risk_sum, d.internet_facing
"""  # noqa: S608


def _drop(before: str, after: str) -> str:
    return f"SELECT value, SUM({score_of(before)} - {score_of(after)}) FROM ({_MINE}) mine GROUP BY value"  # noqa: S608


_IF_REMOVED = _drop("risk", "{greatest}(0.0, risk - own)")
_IF_BACK = _drop("(risk + own)", "risk")


def drops_of(weakness: Weakness, groups: list[int], *, is_counted: bool) -> dict[str, float]:
    """By how much the scores E of devices in the groups fall without it, by device value; under the names of a counter.

    `is_counted`: the published scores are without it already, and these are the points that would come back.
    """
    seen_since = connection.ops.adapt_datetimefield_value(timezone.now() - UNSEEN_AFTER)
    marks = ", ".join(["%s"] * len(groups)) or "NULL"
    statement = _IF_BACK if is_counted else _IF_REMOVED
    found = dict(rows(statement, *[weakness.pk] * 3, seen_since, *groups, groups=marks))
    return {f"drop_{value}": found.get(value, 0.0) for value in DeviceValue.values}
