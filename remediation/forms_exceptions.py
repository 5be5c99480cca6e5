"""The forms about exceptions. They check shape; whether something is allowed is for the rules to say."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, cast
from urllib.parse import urlsplit
from uuid import uuid4

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .fields import LONGEST_NOTE, GroupsField, NoteField
from .follow_up import ALL, CHOSEN
from .forms import GroupChoice, TransitionForm, groups_with_counts, verb_field
from .models import DeviceGroup, InaccuracyReport, Justification, RecommendationException, User
from .rules.exception_subjects import Subject
from .rules.exceptions import ExceptionRequest
from .rules.transitions import EXCEPTION

DURATIONS = (30, 60, 90)
OWN_DATE = "date"
LONGEST_DAYS = 365
LEAST_CONTEXT = 20
MOST_LINKS = 10

MEANINGS = {
    Justification.FALSE_POSITIVE: _("What was found is not there, or cannot be exploited."),
    Justification.THIRD_PARTY_CONTROL: _("Another product or device already prevents it."),
    Justification.ALTERNATE_MITIGATION: _("Your own measures lower the risk."),
    Justification.BUSINESS_NEED: _("Work would stop, and that weighs more for now."),
    Justification.COMPLIANCE: _("A rule, a licence or a contract forbids the change."),
    Justification.RISK_ACCEPTED: _("The risk is known and borne."),
    Justification.PLANNED_REMEDIATION: _("The fix is planned, and comes later."),
    Justification.OTHER: _("None of these: say what it is."),
}


class LinksField(forms.Field):
    """Addresses, one a line."""

    widget = forms.Textarea

    def to_python(self, value: object) -> list[str]:
        return [line.strip() for line in str(value or "").splitlines() if line.strip()]

    def validate(self, value: list[str]) -> None:
        super().validate(value)
        if len(value) > MOST_LINKS:
            raise ValidationError(_("Use at most %(most)s addresses.") % {"most": MOST_LINKS})
        for link in value:
            if len(link) > 500 or not link.isprintable() or not _is_web_address(link):
                raise ValidationError(_("“%(link)s” is no address of a web page.") % {"link": link[:60]})


def _is_web_address(link: str) -> bool:
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return parts.scheme in {"https", "http"} and bool(parts.hostname)


class TermForm(forms.Form):
    """Why, and until when: what filing and extending share. One form makes one exception, however often it is sent."""

    request_key = forms.UUIDField(widget=forms.HiddenInput)
    justification = forms.ChoiceField(label=_("Justification"), choices=Justification, widget=forms.RadioSelect)
    context = NoteField(
        label=_("Justification context"),
        required=True,
        error_messages={"required": _("Say why: whoever renews this has only your words.")},
    )
    end = forms.ChoiceField(
        label=_("Ends"),
        widget=forms.RadioSelect,
        choices=[*((str(days), _("%(days)d days") % {"days": days}) for days in DURATIONS), (OWN_DATE, _("On a date"))],
    )
    ends_on = forms.DateField(
        label=_("Last day"),
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "class": "form-control"}),
        input_formats=["%Y-%m-%d"],
        error_messages={"invalid": _("Enter a date, such as 2026-12-31.")},
    )
    evidence = LinksField(label=_("Evidence"), required=False)

    def __init__(self, **kwargs: Any) -> None:
        proposal = {"request_key": uuid4(), "end": str(DURATIONS[-1]), "scope": ALL, "device_groups": []}
        super().__init__(initial=proposal | kwargs.pop("initial", {}), **kwargs)
        today = timezone.localdate()
        self.fields["ends_on"].widget.attrs |= {
            "min": today.isoformat(),
            "max": (today + timedelta(days=LONGEST_DAYS)).isoformat(),
        }

    def meanings(self) -> list[tuple[str, Any, Any]]:
        """Of what is offered: value, label, and what it means."""
        offered: Any = cast(forms.ChoiceField, self.fields["justification"]).choices
        return [(value, label, MEANINGS[Justification(value)]) for value, label in offered]

    def clean_context(self) -> str:
        context = self.cleaned_data["context"]
        if len(context) < LEAST_CONTEXT:
            words = _("Say why in at least %(least)s characters: whoever renews this has only your words.")
            raise ValidationError(words % {"least": LEAST_CONTEXT})
        return context

    def clean(self) -> dict[str, Any]:
        super().clean()
        values = self.cleaned_data
        if values.get("end") != OWN_DATE or "ends_on" in self.errors:
            return values
        last, today = values.get("ends_on"), timezone.localdate()
        if last is None:
            self.add_error("ends_on", _("Choose a date: an exception always ends."))
        elif not today <= last <= today + timedelta(days=LONGEST_DAYS):
            self.add_error("ends_on", _("Choose a day from today on, within a year."))
        return values

    def request(self, groups: list[DeviceGroup] | None = None) -> ExceptionRequest:
        """For the rule. Call it on a valid form."""
        values = self.cleaned_data
        return ExceptionRequest(
            request_key=values["request_key"],
            justification=values["justification"],
            context=values["context"],
            evidence=values["evidence"],
            ends_at=end_of(self._last_day()),
            groups=groups,
        )

    def _last_day(self) -> date:
        values = self.cleaned_data
        if values["end"] == OWN_DATE:
            return values["ends_on"]
        return timezone.localdate() + timedelta(days=int(values["end"]))


class ExceptionForm(TermForm):
    """Exception options of a recommendation or a weakness: also for which devices."""

    scope = forms.ChoiceField(
        label=_("Scope"),
        choices=[(ALL, _("All device groups")), (CHOSEN, _("Choose groups"))],
        widget=forms.RadioSelect,
    )
    device_groups = GroupsField(
        label=_("Chosen groups"), queryset=None, required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, subject: Subject, user: User, *, report: InaccuracyReport | None = None, **kwargs: Any) -> None:
        self.subject, self.report = subject, report
        # Those that have one already are not offered.
        taken = set(subject.exceptions.live().values_list("device_groups", flat=True))
        counted = groups_with_counts(subject, user)
        self.groups: list[GroupChoice] = [choice for choice in counted if choice.group.pk not in taken]
        proposal = proposal_for(report) if report else {}
        super().__init__(initial=proposal | kwargs.pop("initial", {}), **kwargs)
        cast(GroupsField, self.fields["device_groups"]).queryset = DeviceGroup.objects.visible_to(user)
        if report:
            only = [(kind.value, kind.label) for kind in [Justification.FALSE_POSITIVE]]
            cast(forms.ChoiceField, self.fields["justification"]).choices = only

    @property
    def exposed(self) -> int:
        return sum(choice.exposed for choice in self.groups)

    @property
    def chosen_ids(self) -> set[int]:
        ticked = {str(pk) for pk in self["device_groups"].value() or []}
        return {choice.group.pk for choice in self.groups if str(choice.group.pk) in ticked}

    def clean(self) -> dict[str, Any]:
        values = super().clean()
        if values.get("scope") == CHOSEN and "device_groups" in values and not values["device_groups"]:
            self.add_error("device_groups", _("Choose at least one device group."))
        return values

    def so_far(self) -> dict[str, Any]:
        """What the form holds at the moment, whether or not it could be sent: to show what would happen."""
        if not self.is_bound:
            return {"justification": "", **self.initial}
        self.is_valid()
        written = {name: self.data.get(name, "") for name in ("justification", "context", "end", "ends_on", "evidence")}
        kept = {name: self.cleaned_data.get(name) or self.initial[name] for name in ("request_key", "scope")}
        return written | kept | {"device_groups": list(self.cleaned_data.get("device_groups") or [])}

    def choices_of(self, values: dict[str, Any]) -> list[GroupChoice]:
        """The groups that these values mean, of those that are offered."""
        if values["scope"] != CHOSEN:
            return self.groups
        chosen = {group.pk for group in values["device_groups"]}
        return [choice for choice in self.groups if choice.group.pk in chosen]

    def request(self, groups: list[DeviceGroup] | None = None) -> ExceptionRequest:
        values = self.cleaned_data
        wish = super().request(list(values["device_groups"]) if values["scope"] == CHOSEN else None)
        return replace(wish, report=self.report)


class DecisionForm(TransitionForm):
    """What to do with an exception, and why."""

    table = EXCEPTION
    verb = verb_field(EXCEPTION)


def end_of(day: date) -> datetime:
    """The end of the day in the zone of the organisation, as a moment in UTC."""
    local = datetime.combine(day + timedelta(days=1), time.min, tzinfo=timezone.get_default_timezone())
    return local.astimezone(UTC)


def proposal_for(report: InaccuracyReport) -> dict[str, Any]:
    """What an exception for a reported inaccuracy begins with: its words, and the group of its device alone."""
    about = _("%(who)s reported about %(device)s: %(what)s.") % {
        "who": report.reported_by,
        "device": report.device.name,
        "what": report.get_reason_display(),
    }
    return {
        "justification": Justification.FALSE_POSITIVE.value,
        "context": f"{about} {report.note}".strip()[:LONGEST_NOTE],
        "scope": CHOSEN,
        "device_groups": [report.device.group],
    }


def proposal_of(exception: RecommendationException) -> dict[str, Any]:
    """What an extension begins with: the words of the one that it extends."""
    return {
        "justification": exception.justification,
        "context": exception.context,
        "evidence": "\n".join(exception.evidence),
    }
