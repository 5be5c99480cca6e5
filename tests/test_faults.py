"""Every fault of the matrix has a test that runs in the suite, or its line in docs/faults.md that says why not."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent
MATRIX = {f"F{number}" for number in range(1, 43)}
MOST_WITHOUT = 4
_WITHOUT = re.compile(r"^\| (F\d+) \|", re.MULTILINE)


def marks(function: ast.FunctionDef) -> Iterator[tuple[str, str]]:
    """(name, id) of each mark of a test; the id is empty for a mark without one."""
    for decorator in function.decorator_list:
        call = decorator if isinstance(decorator, ast.Call) else None
        name = ast.unparse(call.func if call else decorator).removeprefix("pytest.mark.")
        ids = [keyword.value.value for keyword in call.keywords if keyword.arg == "id"] if call else []
        yield name, ids[0] if ids else ""


def proofs() -> dict[str, list[str]]:
    """Fault -> the tests of the suite that are marked with it. Those of the long run alone do not count."""
    found = defaultdict(list)
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                given = list(marks(node))
                if ("long", "") not in given:
                    for name, fault in given:
                        if name == "fault":
                            found[fault].append(node.name)
    return found


def without() -> list[str]:
    """The faults in the table of those that no test proves."""
    return _WITHOUT.findall((TESTS.parent / "docs" / "faults.md").read_text().partition("## Without a test")[2])


def test_every_fault_of_the_matrix_is_proved_or_explained():
    proved = set(proofs())

    assert proved <= MATRIX
    assert MATRIX - proved == set(without())


def test_few_faults_go_without_a_test():
    assert len(without()) == len(set(without())) <= MOST_WITHOUT


def test_the_page_about_faults_names_each_of_them():
    page = (TESTS.parent / "docs" / "faults.md").read_text()

    assert set(re.findall(r"^\| (F\d+) \|", page, re.MULTILINE)) == MATRIX
