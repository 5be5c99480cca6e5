"""Configurations: which devices a setting applies to. A device is exposed where it applies and is not compliant."""

from .exposures import want_configurations
from .stage import Stage

_TOTALS = """
INSERT INTO stage_total (recommendation_id, group_id, total)
SELECT recommendation_id, group_id, COUNT(*) FROM (
    SELECT DISTINCT s.recommendation_id, p.group_id, p.device_id
    FROM stage_configuration c JOIN stage_setting s ON s.c = c.c JOIN stage_present p ON p.n = c.n
    WHERE s.recommendation_id IS NOT NULL AND c.is_compliant <> 2
) applicable
GROUP BY recommendation_id, group_id
"""


def want(stage: Stage) -> None:
    want_configurations(stage, _TOTALS)
