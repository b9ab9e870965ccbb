"""Turns a file's rows into partners' events, each judged as the gateway will judge it.

Invariant: an event's id follows from what it says, so that the same file sent again
changes nothing, and a corrected row is a new event about the same thing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Final

import msgspec

from events.partners import Incoming, Rejected, Terms
from events.partners.reading import read_event
from tandem.importing.contracts import contract_of
from tandem.importing.mapping import EventStep
from tandem.importing.rows import Prepared, chosen_lines, read_fields
from tandem.importing.rules import Rule
from tandem.importing.table import Line, Refusal, Table
from tandem.importing.values import Reader

_UNNAMED: Final = "unnamed"
"""Stands for an id while the content that it is made of is being read."""
_MISSING: Final = "object missing required field "
"""How the contract says that a struct is there, and one of its fields is not."""


@dataclass(frozen=True)
class _Judged:
    row: Prepared
    event: Incoming
    revision: str = ""

    @property
    def content(self) -> str:
        """Tells it from an event that says something else, or the same at another revision."""
        revision = blake2b(self.revision.encode(), digest_size=8).hexdigest()
        return self.event.digest.hex() + (f"-{revision}" if self.revision else "")


def prepare_events(
    step: EventStep, table: Table, reader: Reader, *, source: str, terms: Terms
) -> tuple[list[Prepared], list[Refusal]]:
    """Events in the order of their rows, and refusals of rows that make none.

    Raises FileUnusable when the mapping names a column that the file has not.
    """
    making = _Making(step, table.file, reader, source=source, terms=terms)
    judged: list[_Judged] = []
    refusals = list(table.refusals)
    for lines in _grouped(step, chosen_lines(step, table)):
        made = making.event_of(lines)
        if isinstance(made, _Judged):
            judged.append(made)
        else:
            refusals += made
    return _named(step, _one_each(step, judged, refusals)), refusals


class _Making:
    def __init__(
        self, step: EventStep, file: str, reader: Reader, *, source: str, terms: Terms
    ) -> None:
        self._step = step
        self._file = file
        self._reader = reader
        self._source = source
        self._terms = terms
        self._contract = contract_of(step.event)

    def event_of(self, lines: Sequence[Line]) -> _Judged | list[Refusal]:
        """The event that the lines make together, or why they make none."""
        head, faults = self._head(lines)
        data = self._data(head, lines[0], faults)
        for path in self._step.lists:
            items = [
                self._item(f"{path}[{number}]", line, faults) for number, line in enumerate(lines)
            ]
            if any(items):
                _put(data, path, [item for item in items if item])
        if self._step.id is not None and "id" not in head:
            mend = f"fill column {self._step.id.column!r}"
            faults.append(Refusal(self._file, lines[0].number, "id", "is empty", mend))
        if faults:
            return faults
        envelope = {
            "specversion": "1.0",
            "id": head.get("id", _UNNAMED),
            "source": self._source,
            "type": self._contract.type.wire_type,
            "time": head.get("time"),
            "data": data,
        }
        read = read_event(msgspec.json.encode(envelope), self._terms)
        if isinstance(read, Rejected):
            return [self._refusal(read, lines[0])]
        row = Prepared(self._file, lines[0].number, envelope)
        return _Judged(row, read, str(head.get("revision", "")))

    def _head(self, lines: Sequence[Line]) -> tuple[dict[str, Any], list[Refusal]]:
        """What the lines say of the event itself: the first one's words, and the sums of all."""
        step = self._step
        own = {"time": step.time, "id": step.id, "revision": step.revision}
        rules = {
            **{name: rule for name, rule in own.items() if rule is not None},
            **{f"data.{path}": rule for path, rule in step.fields.items()},
        }
        head, faults = self._read(rules, lines[0])
        for line in lines[1:]:
            other, more = self._read(rules, line)
            faults += more
            for path, rule in rules.items():
                mine, its = head.get(path), other.get(path)
                if rule.sum and _same_currency(mine, its):
                    head[path] = _added(mine, its)
                elif mine != its and not more:
                    faults.append(self._differs(path, rule, line=line, first=lines[0]))
        return head, faults

    def _read(self, rules: dict[str, Rule], line: Line) -> tuple[dict[str, Any], list[Refusal]]:
        return read_fields(rules, line, file=self._file, reader=self._reader)

    def _data(self, head: dict[str, Any], line: Line, faults: list[Refusal]) -> dict[str, Any]:
        data: dict[str, Any] = {}
        unreadable = {fault.field for fault in faults}
        for path, rule in self._step.fields.items():
            name, leaf = f"data.{path}", self._contract.leaf(path)
            if name in head:
                _put(data, path, head[name])
            elif leaf is None or not leaf.required or leaf.path != path:
                continue  # what is optional, or part of something that is
            elif leaf.nullable:
                _put(data, path, None)
            elif name not in unreadable:
                mend = f"fill column {rule.column!r}"
                faults.append(Refusal(self._file, line.number, name, "is empty", mend))
        return data

    def _item(self, place: str, line: Line, faults: list[Refusal]) -> dict[str, Any]:
        """An entry of the list at `place`; empty where none of its columns has anything."""
        rules = self._step.lists[place.rpartition("[")[0]]
        flat, more = self._read({f"data.{place}.{path}": of for path, of in rules.items()}, line)
        faults += more
        item: dict[str, Any] = {}
        for path in rules:
            value = flat.get(f"data.{place}.{path}")
            if value is not None:
                _put(item, path, value)
        named = (path for path, rule in rules.items() if rule.column)
        return item if any(f"data.{place}.{path}" in flat for path in named) else {}

    def _differs(self, path: str, rule: Rule, *, line: Line, first: Line) -> Refusal:
        return Refusal(
            self._file,
            line.number,
            path,
            f"differs from line {first.number}, with which it makes one event",
            f"mend column {rule.column!r}, or take it out of the fields",
        )

    def _refusal(self, rejected: Rejected, line: Line) -> Refusal:
        field, reason, mend = rejected.field, rejected.reason, rejected.hint
        if reason.startswith(_MISSING):
            field, reason = f"{field}.{reason.removeprefix(_MISSING)}", "is empty"
        column = self._column_of(field)
        leaf = self._contract.leaf(field.replace("[", ".").replace("]", "").removeprefix("data."))
        if leaf and leaf.choices:
            mend = f"write one of {', '.join(leaf.choices)}, or `map` the file's words to them"
        if column:
            mend = f"mend column {column!r}: {mend}"
        return Refusal(self._file, line.number, field or "(row)", reason, mend)

    def _column_of(self, field: str) -> str | None:
        """The column that a field such as `data.lines[0].quantity` came from."""
        plain = field.replace("[", ".").replace("]", "")
        rules = {"time": self._step.time, "id": self._step.id}
        rules |= {f"data.{path}": rule for path, rule in self._step.fields.items()}
        for path, inner in self._step.lists.items():
            number = plain.removeprefix(f"data.{path}.").split(".")[0]
            rules |= {f"data.{path}.{number}.{name}": rule for name, rule in inner.items()}
        parts = plain.split(".")
        for end in range(len(parts), 0, -1):
            rule = rules.get(".".join(parts[:end]))
            if rule is not None:
                return rule.column
        return None


