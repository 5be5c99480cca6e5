"""What people do about syncs: start one, confirm one that was held back; and how a sync reads in a table."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import structlog
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from kombu.exceptions import OperationalError

from remediation import doorbell
from remediation.models import AuditEvent, User

from .models import SyncPhase, SyncRun, SyncState
from .sync_outlook import Outlook, outlook

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

log = structlog.get_logger(__name__)

RUN_SYNC = "integrations.tasks.run_sync"
SOURCES = {"defender": gettext_lazy("Defender for Endpoint"), "files": gettext_lazy("Files")}
_LOOKS = {
    SyncState.RUNNING: ("hourglass-split", "run"),
    SyncState.COMPLETE: ("check-circle-fill", "ok"),
    SyncState.APPLIED: ("check-circle", "ok"),
    SyncState.PARTIAL: ("exclamation-triangle", "warn"),
    SyncState.HELD: ("exclamation-triangle", "warn"),
    SyncState.FAILED: ("x-circle", "bad"),
}


class SyncRefused(Exception):
    """It cannot be done now, for a reason in words."""


def start(*, by: User) -> None:
    """Ask the workers for a sync now; the run that comes of it names the person.

    Raises PermissionDenied or SyncRefused.
    """
    _check(by)
    if SyncRun.objects.running().exists():
        raise SyncRefused(_("A sync is running already."))
    try:
        doorbell.call(RUN_SYNC, kwargs={"requested_by": by.pk})
    except OperationalError as problem:
        log.warning("sync_not_asked_for", problem=str(problem))
        raise SyncRefused(_("The broker cannot be reached, so no sync was started. Please try again.")) from None


def held_back() -> SyncRun | None:
    """The sync that waits for a person's word: held, and no later one has decided."""
    newest = SyncRun.objects.filter(state__in=[SyncState.COMPLETE, SyncState.HELD]).order_by("-pk").first()
    return newest if newest and newest.state == SyncState.HELD and newest.confirmed_at is None else None


@transaction.atomic
def confirm(run: SyncRun, *, by: User) -> bool:
    """Say that what a held sync saw is right; True when this call did. The sync that follows closes what is missing."""
    _check(by)
    if run != held_back():
        return False
    confirmed = SyncRun.objects.held().filter(pk=run.pk).update(confirmed_by=by, confirmed_at=timezone.now())
    if confirmed:
        AuditEvent.objects.record(run, "confirm", by=by, after={"state": run.state})
    return bool(confirmed)


def _check(by: User) -> None:
    if not by.has_perm("remediation.manage_settings"):
        raise PermissionDenied(_("Your roles do not allow changes of the settings."))


@dataclass(frozen=True)
class Row:
    """A run as the table of syncs shows it."""

    run: SyncRun
    source: "StrOrPromise"
    glyph: str
    tone: str
    words: str

    @property
    def duration(self) -> str:
        return in_words(self.run.took)

    @cached_property
    def outlook(self) -> Outlook:
        return outlook(self.run)

    @property
    def left(self) -> str:
        """In words; the first of its kind has nothing to go by."""
        left = self.outlook.left
        return _("not known yet") if left is None else in_words(left)

    @property
    def phases(self) -> list[dict[str, "StrOrPromise | int"]]:
        whole = sum(found["seconds"] for found in self.run.phases) or 1
        return [
            {
                "name": SyncPhase(found["phase"]).label,
                "rows": found["rows"],
                "took": in_words(timedelta(seconds=found["seconds"])),
                "share": round(100 * found["seconds"] / whole),
            }
            for found in self.run.phases
        ]


def as_row(run: SyncRun) -> Row:
    source = SOURCES.get(run.source, run.source)
    if run.is_lost:
        return Row(run, source, "exclamation-triangle", "bad", _("Lost: its process gave no sign of life"))
    words = run.get_state_display()
    if run.state == SyncState.RUNNING:
        words = _("Running: %(phase)s") % {"phase": run.get_phase_display()}
    return Row(run, source, *_LOOKS[SyncState(run.state)], words)


def in_words(length: timedelta | None) -> str:
    """48 s, 2 min 4 s, 1 h 3 min"""
    if length is None:
        return "–"
    seconds = length.total_seconds()
    if seconds < 10:
        return _("%(seconds).1f s") % {"seconds": seconds}
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return _("%(seconds)d s") % {"seconds": rest}
    if minutes < 60:
        return _("%(minutes)d min %(seconds)d s") % {"minutes": minutes, "seconds": rest}
    return _("%(hours)d h %(minutes)d min") % {"hours": minutes // 60, "minutes": minutes % 60}


def every(seconds: float) -> str:
    minutes = round(seconds / 60)
    return ngettext("%(minutes)d minute", "%(minutes)d minutes", minutes) % {"minutes": minutes}
