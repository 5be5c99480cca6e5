"""Reading a feed over a small tenant: what it changes, what it leaves alone, whom it calls."""

import gzip
from datetime import date, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from integrations.feeds import loading
from integrations.ingest import running
from remediation.models import AuditEvent, Event, Feed, Lease, OrganisationScore, ScoreSnapshot, Weakness
from tests.integrations.ingest.world import World, sync

from .files import epss, kev

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def put(tmp_path):
    """Writes a file and reads it as a feed."""

    def write(kind: str, content: bytes) -> Feed:
        path = tmp_path / kind
        path.write_bytes(content)
        return loading.load(kind, str(path))

    return write


@pytest.fixture
def world():
    made = World()
    made.install(4, "1.0", "CVE-2026-2")
    for record in made.lists["weaknesses"]:
        record["id"] += "000"
    for record in made.lists["software"]:
        record["cveId"] += "000"
    return made


def weakness(number: int = 1) -> Weakness:
    return Weakness.objects.get(name=f"CVE-2026-{number}000")


def score() -> float:
    return OrganisationScore.objects.newest().exposure


def test_a_feed_changes_the_weaknesses_and_every_score(world, put):
    sync(world)
    before = score()

    feed = put("kev", kev("CVE-2026-1000", "CVE-1999-0001"))

    assert (feed.rows, feed.matched, feed.error) == (2, 1, "")
    assert (weakness().kev_added_on, weakness().kev_due_on) == (date(2026, 11, 20), date(2026, 12, 11))
    assert weakness().kev_ransomware
    assert weakness(2).kev_added_on is None
    assert score() > before
    assert sum(ScoreSnapshot.objects.values_list("score_normal", flat=True)) == pytest.approx(4 * score())


def test_the_scores_remember_the_days_of_what_went_in_and_keep_what_the_source_said(world, put):
    run = sync(world)
    published_at = OrganisationScore.objects.newest().published_at

    put("epss", epss(CVE_2026_1000=0.5))
    put("kev", kev("CVE-2026-1000"))

    newest = OrganisationScore.objects.newest()
    assert (newest.epss_on, newest.kev_on, newest.sync_run) == (date(2026, 11, 25), date(2026, 11, 25), run.pk)
    assert (newest.source_exposure, newest.published_at) == (40, published_at)
    assert newest.refreshed_at is not None


def test_a_low_epss_never_lowers_what_is_known_to_be_exploited(world, put):
    sync(world)
    put("kev", kev("CVE-2026-1000"))
    before = score()

    put("epss", epss(CVE_2026_1000=0.0))

    assert weakness().epss == 0
    assert score() == pytest.approx(before)


def test_the_next_sync_does_not_take_back_what_a_feed_says(world, put):
    sync(world)
    put("epss", epss(CVE_2026_1000=0.5))

    sync(world)

    assert (weakness().epss, weakness().epss_on) == (0.5, date(2026, 11, 25))
    # The source's own number, where the feed has none.
    assert (weakness(2).epss, weakness(2).epss_on) == (0.1, None)


def test_a_weakness_that_comes_later_has_its_facts_from_the_kept_files(world, put):
    put("epss", epss(CVE_2026_1000=0.5))
    put("kev", kev("CVE-2026-1000"))

    sync(world)

    assert (weakness().epss, weakness().kev_added_on) == (0.5, date(2026, 11, 20))


def test_what_the_catalogue_no_longer_has_is_taken_away(world, put):
    sync(world)
    put("kev", kev("CVE-2026-1000"))
    put("kev", kev("CVE-2026-2000"))

    assert weakness().kev_added_on is None
    assert not weakness().kev_ransomware
    told = Event.objects.get(kind="kev_removed")
    assert (told.name, told.before) == ("CVE-2026-1000", "2026-11-20")


BROKEN = {
    "empty": b"",
    "a page": b"<html>",
    "another count": kev("CVE-2026-1000", count=9),
    "cut off": gzip.compress(kev("CVE-1"))[:20],
}


@pytest.mark.bad_input(place="tables in files")
@pytest.mark.bad_input(place="JSON")
@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_changes_nothing_and_says_why(world, put, content):
    sync(world)
    put("kev", kev("CVE-2026-1000"))
    before = list(Weakness.objects.values()), score(), bytes(Feed.objects.defer(None).get(kind="kev").content)

    feed = put("kev", content)

    assert feed.error
    assert Feed.objects.get(kind="kev").error == feed.error
    assert (list(Weakness.objects.values()), score(), bytes(Feed.objects.defer(None).get(kind="kev").content)) == before
    assert AuditEvent.objects.filter(verb="feed_failed", note=feed.error).exists()


