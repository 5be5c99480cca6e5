"""What docs/access.md says: its tables, read as they stand there."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

from django.conf import settings
from django.urls import reverse

TEXT = (Path(settings.BASE_DIR) / "docs" / "access.md").read_text()
WHOLE = "The whole organisation"
SIGN_IN = "sign in"


@dataclass(frozen=True)
class Line:
    """One request to one address, and what everybody gets for it."""

    section: str
    path: str
    method: str
    sent: dict[str, str]
    cells: dict[str, str]

    def answers(self, person: str) -> tuple[str, str]:
        """For what the person may see, and for what they may not."""
        first, _, second = self.cells[person].partition(" / ")
        return first, second or first


def tables() -> dict[str, list[list[dict[str, str]]]]:
    """By section, each table as rows by the heads of their columns."""
    found = defaultdict(list)
    for section in TEXT.split("\n## ")[1:]:
        title, _, rest = section.partition("\n")
        for block in rest.split("\n\n"):
            lines = [line for line in block.splitlines() if line.startswith("| ")]
            if lines:
                heads, _, *rows = [[cell.strip(" `") for cell in line.strip("| ").split("|")] for line in lines]
                found[title].append([dict(zip(heads, row, strict=True)) for row in rows])
    return found


def lines_of_the_pages() -> list[Line]:
    ours = {section: rows for section, [rows, *_] in tables().items() if section != "The admin"}
    return [_line(section, row) for section, rows in ours.items() for row in rows]


def _line(section: str, row: dict[str, str]) -> Line:
    path, asked = row.pop("Address"), row.pop("Request")
    method, _, verb = asked.partition(" ")
    return Line(section, path, method, {**dict(parse_qsl(verb)), "note": "Because."} if verb else {}, row)


def told(response) -> str:
    """An answer in the words of the tables; on the way to sign-in nothing is told at all."""
    sign_in_pages = tuple(f"{reverse(name)}?next=" for name in ("login", "admin:login"))
    if response.status_code != 302 or not response["Location"].startswith(sign_in_pages):
        return str(response.status_code)
    assert response.content == b""
    return SIGN_IN
