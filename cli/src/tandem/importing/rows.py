"""Turns a file's rows into the API's rows, by the rules of a mapping."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tandem.importing.mapping import CollectionStep, EventStep
from tandem.importing.rules import Fields
from tandem.importing.table import FileUnusable, Line, Refusal, Table
from tandem.importing.values import FieldUnreadable, Reader, holds


@dataclass(frozen=True)
class Prepared:
    """One row ready to be sent, and where it came from."""

    file: str
    line: int
    body: dict[str, Any]


def prepare(
    step: CollectionStep, table: Table, reader: Reader
) -> tuple[list[Prepared], list[Refusal]]:
    """Rows of a step and refusals of those that its rules cannot read.

    Raises FileUnusable when the mapping names a column that the file has not.
    """
    prepared: list[Prepared] = []
    refusals = list(table.refusals)
    for line in chosen_lines(step, table):
        body, faults = read_fields(step.fields, line, file=table.file, reader=reader)
        if faults:
            refusals += faults
        else:
            prepared.append(Prepared(table.file, line.number, body))
    return _without_repeats(step, prepared, refusals), refusals


def written_rows(step: CollectionStep) -> list[Prepared]:
    """The rows that the mapping itself holds."""
    return [Prepared("(mapping)", number, row) for number, row in enumerate(step.rows, start=1)]


def chosen_lines(step: CollectionStep | EventStep, table: Table) -> Iterator[Line]:
    """The lines that a step is about. Raises FileUnusable when a column is missing."""
    missing = sorted(step.columns - set(table.columns))
    if missing:
        raise FileUnusable(
            f"{table.file}: has no column {missing[0]!r}; it has {', '.join(table.columns)}"
        )
    first_line: dict[tuple[str, ...], int] = {}
    for line in table.lines:
        if step.only and not holds(step.only, line):
            continue
        if step.distinct_on:
            key = tuple(line.cells[column] for column in step.distinct_on)
            if first_line.setdefault(key, line.number) != line.number:
                continue
        yield line


def read_fields(
    fields: Fields, line: Line, *, file: str, reader: Reader
) -> tuple[dict[str, Any], list[Refusal]]:
    """The fields of a line that have a value, and refusals of those that cannot be read."""
    body: dict[str, Any] = {}
    faults: list[Refusal] = []
    for name, rule in fields.items():
        try:
            value = reader.value(rule, line)
        except FieldUnreadable as error:
            faults.append(Refusal(file, line.number, name, error.reason, error.mend))
            continue
        if value is not None:
            body[name] = value
    return body, faults


def _without_repeats(
    step: CollectionStep, prepared: list[Prepared], refusals: list[Refusal]
) -> list[Prepared]:
    """Drops a row that repeats another's key: silently when equal, refused when it differs."""
    first: dict[str, Prepared] = {}
    kept: list[Prepared] = []
    for row in prepared:
        key = row.body.get(step.key)
        known = first.setdefault(key, row) if isinstance(key, str) else row
        if known is row:
            kept.append(row)
        elif known.body != row.body:
            refusals.append(
                Refusal(
                    row.file,
                    row.line,
                    step.key,
                    f"{key!r} stands already on line {known.line}, with other content",
                    "keep one of the two rows",
                )
            )
    return kept
