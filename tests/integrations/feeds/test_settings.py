"""The feeds on the page of sources: their dates, what went wrong, and reading one now."""

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse
from django.utils import timezone

from integrations import tasks
from integrations.feeds import loading
from remediation.models import Feed
from remediation.roles import ADMINISTRATOR
from tests.factories import UserFactory

from .files import epss, kev

pytestmark = pytest.mark.django_db


@pytest.fixture
def administrator(client):
    user = UserFactory(roles=[ADMINISTRATOR])
    client.force_login(user)
    return user


def page(client) -> str:
    return client.get(reverse("settings_sources")).content.decode()


def test_the_page_shows_what_was_read_and_what_went_wrong(client, administrator, tmp_path, settings):
    settings.EPSS_URL = "https://mirror.example/epss.csv"
    (tmp_path / "epss").write_bytes(epss(CVE_2026_1111=0.5, CVE_2026_2222=0.1))
    loading.load("epss", str(tmp_path / "epss"))
    loading.load("epss", str(tmp_path / "nothing"))

    html = page(client)

    assert "https://mirror.example/epss.csv" in html
    assert "25 Nov" in html
    assert "v2025.03.14" in html
    assert "cannot be read" in html
    assert "Switched off" in html


def test_looking_at_the_page_stores_nothing(client, administrator):
    page(client)

    assert not Feed.objects.exists()


def test_what_a_feed_says_is_shown_as_text(client, administrator):
    Feed.objects.create(kind="kev", tried_at=timezone.now(), error="<script>alert(1)</script>")

    assert "<script>alert" not in page(client)


def test_reading_one_now_asks_a_worker(client, administrator, broker, settings, httpserver):
    settings.KEV_URL = httpserver.url_for("/kev.json")

    answer = client.post(reverse("settings_feed_load", args=["kev"]))

    assert "in the background" in " ".join(map(str, get_messages(answer.wsgi_request)))
    assert answer.url == reverse("settings_sources")


def test_a_feed_that_is_none_is_not_found(client, administrator):
    assert client.post(reverse("settings_feed_load", args=["nvd"])).status_code == 404


def test_the_first_sync_reads_what_is_due_before_it_begins(settings, httpserver):
    """Without a tenant there is no sync, and the feeds are read all the same."""
    settings.KEV_URL = httpserver.url_for("/kev.json")
    httpserver.expect_request("/kev.json").respond_with_data(kev("CVE-2026-1111"))

    tasks.run_sync()

    assert Feed.objects.get(kind="kev").rows == 1


def test_the_clock_reads_what_is_due_and_a_person_one_at_once(administrator, settings, httpserver):
    settings.KEV_URL = httpserver.url_for("/kev.json")
    httpserver.expect_request("/kev.json").respond_with_data(kev("CVE-2026-1111"))
    tasks.load_feeds()
    tasks.load_feeds()
    assert len(httpserver.log) == 1

    tasks.load_feeds(kind="kev", requested_by=administrator.pk)

    assert len(httpserver.log) == 2
