"""Many write the audit trail at once, and several seal it: one chain, without a fork or a gap."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import IntegrityError, connection, connections

from remediation.models import AuditEvent, User
from remediation.rules import audit
from tests.factories import DeviceGroupFactory

WRITERS, EVENTS, SEALERS = 8, 40, 3


@pytest.mark.security(id="S16")
@pytest.mark.postgresql
@pytest.mark.skipif(connection.vendor != "postgresql", reason="races need PostgreSQL")
@pytest.mark.django_db(transaction=True)
def test_eight_who_write_while_three_seal_make_one_chain():
    group, system = DeviceGroupFactory(), User.objects.system()
    together = Barrier(WRITERS + SEALERS)

    def write(writer: int) -> None:
        together.wait()
        for number in range(EVENTS):
            AuditEvent.objects.record(group, f"{writer}-{number}", by=system)
        connections.close_all()

    def seal(_: int) -> None:
        together.wait()
        for _round in range(EVENTS):
            audit.seal()
        connections.close_all()

    with ThreadPoolExecutor(WRITERS + SEALERS) as pool:
        working = [pool.submit(write, writer) for writer in range(WRITERS)]
        working += [pool.submit(seal, sealer) for sealer in range(SEALERS)]
    assert [work.result() for work in working] == [None] * (WRITERS + SEALERS)
    audit.seal()

    verdict = audit.verify()
    assert (verdict.sealed, verdict.unsealed, verdict.problem) == (WRITERS * EVENTS, 0, "")
    events = AuditEvent.objects.filter(sequence__isnull=False)
    assert sorted(events.values_list("sequence", flat=True)) == list(range(1, WRITERS * EVENTS + 1))
    assert events.values("previous").distinct().count() == WRITERS * EVENTS
    for writer in range(WRITERS):
        mine = events.filter(verb__startswith=f"{writer}-").order_by("sequence").values_list("verb", flat=True)
        assert list(mine) == [f"{writer}-{number}" for number in range(EVENTS)]


@pytest.mark.security(id="S16")
@pytest.mark.django_db
@pytest.mark.parametrize("twin", [{"sequence": 1, "previous": "elsewhere"}, {"sequence": 9, "previous": audit.GENESIS}])
def test_the_database_refuses_a_fork_of_the_chain(twin):
    """Whoever seals beside the lease: no number and no predecessor is had twice."""
    group, system = DeviceGroupFactory(), User.objects.system()
    AuditEvent.objects.record(group, "first", by=system)
    audit.seal()
    second = AuditEvent.objects.record(group, "second", by=system)

    with pytest.raises(IntegrityError):
        AuditEvent.objects.filter(pk=second.pk).update(seal="f" * 64, **twin)
