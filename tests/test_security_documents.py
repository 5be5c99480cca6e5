"""The threat model and the table of ASVS name only files that are there, count right, and leave nothing out."""

import re
from collections import Counter
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = ["THREAT_MODEL.md", "docs/asvs.md"]
TABLE = (ROOT / "docs" / "asvs.md").read_text()
STATUSES = ["met", "gap", "operator", "not applicable"]
# Section of ASVS 5.0.0 -> the level of each of its requirements, in their order.
ASVS = {
    "1.1": "22", "1.2": "1111122223", "1.3": "112222222223", "1.4": "222", "1.5": "123",
    "2.1": "122", "2.2": "112", "2.3": "12223", "2.4": "23",
    "3.1": "3", "3.2": "113", "3.3": "12223", "3.4": "11222233", "3.5": "11122333", "3.6": "3", "3.7": "22333",
    "4.1": "12233", "4.2": "23333", "4.3": "22", "4.4": "1222",
    "5.1": "2", "5.2": "112333", "5.3": "113", "5.4": "222",
    "6.1": "122", "6.2": "111111112222", "6.3": "11223333", "6.4": "112233", "6.5": "22222333", "6.6": "2223",
    "6.7": "33", "6.8": "2222",
    "7.1": "222", "7.2": "1111", "7.3": "22", "7.4": "11222", "7.5": "223", "7.6": "22",
    "8.1": "1233", "8.2": "1123", "8.3": "133", "8.4": "23",
    "9.1": "111", "9.2": "1222",
    "10.1": "22", "10.2": "223", "10.3": "22223", "10.4": "1111122222233333",
    "10.5": "22222", "10.6": "22", "10.7": "222",
    "11.1": "2233", "11.2": "22233", "11.3": "11233", "11.4": "1222", "11.5": "23", "11.6": "23", "11.7": "33",
    "12.1": "12233", "12.2": "11", "12.3": "22223",
    "13.1": "2333", "13.2": "222223", "13.3": "2233", "13.4": "1222233",
    "14.1": "22", "14.2": "12223333", "14.3": "122",
    "15.1": "12233", "15.2": "12233", "15.3": "1222222", "15.4": "3333",
    "16.1": "2", "16.2": "22222", "16.3": "2222", "16.4": "222", "16.5": "2223",
    "17.1": "23", "17.2": "22223333", "17.3": "22",
}  # fmt: skip


def requirements() -> list[tuple[str, str, str, str]]:
    """Id, level, status, and where or why not, of each row."""
    return re.findall(r"^\| ([\d.]+) \| (\d) \| [^|]+ \| ([a-z ]+) \| (.+) \|$", TABLE, re.MULTILINE)


def test_every_requirement_of_the_first_two_levels_has_its_row():
    levels = {f"{section}.{n}": level for section, levels in ASVS.items() for n, level in enumerate(levels, 1)}

    assert [(row[0], row[1]) for row in requirements()] == [(id, level) for id, level in levels.items() if level != "3"]


def test_every_row_has_a_status_and_says_where_or_why_not():
    assert {row[2] for row in requirements()} <= set(STATUSES)
    assert [row[0] for row in requirements() if not row[3].strip()] == []


def test_the_summary_counts_the_rows():
    counts = Counter((row[0].split(".")[0], row[2]) for row in requirements())
    summary = re.findall(r"^\| V(\d+) [^|]+ \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", TABLE, re.MULTILINE)
    sums = re.search(r"^\| \*\*all\*\* " + r"\| \*\*(\d+)\*\* " * 5, TABLE, re.MULTILINE)

    assert len(summary) == 17
    for chapter, *numbers, whole in summary:
        assert [int(number) for number in numbers] == [counts[chapter, status] for status in STATUSES], chapter
        assert int(whole) == sum(map(int, numbers)), chapter
    assert [int(number) for number in sums.groups()] == [sum(int(row[n]) for row in summary) for n in range(1, 6)]


def test_the_gaps_at_the_top_are_those_of_the_table():
    listed = re.findall(r"^- \*\*([\d.]+)\*\* \(level (\d)\): ", TABLE, re.MULTILINE)
    said = re.search(r"^(\d+), of which (\d+) of level 1:$", TABLE, re.MULTILINE)

    assert listed == [(row[0], row[1]) for row in requirements() if row[2] == "gap"]
    assert [int(number) for number in said.groups()] == [len(listed), sum(level == "1" for _, level in listed)]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_is_named_is_there(document):
    text = (ROOT / document).read_text()
    named = set(re.findall(r"`((?:[\w.-]+/)+[\w.-]*|requirements\.txt)`", text))
    linked = {link.partition("#")[0] for link in re.findall(r"\]\((?!https:)([^)#][^)]*)\)", text)}

    assert len(named) > 20
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []
    assert [path for path in sorted(linked) if not ((ROOT / document).parent / path).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_within_leads_to_a_head(document):
    text = (ROOT / document).read_text()
    heads = {head.lower().replace(" ", "-") for head in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}

    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= heads
