"""What recommendations are called by the exceptions that are in effect, and how many of their devices those cover."""

from django.db import connection, transaction
from django.utils import timezone

from ..counters.tables import TABLES, run
from ..models import Recommendation

_IN_EFFECT = "x.recommendation_id = {recommendation_id} AND x.status = 'in_effect' AND x.ends_at > %s"
_COVERED = f"""
EXISTS (SELECT 1 FROM {{exception}} x WHERE {_IN_EFFECT.format(recommendation_id="{counter}.recommendation_id")}
    AND (x.all_groups OR EXISTS (SELECT 1 FROM {{exception_group}} g
        WHERE g.recommendationexception_id = x.id AND g.devicegroup_id = {{counter}}.group_id)))
"""  # noqa: S608
_COUNT = f"CASE WHEN {_COVERED} THEN exposed ELSE 0 END"
_WRITE_COUNTERS = f"""
UPDATE {{counter}} SET excepted = {_COUNT} WHERE recommendation_id IN ({{concerned}}) AND excepted <> {_COUNT}
"""  # noqa: S608

_MINE = _IN_EFFECT.format(recommendation_id="{recommendation}.id")
_LEFT = "SELECT 1 FROM {counter} c WHERE c.recommendation_id = {recommendation}.id AND c.exposed > c.excepted"
# Full where no exposed device is left outside an exception, partial where some are excepted.
_STATUS = f"""
CASE WHEN EXISTS (SELECT 1 FROM {{exception}} x WHERE {_MINE} AND x.all_groups) THEN 'full_exception'
    WHEN NOT EXISTS (SELECT 1 FROM {{exception}} x WHERE {_MINE}) THEN 'active'
    WHEN EXISTS ({_LEFT}) THEN 'partial_exception' ELSE 'full_exception' END
"""  # noqa: S608
_TOTAL = "COALESCE((SELECT SUM(c.excepted) FROM {counter} c WHERE c.recommendation_id = {recommendation}.id), 0)"
_WRITE = f"""
UPDATE {{recommendation}} SET status = {_STATUS}, excepted = {_TOTAL}
WHERE id IN ({{concerned}}) AND (status <> {_STATUS} OR excepted <> {_TOTAL})
"""  # noqa: S608

# Those that are called something, and those that may have to be.
_CONCERNED = """
SELECT id FROM {recommendation} WHERE status <> 'active' OR excepted > 0
UNION SELECT recommendation_id FROM {exception} WHERE status = 'in_effect' AND recommendation_id IS NOT NULL
"""


def refresh_status(recommendation: Recommendation) -> None:
    _refresh(str(int(recommendation.pk)))
    recommendation.refresh_from_db(fields=["status", "excepted"])


def refresh_all() -> None:
    """Two statements, however many there are: a sync may bring a group outside every exception an exposed device."""
    _refresh(_CONCERNED.format(**TABLES))


@transaction.atomic
def _refresh(concerned: str) -> None:
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    run(_WRITE_COUNTERS, *[now] * _WRITE_COUNTERS.count("%s"), concerned=concerned)
    run(_WRITE, *[now] * _WRITE.count("%s"), concerned=concerned)
