"""What may change in a released event type, so that any version reads what any other wrote.

Our content model makes this decidable: producers are closed (they write exactly
what their schema names), consumers are tolerant (they ignore fields that they do
not know and give absent optional ones their default). Hence, between any two
versions, a field that both know must allow the same values and mean the same when
absent, and a field that only one knows must be optional. All else is a breach.

Where two constraints cannot be compared (patterns, formats) any change is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

Node = Mapping[str, Any]

_LOWER: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_COMPARED_ELSEWHERE: Final = frozenset(
    (
        *("$defs", "$ref", "title", "description", "examples", "default"),
        *("type", "enum", "const", "anyOf", "oneOf", "pattern", "format"),
        *("properties", "required", "additionalProperties", "items"),
        *_LOWER,
        *_UPPER,
    )
)


class Rule(Enum):
    """What was broken. The value says how to mend it."""

    TYPE_GONE = "keep the class: what was published is read for ever"
    TOPIC_CHANGED = "keep the topic: the aggregate's history lies there"
    KEY_CHANGED = "keep the subject: another key is another order"
    PARTNERS_REFUSED = "keep taking it from partners"
    FIELD_REMOVED = "keep the field; if it is optional, it need not be written"
    FIELD_RENAMED = "keep the old name, or add the new one as an optional field beside it"
    REQUIRED_FIELD_ADDED = "give it a default: old events do not have it"
    BECAME_REQUIRED = "keep its default: old events may not have it"
    BECAME_OPTIONAL = "keep writing it always: old readers demand it"
    DEFAULT_CHANGED = "keep the default: it is what old events mean that leave the field out"
    NULL_REMOVED = "keep taking null: old events have it"
    NULL_ADDED = "add an optional field: old readers refuse null"
    TYPE_CHANGED = "add an optional field of the other type beside it"
    VALUE_REMOVED = "keep the value: old events have it"
    VALUE_ADDED = "add an optional field that says more: old readers refuse the value"
    NARROWED = "keep the wider range: old events may lie outside the new one"
    WIDENED = "keep the narrower range: old readers refuse what lies outside"
    PATTERN_CHANGED = "keep the pattern: whether one includes the other cannot be decided"
    FORMAT_CHANGED = "keep the format"
    CONSTRAINT_CHANGED = "keep the constraint"


@dataclass(frozen=True, slots=True)
class Breach:
    """One change that somebody would stumble over, with the path of its field."""

    field: str
    rule: Rule
    change: str

    def __str__(self) -> str:
        where = f"{self.field}: " if self.field else ""
        return f"{where}{self.change} ({self.rule.name.lower()}); {self.rule.value}"


def breaches(old: Node, new: Node) -> list[Breach]:
    """What breaks old readers of new data, or new readers of old data. Both are whole schemas."""
    return list(_Comparison(old, new).walk("", old, new))


class _Comparison:
    def __init__(self, old: Node, new: Node) -> None:
        self._roots = (old, new)
        self._compared: set[tuple[int, int]] = set()
        """Structures by identity: each pair is told of once, where it is met first."""

    def walk(self, field: str, old: Node, new: Node) -> Iterator[Breach]:
        before, after = _variants(old, self._roots[0]), _variants(new, self._roots[1])
        if "null" in before and "null" not in after:
            yield Breach(field, Rule.NULL_REMOVED, "null is refused")
        if "null" in after and "null" not in before:
            yield Breach(field, Rule.NULL_ADDED, "null is allowed")
        if before.keys() - {"null"} != after.keys() - {"null"}:
            yield Breach(field, Rule.TYPE_CHANGED, f"{_names(before)} became {_names(after)}")
            return
        for kind in before.keys() - {"null"}:
            yield from self._same_kind(field, before[kind], after[kind])

    def _same_kind(self, field: str, old: Node, new: Node) -> Iterator[Breach]:
        pair = (id(old), id(new))
        if "properties" in old and pair in self._compared:
            return
        self._compared.add(pair)
        yield from _values(field, old, new)
        yield from _ranges(field, old, new)
        for name, rule in (("pattern", Rule.PATTERN_CHANGED), ("format", Rule.FORMAT_CHANGED)):
            if old.get(name) != new.get(name):
                yield Breach(field, rule, f"{name} {old.get(name)} became {new.get(name)}")
        for name in sorted((old.keys() | new.keys()) - _COMPARED_ELSEWHERE):
            if not name.startswith("x-") and old.get(name) != new.get(name):
                change = f"{name} {old.get(name)} became {new.get(name)}"
                yield Breach(field, Rule.CONSTRAINT_CHANGED, change)
        yield from self._fields(field, old, new)
        for name, suffix in (("items", "[]"), ("additionalProperties", ".*")):
            parts = [node.get(name) or {} for node in (old, new)]
            if any(parts):
                yield from self.walk(f"{field}{suffix}", *parts)

    def _fields(self, field: str, old: Node, new: Node) -> Iterator[Breach]:
        before, after = old.get("properties", {}), new.get("properties", {})
        needed_before, needed_after = old.get("required", ()), new.get("required", ())
        renamed = _renamed(before, after)
        for name, node in before.items():
            path = f"{field}.{name}" if field else name
            if name in renamed:
                yield Breach(path, Rule.FIELD_RENAMED, f"is called {renamed[name]}")
            elif name not in after:
                yield Breach(path, Rule.FIELD_REMOVED, "was removed")
            else:
                yield from _presence(
                    path,
                    before=None if name in needed_before else node.get("default", _NOTHING),
                    after=None if name in needed_after else after[name].get("default", _NOTHING),
                    was_needed=name in needed_before,
                    is_needed=name in needed_after,
                )
                yield from self.walk(path, node, after[name])
        for name in after.keys() - before.keys() - set(renamed.values()):
            if name in needed_after:
                path = f"{field}.{name}" if field else name
                yield Breach(path, Rule.REQUIRED_FIELD_ADDED, "is new and has no default")


_NOTHING: Final = object()
"""An optional field whose default the schema does not tell."""


def _presence(
    path: str, *, before: Any, after: Any, was_needed: bool, is_needed: bool
) -> Iterator[Breach]:
    if is_needed and not was_needed:
        yield Breach(path, Rule.BECAME_REQUIRED, "became required")
    elif was_needed and not is_needed:
        yield Breach(path, Rule.BECAME_OPTIONAL, "became optional")
    elif (type(before), before) != (type(after), after):
        yield Breach(path, Rule.DEFAULT_CHANGED, f"its default {before} became {after}")


def _renamed(before: Node, after: Node) -> dict[str, str]:
    """Fields of which one vanished and one with the very same schema came: a likely new name."""
    gone = [name for name in before if name not in after]
    come = [name for name in after if name not in before]
    if len(gone) == len(come) == 1 and before[gone[0]] == after[come[0]]:
        return {gone[0]: come[0]}
    return {}


def _values(field: str, old: Node, new: Node) -> Iterator[Breach]:
    before, after = _listed(old), _listed(new)
    if before is None and after is None:
        return
    if after is None or (before is not None and after.keys() - before.keys()):
        more = "any value" if after is None else _words(after.keys() - (before or {}).keys())
        yield Breach(field, Rule.VALUE_ADDED, f"{more} is allowed")
    if before is None or (after is not None and before.keys() - after.keys()):
        less = "most values" if before is None else _words(before.keys() - (after or {}).keys())
        yield Breach(field, Rule.VALUE_REMOVED, f"{less} is refused")


def _ranges(field: str, old: Node, new: Node) -> Iterator[Breach]:
    for name in (*_LOWER, *_UPPER):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        change = f"{name} {before} became {after}"
        if before is None or after is None:
            rule = Rule.NARROWED if before is None else Rule.WIDENED
        else:
            rule = Rule.NARROWED if (after > before) == (name in _LOWER) else Rule.WIDENED
        yield Breach(field, rule, change)


def _variants(node: Node, root: Node) -> dict[str, Node]:
    """The alternatives of a schema by their JSON type."""
    while "$ref" in node:
        node = root["$defs"][node["$ref"].rpartition("/")[2]]
    alternatives = node.get("anyOf") or node.get("oneOf")
    if alternatives:
        return {
            kind: found
            for alternative in alternatives
            for kind, found in _variants(alternative, root).items()
        }
    listed = _listed(node)
    if listed is not None:
        kinds = {_kind_of(value) for value in listed.values()}
        return dict.fromkeys(sorted(kinds), node)
    kind = node.get("type", "anything")
    return dict.fromkeys([kind] if isinstance(kind, str) else kind, node)


def _listed(node: Node) -> dict[str, Any] | None:
    """The values of an enum but null, by their text; None where there is no enum."""
    if "const" in node:
        return {repr(node["const"]): node["const"]}
    values = node.get("enum")
    return None if values is None else {repr(value): value for value in values}


def _kind_of(value: Any) -> str:
    kinds = {str: "string", bool: "boolean", int: "integer", float: "number"}
    return kinds.get(type(value), "null")


def _names(variants: Mapping[str, Node]) -> str:
    return " or ".join(sorted(variants))


def _words(values: set[str]) -> str:
    return ", ".join(sorted(values))
