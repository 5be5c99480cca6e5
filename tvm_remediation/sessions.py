"""How long a session lasts: SESSION_COOKIE_AGE from the sign-in, whatever is written into it meanwhile."""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.utils import timezone

# Where Django looks for an end of its own.
_END = "_session_expiry"


class SessionStore(db.SessionStore):
    """Django's would begin its time anew with each thing that is kept."""

    def save(self, must_create: bool = False) -> None:
        kept = self._get_session(no_load=must_create)  # type: ignore[attr-defined]
        if SESSION_KEY in kept and _END not in kept:
            self.set_expiry(timezone.now() + timedelta(seconds=settings.SESSION_COOKIE_AGE))
        super().save(must_create)
