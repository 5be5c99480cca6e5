"""Forms of the admin that change who may do what."""

from typing import Any, cast

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from ..models import AuditEvent, Through, User
from ..rules.people import LastAdministrator, end_sessions, is_cut, keep_an_administrator
from ..signed_in import SignedInRequest
from .base import CarefulAdmin


class _Change(SignedInRequest):
    """The request of a form that changes rights, with those before it."""

    rights_before: dict[str, Any]


class RecordedAdmin(CarefulAdmin):
    """Changes made here are in the audit trail, like those made on the pages."""

    def rights_of(self, obj: Any) -> dict[str, Any]:
        raise NotImplementedError

    def people_of(self, obj: Any) -> models.QuerySet[User]:
        """Whose rights they are."""
        raise NotImplementedError

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except LastAdministrator as reason:
            return self._refused(request, reason)

    def _refused(self, request: HttpRequest, reason: LastAdministrator) -> HttpResponse:
        self.message_user(request, str(reason), messages.ERROR)
        return redirect(request.path)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        before = self.rights_of(self.model._default_manager.get(pk=obj.pk)) if change else {}
        cast(_Change, request).rights_before = before
        super().save_model(request, obj, form, change)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self._record(request, obj, "add")
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        is_form = hasattr(request, "rights_before")
        self._record(request, obj, "change" if is_form else "change password")
        return super().log_change(request, obj, message)

    def _record(self, request: HttpRequest, obj: Any, verb: str) -> None:
        before, after = getattr(request, "rights_before", {}), self.rights_of(obj)
        by = cast(SignedInRequest, request).user
        AuditEvent.objects.record(obj, verb, by=by, through=Through.ADMIN, before=before, after=after)
        keep_an_administrator()
        if is_cut(before, after):
            self._end_sessions(request, self.people_of(obj))

    def _end_sessions(self, request: HttpRequest, people: models.QuerySet[User]) -> None:
        """All but the one in which it is done: whoever cuts their own rights has just shown who they are."""
        end_sessions(people)
        by = cast(SignedInRequest, request).user
        if people.filter(pk=by.pk).exists():
            by.refresh_from_db(fields=["session_generation"])
            update_session_auth_hash(request, by)
