"""The syncs and the sign-ins in the admin: to be read."""

from typing import Any

from axes.admin import AccessAttemptAdmin, AccessFailureLogAdmin, AccessLogAdmin
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.http import HttpRequest

from remediation.admin import ReadOnlyAdmin

from .models import SyncRun


@admin.register(SyncRun)
class SyncRunAdmin(ReadOnlyAdmin):
    list_display = ("source", "kind", "started_at", "state", "rows", "set_aside", "ended_at")
    list_filter = ("state", "kind", "source")


@admin.register(AccessLog)
class SignInAdmin(ReadOnlyAdmin, AccessLogAdmin):
    """Who signed in: evidence, which axes' own page would let a superuser delete."""


@admin.register(AccessFailureLog)
class FailedSignInAdmin(ReadOnlyAdmin, AccessFailureLogAdmin):
    """Who did not get in."""


@admin.register(AccessAttempt)
class LockoutAdmin(AccessAttemptAdmin):
    """What is counted against a name and an address. To delete it lets the person try again at once."""

    actions = None

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