def _grouped(step: EventStep, lines: Iterable[Line]) -> Iterable[list[Line]]:
    """Lines that make one event together, in the order of the first of each."""
    if not step.group_on:
        return ([line] for line in lines)
    groups: dict[tuple[str, ...], list[Line]] = {}
    for line in lines:
        groups.setdefault(tuple(line.cells[column] for column in step.group_on), []).append(line)
    return groups.values()


def _one_each(step: EventStep, judged: list[_Judged], refusals: list[Refusal]) -> list[_Judged]:
    """Without rows that repeat another's subject: silently when equal, refused when it differs."""
    if not step.one_row_each:
        return judged
    first: dict[str, _Judged] = {}
    kept: list[_Judged] = []
    for one in judged:
        known = first.setdefault(one.event.subject or one.event.payload.decode(), one)
        if known is one:
            kept.append(one)
        elif known.content != one.content:
            refusals.append(
                Refusal(
                    one.row.file,
                    one.row.line,
                    "(row)",
                    f"{one.event.subject!r} stands already on line {known.row.line}, "
                    "with other content",
                    "say `group_on: […]` where several rows make one event, or `one_row_each: "
                    "false` where each row is one more event about it; else keep one of the two",
                )
            )
    return kept


def _named(step: EventStep, judged: Iterable[_Judged]) -> list[Prepared]:
    """The events with their ids: the mapping's, or else made of what they say.

    Equal rows are numbered, so that two visits at the same minute are two.
    """
    if step.id is not None:
        return [one.row for one in judged]
    seen: Counter[str] = Counter()
    named = []
    for one in judged:
        seen[one.content] += 1
        number = f".{seen[one.content]}" if seen[one.content] > 1 else ""
        named.append(replace(one.row, body=one.row.body | {"id": f"file-{one.content}{number}"}))
    return named


def _put(body: dict[str, Any], path: str, value: Any) -> None:
    """Set a value at a dotted path; a number in it is a place in a list."""
    parts = path.split(".")
    place: Any = body
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        fresh: Any = value if following is None else ([] if following.isdecimal() else {})
        if isinstance(place, list):
            if int(part) >= len(place):
                place.append(fresh)
            key: Any = min(int(part), len(place) - 1)
        else:
            key = part
            place.setdefault(key, fresh)
        if following is None and isinstance(place[key], dict) and isinstance(value, dict):
            place[key] |= value
        elif following is None:
            place[key] = value
        place = place[key]


def _same_currency(one: Any, other: Any) -> bool:
    both = [amount["currency"] for amount in (one, other) if isinstance(amount, dict)]
    return len(set(both)) <= 1


def _added(one: Any, other: Any) -> Any:
    """The sum of two amounts or numbers; what is missing adds nothing."""
    if one is None or other is None:
        return other if one is None else one
    if isinstance(one, dict):
        return one | {"amount_minor": one["amount_minor"] + other["amount_minor"]}
    return one + other
