"""The days that a score's trend and movement are about: the last 7, 30 or 90, or from one day to another."""

from dataclasses import dataclass
from datetime import date, timedelta

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from .requests import Request

CHOICES = (7, 30, 90)
DEFAULT = 30
LONGEST = timedelta(days=366)


@dataclass(frozen=True)
class Choice:
    """One end of the switch."""

    label: str
    url: str
    is_here: bool


@dataclass(frozen=True)
class Period:
    since: date
    until: date
    # Of the switch; None from one day to another.
    days: int | None = None

    def choices(self, request: Request) -> list[Choice]:
        return [self._choice(request, days) for days in CHOICES]

    def _choice(self, request: Request, days: int) -> Choice:
        query = request.GET.copy()
        for name in ("since", "until", "open"):
            query.pop(name, None)
        query["days"] = str(days)
        label = ngettext("%(days)d day", "%(days)d days", days) % {"days": days}
        return Choice(label, f"{request.path}?{query.urlencode()}", days == self.days)


class PeriodForm(forms.Form):
    """From one day to another. Nothing, or nonsense, means the last 30 days."""

    since = forms.DateField(label=_("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label=_("To"), required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def clean(self) -> dict:
        found = super().clean() or {}
        since, until = found.get("since"), found.get("until") or timezone.localdate()
        if since and since >= until:
            raise forms.ValidationError(_("The first day must be before the last."))
        if since and until - since > LONGEST:
            raise forms.ValidationError(_("A period has at most a year."))
        return found


def last_days(request: Request) -> Period:
    """By the switch alone."""
    asked = request.GET.get("days", "")
    days = int(asked) if asked in {str(choice) for choice in CHOICES} else DEFAULT
    today = timezone.localdate()
    return Period(today - timedelta(days=days), today, days)


def asked_period(request: Request) -> tuple[Period, PeriodForm]:
    """By the switch, or by two days; the form says what is wrong with them."""
    preset = last_days(request)
    form = PeriodForm({"since": request.GET.get("since"), "until": request.GET.get("until")})
    if form.is_valid() and form.cleaned_data["since"]:
        until = form.cleaned_data["until"] or timezone.localdate()
        return Period(form.cleaned_data["since"], until), form
    return preset, form
