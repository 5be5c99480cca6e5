"""The same JSON from a folder: machines.json, recommendations.json, software_vulnerabilities*.json, ...

A file holds `{"value": [...]}`, a bare list, or one JSON object a line (the form of Defender's file exports); each may
be gzipped (.gz).
"""

import gzip
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from . import Scores, SourceError
from .pages import NotAPage, Page, read_page, read_records
from .records import Configuration, Installed, Machine, Product, Recommendation, SoftwareWeakness, Vulnerability

LINES = 20_000
# A file that is one JSON text is held in memory; larger ones belong into lines.
WHOLE_CAP = 1024 * 1024 * 1024


class FilesSource:
    name = "files"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def expect(self, machines: int) -> None:
        """A folder is read in one way, whatever its size."""

    def machines(self, after: str = "") -> Iterator[Page]:
        yield from self._read("machines", Machine)

    def recommendations(self, after: str = "") -> Iterator[Page]:
        yield from self._read("recommendations", Recommendation)

    def software(self, after: str = "") -> Iterator[Page]:
        yield from self._read("software_vulnerabilities*", SoftwareWeakness)

    def configurations(self, after: str = "") -> Iterator[Page]:
        yield from self._read("configurations*", Configuration)

    def weaknesses(self, after: str = "") -> Iterator[Page]:
        yield from self._read("vulnerabilities", Vulnerability)

    def inventory(self, after: str = "") -> Iterator[Page]:
        for pattern, kind in (("software", Product), ("software_inventory*", Installed)):
            if self._paths(pattern):
                yield from self._read(pattern, kind)

    def changes(self, since: datetime) -> Iterator[Page]:
        raise SourceError("A folder of files has no changes to read.")

    def scores(self) -> Scores:
        return Scores()

    def remediation_tasks(self) -> Iterator[Page]:
        """Files bring what is exposed, not who works on it."""
        return iter(())

    def remediation_task_devices(self, task: str) -> Iterator[Page]:
        return iter(())

    def _read(self, pattern: str, kind: type) -> Iterator[Page]:
        paths = self._paths(pattern)
        if not paths:
            raise SourceError(f"There is no {pattern}.json in {self._folder}.")
        for path in paths:
            try:
                yield from _pages(path, kind)
            except (OSError, EOFError, gzip.BadGzipFile) as problem:
                raise SourceError(f"{path.name} cannot be read: {problem}") from None
            except NotAPage as problem:
                raise SourceError(f"{path.name} holds no records: {problem}") from None

    def _paths(self, pattern: str) -> list[Path]:
        suffixes = (".json", ".jsonl", ".json.gz", ".jsonl.gz")
        return sorted({path for suffix in suffixes for path in self._folder.glob(pattern + suffix)})


def _pages(path: Path, kind: type) -> Iterator[Page]:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        first = file.readline(WHOLE_CAP)
        if _is_one_object_a_line(first):
            yield from _lines(first, file, kind)
            return
        whole = first + file.read(WHOLE_CAP - len(first) + 1)
    if len(whole) > WHOLE_CAP:
        raise NotAPage("It is too large for one JSON text. Write one object a line.")
    text = whole.strip().removeprefix(b"\xef\xbb\xbf")
    yield read_page(b'{"value":' + text + b"}" if text.startswith(b"[") else text, kind)


def _is_one_object_a_line(first: bytes) -> bool:
    """Whether the first line is an object by itself, and not a page."""
    try:
        found = msgspec.json.decode(first.strip().removeprefix(b"\xef\xbb\xbf"), type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return False
    return "value" not in found


def _lines(first: bytes, file, kind: type) -> Iterator[Page]:
    waiting = [first.strip().removeprefix(b"\xef\xbb\xbf")]
    for line in file:
        if line.strip():
            waiting.append(line.strip())
        if len(waiting) >= LINES:
            yield read_records(waiting, kind)
            waiting = []
    yield read_records(waiting, kind)
