"""Verified tokens, remembered, so that a hot read does not verify a signature again.

Invariant: a token is remembered only after the chassis verified it, and never
beyond its expiry.
"""

from __future__ import annotations

import base64
import binascii
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec

from chassis.auth.actor import Actor

LONGEST_SECONDS: Final = 300.0
"""A key that the issuer withdrew stops working after this time at the latest."""
_MOST_TOKENS: Final = 10_000


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


class TokenMemory:
    """Authorization header to caller, least recently used out first."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._known: OrderedDict[bytes, tuple[Actor, float]] = OrderedDict()

    def recall(self, authorization: bytes) -> Actor | None:
        """The caller, if this very header was verified lately."""
        found = self._known.get(authorization)
        if found is None:
            return None
        actor, until = found
        if self._now() >= until:
            del self._known[authorization]
            return None
        self._known.move_to_end(authorization)
        return actor

    def remember(self, authorization: bytes, actor: Actor) -> None:
        """Note a header that was just verified."""
        until = min(expiry_of(authorization.decode("latin-1")), self._now() + LONGEST_SECONDS)
        self._known[authorization] = (actor, until)
        while len(self._known) > _MOST_TOKENS:
            self._known.popitem(last=False)
