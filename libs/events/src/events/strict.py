"""Reading what strangers send: nothing unknown is let through, and the field is named.

Consumers read tolerantly so that producers can add fields; a partner's request is
read strictly so that a misspelt field is not lost in silence.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from functools import cache
from types import UnionType
from typing import (
    Annotated,
    Any,
    Final,
    Generic,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec

from events.event import SchemaViolation, violation

T = TypeVar("T", bound=msgspec.Struct)

FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2199
"""Dates outside are mistakes, and arithmetic on the edges of the calendar overflows."""


class StrictDecoder(Generic[T]):
    """Decodes JSON into `cls`, refusing unknown fields at every depth."""

    def __init__(self, cls: type[T]) -> None:
        self._strict = msgspec.json.Decoder(closed_twin(cls))
        self._plain: msgspec.json.Decoder[T] = msgspec.json.Decoder(cls)

    def decode(self, raw: bytes | msgspec.Raw) -> T:
        """Raises SchemaViolation whose `field` is the path of the first offence."""
        try:
            self._strict.decode(raw)
            value = self._plain.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise violation(error) from None
        for path, fact, hint in _offences(value, ""):
            raise SchemaViolation(f"{path}: {fact}", hint=hint, field=path)
        return value


@cache
def strict_decoder(cls: type[T]) -> StrictDecoder[T]:
    """The strict decoder of a type, made once."""
    return StrictDecoder(cls)


@cache
def closed_twin(cls: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """A twin of the struct, and of all structs in it, that forbids unknown fields.

    It is written as the struct itself is.
    """
    hints = get_type_hints(cls, include_extras=True)
    fields: list[Any] = []
    for field in msgspec.structs.fields(cls):
        kind = _closed_type(hints[field.name])
        if field.required:
            fields.append((field.name, kind))
        elif field.default_factory is not msgspec.NODEFAULT:
            fields.append((field.name, kind, msgspec.field(default_factory=field.default_factory)))
        else:
            fields.append((field.name, kind, field.default))
    return msgspec.defstruct(
        cls.__name__,
        fields,
        forbid_unknown_fields=True,
        kw_only=True,
        gc=False,
        omit_defaults=cls.__struct_config__.omit_defaults,
    )


def _closed_type(kind: Any) -> Any:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return closed_twin(kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return Annotated[(_closed_type(arguments[0]), *arguments[1:])]
    if origin in {Union, UnionType}:
        return Union[tuple(_closed_type(a) for a in arguments)]  # noqa: UP007 - made at run time
    if origin in {list, dict, tuple}:
        return origin[tuple(_closed_type(a) for a in arguments)]
    return kind


def _offences(value: object, path: str) -> Iterator[tuple[str, str, str]]:
    """What JSON and the types allow but no database or calendar can take."""
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _offences(getattr(value, name), f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _offences(item, f"{path}[{index}]")
    elif isinstance(value, str):
        if "\x00" in value:
            yield path, "contains a NUL character", "remove it"
    elif isinstance(value, date | datetime) and not FIRST_YEAR <= value.year <= LAST_YEAR:
        yield (
            path,
            f"the year {value.year} is out of range",
            f"use {FIRST_YEAR} to {LAST_YEAR}",
        )
