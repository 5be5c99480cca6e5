"""The ticket systems that a request can open its tickets in, as its form offers them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from .models import TicketSystem
from .workers import no_worker, worker_seen_at

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# In this order. The words for Intune are Microsoft's own.
_LABELS: dict[str, "StrOrPromise"] = {
    "intune": _("Open a ticket in Intune (for AAD joined devices)"),
    "configmgr": _("Open a ticket in Configuration Manager (a device collection)"),
}


@dataclass(frozen=True)
class TicketOption:
    """Whether a ticket can be opened in one system."""

    system: TicketSystem
    # When a worker was seen last that would send it.
    worker_seen_at: datetime | None = None

    @property
    def no_worker(self) -> str:
        return no_worker(self.worker_seen_at)

    @property
    def key(self) -> str:
        return self.system.pk

    @property
    def label(self) -> "StrOrPromise":
        return _LABELS.get(self.key, self.system.name)

    @property
    def is_on(self) -> bool:
        return self.system.is_enabled

    @property
    def is_refused(self) -> bool:
        """It has said no to the creation of tickets; it may be asked again all the same."""
        return self.is_on and self.system.refuses_creation

    @property
    def by_default(self) -> bool:
        return self.is_on and not self.is_refused


def ticket_options() -> list[TicketOption]:
    """Those that are switched on; where none is, Intune, so that the form can say so."""
    order = list(_LABELS)
    systems = TicketSystem.objects.filter(pk__in=order).annotate(worker_seen_at=worker_seen_at())
    known = [TicketOption(system, system.worker_seen_at) for system in systems]
    known.sort(key=lambda option: order.index(option.key))
    return [option for option in known if option.is_on] or known[:1]


def chosen(options: Sequence[TicketOption], key: str) -> TicketOption:
    """The one of this key, else the first."""
    return next((option for option in options if option.key == key), options[0])
