"""The stand-in publishes both files, so that a first run needs no network."""

import pytest

from integrations.feeds.fetching import fetch
from integrations.feeds.reading import read
from integrations.sandbox.catalogue import load_catalogue

pytestmark = pytest.mark.once


@pytest.mark.parametrize("kind", ["epss", "kev"])
def test_a_published_file_reads_as_the_real_one_does(sandbox, settings, kind):
    for name in ("EPSS_URL", "KEV_URL"):
        setattr(settings, name, sandbox.environment[name])
    settings.FEEDS_CA_BUNDLE = sandbox.environment["FEEDS_CA_BUNDLE"]

    found = read(kind, fetch(kind))

    assert found.facts.keys() <= load_catalogue().weaknesses.keys()
    assert len(found.facts) > 50
