"""The forms and POSTs about devices: fetch, check the form, call one rule, answer."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from .device_filters import DeviceFilters
from .fields import COULD_BE_AN_ID
from .forms_devices import ALL, ClosingForm, DeviceValuesForm, InaccuracyForm
from .models import Device, Exposure, InaccuracyReport, Recommendation
from .models.devices import DeviceQuerySet
from .rules import inaccuracies
from .rules.devices import MOST, TooManyDevices, set_by_hand
from .rules.transitions import InvalidTransition
from .signed_in import SignedInRequest
from .way_back import way_back


@require_POST
def device_values(request: SignedInRequest) -> HttpResponse:
    form = DeviceValuesForm(request.user, request.POST)
    if not form.is_valid():
        for problem in [text for problems in form.errors.values() for text in problems]:
            messages.error(request, str(problem))
        return redirect(way_back(request))
    devices = _meant(request, form)
    if devices is None:
        messages.error(request, _("The filters of the list are not valid, so nothing was set."))
        return redirect(way_back(request))
    if form.cleaned_data["scope"] == ALL and "confirmed" not in request.POST:
        return _ask_again(request, form, devices)
    try:
        count = set_by_hand(devices, form.wish, by=request.user)
    except TooManyDevices:
        return _ask_again(request, form, devices)
    _announce(request, count)
    return redirect(way_back(request))


def _meant(request: SignedInRequest, form: DeviceValuesForm) -> DeviceQuerySet | None:
    """The devices that the form means; None where its filters say nothing certain."""
    visible = Device.objects.visible_to(request.user)
    if form.cleaned_data["scope"] != ALL:
        return visible.filter(pk__in=form.devices)
    if form.cleaned_data["groups"]:
        visible = visible.filter(group__in=form.cleaned_data["groups"])
    filters = DeviceFilters(form.filters, queryset=visible, request=request)
    return filters.qs if filters.is_valid() else None


def _ask_again(request: SignedInRequest, form: DeviceValuesForm, devices: DeviceQuerySet) -> HttpResponse:
    """Before something is set on all that match; also says that they are too many."""
    count = devices.order_by()[: MOST + 1].count()
    context = {"form": form, "count": count, "most": MOST, "is_too_many": count > MOST, "back": way_back(request)}
    return render(request, "remediation/device_values.html", context)


def _announce(request: SignedInRequest, count: int) -> None:
    if not count:
        messages.info(request, _("They had these values already. Nothing has changed."))
        return
    words = ngettext(
        "Set on %(count)s device. Its score follows with the next sync.",
        "Set on %(count)s devices. Their scores follow with the next sync.",
        count,
    )
    messages.success(request, words % {"count": count})


@require_http_methods(["GET", "POST"])
def report_inaccuracy(request: SignedInRequest, pk: int) -> HttpResponse:
    device = get_object_or_404(Device.objects.visible_to(request.user), pk=pk)
    exposure = _exposure(request, device)
    form = InaccuracyForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        context = {"device": device, "exposure": exposure, "form": form}
        return render(request, "remediation/report_inaccuracy.html", context)
    _made, is_new = inaccuracies.report(
        device,
        by=request.user,
        recommendation=exposure.recommendation if exposure else None,
        version=exposure.version if exposure else None,
        **form.cleaned_data,
    )
    said = _("Reported. The security team will look at it.") if is_new else _("You have reported this already.")
    messages.success(request, said)
    return redirect(device)


def _exposure(request: SignedInRequest, device: Device) -> Exposure | None:
    """The row that the report is about; none for one about the device itself."""
    asked = (request.POST or request.GET).get("recommendation", "")
    if not COULD_BE_AN_ID.fullmatch(asked):
        return None
    rows = Exposure.objects.select_related("recommendation", "version__software")
    return get_object_or_404(rows, device=device, recommendation=int(asked))


@require_GET
def inaccuracy(request: SignedInRequest, pk: int) -> HttpResponse:
    return _show_report(request, _report(request, pk), ClosingForm())


def _show_report(
    request: SignedInRequest, item: InaccuracyReport, form: ClosingForm, *, status: int = 200
) -> HttpResponse:
    may_except = request.user.has_perm("remediation.handle_exception")
    advice = Recommendation.objects.open().visible_to(request.user).filter(pk=item.recommendation_id)
    context = {
        "item": item,
        "form": form,
        "exceptions": item.exceptions.visible_to(request.user),
        "may_except": may_except and advice.exists(),
    }
    return render(request, "remediation/inaccuracy.html", context, status=status)


@require_POST
def close_inaccuracy(request: SignedInRequest, pk: int) -> HttpResponse:
    item = _report(request, pk)
    form = ClosingForm(request.POST)
    if not form.is_valid():
        return _show_report(request, item, form, status=400)
    try:
        inaccuracies.close(item, by=request.user, answer=form.cleaned_data["answer"])
    except InvalidTransition as conflict:
        return render(request, "409.html", {"conflict": conflict}, status=409)
    messages.success(request, _("The report is closed."))
    return redirect("inaccuracies")


def _report(request: SignedInRequest, pk: int) -> InaccuracyReport:
    rows = InaccuracyReport.objects.select_related(
        "device__group", "recommendation", "version__software", "reported_by", "closed_by"
    )
    return get_object_or_404(rows.visible_to(request.user), pk=pk)
