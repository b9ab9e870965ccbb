"""The gate: a change that somebody would stumble over is named, and an addition is not."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec
import pytest

from events.schemas import Breach, Rule, breaches

REQUIRED = object()


class Line(msgspec.Struct, kw_only=True):
    product: str
    pieces: int = 1


FIELDS: dict[str, tuple[Any, Any]] = {
    "id": (str, REQUIRED),
    "kind": (Literal["a", "b"], REQUIRED),
    "size": (Annotated[int, msgspec.Meta(ge=0, le=10)], REQUIRED),
    "note": (Annotated[str, msgspec.Meta(max_length=5)] | None, None),
    "code": (Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")], "AAA"),
    "on": (date, date(2026, 1, 1)),
    "rate": (int, 1),
    "lines": (list[Line], []),
}
DOCUMENT = {"id": "1", "kind": "a", "size": 3}


def make(**changed: tuple[Any, Any] | None) -> type[msgspec.Struct]:
    """The class with some fields changed, added or (None) taken away."""
    fields = {name: kind for name, kind in (FIELDS | changed).items() if kind is not None}
    return msgspec.defstruct(
        "Sample",
        [
            (n, kind) if value is REQUIRED else (n, kind, value)
            for n, (kind, value) in fields.items()
        ],
        kw_only=True,
    )


def judged(old: type[msgspec.Struct], new: type[msgspec.Struct]) -> list[Breach]:
    return breaches(msgspec.json.schema(old), msgspec.json.schema(new))


def is_harmed(
    document: dict[str, Any], *, writer: type[msgspec.Struct], reader: type[msgspec.Struct]
) -> bool:
    """Whether the reader refuses what the writer wrote, or takes it to mean something else."""
    written = msgspec.to_builtins(msgspec.convert(document, type=writer))
    try:
        read = msgspec.to_builtins(msgspec.json.decode(msgspec.json.encode(document), type=reader))
    except msgspec.ValidationError:
        return True
    shared = written.keys() & read.keys()
    return any(written[name] != read[name] for name in shared) or bool(document.keys() - shared)


OLD, NEW = "old", "new"
BREAKING: list[tuple[str, Rule, dict[str, Any], str, dict[str, Any]]] = [
    ("a field is removed", Rule.FIELD_REMOVED, {"note": None}, OLD, {"note": "hello"}),
    ("a required field is removed", Rule.FIELD_REMOVED, {"kind": None}, NEW, {"kind": None}),
    (
        "a field is renamed",
        Rule.FIELD_RENAMED,
        {"note": None, "remark": FIELDS["note"]},
        OLD,
        {"note": "hello"},
    ),
    ("a required field is added", Rule.REQUIRED_FIELD_ADDED, {"by": (str, REQUIRED)}, OLD, {}),
    (
        "an optional field becomes required",
        Rule.BECAME_REQUIRED,
        {"rate": (int, REQUIRED)},
        OLD,
        {},
    ),
    (
        "a required field becomes optional",
        Rule.BECAME_OPTIONAL,
        {"id": (str, "")},
        NEW,
        {"id": None},
    ),
    ("the type changes", Rule.TYPE_CHANGED, {"size": (str, REQUIRED)}, OLD, {}),
    ("an integer becomes a number", Rule.TYPE_CHANGED, {"rate": (float, 1.0)}, NEW, {"rate": 0.5}),
    ("one becomes many", Rule.TYPE_CHANGED, {"rate": (list[int], [])}, OLD, {"rate": 2}),
    (
        "an enum is narrowed",
        Rule.VALUE_REMOVED,
        {"kind": (Literal["a"], REQUIRED)},
        OLD,
        {"kind": "b"},
    ),
    (
        "an enum is widened",
        Rule.VALUE_ADDED,
        {"kind": (Literal["a", "b", "c"], REQUIRED)},
        NEW,
        {"kind": "c"},
    ),
    ("an enum becomes free", Rule.VALUE_ADDED, {"kind": (str, REQUIRED)}, NEW, {"kind": "c"}),
    (
        "a range is narrowed",
        Rule.NARROWED,
        {"size": (Annotated[int, msgspec.Meta(ge=0, le=9)], REQUIRED)},
        OLD,
        {"size": 10},
    ),
    (
        "a range is widened",
        Rule.WIDENED,
        {"size": (Annotated[int, msgspec.Meta(ge=-1, le=10)], REQUIRED)},
        NEW,
        {"size": -1},
    ),
    (
        "a bound appears",
        Rule.NARROWED,
        {"rate": (Annotated[int, msgspec.Meta(ge=0)], 1)},
        OLD,
        {"rate": -1},
    ),
    (
        "a text may be longer",
        Rule.WIDENED,
        {"note": (Annotated[str, msgspec.Meta(max_length=6)] | None, None)},
        NEW,
        {"note": "longer"},
    ),
    (
        "a pattern is tightened",
        Rule.PATTERN_CHANGED,
        {"code": (Annotated[str, msgspec.Meta(pattern="^A[A-Z]{2}$")], "AAA")},
        OLD,
        {"code": "BBB"},
    ),
    (
        "a format changes",
        Rule.FORMAT_CHANGED,
        {"on": (datetime, datetime(2026, 1, 1))},  # noqa: DTZ001 - as a day would be read
        NEW,
        {"on": "2026-01-01T00:00:00"},
    ),
    (
        "null is refused",
        Rule.NULL_REMOVED,
        {"note": (Annotated[str, msgspec.Meta(max_length=5)], "")},
        OLD,
        {"note": None},
    ),
    ("null is allowed", Rule.NULL_ADDED, {"rate": (int | None, 1)}, NEW, {"rate": None}),
    ("absent means something else", Rule.DEFAULT_CHANGED, {"rate": (int, 100)}, OLD, {}),
]


@pytest.mark.parametrize(
    ("_name", "rule", "changed", "writer", "document"),
    BREAKING,
    ids=lambda v: v if isinstance(v, str) and " " in v else "",
)
def test_a_change_that_harms_a_reader_is_refused(
    _name: str, rule: Rule, changed: dict[str, Any], writer: str, document: dict[str, Any]
) -> None:
    old, new = make(), make(**changed)
    wrote, reads = (old, new) if writer == OLD else (new, old)
    whole = {**DOCUMENT, **document}
    if (
        writer == NEW
        and document
        and next(iter(document.values())) is None
        and rule is not Rule.NULL_ADDED
    ):
        whole.pop(next(iter(document)))

    assert rule in {breach.rule for breach in judged(old, new)}
    assert is_harmed(whole, writer=wrote, reader=reads), "nobody would stumble: is the rule needed?"


ADDITIONS: dict[str, dict[str, Any]] = {
    "an optional field": {"more": (str, "")},
    "an optional field that may be null": {"more": (int | None, None)},
    "an optional enum": {"more": (Literal["x", "y"], "x")},
    "an optional list of structures": {"more": (list[Line], [])},
    "two of them": {"more": (str, ""), "most": (bool, False)},
}


@pytest.mark.parametrize("added", ADDITIONS.values(), ids=ADDITIONS.keys())
def test_an_addition_passes(added: dict[str, Any]) -> None:
    assert judged(make(), make(**added)) == []


def test_words_and_the_order_of_fields_may_change() -> None:
    old = msgspec.json.schema(make())
    (sample,) = [node for name, node in old["$defs"].items() if name == "Sample"]
    turned = {**sample, "properties": dict(reversed(sample["properties"].items())), "title": "S"}
    new = {**old, "$defs": old["$defs"] | {"Sample": turned | {"description": "better words"}}}

    assert breaches(old, new) == []


def test_a_breach_deep_inside_is_named_with_its_path_and_mend() -> None:
    class Line(msgspec.Struct, kw_only=True):
        product: str
        pieces: Annotated[int, msgspec.Meta(le=99)] = 1

    (breach,) = judged(make(), make(lines=(list[Line], [])))

    assert str(breach) == (
        "lines[].pieces: maximum None became 99 (narrowed);"
        " keep the wider range: old events may lie outside the new one"
    )


def test_a_structure_that_contains_itself_is_compared_once() -> None:
    tree = {"type": "object", "properties": {"left": {"$ref": "#/$defs/Tree"}}, "required": []}
    schema = {"$ref": "#/$defs/Tree", "$defs": {"Tree": tree}}

    assert breaches(schema, schema) == []
