"""Every fault of the matrix has a test that runs in the suite, or its line in docs/faults.md that says why not."""

import pytest

from .matrix import proofs, rows_of

pytestmark = pytest.mark.once
MATRIX = {f"F{number}" for number in range(1, 43)}
MOST_WITHOUT = 4


def without() -> list[str]:
    """The faults in the table of those that no test proves."""
    return rows_of("faults.md", "F", after="## Without a test")


def test_every_fault_of_the_matrix_is_proved_or_explained():
    proved = set(proofs("fault"))

    assert proved <= MATRIX
    assert MATRIX - proved == set(without())


def test_few_faults_go_without_a_test():
    assert len(without()) == len(set(without())) <= MOST_WITHOUT


def test_the_page_about_faults_names_each_of_them():
    assert set(rows_of("faults.md", "F")) == MATRIX
