"""What the Settings pages show of the connection to Microsoft: facts, and never a secret."""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from django.conf import settings
from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from remediation.models import AttemptPurpose, AttemptResult, DeliveryState, TicketAttempt, TicketSystem

_MASK = "••••••••"
# Ticket states that still want something done.
_WAITING = (DeliveryState.READY, DeliveryState.SENDING, DeliveryState.UNCERTAIN, DeliveryState.DEAD)

NOT_CONFIGURED = gettext_lazy(
    "No tenant is configured. Set MICROSOFT_TENANT_ID, MICROSOFT_CLIENT_ID and MICROSOFT_CLIENT_SECRET "
    "(or MICROSOFT_CLIENT_CERTIFICATE) in the environment and restart."
)


@dataclass(frozen=True)
class SignIn:
    """Who the product signs in as, how, and until when that works."""

    # The app registration's id, or the principal of Kerberos.
    client_id: str
    kind: str
    valid_until: datetime | None = None
    masked_secret: str = ""


def graph_sign_in() -> SignIn:
    return _sign_in(settings.MICROSOFT.graph_registration)


def defender_sign_in() -> SignIn:
    return _sign_in(settings.MICROSOFT.registration)


def configmgr_sign_in() -> SignIn:
    configured = settings.CONFIGMGR
    if configured.keytab:
        return SignIn(configured.principal, _("Kerberos, by a keytab"))
    return _sign_in(configured.registration)


def _sign_in(registration) -> SignIn:
    if registration.certificate:
        return SignIn(registration.client_id, _("Client certificate"), _valid_until(registration.certificate))
    if registration.secret:
        return SignIn(registration.client_id, _("Client secret"), masked_secret=_MASK)
    return SignIn(registration.client_id, _("None"))


def _valid_until(pem: str) -> datetime | None:
    """The end of the first certificate; None where the text holds none that can be read."""
    start = pem.find("-----BEGIN CERTIFICATE-----")
    try:
        return x509.load_pem_x509_certificate(pem[max(start, 0) :].encode()).not_valid_after_utc
    except ValueError:
        return None


def last_ticket(system: TicketSystem) -> TicketAttempt | None:
    """The newest attempt that ended with a ticket there."""
    created = TicketAttempt.objects.filter(
        ticket__system=system,
        purpose=AttemptPurpose.CREATE,
        result__in=[AttemptResult.DONE, AttemptResult.ADOPTED],
        ended_at__isnull=False,
    )
    return created.select_related("ticket__activity").order_by("-ended_at").first()


def waiting_tickets(system: TicketSystem) -> list[tuple[str, str, int]]:
    """State, its word, and how many tickets, for those that want something done."""
    counted = system.tickets.filter(delivery_state__in=_WAITING).values_list("delivery_state")
    numbers = dict(counted.annotate(tickets=Count("pk")).order_by())
    return [(state.value, str(state.label), numbers[state]) for state in _WAITING if numbers.get(state)]
