"""Somebody in the test's browser, as after typing their password just now."""

from django.conf import settings
from django.http import HttpRequest
from django.test import Client

from remediation import confirmation
from remediation.models import User


def sign_in(client: Client, user: User) -> User:
    client.force_login(user)
    request = HttpRequest()
    request.session = client.session
    confirmation.confirm(request)
    request.session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = request.session.session_key
    return user
