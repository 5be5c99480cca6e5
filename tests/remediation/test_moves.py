"""Why the score moved: the parts add up, each change lands in its own part, and a promised impact comes true."""

from datetime import date, timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integrations.sources import clean
from remediation import scoring
from remediation.models import (
    ActivityDevice,
    Device,
    DeviceGroup,
    DeviceState,
    Exposure,
    ExposureChange,
    FreshLink,
    Justification,
    MovePart,
    Recommendation,
    RecommendationCounter,
    RecommendationException,
    ScoreMove,
    ScoreSnapshot,
    SoftwareVersion,
    Weakness,
)
from tests import factories, publication

pytestmark = pytest.mark.django_db

NOW = timezone.now()
TODAY = NOW.date()
SIX = ScoreMove.SUMMED


def publish(day: date = TODAY) -> None:
    publication.publish(day, NOW)


def sums(day: date, groups: list[int]) -> list[float]:
    rows = ScoreSnapshot.objects.filter(day=day, group__in=groups)
    return [sum(getattr(row, name) for row in rows) for name in SIX]


def parts(day: date, groups: list[int]) -> dict[str, float]:
    """Points by part, told from the day before."""
    steps = []
    for part in MovePart.values:
        rows = ScoreMove.objects.filter(day=day, group__in=groups, part=part)
        steps.append((part, [sum(getattr(row, name) for row in rows) for name in SIX]))
    return scoring.telescope(sums(day - timedelta(days=1), groups), steps)


def movement(day: date, groups: list[int]) -> float:
    return scoring.exposure_score(*sums(day, groups)) - scoring.exposure_score(*sums(day - timedelta(days=1), groups))


def change(exposure: Exposure, version: SoftwareVersion | None) -> None:
    """As a sync does it: the reason beside the change."""
    ids = {"recommendation_id": exposure.recommendation_id, "device_id": exposure.device_id}
    ExposureChange.objects.create(**ids, old_version=exposure.version, new_version=version)
    if version is None:
        Exposure.objects.filter(**ids).delete()
    else:
        Exposure.objects.filter(**ids).update(version=version)


def expose(product: Recommendation, device: Device, version: SoftwareVersion) -> None:
    factories.ExposureFactory(recommendation=product, device=device, version=version)
    ExposureChange.objects.create(recommendation=product, device=device, new_version=version)


def measures(most: int) -> st.SearchStrategy[float]:
    """As they are stored: no more digits than they have."""
    return st.floats(0, most).map(clean.measure)


