"""The forms of the Settings pages, and of the tickets that do not get on."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from remediation.models import RemoteFinding, TicketSystem

from . import ticket_systems


class SwitchForm(forms.Form):
    """A ticket system on or off. On needs its address and sign-in in the environment."""

    is_enabled = forms.BooleanField(required=False)

    def __init__(self, system: TicketSystem, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._key = system.key

    def clean_is_enabled(self) -> bool:
        is_enabled = self.cleaned_data["is_enabled"]
        if is_enabled and not ticket_systems.is_configured(self._key):
            raise ValidationError(ticket_systems.WORDS[self._key].not_configured)
        return is_enabled


class ConnectionTestForm(forms.Form):
    """Reading only, or also creating and deleting something labelled: then with a confirmation of its own."""

    with_writing = forms.BooleanField(required=False)
    is_confirmed = forms.BooleanField(required=False)

    def __init__(self, system: TicketSystem, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._key = system.key

    def clean(self) -> dict[str, Any]:
        super().clean()
        values = self.cleaned_data
        if values.get("with_writing") and not values.get("is_confirmed"):
            raise ValidationError(ticket_systems.WORDS[self._key].please_confirm)
        return values


class AdoptionForm(forms.Form):
    """Which remote ticket is to take the place of one of ours: typed, or chosen from those offered."""

    remote_id = forms.CharField(max_length=128, error_messages={"required": _("Please give the id of the ticket.")})

    def clean_remote_id(self) -> str:
        remote_id = self.cleaned_data["remote_id"]
        if not remote_id.isprintable():
            raise ValidationError(_("This is no id of a ticket."))
        return remote_id


class AbandonForm(forms.Form):
    reason = forms.CharField(max_length=1000, error_messages={"required": _("Please say why.")})


class LinkForm(forms.Form):
    """Which of the tickets that are unknown here is meant."""

    finding = forms.ModelChoiceField(
        RemoteFinding.objects.current(),
        error_messages={
            "required": _("Please choose a ticket."),
            "invalid_choice": _("This one is not unknown any more."),
        },
    )
