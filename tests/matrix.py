"""Which tests prove which rows of a matrix: read from their marks, without running anything."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent
DOCS = TESTS.parent / "docs"


def proofs(mark: str) -> dict[str, list[str]]:
    """Row -> the tests of the suite that bear its mark. Those of the long run alone do not count."""
    found = defaultdict(list)
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                given = list(_marks(node))
                if ("long", "") not in given:
                    for name, row in given:
                        if name == mark:
                            found[row].append(f"{path.relative_to(TESTS)}::{node.name}")
    return found


def _marks(function: ast.FunctionDef) -> Iterator[tuple[str, str]]:
    """(name, row) of each mark of a test; the row is empty for a mark without one."""
    for decorator in function.decorator_list:
        call = decorator if isinstance(decorator, ast.Call) else None
        name = ast.unparse(call.func if call else decorator).removeprefix("pytest.mark.")
        rows = [keyword.value for keyword in call.keywords if keyword.arg in {"id", "place"}] if call else []
        yield name, ast.literal_eval(rows[0]) if rows else ""


def rows_of(page: str, letter: str, after: str = "") -> list[str]:
    """The rows F1, S2 of the tables of a page of the documentation; `after` a heading only those below it."""
    text = (DOCS / page).read_text()
    return re.findall(rf"^\| ({letter}\d+) \|", text.partition(after)[2] if after else text, re.MULTILINE)