class Estate:
    """Three groups, three products of two versions each, and devices drawn by Hypothesis."""

    def __init__(self, draw: st.DataObject) -> None:
        self.draw = draw.draw
        self.groups = factories.DeviceGroupFactory.create_batch(3)
        self.weaknesses = [self.weakness() for _ in range(5)]
        self.products = factories.RecommendationFactory.create_batch(3)
        self.versions = {
            product: [
                factories.SoftwareVersionFactory(
                    software=product.software, weaknesses=self.draw(st.sets(st.sampled_from(self.weaknesses)))
                )
                for _ in range(2)
            ]
            for product in self.products
        }
        for _ in range(self.draw(st.integers(1, 8))):
            self.add_device()
        for _ in range(self.draw(st.integers(0, 3))):
            self._except()

    def pick(self, values):
        return self.draw(st.sampled_from(list(values)))

    def weakness(self) -> Weakness:
        cvss, epss = self.draw(measures(10)), self.draw(st.none() | measures(1))
        return factories.WeaknessFactory(cvss=cvss, epss=epss, kev_added_on=self.pick([None, TODAY]))

    def add_device(self) -> None:
        device = factories.DeviceFactory(
            group=self.pick(self.groups),
            value=self.pick(["low", "normal", "high"]),
            internet_facing=self.pick([None, True]),
            last_seen_at=self.pick([NOW, NOW, NOW - timedelta(days=31)]),
        )
        for product in self.draw(st.sets(st.sampled_from(self.products))):
            expose(product, device, self.pick(self.versions[product]))

    def happen(self) -> None:
        """One thing that a sync, a feed or a person may do, or that befalls a sync that is killed half-way."""
        deed = self.pick(
            [
                self.add_device, self._retire, self._see, self._regroup, self._revalue, self._face, self._rescore,
                self._fix, self._upgrade, self._expose, self._find, self._withdraw, self._change_without_a_reason,
                self._except, self._end_exception,
            ]
        )  # fmt: skip
        deed()

    def _device(self) -> Device:
        return self.pick(Device.objects.order_by("pk"))

    def _set(self, **fields) -> None:
        Device.objects.filter(pk=self._device().pk).update(**fields)

    def _retire(self) -> None:
        self._set(retired_at=self.pick([NOW, None]))

    def _see(self) -> None:
        self._set(last_seen_at=self.pick([NOW, NOW - timedelta(days=31), None]))

    def _regroup(self) -> None:
        self._set(group=self.pick(self.groups))

    def _revalue(self) -> None:
        self._set(value=self.pick(["low", "normal", "high"]))

    def _face(self) -> None:
        self._set(internet_facing=self.pick([True, False, None]))

    def _rescore(self) -> None:
        found = self.pick(self.weaknesses)
        Weakness.objects.filter(pk=found.pk).update(epss=self.draw(measures(1)), kev_added_on=self.pick([None, TODAY]))

    def _exposure(self) -> Exposure | None:
        found = list(Exposure.objects.order_by("recommendation", "device"))
        return self.pick(found) if found else None

    def _fix(self) -> None:
        exposure = self._exposure()
        if exposure is None:
            return
        if self.draw(st.booleans()):
            prove(exposure)
        change(exposure, None)

    def _upgrade(self) -> None:
        exposure = self._exposure()
        if exposure is not None:
            change(exposure, self.pick(self.versions[exposure.recommendation]))

    def _expose(self) -> None:
        product, device = self.pick(self.products), self._device()
        if not Exposure.objects.filter(recommendation=product, device=device).exists():
            expose(product, device, self.pick(self.versions[product]))

    def _version(self) -> SoftwareVersion:
        return self.pick(self.versions[self.pick(self.products)])

    def _find(self) -> None:
        version, found = self._version(), self.weakness()
        version.weaknesses.add(found)
        FreshLink.objects.create(version=version, weakness=found)

    def _except(self) -> None:
        subject = self.pick([*self.products, *self.weaknesses])
        kind = "weakness" if subject in self.weaknesses else "recommendation"
        groups = self.pick([None, [self.groups[0]], self.groups[1:]])
        factories.ExceptionFactory(**{kind: subject}, groups=groups, justification=self.pick(Justification))

    def _end_exception(self) -> None:
        found = list(RecommendationException.objects.order_by("pk"))
        if found:
            RecommendationException.objects.filter(pk=self.pick(found).pk).update(status="expired")

    def _withdraw(self) -> None:
        self._version().weaknesses.clear()

    def _change_without_a_reason(self) -> None:
        exposure = self._exposure()
        if exposure is not None:
            ids = {"recommendation_id": exposure.recommendation_id, "device_id": exposure.device_id}
            Exposure.objects.filter(**ids).update(version=self.pick(self.versions[exposure.recommendation]))


def prove(exposure: Exposure) -> None:
    """An activity of the recommendation whose target device is proved fixed."""
    activity = factories.ActivityFactory(
        recommendation=exposure.recommendation, scope_key=f"device {exposure.device_id}"
    )
    ActivityDevice.objects.create(
        activity=activity,
        device_id=exposure.device_id,
        group_id=exposure.device.group_id,
        state=DeviceState.FIXED,
        state_changed_at=NOW,
    )


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_the_parts_add_up_to_the_movement_whatever_happens(data):
    with transaction.atomic():
        estate = Estate(data)
        publish(TODAY - timedelta(days=1))
        for _ in range(data.draw(st.integers(1, 3))):
            for _ in range(data.draw(st.integers(0, 5))):
                estate.happen()
            publish()

        for groups in data.draw(st.lists(st.sets(st.sampled_from([group.pk for group in estate.groups]), min_size=1))):
            assert sum(parts(TODAY, list(groups)).values()) == pytest.approx(movement(TODAY, list(groups)), abs=1e-9)
        everything = list(DeviceGroup.objects.values_list("pk", flat=True))
        assert sum(parts(TODAY, everything).values()) == pytest.approx(movement(TODAY, everything), abs=1e-9)
        assert parts(TODAY, everything)[MovePart.REGROUPED] == pytest.approx(0, abs=1e-9)
        transaction.set_rollback(True)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_promised_impact_is_the_drop_when_the_fix_happens_and_nothing_else_changes(data):
    with transaction.atomic():
        estate = Estate(data)
        publish(TODAY - timedelta(days=1))
        product = estate.pick(estate.products)
        everything = [group.pk for group in estate.groups]
        some = sorted(data.draw(st.sets(st.sampled_from(everything), min_size=1)))
        promised = {tuple(groups): _promise(product, groups) for groups in (everything, some)}
        product.refresh_from_db()
        of_organisation = product.exposure_impact

        for exposure in Exposure.objects.filter(recommendation=product).select_related("device"):
            prove(exposure)
            change(exposure, None)
        publish()

        assert -movement(TODAY, everything) == pytest.approx(of_organisation, abs=1e-9)
        for groups, impact in promised.items():
            assert -movement(TODAY, list(groups)) == pytest.approx(impact, abs=1e-9)
            assert -parts(TODAY, list(groups))[MovePart.FIXED_BY_US] == pytest.approx(impact, abs=1e-9)
        transaction.set_rollback(True)


