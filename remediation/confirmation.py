"""That somebody has lately shown who they are: kept in their session, asked for before roles and policies change."""

from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

_CONFIRMED_AT = "confirmed_at"


def confirm(request: HttpRequest) -> None:
    """To be called where a password, or a sign-in made anew, has just been found right. The session gets a new key."""
    request.session.cycle_key()
    request.session[_CONFIRMED_AT] = timezone.now().timestamp()


def is_confirmed(request: HttpRequest, *, with_left: timedelta = timedelta(0)) -> bool:
    """Whether it counts still, and goes on to for as long as `with_left`."""
    confirmed_at = request.session.get(_CONFIRMED_AT, float("-inf"))
    # One from the future is a clock that was set back, and counts no longer than another.
    age = abs(timezone.now().timestamp() - confirmed_at)
    return age + with_left.total_seconds() <= lasts().total_seconds()


def lasts() -> timedelta:
    return timedelta(minutes=settings.CONFIRM_MINUTES)
