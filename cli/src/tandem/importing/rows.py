"""Turns a file's rows into the API's rows, by the rules of a mapping."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from tandem.importing.mapping import Condition, Rule, Step
from tandem.importing.table import FileUnusable, Line, Refusal, Table

type_names = {"day": "date", "instant": "date", "integer": "whole number", "money": "amount"}


class FieldUnreadable(Exception):
    """A field's text does not fit its rule."""

    def __init__(self, reason: str, mend: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.mend = mend


@dataclass(frozen=True)
class Prepared:
    """One row ready to be sent, and where it came from."""

    file: str
    line: int
    body: dict[str, Any]


Ids = MappingOf[str, MappingOf[str, str]]
"""Collection to outer name to our id, as earlier steps of the run were answered."""


def prepare(
    step: Step, table: Table, *, zone: ZoneInfo, ids: Ids
) -> tuple[list[Prepared], list[Refusal]]:
    """Rows of a step and refusals of those that its rules cannot read.

    Raises FileUnusable when the mapping names a column that the file has not.
    """
    _check_columns(step, table)
    prepared: list[Prepared] = []
    refusals = list(table.refusals)
    first_line: dict[tuple[str, ...], int] = {}
    for line in table.lines:
        if step.only and not _holds(step.only, line):
            continue
        if step.distinct_on:
            key = tuple(line.cells[column] for column in step.distinct_on)
            if first_line.setdefault(key, line.number) != line.number:
                continue
        body, problems = _body(step, line, zone=zone, ids=ids)
        if problems:
            refusals += [
                Refusal(table.file, line.number, field, error.reason, error.mend)
                for field, error in problems
            ]
        else:
            prepared.append(Prepared(table.file, line.number, body))
    return _without_repeats(step, prepared, refusals), refusals


def written_rows(step: Step) -> list[Prepared]:
    """The rows that the mapping itself holds."""
    return [Prepared("(mapping)", number, row) for number, row in enumerate(step.rows, start=1)]


def _check_columns(step: Step, table: Table) -> None:
    wanted = {rule.column for rule in step.fields.values() if rule.column}
    wanted |= {rule.when.column for rule in step.fields.values() if rule.when}
    wanted |= set(step.distinct_on) | ({step.only.column} if step.only else set())
    missing = sorted(wanted - set(table.columns))
    if missing:
        raise FileUnusable(
            f"{table.file}: has no column {missing[0]!r}; it has {', '.join(table.columns)}"
        )


def _holds(condition: Condition, line: Line) -> bool:
    return line.cells[condition.column] in condition.is_one_of


def _body(
    step: Step, line: Line, *, zone: ZoneInfo, ids: Ids
) -> tuple[dict[str, Any], list[tuple[str, FieldUnreadable]]]:
    body: dict[str, Any] = {}
    problems: list[tuple[str, FieldUnreadable]] = []
    for name, rule in step.fields.items():
        try:
            value = _value(rule, line, zone=zone, ids=ids)
        except FieldUnreadable as error:
            problems.append((name, error))
            continue
        if value is not None:
            body[name] = value
    return body, problems


def _value(rule: Rule, line: Line, *, zone: ZoneInfo, ids: Ids) -> Any:
    if rule.when and not _holds(rule.when, line):
        return None
    if rule.column is None:
        return rule.value
    text: str | None = line.cells[rule.column]
    if rule.map:
        if text not in rule.map:
            raise FieldUnreadable(
                f"{text!r} of column {rule.column!r} is not in the mapping",
                f"add it to `map`, which knows {', '.join(rule.map)}",
            )
        text = rule.map[text]
    elif text in rule.replace:
        text = rule.replace[text]
    if text is None or text == "":
        return None
    if rule.lookup:
        return _looked_up(rule.lookup.collection, text, ids)
    return _read(rule, text, zone)


def _looked_up(collection: str, text: str, ids: Ids) -> str:
    try:
        return ids[collection][text]
    except KeyError:
        raise FieldUnreadable(
            f"{text!r} is not among the {collection} of this import",
            f"add it to the file of {collection}, or correct the name with `replace`",
        ) from None


def _read(rule: Rule, text: str, zone: ZoneInfo) -> Any:
    try:
        if rule.type == "integer":
            return int(text)
        if rule.type == "money":
            return {"amount_minor": _minor(text, rule.minor_digits), "currency": rule.currency}
        if rule.type == "day":
            return _day(text, rule.format).isoformat()
        if rule.type == "instant":
            local = datetime.combine(_day(text, rule.format), time.fromisoformat(rule.at), zone)
            return local.isoformat()
    except (ValueError, InvalidOperation, OverflowError):
        wanted = type_names[rule.type]
        form = f" of the form {rule.format}" if rule.type in {"day", "instant"} else ""
        raise FieldUnreadable(
            f"{text[:60]!r} is no {wanted}{form}", f"mend column {rule.column!r}"
        ) from None
    return text


def _day(text: str, form: str) -> date:
    return datetime.strptime(text, form).date()  # noqa: DTZ007  a calendar day has no zone


def _minor(text: str, digits: int) -> int:
    exact = Decimal(text).scaleb(digits)
    if not exact.is_finite() or exact != exact.to_integral_value() or abs(exact) > 10**15:
        raise ValueError(text)
    return int(exact)


def _without_repeats(
    step: Step, prepared: list[Prepared], refusals: list[Refusal]
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
