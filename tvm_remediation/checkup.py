"""What `manage.py doctor` looks at: the surroundings (database, clocks, broker, settings), then the machinery."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone
from django.utils.translation import gettext as _

from integrations.operation import broker, concerns
from integrations.operation.concerns import Concern
from integrations.operation.standing import standings
from remediation.models import EntraPerson, Heartbeat, User
from remediation.rules import audit

from . import health, lockout

# Leases are compared between hosts; theirs are minutes long.
MOST_SKEW = timedelta(seconds=5)
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


def examine() -> Iterator[tuple[str, list[Concern]]]:
    """Each part with what is wrong in it. Without a database there is nothing more to ask."""
    database = list(of_database())
    yield _("Database"), database
    yield _("Settings"), list(of_settings())
    yield _("Broker"), list(of_broker())
    if any(concern.needs_person for concern in database):
        return
    yield _("People"), list(of_people())
    yield _("Clocks"), list(of_clocks())
    yield _("Workers and clock"), concerns.of_processes()
    yield _("Tickets"), concerns.of_tickets(standings())
    yield _("Syncs and audit trail"), [*concerns.of_records(), *of_audit()]


def of_database() -> Iterator[Concern]:
    try:
        is_migrated = health.is_migrated()
    except DatabaseError as problem:
        yield Concern(_("It does not answer: %(why)s") % {"why": problem}, _("See DATABASE_URL and the server."))
        return
    if not is_migrated:
        yield Concern(_("Migrations have not been applied."), _("Run manage.py migrate."))


def of_clocks() -> Iterator[Concern]:
    skew = abs(_skew_of_database())
    if skew > MOST_SKEW:
        yield Concern(
            _("This host's clock and the database's differ by %(seconds).1f s.") % {"seconds": skew.total_seconds()},
            _("Let both follow a time server: leases and due times are compared between hosts."),
        )
    for beat in Heartbeat.objects.filter(seen_at__gt=timezone.now() + MOST_SKEW):
        ahead = (beat.seen_at - timezone.now()).total_seconds()
        yield Concern(
            _("The clock of %(name)s is %(seconds).1f s ahead of this host's.") % {"name": beat.name, "seconds": ahead},
            _("Let every host follow a time server."),
        )


def _skew_of_database() -> timedelta:
    """How far the database's clock is ahead. SQLite has none of its own."""
    if connection.vendor != "postgresql":
        return timedelta()
    before = datetime.now(UTC)
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        there = cursor.fetchone()[0]
    return there - (before + (datetime.now(UTC) - before) / 2)


def of_broker() -> Iterator[Concern]:
    state = broker.inspect()
    if not state.answers:
        yield Concern(
            _("It does not answer."),
            _("See CELERY_BROKER_URL and the server. Tickets wait in the database; none is lost."),
        )
    if state.eviction not in {"", "noeviction"}:
        yield Concern(
            _("When its memory is full, it drops messages (maxmemory-policy is %(policy)s).")
            % {"policy": state.eviction},
            _("Set maxmemory-policy to noeviction."),
        )
    if state.foreign_keys:
        yield Concern(
            _("Its database is shared: %(keys)s is not ours.") % {"keys": state.foreign_keys[0][:80]},
            _("Give the broker a database of its own, and the cache another."),
        )


def of_people() -> Iterator[Concern]:
    """Whether somebody can manage people."""
    if not User.objects.administrators().exists():
        yield Concern(_("Nobody can sign in and manage people."), _("Run manage.py createadministrator NAME."))
    for person in EntraPerson.objects.exclude(kept_since=None).select_related("user"):
        yield Concern(
            _("%(name)s is administrator against Microsoft Entra ID, because nobody else is.") % {"name": person.user},
            _("Make another person administrator; the role then ends with their next sign-in."),
        )


def of_audit() -> Iterator[Concern]:
    problem = audit.verify().problem
    if problem:
        yield Concern(_("The audit trail is broken: %(why)s") % {"why": problem}, _("See manage.py verify_audit."))


def of_settings() -> Iterator[Concern]:
    """Values that start-up lets pass and that are odd all the same."""
    yield from _of_timings()
    if settings.DEBUG:
        yield Concern(_("DEBUG is on: error pages show what they should not."), _("Unset DEBUG."))
    if len(settings.SECRET_KEY) < 50:
        yield Concern(_("SECRET_KEY is short."), _("Use 50 random characters or more."))
    if "*" in settings.ALLOWED_HOSTS:
        yield Concern(_("ALLOWED_HOSTS lets any name in."), _("Name the hosts."))
    is_real = settings.MICROSOFT.is_configured and not settings.MICROSOFT.is_sandbox
    if is_real and any(name in settings.SITE_URL for name in _LOOPBACK_NAMES):
        yield Concern(
            _("SITE_URL is %(url)s, and tickets link there.") % {"url": settings.SITE_URL},
            _("Set it to the address that people use."),
        )
    if not lockout.tells_people_apart():
        yield Concern(
            _("PROXY_COUNT is not set behind a proxy: failed sign-ins of one lock out that name for everybody."),
            _("Set it to the number of proxies that add to X-Forwarded-For."),
        )
    if is_real and settings.HTTPS and not settings.METRICS_TOKEN:
        yield Concern(_("METRICS_TOKEN is not set, so /metrics is closed."), needs_person=False)


def _of_timings() -> Iterator[Concern]:
    if settings.DELIVERY_TOTAL_DEADLINE < settings.DELIVERY_CONNECT_TIMEOUT + settings.DELIVERY_READ_TIMEOUT:
        yield Concern(
            _("DELIVERY_TOTAL_DEADLINE is shorter than connecting and reading may take together."), needs_person=False
        )
    is_sandbox = settings.MICROSOFT.is_sandbox
    if settings.DELIVERY_QUARANTINE < 300 and not is_sandbox:
        yield Concern(
            _("DELIVERY_QUARANTINE is shorter than five minutes: a ticket that is stored late could come twice."),
            _("Unset it, unless it was measured on your tenant."),
        )
    if settings.DELIVERY_LISTING_GAP < 60 and not is_sandbox:
        yield Concern(
            _("DELIVERY_LISTING_GAP is shorter than a minute: a list may not show yet what was just stored."),
            _("Unset it, unless it was measured on your tenant."),
        )
    if settings.DELIVERY_SWEEP > 60:
        yield Concern(_("DELIVERY_SWEEP is longer than a minute: a lost ring costs that long."), needs_person=False)
