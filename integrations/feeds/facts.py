"""What the files that were read last say of some weaknesses. The files are kept, so that a later one is met too."""

from collections.abc import Iterable

from remediation.models import Feed, FeedKind

from .reading import Facts, Published, read

# Of a weakness that the catalogue does not have, any more or yet. EPSS has them all; what it lacks keeps what it had.
_NOT_IN_KEV: Facts = {"kev_added_on": None, "kev_due_on": None, "kev_ransomware": False}


def published_facts(names: Iterable[str]) -> dict[str, Facts]:
    """The fields of Weakness that the feeds know better than the source."""
    names = set(names)
    found: dict[str, Facts] = {}
    if not names:
        return found
    for feed in Feed.objects.filter(loaded_at__isnull=False).defer(None):
        for name, facts in said_of(feed.kind, read(feed.kind, bytes(feed.content)), names).items():
            found[name] = found.get(name, {}) | facts
    return found


def said_of(kind: str, published: Published, names: set[str]) -> dict[str, Facts]:
    if kind == FeedKind.KEV:
        return {name: published.facts.get(name, _NOT_IN_KEV) for name in names}
    return {name: published.facts[name] for name in names & published.facts.keys()}
