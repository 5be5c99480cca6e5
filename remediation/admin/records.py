"""What has happened, and what other pages keep: to be read."""

from django.contrib import admin

from ..models import AuditEvent, DeviceGroup, RemediationActivity, Ticket, TicketAttempt, TicketSystem
from .base import ReadOnlyAdmin, WholeOrganisationAdmin


@admin.register(DeviceGroup)
class DeviceGroupAdmin(WholeOrganisationAdmin):
    list_display = ("name",)
    search_fields = ("name",)


@admin.register(TicketSystem)
class TicketSystemAdmin(ReadOnlyAdmin):
    """Switched in the Settings pages."""

    list_display = ("name", "is_enabled", "create_route", "list_route", "last_success_at", "paused_until")


@admin.register(AuditEvent)
class AuditEventAdmin(WholeOrganisationAdmin):
    list_display = ("at", "actor_name", "verb", "subject_name", "subject_type", "through", "sequence")
    list_filter = ("through", "subject_type")
    search_fields = ("actor_name", "subject_name", "verb", "request_id")


@admin.register(RemediationActivity)
class RemediationActivityAdmin(WholeOrganisationAdmin):
    list_display = ("title", "status", "due_on", "requester", "targets", "fixed")
    list_filter = ("status", "priority")
    list_select_related = ("requester",)
    search_fields = ("title",)


@admin.register(Ticket)
class TicketAdmin(WholeOrganisationAdmin):
    list_display = ("activity", "batch", "batches", "delivery_state", "remote_state", "attempts", "created_at")
    list_filter = ("delivery_state", "remote_state", "system")
    list_select_related = ("activity",)
    search_fields = ("marker", "remote_id")
    exclude = ("payload",)


@admin.register(TicketAttempt)
class TicketAttemptAdmin(WholeOrganisationAdmin):
    list_display = ("ticket_id", "fence", "purpose", "started_at", "ended_at", "result", "status", "reason")
    list_filter = ("purpose", "result")
    search_fields = ("client_request_id", "remote_request_id", "remote_id")
    raw_id_fields = ("ticket",)
