"""The forms about devices: their value, and what is said not to be so."""

from typing import Any, cast

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from .fields import COULD_BE_AN_ID, GroupsField, NoteField
from .models import DeviceGroup, DeviceValue, InaccuracyReason, User
from .rules.devices import FROM_SOURCE, NO, YES, Wish

ALL, CHOSEN = "all", "chosen"
_KEEP = ("", _("Leave as it is"))
_GIVE_BACK = (FROM_SOURCE, _("As the source says"))
_LONGEST_QUERY = 8000


class DeviceValuesForm(forms.Form):
    """What to set, and on which devices: those ticked, or all that match the list's filters."""

    value = forms.ChoiceField(
        label=_("Device value"), choices=[_KEEP, *DeviceValue.choices, _GIVE_BACK], required=False
    )
    internet_facing = forms.ChoiceField(
        label=_("Internet-facing"),
        choices=[_KEEP, (YES, _("Yes")), (NO, _("No")), _GIVE_BACK],
        required=False,
    )
    scope = forms.ChoiceField(choices=[(CHOSEN, CHOSEN), (ALL, ALL)])
    groups = GroupsField(queryset=None, required=False)
    # The query of the list's address.
    matching = forms.CharField(required=False, max_length=_LONGEST_QUERY)

    def __init__(self, user: User, data: QueryDict) -> None:
        super().__init__(data)
        self.ticked = data.getlist("device")
        cast(GroupsField, self.fields["groups"]).queryset = DeviceGroup.objects.visible_to(user)

    @property
    def devices(self) -> list[int]:
        """The ids that are ticked."""
        return [int(text) for text in self.ticked if COULD_BE_AN_ID.fullmatch(text)]

    @property
    def wish(self) -> Wish:
        return Wish(self.cleaned_data["value"], self.cleaned_data["internet_facing"])

    @property
    def filters(self) -> QueryDict:
        return QueryDict(self.cleaned_data["matching"])

    def meanings(self) -> list[tuple[Any, Any]]:
        """What it sets, in words."""
        names = [name for name in ("value", "internet_facing") if self.cleaned_data[name]]
        return [
            (self.fields[name].label, dict(self.fields[name].choices)[self.cleaned_data[name]])  # type: ignore[attr-defined]
            for name in names
        ]

    def clean(self) -> dict[str, Any]:
        super().clean()
        values = self.cleaned_data
        if not values.get("value") and not values.get("internet_facing") and not self.errors:
            self.add_error(None, _("Choose what to set."))
        if values.get("scope") == CHOSEN and not self.devices:
            self.add_error(None, _("Tick at least one device."))
        return values


class InaccuracyForm(forms.Form):
    """What is wrong, and in words what is so instead."""

    reason = forms.ChoiceField(label=_("What is wrong"), choices=InaccuracyReason, widget=forms.RadioSelect)
    note = NoteField(label=_("Tell us more"))

    def clean(self) -> dict[str, Any]:
        super().clean()
        if self.cleaned_data.get("reason") == InaccuracyReason.OTHER and self.cleaned_data.get("note") == "":
            self.add_error("note", _("Please say what is wrong."))
        return self.cleaned_data


class ClosingForm(forms.Form):
    answer = NoteField(label=_("What came of it"))
