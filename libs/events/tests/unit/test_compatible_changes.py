"""Whatever the gate lets pass really lets old readers read new data, and new readers old data."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from hypothesis import event, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from events.schemas import breaches

Kind = tuple[Any, ...]
"""A field's type: ("int", least, most), ("text", most), ("enum", values), ("bool",), ("day",),
("null", kind), ("list", kind) or ("struct", fields)."""
Fields = dict[str, tuple[Kind, bool]]
"""Name to type and whether it is required."""

NAMES = st.sampled_from("abcdefgh")
VALUES = st.lists(st.sampled_from("wxyz"), min_size=1, unique=True).map(sorted).map(tuple)
LEAVES = st.one_of(
    st.tuples(st.just("int"), st.integers(-2, 0), st.integers(1, 3)),
    st.tuples(st.just("text"), st.integers(1, 3)),
    st.tuples(st.just("enum"), VALUES),
    st.just(("bool",)),
    st.just(("day",)),
)


def fields_of(kinds: st.SearchStrategy[Kind]) -> st.SearchStrategy[Fields]:
    return st.dictionaries(NAMES, st.tuples(kinds, st.booleans()), max_size=4)


KINDS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(st.just("null"), LEAVES),
        st.tuples(st.just("list"), inner),
        st.tuples(st.just("struct"), fields_of(inner)),
    ),
    max_leaves=4,
)
FIELDS = fields_of(KINDS)


def type_of(kind: Kind, name: str) -> Any:
    make: dict[str, Callable[..., Any]] = {
        "int": lambda least, most: Annotated[int, msgspec.Meta(ge=least, le=most)],
        "text": lambda most: Annotated[str, msgspec.Meta(max_length=most)],
        "enum": lambda values: Literal[values],
        "bool": lambda: bool,
        "day": lambda: date,
        "null": lambda inner: type_of(inner, name) | None,
        "list": lambda inner: list[type_of(inner, name)],  # type: ignore[misc] # made at run time
        "struct": lambda fields: class_of(fields, name),
    }
    return make[kind[0]](*kind[1:])


def default_of(kind: Kind) -> Any:
    match kind[0]:
        case "enum":
            return kind[1][0]
        case "int":
            return kind[1]
        case "list":
            return []
    return {"text": "", "bool": False, "day": date(2026, 1, 1)}.get(kind[0])


def class_of(fields: Fields, name: str = "Sample") -> type[msgspec.Struct]:
    made: list[Any] = []
    for field, (kind, required) in fields.items():
        inner = type_of(kind, f"{name}_{field}")
        if required:
            made.append((field, inner))
        elif kind[0] == "struct":
            made.append((field, inner | None, None))
        else:
            made.append((field, inner, default_of(kind)))
    return msgspec.defstruct(name, made, kw_only=True, omit_defaults=True)


def documents(kind: Kind) -> st.SearchStrategy[Any]:
    make: dict[str, Callable[..., st.SearchStrategy[Any]]] = {
        "int": st.integers,
        "text": lambda most: st.text("äb", max_size=most),
        "enum": st.sampled_from,
        "bool": st.booleans,
        "day": lambda: st.dates(date(2026, 1, 1), date(2026, 1, 3)).map(date.isoformat),
        "null": lambda inner: st.none() | documents(inner),
        "list": lambda inner: st.lists(documents(inner), max_size=2),
        "struct": written,
    }
    return make[kind[0]](*kind[1:])


def written(fields: Fields) -> st.SearchStrategy[dict[str, Any]]:
    needed = {name: documents(kind) for name, (kind, required) in fields.items() if required}
    spare = {name: documents(kind) for name, (kind, required) in fields.items() if not required}
    return st.fixed_dictionaries(needed, optional=spare)


@st.composite
def edited(draw: st.DrawFn, fields: Fields) -> Fields:
    """Some edits, more often additions than not."""
    new = dict(fields)
    for _ in range(draw(st.integers(1, 3))):
        edit = draw(st.sampled_from(["add", "add", "add", "inside", "any", "drop", "need"]))
        name = draw(NAMES if edit == "add" or not new else st.sampled_from(sorted(new)))
        kind, required = new.get(name, (None, False))
        if kind is None:
            new[name] = (draw(KINDS), draw(st.integers(0, 4)) == 0)
        elif edit == "inside" and kind[0] == "struct":
            new[name] = (("struct", draw(edited(kind[1]))), required)
        elif edit == "any":
            new[name] = (draw(KINDS), required)
        elif edit == "drop":
            del new[name]
        elif edit == "need":
            new[name] = (kind, not required)
    return new


def check_reading(
    document: dict[str, Any], *, writer: type[msgspec.Struct], reader: type[msgspec.Struct]
) -> None:
    """The reader takes what the writer wrote, and takes it to mean the same."""
    meant = msgspec.convert(document, type=writer)
    read = msgspec.json.decode(msgspec.json.encode(meant), type=reader)
    assert_same(meant, read)
    schema = msgspec.json.schema(reader)
    Draft202012Validator(schema).validate(msgspec.to_builtins(meant))


def assert_same(meant: Any, read: Any) -> None:
    if isinstance(meant, msgspec.Struct):
        for name in set(meant.__struct_fields__) & set(read.__struct_fields__):
            assert_same(getattr(meant, name), getattr(read, name))
    elif isinstance(meant, list):
        assert len(meant) == len(read)
        for one, other in zip(meant, read, strict=True):
            assert_same(one, other)
    else:
        assert meant == read


@settings(deadline=None, max_examples=200)
@given(data=st.data(), fields=FIELDS)
def test_what_passes_the_gate_is_read_both_ways(data: st.DataObject, fields: Fields) -> None:
    later = data.draw(edited(fields))
    old, new = class_of(fields), class_of(later)
    found = breaches(msgspec.json.schema(old), msgspec.json.schema(new))
    event("refused" if found else "unchanged" if fields == later else "passed")
    if found:
        return

    check_reading(data.draw(written(fields)), writer=old, reader=new)
    check_reading(data.draw(written(later)), writer=new, reader=old)


@settings(deadline=None, max_examples=50)
@given(fields=FIELDS, added=FIELDS)
def test_optional_fields_always_pass_whatever_they_hold(fields: Fields, added: Fields) -> None:
    optional = {name: (kind, False) for name, (kind, _) in added.items()}
    old, new = class_of(fields), class_of(optional | fields)

    assert breaches(msgspec.json.schema(old), msgspec.json.schema(new)) == []