def _promise(product: Recommendation, groups: list[int]) -> float:
    rows = RecommendationCounter.objects.filter(recommendation=product, group__in=groups)
    drops = [sum(getattr(row, f"drop_{value}") for row in rows) for value in ("low", "normal", "high")]
    devices = [round(value) for value in sums(TODAY - timedelta(days=1), groups)[:3]]
    return scoring.exposure_impact(*drops, *devices)


@pytest.fixture
def exposure():
    """A published device with one weak version; another device that stays."""
    group = factories.DeviceGroupFactory()
    product = factories.RecommendationFactory()
    version = factories.SoftwareVersionFactory(software=product.software, weaknesses=[factories.WeaknessFactory()])
    both = factories.DeviceFactory.create_batch(2, group=group)
    for device in both:
        factories.ExposureFactory(recommendation=product, device=device, version=version)
    publish(TODAY - timedelta(days=1))
    return Exposure.objects.select_related("device", "version").get(device=both[0])


def _moved() -> dict[str, float]:
    """The parts that moved anything, after the next publication."""
    publish()
    found = parts(TODAY, list(DeviceGroup.objects.values_list("pk", flat=True)))
    return {part: points for part, points in found.items() if abs(points) > 1e-9}


def test_nothing_moves_by_itself(exposure):
    assert _moved() == {}


def test_a_fix_of_an_activity_is_ours(exposure):
    prove(exposure)
    change(exposure, None)

    moved = _moved()

    assert set(moved) == {MovePart.FIXED_BY_US}
    assert moved[MovePart.FIXED_BY_US] < 0


def test_a_fix_without_an_activity_is_not_ours(exposure):
    change(exposure, None)

    assert set(_moved()) == {MovePart.FIXED_OTHERWISE}


def test_a_fix_of_an_activity_that_is_not_proved_is_not_ours(exposure):
    prove(exposure)
    ActivityDevice.objects.update(state=DeviceState.EXPOSED)
    change(exposure, None)

    assert set(_moved()) == {MovePart.FIXED_OTHERWISE}


def test_a_weakness_found_in_an_installed_version_is_new(exposure):
    found = factories.WeaknessFactory()
    exposure.version.weaknesses.add(found)
    FreshLink.objects.create(version=exposure.version, weakness=found)

    moved = _moved()

    assert set(moved) == {MovePart.NEW_WEAKNESSES}
    assert moved[MovePart.NEW_WEAKNESSES] > 0


def test_a_higher_epss_is_weighed_anew(exposure):
    Weakness.objects.update(epss=0.9)

    assert set(_moved()) == {MovePart.RESCORED}


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({"retired_at": NOW}, MovePart.GONE),
        ({"last_seen_at": NOW - timedelta(days=31)}, MovePart.INACTIVE),
        ({"internet_facing": True}, MovePart.RESCORED),
    ],
)
def test_what_becomes_of_a_device_has_its_part(exposure, fields, part):
    other = exposure.recommendation.exposures.exclude(device=exposure.device).get()
    change(other, None)
    publish(TODAY - timedelta(days=1))
    Device.objects.filter(pk=exposure.device_id).update(**fields)

    assert set(_moved()) == {part}


def test_a_device_that_is_seen_again_belongs_to_the_inactive(exposure):
    Device.objects.filter(pk=exposure.device_id).update(last_seen_at=NOW - timedelta(days=31))
    change(exposure.recommendation.exposures.exclude(device=exposure.device).get(), None)
    publish(TODAY - timedelta(days=1))
    Device.objects.filter(pk=exposure.device_id).update(last_seen_at=NOW)

    assert set(_moved()) == {MovePart.INACTIVE}


