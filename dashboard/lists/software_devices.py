"""The devices that one product exposes, in the selected device groups."""

from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy
from django.views.decorators.http import require_GET

from remediation.models import Software

from ..details.recommendation import SORTED_BY_RISK_UP_TO
from ..groups import selection
from ..inventory import exposed_there, exposures_by
from ..requests import Request
from .base import List, show
from .recommendation_devices import ExposedDeviceFilters, device_table


@require_GET
def software_devices(request: Request, pk: int) -> HttpResponseBase:
    groups = selection(request)
    visible = Software.objects.visible_to(request.user).select_related("recommendation")
    software = get_object_or_404(visible.annotate(in_exposed=exposed_there(groups)), pk=pk)
    listing = List(
        request,
        device_table(request),
        ExposedDeviceFilters,
        exposures_by(software, list(software.versions.values_list("pk", flat=True)), groups),
        view=f"software-{pk}-devices",
        title=_("Exposed devices"),
        noun=ngettext_lazy("exposed device", "exposed devices"),
        empty={
            "icon": "shield-check",
            "title": _("No exposed device"),
            "text": _("No version with a known weakness is installed in the selected device groups."),
        },
        default_sort="" if software.exposed > SORTED_BY_RISK_UP_TO else None,
        length=software.in_exposed,
    )
    return show(listing, "dashboard/software_devices.html", placeholder=_("Filter by name"), software=software)
