"""The ticket systems as the Settings page shows them: one card each, with its own words."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from remediation.models import TicketAttempt, TicketSystem

from . import connection
from .connection import SignIn

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class Words:
    """What the page says of one system."""

    name: "StrOrPromise"
    purpose: "StrOrPromise"
    not_configured: "StrOrPromise"
    is_on: "StrOrPromise"
    is_off: "StrOrPromise"
    test_reads: "StrOrPromise"
    test_writes: "StrOrPromise"
    confirm: "StrOrPromise"
    please_confirm: "StrOrPromise"


WORDS = {
    "intune": Words(
        name=_("Microsoft Intune connection"),
        purpose=_("Lets a remediation request open a ticket (security task) in Intune. Off by default."),
        not_configured=connection.NOT_CONFIGURED,
        is_on=_("The Microsoft Intune connection is on."),
        is_off=_("The Microsoft Intune connection is off."),
        test_reads=_("Reads one page of tickets. Creates nothing."),
        test_writes=_(
            "Creates one task in Intune, labelled as a connection test, and deletes it at once. "
            "Whoever looks at the list in that moment sees it."
        ),
        confirm=_("Yes, create and delete a labelled task"),
        please_confirm=_("Please confirm that a labelled task may be created and deleted in Intune."),
    ),
    "configmgr": Words(
        name=_("Configuration Manager connection"),
        purpose=_(
            "Lets a remediation request open a ticket in Configuration Manager: a device collection. Off by default."
        ),
        not_configured=_(
            "No AdminService is configured. Set CONFIGMGR_URL, and CONFIGMGR_KEYTAB with CONFIGMGR_PRINCIPAL or "
            "CONFIGMGR_SCOPE, in the environment and restart."
        ),
        is_on=_("The Configuration Manager connection is on."),
        is_off=_("The Configuration Manager connection is off."),
        test_reads=_("Reads the site, one device and the limiting collection. Creates nothing."),
        test_writes=_(
            "Creates one empty device collection, labelled as a connection test, and deletes it at once. "
            "Whoever looks at the list in that moment sees it."
        ),
        confirm=_("Yes, create and delete a labelled collection"),
        please_confirm=_("Please confirm that a labelled collection may be created and deleted."),
    ),
}


@dataclass(frozen=True)
class Card:
    """One ticket system: how it is set up, and how it fares."""

    system: TicketSystem
    words: Words
    is_configured: bool
    address: str
    sign_in: SignIn
    last_ticket: TicketAttempt | None
    waiting: list[tuple[str, str, int]] = field(default_factory=list)
    # The person's last connection test of this session.
    test: dict[str, Any] | None = None


def is_configured(key: str) -> bool:
    """Whether the environment says where it is and who we are there."""
    return (settings.CONFIGMGR if key == "configmgr" else settings.MICROSOFT).is_configured


def cards(tests: dict[str, dict[str, Any]]) -> list[Card]:
    systems = TicketSystem.objects.in_bulk(WORDS)
    return [_card(systems[key], tests.get(key)) for key in WORDS if key in systems]


def _card(system: TicketSystem, test: dict[str, Any] | None) -> Card:
    is_intune = system.key == "intune"
    return Card(
        system=system,
        words=WORDS[system.key],
        is_configured=is_configured(system.key),
        address=f"{settings.MICROSOFT.graph_url}/beta" if is_intune else settings.CONFIGMGR.url,
        sign_in=connection.graph_sign_in() if is_intune else connection.configmgr_sign_in(),
        last_ticket=connection.last_ticket(system),
        waiting=connection.waiting_tickets(system),
        test=test,
    )
