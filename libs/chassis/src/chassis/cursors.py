"""Cursors: positions in a list, sealed so that only we can have written them."""

import base64
import hashlib
import hmac
from typing import Any, Final

import msgspec

from chassis.errors import Invalid

_SEAL_BYTES: Final = 16


class CursorRefused(Invalid):
    """The cursor was not issued by us for this list with these filters."""

    title = "cursor refused"

    def __init__(self) -> None:
        super().__init__(
            "the cursor was not issued for this list with these filters",
            field="cursor",
            hint="leave cursor out to begin at the first page",
        )


class CursorSeal:
    """Signs cursors, so that a caller cannot invent a position or carry it elsewhere."""

    def __init__(self, secret: str) -> None:
        self._key = hashlib.sha256(b"cursor:" + secret.encode()).digest()

    def seal(self, position: Any, *, scope: str) -> str:
        """The opaque text of a position (JSON-like values) within `scope`."""
        payload = msgspec.json.encode(position)
        return _text(self._mac(payload, scope) + payload)

    def unseal(self, cursor: str, *, scope: str) -> bytes:
        """The position as JSON. Raises CursorRefused."""
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except ValueError:
            raise CursorRefused from None
        # The last letter's spare bits are part of no byte: a cursor has one spelling all the same.
        if _text(raw) != cursor:
            raise CursorRefused
        mac, payload = raw[:_SEAL_BYTES], raw[_SEAL_BYTES:]
        if not hmac.compare_digest(mac, self._mac(payload, scope)):
            raise CursorRefused
        return payload

    def _mac(self, payload: bytes, scope: str) -> bytes:
        message = scope.encode() + b"\0" + payload
        return hmac.digest(self._key, message, "sha256")[:_SEAL_BYTES]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