def test_while_a_sync_runs_the_file_is_kept_for_it(world, put):
    sync(world)
    before = score()
    assert Lease.objects.take(running.LEASE, "elsewhere:1:x", 60)

    put("kev", kev("CVE-2026-1000"))
    assert (weakness().kev_added_on, score()) == (None, before)
    Lease.objects.release(running.LEASE, "elsewhere:1:x")
    sync(world)

    assert weakness().kev_added_on == date(2026, 11, 20)
    assert score() > before


def test_an_addition_is_told_to_those_whom_it_touches_once(world, put):
    sync(world)
    put("kev", kev("CVE-1999-0001"))
    put("kev", kev("CVE-1999-0001", "CVE-2026-2000"))
    put("kev", kev("CVE-1999-0001", "CVE-2026-2000"))
    sync(world)

    told = Event.objects.get(kind="kev_added")
    assert (told.name, told.after) == ("CVE-2026-2000", "2026-11-20")
    assert list(told.counts.values_list("devices", flat=True)) == [4]


def test_an_addition_of_what_no_device_has_any_more_is_nobodys_news(world, put):
    sync(world)
    put("kev", kev("CVE-1999-0001"))
    for number in range(1, 5):
        world.update(number)
    for _ in range(2):
        sync(world)

    put("kev", kev("CVE-2026-1000"))

    assert weakness().kev_added_on is not None
    assert not Event.objects.filter(kind="kev_added").exists()


def test_the_first_catalogue_tells_one_line(world, put):
    sync(world)

    put("kev", kev("CVE-2026-1000", "CVE-2026-2000"))

    assert sorted(Event.objects.values_list("kind", flat=True)) == ["first_kev", "first_sync"]
    assert list(Event.objects.get(kind="first_kev").counts.values_list("devices", flat=True)) == [4]


# --- Addresses ---
@pytest.fixture
def published(httpserver, settings):
    """A host that publishes the catalogue, and is configured for it."""
    settings.KEV_URL = httpserver.url_for("/kev.json")
    httpserver.expect_request("/kev.json").respond_with_data(kev("CVE-2026-1000"))
    return httpserver


def test_a_feed_is_read_from_its_configured_address(world, published):
    sync(world)

    assert loading.load("kev").error == ""
    assert weakness().kev_added_on == date(2026, 11, 20)


@pytest.mark.security(id="S11")
def test_another_host_is_never_called(published):
    feed = loading.load("kev", "https://elsewhere.example/kev.json")

    assert "not the host of KEV_URL" in feed.error
    assert not published.log


@pytest.mark.security(id="S11")
def test_a_redirect_is_not_followed(published, httpserver, settings):
    settings.KEV_URL = httpserver.url_for("/moved")
    httpserver.expect_request("/moved").respond_with_data(status=302, headers={"Location": "/kev.json"})

    feed = loading.load("kev")

    assert "not followed" in feed.error
    assert [request.path for request, _ in httpserver.log] == ["/moved"]


def test_a_feed_that_is_switched_off_is_not_read(settings):
    settings.KEV_URL = ""

    assert "switched off" in loading.load("kev").error


@pytest.mark.parametrize("status", [404, 500, 503])
def test_an_answer_that_is_none_is_said(httpserver, settings, status):
    settings.KEV_URL = httpserver.url_for("/kev.json")
    httpserver.expect_request("/kev.json").respond_with_data("no", status=status)

    assert f"answered {status}" in loading.load("kev").error


def test_a_host_that_is_not_there_is_said(settings):
    settings.KEV_URL = "http://127.0.0.1:9/kev.json"

    assert "could not be read" in loading.load("kev").error


@pytest.mark.security(id="S22")
def test_a_file_that_is_too_large_is_not_read_to_its_end(published, monkeypatch):
    monkeypatch.setattr("integrations.feeds.fetching.LARGEST", 100)

    assert "megabytes" in loading.load("kev").error


def test_a_feed_is_due_once_a_day_and_not_at_once_after_a_failure(published):
    loading.load_due()
    loading.load_due()
    assert len(published.log) == 1

    Feed.objects.update(loaded_at=timezone.now() - timedelta(days=1), tried_at=timezone.now() - timedelta(minutes=5))
    loading.load_due()
    assert len(published.log) == 1

    Feed.objects.update(tried_at=timezone.now() - timedelta(hours=1))
    loading.load_due()
    assert len(published.log) == 2


# --- The command ---
def test_the_command_reads_a_file_and_says_what_it_found(tmp_path, capsys):
    path = tmp_path / "kev.json"
    path.write_bytes(kev("CVE-2026-1000"))

    call_command("feed", "kev", str(path))

    assert "1 rows of 2026-11-25" in capsys.readouterr().out


def test_the_command_fails_in_words(tmp_path):
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("feed", "epss", str(tmp_path / "nothing"))
