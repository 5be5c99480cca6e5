"""The forms of the Settings pages."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from .connection import NOT_CONFIGURED


class SwitchForm(forms.Form):
    """A feature on or off. On needs a tenant in the environment."""

    is_enabled = forms.BooleanField(required=False)

    def clean_is_enabled(self) -> bool:
        is_enabled = self.cleaned_data["is_enabled"]
        if is_enabled and not settings.MICROSOFT.is_configured:
            raise ValidationError(NOT_CONFIGURED)
        return is_enabled


class ConnectionTestForm(forms.Form):
    """Reading only, or also creating and deleting a labelled task: then with a confirmation of its own."""

    with_writing = forms.BooleanField(required=False)
    is_confirmed = forms.BooleanField(required=False)

    def clean(self) -> dict[str, Any]:
        super().clean()
        values = self.cleaned_data
        if values.get("with_writing") and not values.get("is_confirmed"):
            raise ValidationError(_("Please confirm that a labelled task may be created and deleted in Intune."))
        return values
