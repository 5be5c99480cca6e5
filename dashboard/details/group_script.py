"""A PowerShell script that puts the devices of a ticket into a group of Entra, run by an administrator with own rights.

Names and ids come from devices, so from outside: only what an allow-list lets through ever becomes part of the script,
and that in one here-string, which no letter of the list can end. It is plain ASCII, since Windows PowerShell reads a
file without a mark in the machine's own code page, in which parts of other letters are quotes.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from string import Template

from django.conf import settings
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET

from remediation.models import ActivityDevice, RemediationActivity, Ticket
from remediation.rules.exports import record_export
from remediation.rules.target_groups import unique_name

from ..requests import Request

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9._ -]+")
_LONGEST = 120
_TEMPLATE = Template((Path(__file__).parent / "group_script.ps1").read_text(encoding="ascii"))
# What Connect-MgGraph calls the clouds, by their Graph.
_ENVIRONMENTS = {
    "https://graph.microsoft.us": "USGov",
    "https://dod-graph.microsoft.us": "USGovDoD",
    "https://microsoftgraph.chinacloudapi.cn": "China",
}


@require_GET
def group_script(request: Request, pk: int) -> HttpResponseBase:
    """The script for one ticket, with those of its devices that the reader may see."""
    ticket = get_object_or_404(Ticket.objects.visible_to(request.user).select_related("activity"), pk=pk)
    activity, part = ticket.activity, ticket.batch
    devices = activity.devices.filter(batch=part).visible_to(request.user)
    name = f"activity-{activity.pk}-part-{part}-group"
    record_export(name, activity.title, {"address": request.path}, by=request.user)
    response = StreamingHttpResponse(_pieces(activity, part, devices), content_type="text/plain; charset=us-ascii")
    response["Content-Disposition"] = f'attachment; filename="{name}.ps1"'
    return response


def _pieces(activity: RemediationActivity, part: int, devices: QuerySet[ActivityDevice]) -> Iterator[str]:
    before, after = _filled(activity, part)
    yield before
    rows = devices.order_by("device_id").values_list("device__entra_device_id", "device__name")
    for entra_id, name in rows.iterator():
        if _GUID.fullmatch(entra_id):
            yield f"{entra_id},{plain(name)}\n"
    yield after


def _filled(activity: RemediationActivity, part: int) -> tuple[str, str]:
    """What comes before the devices and after them."""
    graph = settings.MICROSOFT.cloud.graph
    script = _TEMPLATE.substitute(
        unique_name=unique_name(activity.pk, part),
        display_name=f"TVM Remediation {activity.pk} part {part}: {plain(activity.title)}",
        graph=graph,
        environment=_ENVIRONMENTS.get(graph, "Global"),
        devices="\0",
    )
    before, _mark, after = script.partition("\0\n")
    return before, after


def plain(text: str) -> str:
    """Letters, digits, dots, blanks, hyphens and underscores; whatever else becomes one underscore."""
    return _NOT_ALLOWED.sub("_", text)[:_LONGEST].strip()
