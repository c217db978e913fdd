"""Every row of docs/attacks.md is proven by a test that carries its id, and no test claims a row that is not there."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS = Path(__file__).parent
ROWS = re.compile(r"^\| ([A-Z]\d\d) \| (.+?) \| (.+?) \|$", re.MULTILINE)

# Rows that no test of this folder proves, each with the reason.
ELSEWHERE = {
    "S31": "a matter of seconds under load: bench/building.py measures it",
    "F17": "ten minutes of random kills: make soak",
}
# Rows whose tests are being written; this list only ever becomes shorter.
_WAITING = """
T04 T05 T13
"""
WAITING = frozenset(_WAITING.split())


def rows() -> set[str]:
    found = [row for row, _, _ in ROWS.findall((TESTS.parent / "docs" / "attacks.md").read_text())]
    assert len(found) == len(set(found)), "a row is told twice"
    return set(found)


def claimed() -> set[str]:
    return {row for path in TESTS.rglob("test_*.py") for row in claims_in(ast.parse(path.read_text()))}


def claims_in(tree: ast.Module) -> Iterator[str]:
    """The ids on test functions and classes, and those of a whole file (`pytestmark`)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            marks: list[ast.expr] = node.decorator_list if node.name.lower().startswith("test") else []
        elif isinstance(node, ast.Assign) and any(ast.unparse(target) == "pytestmark" for target in node.targets):
            marks = [node.value]
        else:
            continue
        for mark in marks:
            yield from _ids(mark)


def _ids(mark: ast.expr) -> Iterator[str]:
    for call in ast.walk(mark):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.mark.attack":
            yield from (str(ast.literal_eval(argument)) for argument in call.args)


def test_every_row_is_proven_by_a_test() -> None:
    assert sorted(rows() - claimed() - set(ELSEWHERE) - WAITING) == []


def test_no_test_claims_a_row_that_is_not_there() -> None:
    assert sorted(claimed() - rows()) == []


def test_the_lists_of_exceptions_name_rows_that_are_there() -> None:
    assert sorted((WAITING | set(ELSEWHERE)) - rows()) == []


def test_a_claim_is_read_from_functions_parameters_and_whole_files() -> None:
    source = """
pytestmark = [pytest.mark.attack("A01")]
@pytest.mark.attack("A02", "A03")
def test_this(): ...
@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.attack("A04"))])
def test_that(x): ...
@pytest.mark.attack("A05")
def helper(): ...
"""
    assert sorted(claims_in(ast.parse(source))) == ["A01", "A02", "A03", "A04"]
