"""The risk of every version from its weaknesses: the set-based twin of `scoring.weakness_risk`."""

from .. import scoring
from .tables import NO_CHANGE, drop, run


def _cases(column: str, values: dict[str, float], otherwise: float) -> str:
    whens = " ".join(f"WHEN '{name}' THEN {value}" for name, value in values.items())
    return f"CASE {column} {whens} ELSE {otherwise} END"


BADNESS = f"COALESCE(w.cvss / 10.0, {_cases('w.severity', scoring.BADNESS_BY_SEVERITY, 0.55)})"
THREAT = f"""{{greatest}}({scoring.LEAST_THREAT}, COALESCE(w.epss, 0.0),
    {_cases("w.exploit_level", scoring.THREAT_BY_EXPLOIT, 0.0)},
    CASE WHEN w.kev_added_on IS NULL THEN 0.0 ELSE {scoring.THREAT_KEV} END,
    CASE WHEN r.active_alert AND r.closed_at IS NULL THEN {scoring.THREAT_ALERT} ELSE 0.0 END)"""


def _risks(name: str, *joins: str) -> str:
    return f"""
CREATE TEMPORARY TABLE {name} AS
SELECT v.id AS version_id, COALESCE(SUM({BADNESS} * {THREAT}), 0.0) AS risk
FROM {{version}} v
LEFT JOIN {{recommendation}} r ON r.software_id = v.software_id
JOIN {{link}} l ON l.softwareversion_id = v.id
JOIN {{weakness}} w ON w.id = l.weakness_id {" ".join(joins)}
GROUP BY v.id
"""  # noqa: S608


_VERSION_RISKS = _risks("work_version")
# What weaknesses that were found since the last publication add to versions of before it.
_FRESH_RISKS = _risks(
    "work_fresh",
    "JOIN (SELECT DISTINCT version_id, weakness_id FROM {fresh_link}) f"
    " ON f.version_id = v.id AND f.weakness_id = w.id",
)

_WRITE_VERSION_RISKS = """
UPDATE {version} SET risk = work_version.risk FROM work_version
WHERE {version}.id = work_version.version_id AND ABS({version}.risk - work_version.risk) > %s
"""

_CLEAR_VERSION_RISKS = """
UPDATE {version} SET risk = 0
WHERE risk <> 0 AND NOT EXISTS (SELECT 1 FROM {link} l WHERE l.softwareversion_id = {version}.id)
"""

_PUBLISH_VERSION_RISKS = """
UPDATE {version} SET published_risk = risk WHERE published_risk IS NULL OR published_risk <> risk
"""


def refresh_version_risks() -> None:
    """Risk of every version from its weaknesses. An active alert counts for the devices of the one that it names."""
    drop("work_version")
    run(_VERSION_RISKS)
    run(_WRITE_VERSION_RISKS, NO_CHANGE)
    run(_CLEAR_VERSION_RISKS)


def prepare() -> None:
    drop("work_fresh")
    run(_FRESH_RISKS)


def publish() -> None:
    """From now on these are the risks that the published scores count."""
    run(_PUBLISH_VERSION_RISKS)
    run("DELETE FROM {fresh_link}")
