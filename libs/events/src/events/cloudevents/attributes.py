"""CloudEvents 1.0 context attributes as text, whatever mode they came in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec

from events.errors import AttributeUnusable
from events.event import MAX_SEQUENCE

MAX_ATTRIBUTE_LENGTH: Final = 512
CORE: Final = frozenset(
    (
        "specversion",
        "id",
        "source",
        "type",
        "subject",
        "time",
        "datacontenttype",
        "dataschema",
    )
)
SEQUENCE_DIGITS: Final = 12
"""Zero-padding makes the text sort as the number does, as the extension `sequence` demands."""

_LEAP: Final = "60"
"""Seconds that RFC 3339 allows and neither Python nor PostgreSQL can tell from the next minute."""
_instant: Final[msgspec.json.Decoder[datetime]] = msgspec.json.Decoder(
    Annotated[datetime, msgspec.Meta(tz=True)]
)


def required(attributes: Mapping[str, str], name: str) -> str:
    """A non-empty attribute. Raises AttributeUnusable."""
    value = attributes.get(name)
    if not value:
        raise AttributeUnusable(name, "is missing", hint="every event needs it")
    return checked(value, name)


def checked(value: str, name: str) -> str:
    """The value if a database and a header can hold it. Raises AttributeUnusable."""
    if len(value) > MAX_ATTRIBUTE_LENGTH:
        raise AttributeUnusable(
            name, f"has {len(value)} characters of {MAX_ATTRIBUTE_LENGTH}", hint="shorten it"
        )
    if "\x00" in value:
        raise AttributeUnusable(name, "contains a NUL character", hint="remove it")
    return value


def utc(value: bytes) -> datetime:
    """An RFC 3339 instant in UTC. Raises ValueError, OverflowError, TypeError."""
    found = _instant.decode(b'"%b"' % value)
    return found if found.tzinfo is UTC else found.astimezone(UTC)


def instant(value: str, name: str) -> datetime:
    """An RFC 3339 instant in UTC. Raises AttributeUnusable."""
    try:
        return utc(value.encode())
    except (ValueError, OverflowError):  # msgspec's and Unicode's errors are ValueErrors
        if value[17:19] == _LEAP:
            raise AttributeUnusable(
                name, "is a leap second, which no clock here has", hint="send the second after it"
            ) from None
        raise AttributeUnusable(
            name, "is no instant", hint="write it like 2026-01-31T09:30:00Z"
        ) from None


def sequence(value: str) -> int:
    """The aggregate's version. Raises AttributeUnusable."""
    if value.isascii() and value.isdigit() and 1 <= (number := int(value[:25])) <= MAX_SEQUENCE:
        return number
    raise AttributeUnusable(
        "sequence", f"is {value[:40]!r}", hint="use the aggregate's version: 1, 2, 3, …"
    )


def instant_text(value: datetime) -> str:
    """An RFC 3339 instant in UTC; the usual value is in UTC already."""
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return value.isoformat()[:-6] + "Z"


def sequence_text(value: int) -> str:
    return str(value).zfill(SEQUENCE_DIGITS)
