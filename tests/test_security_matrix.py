"""Every attack and every place of bad input has a test that runs in the suite, or its line in docs/security.md."""

import pytest

from .matrix import proofs, rows_of

pytestmark = pytest.mark.once
MATRIX = {f"S{number}" for number in range(1, 33)}
MOST_WITHOUT = 3
PLACES = {
    "bulk selection",
    "configuration",
    "dates",
    "form replay",
    "headers",
    "ids and addresses",
    "JSON",
    "numbers",
    "searches",
    "tables in files",
    "text",
    "what the source says",
}


def without() -> list[str]:
    """The attacks in the table of those that no test proves."""
    return rows_of("security.md", "S", after="## Without a test")


def test_every_attack_of_the_matrix_is_proved_or_explained():
    proved = set(proofs("security"))

    assert proved <= MATRIX
    assert MATRIX - proved == set(without())


def test_few_attacks_go_without_a_test():
    assert len(without()) == len(set(without())) <= MOST_WITHOUT


def test_the_page_about_security_names_each_of_them():
    assert set(rows_of("security.md", "S")) == MATRIX


def test_every_place_of_bad_input_is_proved():
    assert set(proofs("bad_input")) == PLACES
