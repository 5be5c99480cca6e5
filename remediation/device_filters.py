"""Which devices: the filters of their list, here because an action on "all that match" asks the same question."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from .models import Device, DeviceGroup, DeviceValue, ExposureLevel
from .models.devices import DeviceQuerySet

LONGEST_TEXT = 200

SILENT, UNSEEN, RETIRED, WITHOUT_ENTRA = "silent", "unseen", "retired", "without_entra"
_FACING = {"yes": True, "no": False, "unknown": None}


class DeviceFilters(django_filters.FilterSet):
    """Devices that count; those that are retired only when they are asked for."""

    q = django_filters.CharFilter(field_name="name", lookup_expr="icontains", label=_("Text"), max_length=LONGEST_TEXT)
    level = django_filters.MultipleChoiceFilter(
        field_name="exposure_level", choices=ExposureLevel, label=_("Exposure level"), distinct=False
    )
    value = django_filters.MultipleChoiceFilter(choices=DeviceValue, label=_("Device value"), distinct=False)
    facing = django_filters.ChoiceFilter(
        method="by_facing",
        choices=[("yes", _("Yes")), ("no", _("No")), ("unknown", _("Not known"))],
        label=_("Internet-facing"),
        empty_label=_("Any"),
    )
    coverage = django_filters.ChoiceFilter(
        method="by_coverage",
        choices=[
            (SILENT, _("Seen, reports no software")),
            (UNSEEN, _("Not seen for 30 days")),
            (WITHOUT_ENTRA, _("Without Entra device ID")),
            (RETIRED, _("Retired or merged")),
        ],
        label=_("Coverage"),
        empty_label=_("Any"),
    )
    os = django_filters.CharFilter(
        field_name="os_platform", lookup_expr="icontains", label=_("Operating system"), max_length=64
    )
    group = django_filters.MultipleChoiceFilter(label=_("Device group"), distinct=False)

    class Meta:
        model = Device
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.filters["group"].extra["choices"] = [(str(group.pk), group.name) for group in self.groups()]

    def groups(self) -> Any:
        return DeviceGroup.objects.visible_to(self.request.user)

    def filter_queryset(self, queryset: DeviceQuerySet) -> DeviceQuerySet:
        found = super().filter_queryset(queryset)
        return found.retired() if self.form.cleaned_data.get("coverage") == RETIRED else found.present()

    def by_facing(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(internet_facing=_FACING[value])

    def by_coverage(self, queryset: DeviceQuerySet, name: str, value: str) -> DeviceQuerySet:
        match value:
            case "silent":
                return queryset.filter(is_silent=True)
            case "unseen":
                return queryset.unseen()
            case "without_entra":
                return queryset.filter(entra_device_id="")
        return queryset
