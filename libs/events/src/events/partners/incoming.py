"""A partner's event as read, and the terms on which events are taken."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final

import msgspec

_encode: Final = msgspec.json.Encoder().encode


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """How large, deep, old and many events may be. Whoever breaks one is refused alone."""

    events: int = 500
    """Of one request; the one limit that refuses the whole request."""
    event_bytes: int = 256 * 1024
    levels: int = 32
    """Arrays and objects inside each other; no event type needs more than six."""
    extensions: int = 32
    not_before: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    not_after: datetime = datetime(2200, 1, 1, tzinfo=UTC)


class Incoming(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A partner's event, read and checked, but without a sequence yet."""

    id: str
    source: str
    type: str
    subject: str | None
    """None for `event.voided`: it is filed under the subject of the event that it voids."""
    time: datetime
    payload: bytes
    """The data as we spell it, whatever mode, encoding or order of fields it came in."""
    voids: str | None = None
    """The id of the event that this one takes back."""
    traceparent: str | None = None
    extensions: dict[str, str] = {}

    @property
    def digest(self) -> bytes:
        """Tells content from content: type, time and data, however they were spelt."""
        time = str(_encode(self.time)[1:-1], "ascii").replace("Z", "+00:00")  # it was ever so
        content = _encode([self.type, time, self.payload.decode()])
        return blake2b(content, digest_size=16).digest()


class Rejected(msgspec.Struct, frozen=True, kw_only=True):
    """One event that is refused. `field` is a path such as `data.amount.currency`."""

    field: str
    reason: str
    hint: str
    id: str | None = None
    source: str | None = None
    type: str | None = None
    time: datetime | None = None
    content: bytes = b""
    """What was sent, as it came."""
