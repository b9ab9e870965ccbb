"""The table of oracles is whole: all 28, each with tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).parents[1]
ROW: Final = re.compile(r"^\| (\d+) \|", re.MULTILINE)
NAMED: Final = re.compile(r"`([\w/]+\.py)::(\w+)`")


def test_every_oracle_has_a_test_that_exists() -> None:
    table = (TESTS / "README.md").read_text(encoding="utf-8")
    rows = [line for line in table.splitlines() if ROW.match(line)]
    assert [int(ROW.findall(line)[0]) for line in rows] == list(range(1, 29))
    for line in rows:
        named = NAMED.findall(line)
        assert named, line
        for file, test in named:
            assert test in _tests_in(TESTS / file), f"{file}::{test}"


def _tests_in(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in tree.body if isinstance(node, functions)}
