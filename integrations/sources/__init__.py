"""Sources: each reads pages, yields frozen structs, and knows no models.

A source has a `name` and a method a part, each an iterator of `Page`. An iterator that ends has read to the last page;
one that cannot raises SourceError. A page that bears a bookmark lets another process go on after it: the part is then
asked for with that bookmark. Where that place is gone the iterator raises StartOver. The remediation activities of the
source's own, and their exposed devices, are parts of which nothing depends.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from .pages import Page


class SourceError(Exception):
    """A part of the source could not be read to its end, in words for people."""


class StartOver(Exception):
    """What was read of a part belongs to an older state than what comes next. In words for people."""


@dataclass(frozen=True)
class Scores:
    """What the source itself reports; None where it does not."""

    exposure: float | None = None
    configuration: float | None = None


class Source(Protocol):
    name: str

    def machines(self, after: str = "") -> Iterator[Page]: ...

    def expect(self, machines: int) -> None:
        """Told how many machines there are, before the parts about them are read."""

    def recommendations(self, after: str = "") -> Iterator[Page]: ...

    def software(self, after: str = "") -> Iterator[Page]: ...

    def configurations(self, after: str = "") -> Iterator[Page]: ...

    def weaknesses(self, after: str = "") -> Iterator[Page]: ...

    def inventory(self, after: str = "") -> Iterator[Page]:
        """Products and their installed versions: optional."""

    def changes(self, since: datetime) -> Iterator[Page]:
        """What became of the software's weaknesses since a moment."""

    def scores(self) -> Scores: ...

    def remediation_tasks(self) -> Iterator[Page]: ...

    def remediation_task_devices(self, task: str) -> Iterator[Page]: ...


__all__ = ["Page", "Scores", "Source", "SourceError", "StartOver"]
