"""From where somebody comes: what the lock-out counts by, and what stands in the log."""

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """The address that our proxy has seen, where there is one; else that of the connection.

    A proxy adds whom it has seen at the end of X-Forwarded-For. What stands before that is what the sender has written.
    """
    connected = request.META.get("REMOTE_ADDR", "")
    if not settings.TRUST_PROXY:
        return connected
    seen = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    try:
        return str(ip_address(seen))
    except ValueError:
        return connected
