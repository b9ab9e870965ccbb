"""What may be imported as events: the types that partners send, and the fields of each.

Read from the event classes, which the gateway judges by as well: there is no second list.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, cached_property
from typing import Any, Final, Literal

import msgspec
from msgspec.inspect import type_info

from events import EVENT_TYPES, EventData
from events.money import Money

Kind = Literal["text", "integer", "boolean", "day", "instant", "money", "minor", "list"]
_KINDS: Final[dict[str, Kind]] = {
    "IntType": "integer",
    "BoolType": "boolean",
    "DateType": "day",
    "DateTimeType": "instant",
}


_MANY_A_SUBJECT: Final = frozenset(("activity.recorded", "campaign.cost_recorded"))
"""Types of which a file has many rows about one thing: a user's activities, a campaign's costs."""


class UnknownType(ValueError):
    """No event of this name may be imported."""


@dataclass(frozen=True)
class Leaf:
    """A field that a column can give, by its dotted path. Lists have the fields of their items.

    `required` holds where everything above it is there; `nullable` may be said to be nothing.
    """

    path: str
    kind: Kind
    required: bool
    nullable: bool = False
    choices: tuple[str, ...] = ()
    items: tuple[Leaf, ...] = ()


@dataclass(frozen=True)
class Contract:
    """One event type: its short name, its class, and its fields."""

    name: str
    type: type[EventData]
    leaves: tuple[Leaf, ...]

    @cached_property
    def by_path(self) -> Mapping[str, Leaf]:
        """All leaves, those of list items under their lists."""
        return dict(_by_path(self.leaves))

    def leaf(self, path: str) -> Leaf | None:
        """The field at a path, whichever item of a list it is in."""
        return self.by_path.get(_without_numbers(path))

    @property
    def has_many_a_subject(self) -> bool:
        """Whether a second row about the same user or campaign is no mistake."""
        return self.name in _MANY_A_SUBJECT

    @property
    def means(self) -> str:
        """One line of help."""
        return (inspect.getdoc(self.type) or "").splitlines()[0]

    def unknown(self, paths: Iterable[str]) -> list[str]:
        """Sentences about paths that lead to no field."""
        known = sorted(_with_parents(self.leaves))
        faults = []
        for path in paths:
            plain = _without_numbers(path)
            if plain not in known:
                alike = get_close_matches(plain, known, n=1) or known
                faults.append(f"{path!r} is no field of {self.name}; it has {', '.join(alike)}")
        return faults

    def lacking(self, paths: Iterable[str]) -> list[str]:
        """Sentences about required fields that no path leads to."""
        given = {_without_numbers(path) for path in paths}
        return [
            f"{self.name} needs the field {leaf.path!r}"
            for leaf in self.leaves
            if leaf.required and not any(_touches(path, leaf.path) for path in given)
        ]


def contracts() -> list[Contract]:
    """All types that may be imported, by name."""
    names = (name for name, cls in EVENT_TYPES.items() if cls.from_partners)
    return sorted((_contract(name) for name in names), key=lambda one: one.name)


def contract_of(name: str) -> Contract:
    """By short name (`order.paid`) or full type. Raises UnknownType naming what is alike."""
    by_name = {one.name: one for one in contracts()} | {
        one.type.wire_type: one for one in contracts()
    }
    if name not in by_name:
        alike = get_close_matches(name, by_name, n=2)
        mend = f"did you mean {' or '.join(alike)}?" if alike else "see `tandem import types`"
        raise UnknownType(f"{name!r} is no event that can be imported; {mend}")
    return by_name[name]


@cache
def _contract(wire_type: str) -> Contract:
    cls = EVENT_TYPES[wire_type]
    # One major version at a time is written: the newest bears the name.
    name = ".".join(wire_type.split(".")[3:5])
    return Contract(name, cls, tuple(_leaves(cls, prefix=(), required=True)))


def _leaves(
    cls: type[msgspec.Struct], *, prefix: tuple[str, ...], required: bool
) -> Iterator[Leaf]:
    info: Any = type_info(cls)
    for field in info.fields:
        path = (*prefix, field.encode_name)
        yield from _leaf(field.type, path, required=required and field.required)


def _leaf(said: Any, path: tuple[str, ...], *, required: bool) -> Iterator[Leaf]:
    kind, nullable = _plain(said), _is_nullable(said)
    dotted = ".".join(path)
    match type(kind).__name__:
        case "StructType" if kind.cls is Money:
            yield Leaf(dotted, "money", required, nullable)
            yield Leaf(f"{dotted}.rate", "text", required=False)
            yield Leaf(f"{dotted}.rate_on", "day", required=False)
        case "StructType":
            yield from _leaves(kind.cls, prefix=path, required=required)
        case "ListType":
            items = tuple(_leaves(_plain(kind.item_type).cls, prefix=(), required=True))
            yield Leaf(dotted, "list", required, nullable, items=items)
        case "LiteralType":
            yield Leaf(dotted, "text", required, nullable, choices=tuple(map(str, kind.values)))
        case name:
            is_minor = name == "IntType" and dotted.endswith("_minor")
            known = "minor" if is_minor else _KINDS.get(name, "text")
            yield Leaf(dotted, known, required, nullable)


def _plain(kind: Any) -> Any:
    """Without the description around it, and without null."""
    while type(kind).__name__ in {"Metadata", "UnionType"}:
        if type(kind).__name__ == "Metadata":
            kind = kind.type
        else:
            (kind,) = (one for one in kind.types if type(one).__name__ != "NoneType")
    return kind


def _is_nullable(kind: Any) -> bool:
    while type(kind).__name__ == "Metadata":
        kind = kind.type
    return type(kind).__name__ == "UnionType" and kind.includes_none


def _by_path(leaves: Iterable[Leaf], above: str = "") -> Iterator[tuple[str, Leaf]]:
    for leaf in leaves:
        path = f"{above}{leaf.path}"
        yield path, leaf
        yield from _by_path(leaf.items, f"{path}.")


def _with_parents(leaves: Sequence[Leaf]) -> Iterator[str]:
    """Every path that a rule may give: also a whole struct, or an item of a list."""
    for leaf in leaves:
        parts = leaf.path.split(".")
        yield from (".".join(parts[:end]) for end in range(1, len(parts) + 1))
        if leaf.kind == "money":
            yield from (f"{leaf.path}.amount_minor", f"{leaf.path}.currency")
        yield from (f"{leaf.path}.{inner}" for inner in _with_parents(leaf.items))


def _without_numbers(path: str) -> str:
    return ".".join(part for part in path.split(".") if not part.isdecimal())


def _touches(path: str, leaf: str) -> bool:
    return path == leaf or path.startswith(f"{leaf}.") or leaf.startswith(f"{path}.")
