"""The forms. They check shape; whether something is allowed is for the rules to say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, cast
from uuid import uuid4

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Field, Layout
from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .fields import GroupsField, NoteField
from .follow_up import ALL, CHOSEN
from .layout import Part
from .models import DeviceGroup, Priority, Recommendation, RemediationType, User, Weakness
from .models.people import Theme
from .rules.requests import RemediationRequest
from .rules.transitions import ACTIVITY, Transition
from .ticket_options import TicketOption

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

DAYS = 14
DAYS_WHEN_EXPLOITED = 7
# Later dates are slips of the hand: 2062 for 2026.
FURTHEST_DAYS = 5 * 365

FIRST = "first"

_WHAT_IT_MEANS = {
    RemediationType.UPDATE: _("Bring %(component)s to %(version)s or later."),
    RemediationType.UPGRADE: _("Move from %(component)s to %(version)s or later."),
    RemediationType.UNINSTALL: _("Remove it from all chosen devices."),
    RemediationType.CONFIGURATION_CHANGE: _("Change the setting on all chosen devices."),
    RemediationType.ATTENTION_REQUIRED: _("Ask for a look; without due date or ticket."),
}


@dataclass(frozen=True)
class GroupChoice:
    """A device group with how many of its devices are exposed, and how many of those a ticket can name."""

    group: DeviceGroup
    exposed: int
    eligible: int


class RemediationForm(forms.Form):
    """Remediation options. `request_key` is made with the empty form, so that one form makes one activity."""

    request_key = forms.UUIDField(widget=forms.HiddenInput)
    requested_remediation = forms.ChoiceField(label=_("Requested remediation"), widget=forms.RadioSelect)
    scope = forms.ChoiceField(
        label=_("Device groups"),
        choices=[(ALL, _("All device groups")), (CHOSEN, _("Choose groups"))],
        widget=forms.RadioSelect,
    )
    device_groups = GroupsField(
        label=_("Chosen groups"), queryset=None, required=False, widget=forms.CheckboxSelectMultiple
    )
    # A tick where there is one ticket system, a choice where there are several.
    open_ticket = forms.BooleanField(required=False)
    ticket_system = forms.ChoiceField(label=_("Ticket"), required=False, widget=forms.RadioSelect)
    batches = forms.ChoiceField(
        label=_("How to send them"), choices=[(ALL, ALL), (FIRST, FIRST)], required=False, widget=forms.RadioSelect
    )
    priority = forms.ChoiceField(label=_("Priority"), choices=Priority, widget=forms.RadioSelect)
    due_on = forms.DateField(
        label=_("Remediation due date"),
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "class": "form-control"}),
        input_formats=["%Y-%m-%d"],
        error_messages={"invalid": _("Enter a date, such as 2026-12-31.")},
    )
    notes = NoteField(label=_("Add notes"))

    def __init__(
        self, recommendation: Recommendation, user: User, *, options: Sequence[TicketOption], **kwargs
    ) -> None:
        self.recommendation = recommendation
        self.options = options
        self.groups = groups_with_counts(recommendation, user)
        proposal = _proposal(recommendation) | _ticket_proposal(options)
        super().__init__(initial=proposal | kwargs.pop("initial", {}), **kwargs)
        self._offer_tickets()
        kinds = cast(forms.ChoiceField, self.fields["requested_remediation"])
        kinds.choices = [(kind, kind.label) for kind in _offered(recommendation)]
        cast(GroupsField, self.fields["device_groups"]).queryset = DeviceGroup.objects.visible_to(user)
        self.fields["due_on"].widget.attrs["min"] = timezone.localdate().isoformat()
        self.helper = _helper()

    def _offer_tickets(self) -> None:
        if len(self.options) == 1:
            del self.fields["ticket_system"]
            self.fields["open_ticket"].label = self.options[0].label
            return
        del self.fields["open_ticket"]
        systems = cast(forms.ChoiceField, self.fields["ticket_system"])
        systems.choices = [*((option.key, option.label) for option in self.options), ("", _("No ticket"))]

    def wanted_system(self, values: Mapping[str, Any]) -> str:
        """The key of the ticket system that is asked for; empty without a ticket."""
        if "ticket_system" in self.fields:
            return values.get("ticket_system") or ""
        return self.options[0].key if values.get("open_ticket") else ""

    @property
    def exposed(self) -> int:
        return sum(choice.exposed for choice in self.groups)

    @property
    def chosen_ids(self) -> set[int]:
        """The groups that are ticked."""
        ticked = {str(pk) for pk in self["device_groups"].value() or []}
        return {choice.group.pk for choice in self.groups if str(choice.group.pk) in ticked}

    @property
    def days(self) -> int:
        return DAYS_WHEN_EXPLOITED if self.recommendation.public_exploit else DAYS

    def meanings(self) -> list[tuple[str, "StrOrPromise", str, bool]]:
        """Value, label, what it means, and whether the source recommends it."""
        names = {"component": self.recommendation.related_component, "version": self.recommendation.recommended_version}
        own = self.recommendation.remediation_type
        return [(kind.value, kind.label, _meaning(kind, names), kind == own) for kind in _offered(self.recommendation)]

    def clean_due_on(self) -> date | None:
        due_on = self.cleaned_data["due_on"]
        today = timezone.localdate()
        if due_on and due_on < today:
            raise ValidationError(_("The due date must be today or later."))
        if due_on and due_on > today + timedelta(days=FURTHEST_DAYS):
            raise ValidationError(_("The due date must lie within five years."))
        return due_on

    def clean(self) -> dict[str, Any]:
        super().clean()
        values = self.cleaned_data
        if values.get("requested_remediation") == RemediationType.ATTENTION_REQUIRED:
            # As its text says; the date is in the form because it is there before the choice.
            values.update(due_on=None, open_ticket=False, ticket_system="")
        elif "due_on" in values and values["due_on"] is None:
            self.add_error("due_on", _("Choose a date: an activity without one is never overdue."))
        if values.get("scope") == CHOSEN and "device_groups" in values and not values["device_groups"]:
            self.add_error("device_groups", _("Choose at least one device group."))
        return values

    def so_far(self) -> dict[str, Any]:
        """What the form holds at the moment, whether or not it could be sent: to show what would happen."""
        if not self.is_bound:
            return dict(self.initial)
        self.is_valid()
        values = {name: self.cleaned_data.get(name) for name in self.fields}
        for name in ("request_key", "requested_remediation", "scope", "priority"):
            values[name] = values[name] or self.initial[name]
        values["open_ticket"] = "open_ticket" in self.data
        values["ticket_system"] = self.data.get("ticket_system", "")
        values["due_on"] = values["due_on"] or _date_or_none(self.data.get("due_on"))
        values["notes"] = self.data.get("notes", "")
        return values

    def request(self) -> RemediationRequest:
        """For the rule. Call it on a valid form."""
        values = self.cleaned_data
        return RemediationRequest(
            request_key=values["request_key"],
            requested_remediation=values["requested_remediation"],
            priority=values["priority"],
            due_on=values["due_on"],
            notes=values["notes"],
            groups=list(values["device_groups"]) if values["scope"] == CHOSEN else None,
            ticket_system=self.wanted_system(values),
            first_batch_only=values["batches"] == FIRST,
        )


def groups_with_counts(subject: Recommendation | Weakness, user: User) -> list[GroupChoice]:
    """The groups that the person sees and that have devices exposed by it, with how many. Weaknesses get no ticket."""
    seen = subject.counters.filter(group__in=DeviceGroup.objects.visible_to(user), exposed__gt=0)
    counters = seen.select_related("group").order_by("group")
    return [GroupChoice(counter.group, counter.exposed, getattr(counter, "eligible", 0)) for counter in counters]


def _proposal(recommendation: Recommendation) -> dict[str, Any]:
    exploited = recommendation.public_exploit
    days = DAYS_WHEN_EXPLOITED if exploited else DAYS
    return {
        "request_key": uuid4(),
        "requested_remediation": _offered(recommendation)[0].value,
        "scope": ALL,
        "device_groups": [],
        "batches": ALL,
        "priority": (Priority.HIGH if exploited else Priority.MEDIUM).value,
        "due_on": timezone.localdate() + timedelta(days=days),
        "notes": "",
    }


def _ticket_proposal(options: Sequence[TicketOption]) -> dict[str, Any]:
    """The first system that has not refused; none where all have."""
    system = next((option.key for option in options if option.by_default), "")
    return {"open_ticket": bool(system), "ticket_system": system}


def _offered(recommendation: Recommendation) -> list[RemediationType]:
    """What may be requested, the recommended first."""
    offered = [RemediationType(recommendation.remediation_type)]
    if recommendation.software_id:
        offered.append(RemediationType.UNINSTALL)
    offered.append(RemediationType.ATTENTION_REQUIRED)
    return list(dict.fromkeys(offered))


def _meaning(kind: RemediationType, names: dict[str, str]) -> str:
    if kind in {RemediationType.UPDATE, RemediationType.UPGRADE} and not names["version"]:
        return _("Bring %(component)s to a version without the weaknesses.") % names
    return _WHAT_IT_MEANS[kind] % names


def _date_or_none(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def _helper() -> FormHelper:
    helper = FormHelper()
    helper.form_tag = False
    helper.disable_csrf = True
    helper.layout = Layout(
        Field("request_key"),
        Part("remediation/_requested_remediation.html", "requested_remediation"),
        Part("remediation/_scope.html", "scope", "device_groups"),
        Part("remediation/_ticket_option.html", "open_ticket", "ticket_system", "batches"),
        Part("remediation/_priority_and_due_date.html", "priority", "due_on"),
        Part("remediation/_notes.html", "notes"),
    )
    return helper


def verb_field(table: Mapping[str, Transition]) -> forms.ChoiceField:
    """What people may choose of a table of transitions."""
    choices = [(verb, rule.label) for verb, rule in table.items() if rule.by_people]
    return forms.ChoiceField(choices=choices, widget=forms.HiddenInput)


class TransitionForm(forms.Form):
    """What to do with an activity, and why."""

    table: ClassVar[Mapping[str, Transition]] = ACTIVITY
    verb = verb_field(ACTIVITY)
    note = NoteField()

    def clean(self) -> dict[str, Any]:
        super().clean()
        values = self.cleaned_data
        rule = self.table.get(values.get("verb", ""))
        if rule and rule.needs_note and values.get("note") == "":
            self.add_error("note", _("Please say why."))
        return values


class SelectedGroupsForm(forms.Form):
    """The device groups a person looks at. None of them means all."""

    groups = GroupsField(queryset=None, required=False)

    def __init__(self, user: User, **kwargs) -> None:
        super().__init__(**kwargs)
        cast(GroupsField, self.fields["groups"]).queryset = DeviceGroup.objects.visible_to(user)


class ThemeForm(forms.Form):
    theme = forms.ChoiceField(choices=Theme, required=False)
