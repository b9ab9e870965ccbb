"""Rules of the house that no linter knows, read from the syntax of our modules."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

LONGEST_MODULE = 400
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
NAIVE_CALLS = {"utcnow", "utcfromtimestamp", "today"}
ZONED_CALLS = {"now": 0, "fromtimestamp": 1}
"""datetime's constructors that are naive without a zone, and where the zone stands."""


@cache
def syntax(path: Path) -> ast.Module:
    """Parsed once for all rules: it is most of what they cost."""
    return ast.parse(path.read_text())


def nodes(files: list[Path]) -> Iterator[tuple[str, ast.AST]]:
    for path in files:
        for node in ast.walk(syntax(path)):
            yield f"{path.name}:{getattr(node, 'lineno', 0)}", node


def test_only_settings_read_the_environment(source_files: list[Path]) -> None:
    others = [path for path in source_files if path.stem != "settings"]
    readers = [
        place
        for place, node in nodes(others)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
        and node.attr in {"environ", "environb", "getenv", "putenv"}
    ]
    assert readers == []


def test_modules_are_short(source_files: list[Path]) -> None:
    lengths = {str(path): len(path.read_text().splitlines()) for path in source_files}
    long = {path: lines for path, lines in lengths.items() if lines > LONGEST_MODULE}
    assert long == {}


def test_modules_are_named_for_what_they_hold(source_files: list[Path]) -> None:
    assert [str(path) for path in source_files if VAGUE_NAMES & {path.stem, path.parent.name}] == []


def test_modules_say_what_they_own(source_files: list[Path]) -> None:
    silent = [
        str(path)
        for path in source_files
        if path.stem not in {"__init__", "__main__"} and ast.get_docstring(syntax(path)) is None
    ]
    assert silent == []


def test_no_moment_is_without_a_zone(source_files: list[Path]) -> None:
    # A command lives in its reader's zone; everything else has the company's, or UTC.
    ours = [path for path in source_files if "cli" not in path.parts]
    naive = [
        place
        for place, node in nodes(ours)
        if isinstance(node, ast.Call) and _makes_naive_moment(node)
    ]
    assert naive == []


def _makes_naive_moment(call: ast.Call) -> bool:
    function = call.func
    if not isinstance(function, ast.Attribute) or not isinstance(function.value, ast.Name):
        return False
    if function.value.id not in {"datetime", "date"}:
        return False
    if function.attr in NAIVE_CALLS:
        return True
    if function.attr not in ZONED_CALLS:
        return False
    zone = [*call.args[ZONED_CALLS[function.attr] :], *(k for k in call.keywords if k.arg == "tz")]
    return not zone


def test_only_the_chassis_commits(source_files: list[Path]) -> None:
    """Services say what happened; the unit of work and the consumer decide when it is durable."""
    commits = [
        f"{path.parent.name}/{path.name}:{node.lineno}"
        for path in source_files
        if "services" in path.parts
        for node in ast.walk(syntax(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "commit"
    ]
    assert commits == []


def test_services_reach_the_log_through_outbox_and_consumer_only(source_files: list[Path]) -> None:
    producers = [
        str(path)
        for path in source_files
        if "services" in path.parts and ".producer(" in path.read_text()
    ]
    assert producers == []
