"""From any released major version of an event to the newest, step by step (N to N + 1).

Invariant: whoever decodes gets the newest version, whatever stands on the log.
A step that fails is a fault of that record, which is parked: old data must not
stop a partition for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from events.types import EVENT_TYPES, EventData, Superseded


def newest_type(cls: type[EventData]) -> type[EventData]:
    """The class that events of this type are read as."""
    while issubclass(cls, Superseded):
        cls = cls.newer
    return cls


def with_older(types: Iterable[type[EventData]]) -> list[type[EventData]]:
    """The types, and all older versions that are read as one of them.

    Raises ValueError for a class that is not the registered one of its type, when that
    has older versions: those come out as the registered class.
    """
    wanted = {cls.wire_type: cls for cls in types}
    older = [
        cls
        for cls in EVENT_TYPES.values()
        if cls.wire_type not in wanted and newest_type(cls).wire_type in wanted
    ]
    for cls in older:
        if wanted[newest_type(cls).wire_type] is not newest_type(cls):
            raise ValueError(
                f"{cls.wire_type} cannot be read as a part of {newest_type(cls).wire_type};"
                f" name {newest_type(cls).__name__} itself"
            )
    return [*wanted.values(), *older]


def upcast(data: EventData) -> EventData:
    """The data as the newest version says it. Raises msgspec.ValidationError."""
    while isinstance(data, Superseded):
        try:
            data = data.upcast()
        except Exception as error:  # the step is code of one type, its data are one record's
            raise msgspec.ValidationError(
                f"{data.wire_type} cannot be read as its next version: {error}"
            ) from error
    return data


def decoder_of(cls: type[EventData]) -> Callable[[Any], EventData]:
    """The tolerant decoder of a type, ending with the newest version of it."""
    decode = msgspec.json.Decoder(cls).decode
    if not issubclass(cls, Superseded):
        return decode

    def decode_and_upcast(raw: Any) -> EventData:
        return upcast(decode(raw))

    return decode_and_upcast
