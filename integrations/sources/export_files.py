"""An export as files: the API names gzipped files of JSON lines at addresses that hold for an hour.

A file goes to the disk first and is read from there in pieces, so that neither memory nor a slow database matters to
the download. An address that has expired is asked for anew; what was read already is not read again, unless the source
has made new files meanwhile: then all of it is, for half of each would be the truth of no moment.
"""

import gzip
import hashlib
import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit
from uuid import uuid4

import structlog
from django.conf import settings
from msgspec import Struct

from ..microsoft import BrokenBody, Downloads
from . import SourceError, StartOver, clean
from .asking import RETRIED, TRIES, Asking, refusal
from .pages import SAMPLE_CAP, Page, SetAside, read_records

log = structlog.get_logger(__name__)

LINES = 20_000
LONGEST_LINE = 1024 * 1024
FILE_DEADLINE = 1800.0
# The longest that the API lets addresses hold: a file may have to wait for those before it.
HOURS = 6
# An address that holds no more, or never did.
_EXPIRED = frozenset({401, 403, 404, 409, 410})


class _Named(Struct, rename="camel"):
    export_files: list[str]
    generated_time: str | None = None


@dataclass(frozen=True)
class Offer:
    """What the API names: the files by their paths, and the moment of which they are true."""

    files: dict[str, str]
    as_of: datetime | None

    @property
    def mark(self) -> str:
        """The same for the same files, whatever their addresses."""
        return hashlib.sha256("\n".join(sorted(self.files)).encode()).hexdigest()[:32]


class ExportFiles:
    def __init__(self, asking: Asking, downloads: Downloads) -> None:
        self._asking = asking
        self._downloads = downloads

    def read(self, route: str, kind: type, after: str = "") -> Iterator[Page]:
        """The records of an export, from the first file or after the one that a bookmark names."""
        for left in Path(settings.DATA_DIR).glob("export-*.gz"):
            # Of a process that died.
            left.unlink(missing_ok=True)
        offer = self._offer(route)
        mark, _, done = after.partition(" ")
        if after and mark != offer.mark:
            raise StartOver("The source has made new files; they were read from the first")
        for name in sorted(offer.files):
            if done and name <= done:
                continue
            place = Path(settings.DATA_DIR) / f"export-{uuid4().hex}.gz"
            try:
                offer = yield from self._file(route, kind, offer, name, done, place)
            finally:
                place.unlink(missing_ok=True)
            done = name

    def _file(
        self, route: str, kind: type, offer: Offer, name: str, done: str, place: Path
    ) -> Generator[Page, None, Offer]:
        """One file; answers the offer by which the next one is to be fetched."""
        problem, is_broken = "", False
        for attempt in range(TRIES):
            answer = self._downloads.fetch(offer.files[name], place, FILE_DEADLINE)
            if answer.is_ok:
                try:
                    yield from self._pages(place, kind, offer, name, done)
                    return offer
                except (EOFError, OSError, zlib.error) as broken:
                    problem = f"It is no whole gzip file ({type(broken).__name__})."
                    if is_broken:
                        break
                    is_broken = True
            elif answer.is_complete and answer.status in _EXPIRED:
                problem = "Its address holds no more."
                renewed = self._offer(route)
                if renewed.mark != offer.mark:
                    raise StartOver("The source has made new files meanwhile; they were read from the first")
                offer = renewed
            elif not answer.is_complete or answer.status in RETRIED:
                problem = answer.reason or f"Its host answered {answer.status}."
            else:
                raise SourceError(f"A file of the export was refused ({answer.status}).")
            log.info("file_again", status=answer.status, failure=answer.failure, attempt=attempt)
            self._asking.wait(attempt)
        raise SourceError(f"A file of the export could not be read to its end. {problem}")

    def _pages(self, place: Path, kind: type, offer: Offer, name: str, done: str) -> Iterator[Page]:
        """The file in pieces. Only after the last one is the file behind us."""
        with gzip.open(place) as file:
            for page, is_last in _pieces(file, kind):
                page.bookmark = f"{offer.mark} {name if is_last else done}"
                page.as_of = offer.as_of
                yield page

    def _offer(self, route: str) -> Offer:
        answer = self._asking.ask(f"/api/{route}", {"sasValidHours": HOURS}, "files")
        if not answer.is_ok:
            raise SourceError(refusal(answer))
        try:
            named = answer.json(_Named)
        except BrokenBody as problem:
            raise SourceError(f"The answer names no files. {problem}") from None
        if any(not self._downloads.allows(url) for url in named.export_files):
            raise SourceError(
                "A file of the export is on a host that is none of the cloud's. It was not fetched; "
                "MICROSOFT_EXPORT_URL names another one."
            )
        files = {urlsplit(url).path: url for url in named.export_files}
        return Offer(files, clean.moment(named.generated_time))


def _pieces(file: "BinaryIO | gzip.GzipFile", kind: type) -> Iterator[tuple[Page, bool]]:
    """So many lines at a time, and whether they are the last."""
    waiting: list[bytes] = []
    aside: list[SetAside] = []
    while line := file.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            aside.append(SetAside("A line without end", "", line[:SAMPLE_CAP].decode("utf-8", "replace")))
            while (rest := file.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                pass
            continue
        if line.strip():
            waiting.append(line.strip().removeprefix(b"\xef\xbb\xbf"))
        if len(waiting) >= LINES:
            yield _page(waiting, aside, kind), False
            waiting, aside = [], []
    yield _page(waiting, aside, kind), True


def _page(lines: list[bytes], aside: list[SetAside], kind: type) -> Page:
    page = read_records(lines, kind)
    page.set_aside += [SetAside(found.reason, found.key, clean.text(found.sample, SAMPLE_CAP)) for found in aside]
    return page
