"""From any released major version of an event to the newest, step by step (N to N + 1).

Invariant: whoever decodes gets the newest version, whatever stands on the log.
A step that fails is a fault of that record, which is parked: old data must not
stop a partition for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from events.types import EventData, Superseded


def newest_type(cls: type[EventData]) -> type[EventData]:
    """The class that events of this type are read as."""
    while issubclass(cls, Superseded):
        cls = cls.newer
    return cls


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
