"""What a recommendation is about and what to do next, in sentences made of its facts."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from remediation.models import Recommendation, RemediationType

from .. import cells

_T = RemediationType


def description(item: Any, weaknesses: list[Any]) -> str:
    """What it is and why it matters, from the annotated rows of `details.recommendation`."""
    if item.is_configuration:
        return _(
            "This setting is not as recommended on %(exposed)s of the %(total)s devices it applies to. "
            "It weighs %(points)s of 10 points in the configuration score."
        ) % {
            "exposed": cells.number(item.in_exposed),
            "total": cells.number(item.in_total),
            "points": cells.number(item.severity_score),
        }
    sentences = [_what_is_wrong(item)]
    if weaknesses and weaknesses[0].exploited:
        exploited = weaknesses[0].exploited
        sentences.append(
            ngettext("%(n)s of them has a known exploit.", "%(n)s of them have a known exploit.", exploited)
            % {"n": cells.number(exploited)}
        )
    if item.recommended_version and item.remediation_type in {_T.UPDATE, _T.UPGRADE}:
        sentences.append(_("Version %(version)s fixes them.") % {"version": item.recommended_version})
    return " ".join(sentences)


def _what_is_wrong(item: Any) -> str:
    component = item.related_component or item.name
    if not item.seen_weaknesses:
        return _("The installed versions of %(component)s should not stay in use.") % {"component": component}
    return _("The installed versions of %(component)s have %(weaknesses)s.") % {
        "component": component,
        "weaknesses": cells.weaknesses(item.seen_weaknesses),
    }


def next_steps(item: Recommendation, ticket_system: str, may_handle: bool) -> list[tuple[str, str]]:
    """A glyph and a sentence each, in order; `ticket_system` is the name of one that is switched on, or empty."""
    return [
        ("ticket-perforated", _request(ticket_system, may_handle)),
        ("download" if not item.is_configuration else "gear", _act(item)),
        ("shield-check", _("The next complete sync checks each device.")),
    ]


def _request(ticket_system: str, may_handle: bool) -> str:
    if not may_handle:
        return _("Ask the security team to request the remediation; your roles do not include it.")
    if ticket_system:
        words = _("Choose Remediation options to request it and to open a ticket in %(system)s.")
        return words % {"system": ticket_system}
    return _("Choose Remediation options to request it. The connection to Intune is off: no ticket is opened.")


def _act(item: Recommendation) -> str:
    component = item.related_component or item.name
    if item.is_configuration:
        return _("Change the setting by policy on the exposed devices.")
    if item.remediation_type == _T.UNINSTALL:
        return _("Remove %(component)s from the exposed devices.") % {"component": component}
    if item.remediation_type == _T.ATTENTION_REQUIRED:
        return _("Look at %(component)s: there is no update that fixes it yet.") % {"component": component}
    if item.recommended_program:
        return _("Replace %(component)s by %(program)s %(version)s or later.") % {
            "component": component,
            "program": item.recommended_program,
            "version": item.recommended_version,
        }
    if not item.recommended_version:
        return _("Bring %(component)s to the newest version.") % {"component": component}
    return _("Deploy %(component)s %(version)s or later.") % {
        "component": component,
        "version": item.recommended_version,
    }
