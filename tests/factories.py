"""Factories: rows with plausible defaults. A test states the values it depends on."""

from datetime import timedelta
from uuid import uuid4

import factory
from django.contrib.auth.models import Permission
from django.db.models import F, Sum
from django.utils import timezone

from remediation import models
from remediation.markers import new_marker


class UserFactory(factory.django.DjangoModelFactory):
    """`UserFactory(may=["remediation.handle_remediation"], device_groups=[group])`; without groups given, sees all."""

    class Meta:
        model = models.User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"person{n}")
    first_name = factory.Faker("first_name")
    last_name = factory.Faker("last_name")
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.test")
    sees_all_groups = True

    @factory.post_generation
    def may(user, create, extracted, **kwargs):
        for name in extracted or []:
            app, codename = name.split(".")
            user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))

    @factory.post_generation
    def roles(user, create, extracted, **kwargs):
        from django.contrib.auth.models import Group

        user.groups.set(Group.objects.filter(name__in=extracted or []))

    @factory.post_generation
    def device_groups(user, create, extracted, **kwargs):
        if extracted is not None:
            user.sees_all_groups = False
            user.save(update_fields=["sees_all_groups"])
            user.device_groups.set(extracted)


class EntraPersonFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.EntraPerson

    user = factory.SubFactory(UserFactory)
    tenant_id = factory.LazyFunction(uuid4)
    object_id = factory.LazyFunction(uuid4)
    first_seen_at = signed_in_at = factory.LazyFunction(timezone.now)


class DeviceGroupFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.DeviceGroup

    name = factory.Sequence(lambda n: f"Workstations {n}")


class DeviceFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.Device

    source_id = factory.Sequence(lambda n: f"{n:040x}")
    name = factory.Sequence(lambda n: f"ws-{n:04d}.corp.example")
    entra_device_id = factory.LazyFunction(lambda: str(uuid4()))
    os_platform = "Windows11"
    group = factory.SubFactory(DeviceGroupFactory)
    first_seen_at = factory.LazyFunction(lambda: timezone.now() - timedelta(days=90))
    last_seen_at = factory.LazyFunction(timezone.now)


class SoftwareFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.Software

    source_id = factory.Sequence(lambda n: f"contoso-_-product_{n}")
    name = factory.Sequence(lambda n: f"Product {n}")
    vendor = "Contoso"


class WeaknessFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.Weakness

    name = factory.Sequence(lambda n: f"CVE-2026-{10000 + n}")
    severity = models.Severity.HIGH
    cvss = 8.8
    epss = 0.1


class SoftwareVersionFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.SoftwareVersion
        skip_postgeneration_save = True

    software = factory.SubFactory(SoftwareFactory)
    version = factory.Sequence(lambda n: f"1.{n}")
    risk = 0.5

    @factory.post_generation
    def weaknesses(version, create, extracted, **kwargs):
        if extracted:
            version.weaknesses.set(extracted)


class RecommendationFactory(factory.django.DjangoModelFactory):
    """A software update; see ConfigurationFactory for the other kind."""

    class Meta:
        model = models.Recommendation

    software = factory.SubFactory(SoftwareFactory)
    source_id = factory.LazyAttribute(lambda item: f"va-_-{item.software.source_id}")
    name = factory.LazyAttribute(lambda item: f"Update {item.software.name} to version {item.recommended_version}")
    remediation_type = models.RemediationType.UPDATE
    category = models.Category.APPLICATION
    related_component = factory.LazyAttribute(lambda item: item.software.name if item.software else "")
    vendor = "Contoso"
    recommended_version = "2.0"
    first_seen_at = factory.LazyFunction(timezone.now)
    weaknesses = 3
    exposure_impact = 1.5


class ConfigurationFactory(RecommendationFactory):
    software = None
    source_id = factory.Sequence(lambda n: f"sca-_-scid-{n}")
    name = factory.Sequence(lambda n: f"Turn on setting {n}")
    remediation_type = models.RemediationType.CONFIGURATION_CHANGE
    category = models.Category.SECURITY_CONTROLS
    related_component = "Security controls"
    recommended_version = ""
    severity_score = 9
    exposure_impact = 0
    configuration_impact = 1.2
    weaknesses = 0


class ExposureFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.Exposure

    recommendation = factory.SubFactory(RecommendationFactory)
    device = factory.SubFactory(DeviceFactory)
    version = factory.Maybe(
        factory.LazyAttribute(lambda item: item.recommendation.software is not None),
        factory.SubFactory(SoftwareVersionFactory, software=factory.SelfAttribute("..recommendation.software")),
        None,
    )
    first_seen_at = factory.LazyFunction(timezone.now)


class CounterFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.RecommendationCounter
        skip_postgeneration_save = True

    recommendation = factory.SubFactory(RecommendationFactory)
    group = factory.SubFactory(DeviceGroupFactory)
    exposed = 1
    total = 1
    eligible = 1

    @factory.post_generation
    def totals(counter, create, extracted, **kwargs):
        """Those of its recommendation are the sums, as a sync writes them."""
        sums = counter.recommendation.counters.aggregate(
            exposed=Sum("exposed", default=0), total=Sum("total", default=0)
        )
        models.Recommendation.objects.filter(pk=counter.recommendation_id).update(**sums)


class ScoreSnapshotFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.ScoreSnapshot

    day = factory.LazyFunction(timezone.localdate)
    group = factory.SubFactory(DeviceGroupFactory)
    published_at = factory.LazyFunction(timezone.now)
    model_version = 1


class ActivityFactory(factory.django.DjangoModelFactory):
    """An active activity without devices; `give_devices` or `request_remediation` bring some."""

    class Meta:
        model = models.RemediationActivity

    recommendation = factory.SubFactory(RecommendationFactory)
    request_key = factory.LazyFunction(uuid4)
    title = factory.SelfAttribute("recommendation.name")
    requested_remediation = models.RemediationType.UPDATE
    related_component = factory.SelfAttribute("recommendation.related_component")
    recommended_version = "2.0"
    scope_key = "all"
    due_on = factory.LazyFunction(lambda: timezone.localdate() + timedelta(days=14))
    requester = factory.SubFactory(UserFactory)
    requested_at = factory.LazyFunction(timezone.now)
    status_changed_by = factory.SelfAttribute("requester")
    status_changed_at = factory.LazyFunction(timezone.now)
    completion_method = factory.LazyAttribute(
        lambda item: models.CompletionMethod.MANUAL if item.status == models.ActivityStatus.COMPLETED else ""
    )
    status = models.ActivityStatus.ACTIVE


class ExceptionFactory(factory.django.DjangoModelFactory):
    """One in effect that lowers the scores, for all devices or `groups=[...]`; of a recommendation, or `weakness=`."""

    class Meta:
        model = models.RecommendationException
        skip_postgeneration_save = True

    weakness = None
    recommendation = factory.Maybe("weakness", None, factory.SubFactory(RecommendationFactory))
    request_key = factory.LazyFunction(uuid4)
    justification = models.Justification.ALTERNATE_MITIGATION
    context = "Isolated VLAN, replaced in spring."
    all_groups = True
    scope_key = factory.Sequence(lambda n: f"scope {n}")
    exposed_then = 1
    impact_then = 1.0
    risk_then = factory.Maybe("weakness", 0.5, None)
    filed_by = factory.SubFactory(UserFactory)
    filed_at = started_at = status_changed_at = factory.LazyFunction(timezone.now)
    ends_at = factory.LazyFunction(lambda: timezone.now() + timedelta(days=30))
    status_changed_by = factory.SelfAttribute("filed_by")
    status = models.ExceptionStatus.IN_EFFECT

    @factory.post_generation
    def groups(exception, create, extracted, **kwargs):
        exception.device_groups.set(models.DeviceGroup.objects.all() if extracted is None else extracted)
        if extracted is not None:
            exception.all_groups = False
            exception.save(update_fields=["all_groups"])


class TicketSystemFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.TicketSystem
        django_get_or_create = ("key",)

    key = "intune"
    name = "Microsoft Intune"
    is_enabled = True


class TicketFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.Ticket

    activity = factory.SubFactory(ActivityFactory)
    system = factory.SubFactory(TicketSystemFactory)
    batch = 1
    batches = 1
    devices = 1
    created_at = factory.LazyFunction(timezone.now)
    next_attempt_at = factory.LazyFunction(timezone.now)
    marker = factory.LazyFunction(new_marker)
    facts = factory.LazyFunction(dict)


def enable_intune(is_enabled: bool = True) -> models.TicketSystem:
    """The connection as an administrator would switch it."""
    models.TicketSystem.objects.filter(key="intune").update(is_enabled=is_enabled)
    return models.TicketSystem.objects.get(key="intune")


def estate(devices: int = 3, groups: int = 1, **recommendation) -> models.Recommendation:
    """A recommendation that applies to some devices in some groups, with counters as a sync would write them."""
    item = RecommendationFactory(exposed=devices, total=devices, **recommendation)
    places = [DeviceGroupFactory() for _ in range(groups)]
    weakness = WeaknessFactory()
    version = SoftwareVersionFactory(software=item.software, weaknesses=[weakness]) if item.software else None
    for number in range(devices):
        device = DeviceFactory(group=places[number % groups], risk_sum=float(devices - number))
        ExposureFactory(recommendation=item, device=device, version=version)
    for place in places:
        here = models.Exposure.objects.filter(recommendation=item, device__group=place)
        CounterFactory(
            recommendation=item,
            group=place,
            exposed=here.count(),
            total=here.count(),
            eligible=here.exclude(device__entra_device_id="").count(),
        )
        if version:
            _count_inventory(version, weakness, place, here.count())
    return item


def _count_inventory(
    version: models.SoftwareVersion, weakness: models.Weakness, group: models.DeviceGroup, devices: int
) -> None:
    """Counters and totals of the inventory for devices of a group that have the version, and the weakness by it."""
    counted = {"group": group, "exposed": devices}
    version.counters.create(installed=devices, **counted)
    version.software.counters.create(installed=devices, **counted)
    weakness.counters.create(first_seen_at=timezone.now(), **counted)
    exposed = F("exposed") + devices
    models.Software.objects.filter(pk=version.software_id).update(
        installed=F("installed") + devices, exposed=exposed, weaknesses=1
    )
    models.Weakness.objects.filter(pk=weakness.pk).update(exposed=exposed, first_seen_at=timezone.now())
