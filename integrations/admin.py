"""The syncs in the admin: to be read."""

from django.contrib import admin

from remediation.admin import ReadOnlyAdmin

from .models import SyncRun


@admin.register(SyncRun)
class SyncRunAdmin(ReadOnlyAdmin):
    list_display = ("source", "kind", "started_at", "state", "rows", "set_aside", "ended_at")
    list_filter = ("state", "kind", "source")
