"""Who looks at the pages, and how they ask."""

from django.test import Client

from remediation.models import User

from .seed import NARROW, SECURITY

READERS = {"all 7 groups": SECURITY, "3 of 7 groups": NARROW}


def signed_in(username: str) -> Client:
    client = Client(SERVER_NAME="localhost", raise_request_exception=False)
    client.force_login(User.objects.get(username=username), backend="tvm_remediation.permissions.PermissionsBackend")
    return client
