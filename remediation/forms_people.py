"""The form in which people show that it is them."""

from typing import Any

from django import forms
from django.contrib.auth import authenticate
from django.utils.translation import gettext_lazy as _

from .signed_in import SignedInRequest


class ConfirmationForm(forms.Form):
    """The password of whoever is signed in. A wrong one counts as a failed sign-in, and locks out like one."""

    password = forms.CharField(strip=False, max_length=4096)

    def __init__(self, request: SignedInRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean_password(self) -> str:
        user, password = self.request.user, self.cleaned_data["password"]
        if authenticate(self.request, username=user.get_username(), password=password) != user:
            raise forms.ValidationError(_("This is not your password."), code="wrong")
        return password