def test_a_device_that_comes_is_new(exposure):
    factories.DeviceFactory(group=exposure.device.group)

    assert set(_moved()) == {MovePart.NEW_DEVICES}


def test_a_move_between_groups_shows_in_a_selection_and_not_in_the_whole(exposure):
    here, there = exposure.device.group_id, factories.DeviceGroupFactory().pk
    change(exposure.recommendation.exposures.exclude(device=exposure.device).get(), None)
    publish(TODAY - timedelta(days=1))
    Device.objects.filter(pk=exposure.device_id).update(group=there)

    assert _moved() == {}
    assert parts(TODAY, [here])[MovePart.REGROUPED] < 0
    assert parts(TODAY, [there])[MovePart.REGROUPED] > 0


def test_an_exception_moves_the_score_by_its_own_part_and_back(exposure):
    made = factories.ExceptionFactory(recommendation=exposure.recommendation, groups=[exposure.device.group])
    first = _moved()
    publish(TODAY + timedelta(days=1))
    RecommendationException.objects.filter(pk=made.pk).update(status="expired")
    publish(TODAY + timedelta(days=2))
    second = parts(TODAY + timedelta(days=2), [exposure.device.group_id])

    assert set(first) == {MovePart.EXCEPTED}
    assert first[MovePart.EXCEPTED] < 0
    assert second[MovePart.EXCEPTED] == pytest.approx(-first[MovePart.EXCEPTED])


@pytest.mark.parametrize("justification", ["risk_accepted", "planned_remediation", "business_need", "compliance"])
def test_an_exception_that_changes_no_risk_moves_nothing(exposure, justification):
    factories.ExceptionFactory(recommendation=exposure.recommendation, justification=justification)

    assert _moved() == {}


def test_an_excepted_weakness_takes_its_own_risk_and_no_more(exposure):
    other = factories.WeaknessFactory(cvss=5.0)
    exposure.version.weaknesses.add(other)
    publish(TODAY - timedelta(days=1))
    factories.ExceptionFactory(weakness=other, groups=[exposure.device.group])

    moved = _moved()

    exposure.device.refresh_from_db()
    assert set(moved) == {MovePart.EXCEPTED}
    assert exposure.device.risk_sum == pytest.approx(0.88 * 0.15)
    assert exposure.device.excepted_risk == pytest.approx(0.5 * 0.15)


def test_what_an_exception_took_already_is_no_success_of_a_fix(exposure):
    factories.ExceptionFactory(recommendation=exposure.recommendation)
    publish(TODAY - timedelta(days=1))
    prove(exposure)
    change(exposure, None)

    assert _moved() == {}


@pytest.mark.parametrize("excepted", ["product", "weakness"])
def test_a_weakness_that_is_found_under_an_exception_is_no_part_of_the_movement(exposure, excepted):
    other = factories.SoftwareVersionFactory(weaknesses=[factories.WeaknessFactory()])
    factories.ExposureFactory(
        recommendation=factories.RecommendationFactory(software=other.software), device=exposure.device, version=other
    )
    found = factories.WeaknessFactory()
    about = {"recommendation": exposure.recommendation} if excepted == "product" else {"weakness": found}
    factories.ExceptionFactory(**about)
    publish(TODAY - timedelta(days=1))
    exposure.version.weaknesses.add(found)
    FreshLink.objects.create(version=exposure.version, weakness=found)

    assert _moved() == {}


def test_a_device_keeps_a_score_of_each_day_on_which_it_moved(exposure):
    clean = exposure.device
    change(exposure, None)
    publish()
    publish(TODAY + timedelta(days=1))

    kept = list(clean.scores.order_by("day").values_list("day", "score"))
    assert kept == [
        (TODAY - timedelta(days=1), pytest.approx(scoring.device_score(0.88 * 0.15))),
        (TODAY, 0),
    ]


def test_a_score_that_hardly_moves_is_not_kept_again_and_a_slow_drift_is(exposure):
    def kept_after(epss: float, day: int) -> int:
        Weakness.objects.update(epss=epss)
        publish(TODAY + timedelta(days=day))
        return exposure.device.scores.count()

    assert [kept_after(0.5, 0), kept_after(0.505, 1), kept_after(0.51, 2), kept_after(0.53, 3)] == [2, 2, 2, 3]
