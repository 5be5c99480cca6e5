"""What an operator has to know, in words, and whether a person is needed for it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from remediation.models import AuditEvent, DeliveryState, Duty, Heartbeat
from remediation.models.heartbeats import LOST_AFTER

from .. import syncs
from ..models import SyncRun
from ..syncs import in_words
from .standing import Standing

# A healthy queue drains in minutes; the slowest honest way, through quarantine and two listings, takes about ten.
WAITS_TOO_LONG = timedelta(minutes=15)
# Listings are read every minute while something is open.
LISTING_TOO_OLD = timedelta(minutes=15)
_UNSEALED_TOO_LONG = timedelta(minutes=5)
_SYNCS_MISSED = 3


@dataclass(frozen=True)
class Concern:
    """One thing, and what to do about it. It is only worth knowing where nobody is needed."""

    words: str
    remedy: str = ""
    needs_person: bool = True


def of_processes() -> list[Concern]:
    """Of the workers and the clock. One of several that is lost is worth knowing; the last one needs a person."""
    beats = list(Heartbeat.objects.all())
    concerns = []
    for duty in Duty:
        mine = [beat for beat in beats if beat.duty == duty]
        if all(beat.is_lost for beat in mine):
            concerns.append(_nobody(duty, mine))
            continue
        concerns += [
            Concern(
                _("%(name)s has not been seen for %(time)s; others do its work.")
                % {"name": beat.name, "time": in_words(beat.silence)},
                needs_person=False,
            )
            for beat in mine
            if beat.is_lost
        ]
    return concerns


def _nobody(duty: Duty, beats: list[Heartbeat]) -> Concern:
    remedies = {
        Duty.DELIVERY: _("Start a delivery worker. Tickets wait in the database until then; none is lost."),
        Duty.SYNC: _("Start a sync worker. Until then no device is checked."),
        Duty.CLOCK: _("Start celery beat. Until then workers mind the tickets, but nothing is synced by schedule."),
    }
    if not beats:
        return Concern(_("%(duty)s: none has been seen.") % {"duty": duty.label}, remedies[duty])
    silence = in_words(min(beat.silence for beat in beats))
    words = _("%(duty)s: none has been seen for %(time)s.") % {"duty": duty.label, "time": silence}
    return Concern(words, remedies[duty])


def of_tickets(standings: list[Standing]) -> list[Concern]:
    return [concern for standing in standings for concern in _of_system(standing)]


def _of_system(standing: Standing) -> Iterator[Concern]:
    name = standing.system.name
    if standing.dead:
        words = ngettext("%(system)s: %(n)d failed ticket.", "%(system)s: %(n)d failed tickets.", standing.dead)
        yield Concern(
            words % {"system": name, "n": standing.dead}, _("Retry, replace or abandon it on its activity's page.")
        )
    if standing.system.is_enabled:
        yield from _of_connection(standing)
        yield from _of_waiting(standing)
    elif standing.waiting:
        words = ngettext(
            "%(system)s is switched off while %(n)d ticket waits.",
            "%(system)s is switched off while %(n)d tickets wait.",
            standing.waiting,
        )
        yield Concern(words % {"system": name, "n": standing.waiting}, _("Switch it on in Settings, or cancel them."))
    yield from _of_findings(standing)


def _of_connection(standing: Standing) -> Iterator[Concern]:
    system = standing.system
    if system.refuses_creation:
        yield Concern(
            _("%(system)s refuses to create tickets: %(why)s")
            % {"system": system.name, "why": system.last_error or system.get_create_route_display()},
            _("Grant the permission to the registration; waiting tickets then go out by themselves."),
        )
    elif system.opened_at:
        yield Concern(
            _("%(system)s: the circuit is open since %(time)s: %(why)s")
            % {
                "system": system.name,
                "time": in_words(timezone.now() - system.opened_at),
                "why": system.last_error or _("no reason was given."),
            },
            _("One ticket a minute tries again. See whether the address can be reached and the sign-in is valid."),
        )
    elif standing.pause > timedelta():
        words = _("%(system)s asked to wait for another %(time)s.")
        yield Concern(words % {"system": system.name, "time": in_words(standing.pause)}, needs_person=False)


def _of_waiting(standing: Standing) -> Iterator[Concern]:
    system = standing.system
    is_held_back = system.opened_at is not None or standing.pause > timedelta()
    for one in standing.under_way:
        if one.age and one.age > WAITS_TOO_LONG and not is_held_back:
            words = _("%(system)s: a ticket has been %(state)s for %(time)s.")
            yield Concern(
                words % {"system": system.name, "state": one.state.label.lower(), "time": in_words(one.age)},
                _("See its attempts on the activity's page, and the log of the delivery workers."),
            )
    is_asked_for = standing.by_state[DeliveryState.UNCERTAIN].tickets > 0
    if is_asked_for and (standing.listing_age is None or standing.listing_age > LISTING_TOO_OLD):
        yield Concern(
            _("%(system)s: no complete list of tickets could be read for %(time)s.")
            % {"system": system.name, "time": in_words(standing.listing_age)},
            _("Test the connection in Settings. What is being checked cannot be settled without the list."),
        )


def _of_findings(standing: Standing) -> Iterator[Concern]:
    found = [
        (standing.doubles, _("%(system)s: second tickets with a reference of ours: %(n)d."), _("Close them there.")),
        (standing.missing, _("%(system)s: tickets deleted there: %(n)d."), _("Ask again, or cancel the activities.")),
        (
            standing.unknown,
            _("%(system)s: tickets with a reference of ours that are unknown here: %(n)d."),
            _("A restored backup: request again without a ticket, and link. Or another instance with our signing key."),
        ),
    ]
    for count, words, remedy in found:
        if count:
            yield Concern(words % {"system": standing.system.name, "n": count}, remedy)


def of_records() -> Iterator[Concern]:
    """Of syncs, and of the seals of the audit trail."""
    unsealed = AuditEvent.objects.filter(sequence=None, at__lt=timezone.now() - _UNSEALED_TOO_LONG)
    if unsealed.exists():
        yield Concern(
            _("Audit events have been unsealed for more than five minutes."),
            _("See whether the clock and a delivery worker run."),
        )
    if not settings.MICROSOFT.is_configured:
        return
    if syncs.held_back():
        yield Concern(
            _("A sync is held back: more than half would vanish."),
            _("Confirm it, or not, under Settings, Sync history."),
        )
    age = last_sync_age()
    if age is None or age > timedelta(seconds=_SYNCS_MISSED * settings.SYNC_EVERY):
        yield Concern(
            _("The last complete sync is %(time)s old.") % {"time": in_words(age)}
            if age
            else _("No sync was complete."),
            _("See the reasons under Settings, Sync history."),
        )


def last_sync_age() -> timedelta | None:
    last = SyncRun.objects.last_complete()
    return timezone.now() - last.started_at if last else None


def has_worker() -> bool:
    return Heartbeat.objects.filter(duty=Duty.DELIVERY, seen_at__gte=timezone.now() - LOST_AFTER).exists()
