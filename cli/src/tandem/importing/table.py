"""Reads a delimited file as rows of text, and says of each row that it cannot use why.

Invariant: every line of the file ends up either as a row or as a refusal.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_LIKELY_DELIMITERS = (";", "\t", "|", ",")
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class FileUnusable(Exception):
    """A whole file cannot be read; the message says the mend."""


@dataclass(frozen=True)
class Refusal:
    """One row that was not taken: where it stands, what is wrong with it, and the mend."""

    file: str
    line: int
    field: str
    reason: str
    mend: str


@dataclass(frozen=True)
class Line:
    """One row of a file by column name, with the line on which it begins."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True)
class Table:
    """A file's header and its rows."""

    file: str
    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    refusals: tuple[Refusal, ...]


def read_table(path: Path, *, delimiter: str, encoding: str) -> Table:
    """Read a whole file. Raises FileUnusable when not even its header makes sense."""
    text, refusals = _decode(path, encoding)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header = _header(path, reader, delimiter)
    lines: list[Line] = []
    for outcome in _rows(path, reader, header):
        if isinstance(outcome, Line):
            lines.append(outcome)
        else:
            refusals.append(outcome)
    broken = {refusal.line for refusal in refusals}
    kept = tuple(line for line in lines if line.number not in broken)
    return Table(path.name, header, kept, tuple(refusals))


def _decode(path: Path, encoding: str) -> tuple[str, list[Refusal]]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise FileUnusable(f"{path}: cannot be read ({error.strerror})") from error
    if not raw.strip():
        raise FileUnusable(f"{path}: is empty; it needs a header line and rows")
    if raw.startswith(_UTF16_MARKS) and encoding == "utf-8":
        raise FileUnusable(
            f"{path}: is UTF-16; save it as UTF-8 or say `encoding: utf-16` in the mapping"
        )
    try:
        if encoding == "utf-8":
            return raw.decode("utf-8-sig"), []
        return raw.decode(encoding), []
    except LookupError as error:
        raise FileUnusable(f"{path}: unknown encoding {encoding!r} in the mapping") from error
    except UnicodeDecodeError:
        pass
    text = raw.decode(encoding, errors="replace").removeprefix("\ufeff")
    broken = [
        Refusal(path.name, number, "(row)", f"is not {encoding}", f"save the file as {encoding}")
        for number, line in enumerate(text.splitlines(), start=1)
        if "\ufffd" in line
    ]
    if broken and broken[0].line == 1:
        raise FileUnusable(f"{path}: its header is not {encoding}; say `encoding:` in the mapping")
    return text, broken


def _header(path: Path, reader: Iterator[list[str]], delimiter: str) -> tuple[str, ...]:
    try:
        columns = tuple(name.strip() for name in next(reader))
    except csv.Error as error:
        raise FileUnusable(f"{path}: its header cannot be read ({error})") from error
    repeated = sorted({name for name in columns if columns.count(name) > 1})
    if repeated:
        raise FileUnusable(f"{path}: column {repeated[0]!r} stands twice in the header")
    if len(columns) == 1:
        found = [mark for mark in _LIKELY_DELIMITERS if mark != delimiter and mark in columns[0]]
        if found:
            raise FileUnusable(
                f"{path}: its columns seem to be separated by {found[0]!r}; "
                f"say `delimiter: {found[0]!r}` in the mapping"
            )
    return columns


def _rows(
    path: Path, reader: Iterator[list[str]], header: tuple[str, ...]
) -> Iterator[Line | Refusal]:
    number = 2
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Refusal(path.name, number, "(row)", f"is not CSV: {error}", "quote the field")
            number = _next_line(reader)
            continue
        if cells and len(cells) != len(header):
            yield Refusal(
                path.name,
                number,
                "(row)",
                f"has {len(cells)} columns, the header has {len(header)}",
                "quote fields that hold the delimiter, or mend the row",
            )
        elif cells:
            yield Line(number, dict(zip(header, (cell.strip() for cell in cells), strict=True)))
        number = _next_line(reader)


def _next_line(reader: Iterator[list[str]]) -> int:
    """Line on which the next row begins; a quoted field may have spanned several."""
    lines_read: int = reader.line_num  # type: ignore[attr-defined]  # csv.reader has it
    return lines_read + 1
