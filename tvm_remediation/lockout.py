"""Failed sign-ins: what locks out whom. Never a person everywhere, or anybody could lock anybody out."""

from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from axes.attempts import get_cool_off_threshold
from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Sum
from django.http import HttpRequest

# Whoever has one address of a network so large has all of it.
_OF_ONE_HAND = 64


class LockOut(AxesDatabaseHandler):
    """By name and address together; and, ten times later, by address, for who tries one password on many names."""

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        share = _failures_of_address(request) * settings.AXES_FAILURE_LIMIT // settings.AXES_ADDRESS_LIMIT
        return max(super().get_failures(request, credentials), share)


def _failures_of_address(request: Any) -> int:
    if not tells_people_apart():
        return 0
    lately = AccessAttempt.objects.filter(
        ip_address=request.axes_ip_address, attempt_time__gte=get_cool_off_threshold(request)
    )
    return lately.aggregate(sum=Sum("failures_since_start", default=0))["sum"]


def tells_people_apart() -> bool:
    """Not behind a proxy of which nobody has said that it names them: then all come from the same address."""
    return bool(settings.PROXY_COUNT) or not settings.SECURE_PROXY_SSL_HEADER


def client_address(request: HttpRequest) -> str | None:
    """The peer's address, or what the outermost of PROXY_COUNT proxies saw; of IPv6 the network.

    Each proxy adds what it sees on the right of X-Forwarded-For. What a client has written there stands further left
    and is not read. None for a socket of the file system.
    """
    peer = _address(request.META.get("REMOTE_ADDR", ""))
    if not settings.PROXY_COUNT:
        return peer
    seen = request.headers.get("X-Forwarded-For", "").split(",")
    return (_address(seen[-settings.PROXY_COUNT]) if len(seen) >= settings.PROXY_COUNT else None) or peer


def _address(text: str) -> str | None:
    try:
        found = ip_address(text.strip())
    except ValueError:
        return None
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ip_network((int(found), _OF_ONE_HAND), strict=False).network_address)
