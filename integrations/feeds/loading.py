"""Reading a feed: all of it or nothing, then the weaknesses that it speaks of, then every number that they make."""

from datetime import datetime, timedelta

import structlog
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from kombu.exceptions import OperationalError

from remediation import counters, doorbell, events
from remediation.models import AuditEvent, Feed, Through, User, Weakness

from ..ingest import running
from .facts import said_of
from .fetching import address, fetch
from .reading import FeedProblem, Published, read

log = structlog.get_logger(__name__)

LOAD_FEEDS = "integrations.tasks.load_feeds"
EVERY = timedelta(hours=23)
AGAIN = timedelta(minutes=30)
_BATCH = 500


class FeedRefused(Exception):
    """It cannot be done now, for a reason in words."""


def load_due() -> None:
    """Read those that are switched on and a day old. What fails is tried again in half an hour."""
    for feed in Feed.objects.each():
        if address(feed.kind) and feed.is_due(EVERY, AGAIN):
            load(feed.kind)


def ask(kind: str, *, by: User) -> None:
    """Have a worker read it now. Raises PermissionDenied or FeedRefused."""
    if not by.has_perm("remediation.manage_settings"):
        raise PermissionDenied(_("Your roles do not allow changes of the settings."))
    try:
        doorbell.call(LOAD_FEEDS, kwargs={"kind": kind, "requested_by": by.pk})
    except OperationalError as problem:
        log.warning("feed_not_asked_for", problem=str(problem))
        raise FeedRefused(_("The broker cannot be reached, so nothing was read. Please try again.")) from None


def load(kind: str, place: str = "", *, by: User | None = None, through: str = Through.WORKER) -> Feed:
    """Read it now, from its address or from `place`. What came of it is on the feed, and in the audit trail."""
    feed, now = Feed.objects.get_or_create(kind=kind)[0], timezone.now()
    feed.tried_at = now
    try:
        content = fetch(kind, place)
        published = read(kind, content)
    except FeedProblem as problem:
        feed.error = str(problem)[:500]
        with transaction.atomic():
            feed.save(update_fields=["tried_at", "error"])
            _record(feed, "feed_failed", by, through)
        return feed
    feed.as_of, feed.version, feed.loaded_at, feed.error = published.as_of, published.version, now, ""
    feed.rows, feed.content = len(published.facts), content
    with running.turn() as holder:
        if holder:
            _apply(feed, published, now, by, through)
        else:
            # The sync under way, or the next one, meets the file that is kept.
            _keep(feed, by, through)
    return feed


def _apply(feed: Feed, published: Published, now: datetime, by: User | None, through: str) -> None:
    """Weaknesses first, in short transactions; the numbers and the word that it is done together, in the last."""
    feed.matched = _write_facts(feed.kind, published)
    counters.refresh_version_risks()
    counters.prepare(now)
    events.prepare()
    with transaction.atomic():
        _keep(feed, by, through)
        counters.republish(timezone.localdate(now), now)
        events.write(now)


def _write_facts(kind: str, published: Published) -> int:
    """Where they differ; answers how many weaknesses the file speaks of."""
    matched, changed = 0, []
    fields: set[str] = set()
    for weakness in Weakness.objects.defer("description").iterator(2000):
        matched += weakness.name in published.facts
        said = said_of(kind, published, {weakness.name}).get(weakness.name, {})
        differing = {field: value for field, value in said.items() if getattr(weakness, field) != value}
        for field, value in differing.items():
            setattr(weakness, field, value)
        if differing:
            changed.append(weakness)
            fields |= differing.keys()
    for start in range(0, len(changed), _BATCH):
        with transaction.atomic():
            Weakness.objects.bulk_update(changed[start : start + _BATCH], sorted(fields), batch_size=100)
    return matched


def _keep(feed: Feed, by: User | None, through: str) -> None:
    with transaction.atomic():
        feed.save()
        _record(feed, "feed_read", by, through)


def _record(feed: Feed, verb: str, by: User | None, through: str) -> None:
    after = {"as_of": feed.as_of and feed.as_of.isoformat(), "version": feed.version, "rows": feed.rows}
    AuditEvent.objects.record(feed, verb, by=by or User.objects.system(), through=through, after=after, note=feed.error)
