"""The shape of the house: what may import what, who writes which status, and names that say what code is about."""

import ast
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parent.parent
# From left to right: each may import itself and what stands before it.
APPS = ["remediation", "integrations", "dashboard", "tvm_remediation"]
KINDS = {
    "utils",
    "util",
    "helpers",
    "helper",
    "services",
    "selectors",
    "managers",
    "common",
    "core",
    "misc",
    "base_utils",
}

SOURCES = [
    path for app in APPS for path in sorted((ROOT / app).rglob("*.py")) if "migrations" not in path.parts
]  # fmt: skip
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def each(paths: list[Path]) -> Callable[[Callable[[Path], None]], Callable[[], None]]:
    """One test of all files, which names every one that fails: a test a file would be half of all tests."""

    def of_all(check: Callable[[Path], None]) -> Callable[[], None]:
        def test() -> None:
            assert [failure for path in paths if (failure := _failure(check, path))] == []

        return test

    return of_all


def _failure(check: Callable[[Path], None], path: Path) -> str:
    try:
        check(path)
    except AssertionError as problem:
        return f"{named(path)}: {problem}"
    return ""


def imports(path: Path) -> set[str]:
    """The first part of each module that a file imports, relative ones resolved."""
    found = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            app = path.relative_to(ROOT).parts[0]
            found.add(app if node.level else (node.module or "").split(".")[0])
    return found


def test_the_apps_are_where_they_are_expected():
    assert {path.relative_to(ROOT).parts[0] for path in SOURCES} == set(APPS)


@each(SOURCES)
def test_imports_point_left(path):
    app = path.relative_to(ROOT).parts[0]
    to_the_right = set(APPS[APPS.index(app) + 1 :])

    assert imports(path) & to_the_right == set()


@each(SOURCES)
def test_a_relative_import_stays_inside_its_app(path):
    depth = len(path.relative_to(ROOT).parts) - 1

    levels = [node.level for node in ast.walk(tree_of(path)) if isinstance(node, ast.ImportFrom)]
    assert max(levels, default=0) <= depth


@each(SOURCES)
def test_a_file_is_named_after_its_subject_not_its_kind(path):
    assert not KINDS & {part.removesuffix(".py") for part in path.relative_to(ROOT).parts}


@lru_cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def written_names(path: Path) -> set[str]:
    """Field names that a file writes: by attribute, by create(...), update(...) and the like, or by bulk_update."""
    found: set[str] = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.attr for target in targets if isinstance(target, ast.Attribute)}
        elif isinstance(node, ast.Call) and _called(node) in {"update", "create", "update_or_create", "get_or_create"}:
            found |= {keyword.arg for keyword in node.keywords if keyword.arg}
    return found


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


# Who else has a field of that name, and may write it.
OTHER_STATUS = {
    "integrations/delivery/record.py": "the HTTP status of an attempt",
}


@each([path for path in SOURCES if "sandbox" not in path.parts])
def test_the_status_of_an_activity_is_written_by_the_rules_only(path):
    if named(path).startswith("remediation/rules/"):
        return

    assert not written_names(path) & {"status_changed_by", "status_changed_at", "completion_method"}
    assert "status" not in written_names(path) or named(path) in OTHER_STATUS


@each(SOURCES)
def test_the_state_of_a_delivery_is_written_by_delivery_only(path):
    if named(path).startswith("integrations/delivery/"):
        return

    assert "delivery_state" not in written_names(path)


@pytest.mark.security(id="S7")
@each(SOURCES)
def test_no_text_is_declared_safe_by_hand(path):
    tree = tree_of(path)
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}

    assert "mark_safe" not in names


@pytest.mark.security(id="S7")
@each(TEMPLATES)
def test_no_template_declares_text_safe_or_brings_script_or_style(path):
    text = path.read_text()

    assert not re.search(r"\|\s*(safe|safeseq)\b", text)
    assert not re.search(r"{%\s*autoescape\s+off", text)
    assert not re.search(r"<style|<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=[\"']|javascript:", text)


@each(TEMPLATES)
def test_a_partial_says_what_it_needs(path):
    if path.name.startswith("_"):
        assert path.read_text().startswith("{#")


@each(SOURCES)
def test_an_exception_of_any_kind_is_never_caught_silently(path):
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ExceptHandler) and (node.type is None or _is_exception(node.type)):
            body = ast.unparse(node)
            assert re.search(r"log\.|raise|traceback\.print_exc", body), f"line {node.lineno}"


def _is_exception(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in {"Exception", "BaseException"}
