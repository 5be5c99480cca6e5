"""What lies in other device groups is nowhere: no word of it, no count, no place in an order."""

import pytest
import time_machine
from django.utils import timezone

from remediation.roles import SECURITY_TEAM

from .crawl import crawl
from .hidden import CANARY, hide, publish, visible_estate
from .people import Visitor

pytestmark = pytest.mark.django_db


@pytest.mark.security(id="S3")
def test_what_is_hidden_changes_nothing_that_a_reader_of_another_group_sees():
    with time_machine.travel(timezone.now(), tick=False):
        own = visible_estate()
        publish()
        reader = Visitor(SECURITY_TEAM, [own.group])
        before = crawl(reader, own)

        hide(own)
        publish()
        after = crawl(reader, own)

    assert [address for address, said in after.items() if CANARY.casefold() in said.casefold()] == []
    assert [address for address in before if before[address] != after[address]] == []
