"""Sources: each reads pages, yields frozen structs, and knows no models.

A source has a `name` and five methods, each an iterator of `Page`: machines, recommendations, software, configurations,
weaknesses; and `scores()`. An iterator that ends has read to the last page; one that cannot raises SourceError.
Optional parts, of which nothing depends: the remediation activities of the source's own, and their exposed devices.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from .records import Page


class SourceError(Exception):
    """A part of the source could not be read to its end, in words for people."""


@dataclass(frozen=True)
class Scores:
    """What the source itself reports; None where it does not."""

    exposure: float | None = None
    configuration: float | None = None


class Source(Protocol):
    name: str

    def machines(self) -> Iterator[Page]: ...

    def recommendations(self) -> Iterator[Page]: ...

    def software(self) -> Iterator[Page]: ...

    def configurations(self) -> Iterator[Page]: ...

    def weaknesses(self) -> Iterator[Page]: ...

    def scores(self) -> Scores: ...

    def remediation_tasks(self) -> Iterator[Page]: ...

    def remediation_task_devices(self, task: str) -> Iterator[Page]: ...


__all__ = ["Page", "Scores", "Source", "SourceError"]
