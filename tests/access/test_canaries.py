"""What lies in other device groups is nowhere: no word of it, no count, no place in an order."""

import pytest
import time_machine
from django.contrib import admin
from django.urls import reverse
from django.utils import timezone

from remediation.roles import ADMINISTRATOR, SECURITY_TEAM

from .crawl import crawl, said
from .hidden import CANARY, hide, publish, visible_estate
from .people import Visitor
from .routes import OURS
from .table import lines_of_the_pages
from .things import things_of_everybody

pytestmark = pytest.mark.django_db

# People belong to no device group.
PEOPLE = {"remediation.user", "remediation.entraperson"}


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

    assert [address for address, text in after.items() if CANARY.casefold() in text.casefold()] == []
    assert [address for address in before if before[address] != after[address]] == []


@pytest.mark.security(id="S3")
def test_an_administrator_of_another_group_is_not_told_either():
    own = visible_estate()
    hide(own)
    publish()
    own.keys |= things_of_everybody()
    visitor = Visitor(ADMINISTRATOR, [own.group])
    settings = {line.path for line in lines_of_the_pages() if line.section == "Settings" and line.method == "GET"}
    models = [model for model in admin.site._registry if model._meta.label_lower not in PEOPLE]
    addresses = [own.address(name) for name, path in OURS.items() if path in settings]
    addresses += [reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_changelist") for model in models]

    for address in [*addresses, reverse("admin:index")]:
        assert CANARY.casefold() not in said(visitor.ask("GET", address)).casefold(), address
        assert CANARY.casefold() not in said(visitor.ask("GET", address, q="anary")).casefold(), address
