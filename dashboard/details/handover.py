"""The work as a message, for whoever does it without a ticket."""

from django.conf import settings
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from remediation.models import RemediationActivity, RemediationType

from .. import cells


def handover(activity: RemediationActivity, devices: int) -> str:
    """Plain text: what to do, where, until when, and where the list of devices is."""
    lines = [activity.title, "", _action(activity), _how_many(devices)]
    if activity.due_on:
        lines.append(_("Due: %(day)s") % {"day": date_format(activity.due_on, "j F Y")})
    lines.append(_("Priority: %(priority)s") % {"priority": activity.get_priority_display()})
    if activity.notes:
        lines += ["", activity.notes]
    address = f"{settings.SITE_URL}{reverse('activity', args=[activity.pk])}"
    lines += ["", _("Devices and progress: %(address)s") % {"address": address}]
    lines.append(_("Devices as CSV: %(address)s") % {"address": f"{address}?format=csv"})
    lines.append(_("The next complete sync checks each device; nothing needs to be reported back."))
    return "\n".join(lines)


def _action(activity: RemediationActivity) -> str:
    component = activity.related_component or activity.title
    if activity.requested_remediation == RemediationType.UNINSTALL:
        return _("Remove %(component)s.") % {"component": component}
    if activity.requested_remediation == RemediationType.CONFIGURATION_CHANGE:
        return _("Change this setting by policy.")
    if activity.requested_remediation == RemediationType.ATTENTION_REQUIRED:
        return _("Look at %(component)s.") % {"component": component}
    version = activity.recommended_version
    if not version:
        return _("Bring %(component)s to the newest version.") % {"component": component}
    return _("Deploy %(component)s %(version)s or later.") % {"component": component, "version": version}


def _how_many(devices: int) -> str:
    return ngettext("%(n)s device", "%(n)s devices", devices) % {"n": cells.number(devices)}
