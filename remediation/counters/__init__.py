"""What is counted, by set-based statements: the twin of `scoring.py` over the rows themselves.

`prepare` computes into temporary tables and changes nothing that anyone reads; `publish` writes the differences, in the
caller's transaction, so that every number of a page changes at once and unchanged rows are not touched.
"""

from datetime import date, datetime

from .. import scoring
from ..models import Feed, FeedKind, OrganisationScore
from . import devices, exceptions, inventory, moves, recommendations, risks
from .inventory import AS_BEFORE, Installed
from .risks import refresh_version_risks
from .tables import NO_CHANGE, TABLES, rows, score_of

__all__ = ["AS_BEFORE", "NO_CHANGE", "TABLES", "Installed", "prepare", "publish", "refresh_version_risks", "republish"]


def prepare(now: datetime, totals: str | None = None, installed: Installed = AS_BEFORE) -> None:
    """Compute what `publish` writes. `totals` is a table (recommendation_id, group_id, total) of the devices that a
    recommendation could apply to; without one the totals stay as they are."""
    risks.prepare()
    exceptions.prepare(now)
    devices.prepare(now)
    moves.prepare()
    recommendations.prepare(totals or TABLES["counter"], _weights())
    inventory.prepare(installed)


def publish(
    day: date,
    moment: datetime,
    source_exposure: float | None = None,
    source_configuration: float | None = None,
    sync_run: int | None = None,
) -> None:
    """Write what `prepare` computed, where it differs. In the caller's transaction."""
    _write(day, moment)
    facts: dict[str, object] = {"published_at": moment, "refreshed_at": None, "sync_run": sync_run}
    of_source = {"source_exposure": source_exposure, "source_configuration": source_configuration}
    _write_organisation(day, facts | of_source)


def republish(day: date, moment: datetime) -> None:
    """The same where no sync but a feed changed the numbers: what the last sync brought stays its own."""
    newest = OrganisationScore.objects.newest()
    if newest is None:
        return
    _write(day, moment)
    kept = {
        name: getattr(newest, name) for name in ("published_at", "source_exposure", "source_configuration", "sync_run")
    }
    _write_organisation(day, kept | {"refreshed_at": moment})


def _write(day: date, moment: datetime) -> None:
    devices.publish(day, moment)
    recommendations.publish()
    inventory.publish(day, moment)
    moves.publish(day)
    exceptions.publish()
    risks.publish()


def _write_organisation(day: date, facts: dict[str, object]) -> None:
    feeds = Feed.objects.by_kind()
    as_of = {kind: feeds[kind].as_of if kind in feeds else None for kind in FeedKind.values}
    ours = {
        "model_version": scoring.MODEL_VERSION,
        "exposure": _organisation_exposure("risk_sum"),
        "exposure_before": _organisation_exposure("whole"),
        "configuration": scoring.configuration_score(recommendations.settings(with_exceptions=True)),
        "configuration_before": scoring.configuration_score(recommendations.settings(with_exceptions=False)),
        "epss_on": as_of[FeedKind.EPSS],
        "kev_on": as_of[FeedKind.KEV],
    }
    OrganisationScore.objects.update_or_create(day=day, defaults=facts | ours)


def _devices_by_value(risk: str) -> list[tuple[int, float]]:
    """Scored devices and the sum of their scores, for low, normal and high value."""
    found = rows(f"SELECT value, COUNT(*), SUM({score_of(risk)}) FROM work_device WHERE is_scored = 1 GROUP BY value")  # noqa: S608
    by_value = {value: (count, total) for value, count, total in found}
    return [by_value.get(value, (0, 0.0)) for value in ("low", "normal", "high")]


def _weights() -> tuple[float, float, float]:
    """What one point of a device of low, normal and high value weighs in the organisation's score."""
    low, normal, high = (count for count, _ in _devices_by_value("risk_sum"))
    one = [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)]
    return tuple(scoring.exposure_impact(*drops, low, normal, high) for drops in one)  # type: ignore[return-value]


def _organisation_exposure(risk: str) -> float:
    counts, sums = zip(*_devices_by_value(risk), strict=True)
    return scoring.exposure_score(*counts, *sums)
