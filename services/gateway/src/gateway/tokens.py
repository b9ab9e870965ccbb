"""What a stream needs to know of a token besides whose it is."""

from __future__ import annotations

import base64
import binascii
from typing import Final

import msgspec


class _Claims(msgspec.Struct):
    exp: float


_claims: Final = msgspec.json.Decoder(_Claims)


def expiry_of(authorization: str) -> float:
    """The expiry of a token that was verified before, in seconds since 1970."""
    payload = authorization.rsplit(".", 2)[-2]
    try:
        return _claims.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))).exp
    except (binascii.Error, msgspec.DecodeError):
        return 0.0
