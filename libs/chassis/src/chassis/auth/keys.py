"""The issuer's public keys, kept fresh without ever blocking or losing good ones.

Invariant: a key set that was once read stays in use until a newer one was read.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OKPKey

from chassis.auth.sources import fetch_json
from chassis.errors import Unavailable

log = logging.getLogger(__name__)

FRESH_SECONDS: Final = 300.0
"""Issuers publish a new key at least this long before they sign with it."""
UNKNOWN_KEY_SECONDS: Final = 10.0
"""A token with an invented key id makes us ask the issuer at most this often."""

PublicKey = ECKey | OKPKey


class KeysUnavailable(Unavailable):
    """The issuer's keys were never read, so that no token can be verified."""

    title = "identity cannot be verified now"


class KeySource:
    """Public keys by key id, from a file:// or https:// JWKS document."""

    def __init__(self, url: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._monotonic = monotonic
        self._keys: Mapping[str, PublicKey] = {}
        self._read_at = float("-inf")
        self._asked_at = float("-inf")
        self._refreshing: asyncio.Task[None] | None = None

    async def find(self, key_id: str) -> PublicKey | None:
        """The key, None when the issuer has no such. Raises KeysUnavailable."""
        now = self._monotonic()
        if not self._keys:
            await self._refresh()
        elif now - self._read_at > FRESH_SECONDS:
            # Serve the keys at hand and read anew behind the request's back.
            self._start_refresh()
        if not self._keys:
            raise KeysUnavailable(
                "the issuer's keys could not be read",
                hint="try again; if it stays, have AUTH_JWKS checked",
            )
        if key_id not in self._keys and now - self._asked_at > UNKNOWN_KEY_SECONDS:
            await self._refresh()
        return self._keys.get(key_id)

    async def _refresh(self) -> None:
        # Shielded: the caller that started it may be gone before the others got their keys.
        await asyncio.shield(self._start_refresh())

    def _start_refresh(self) -> "asyncio.Task[None]":
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._read(), name="jwks")
        return self._refreshing

    async def _read(self) -> None:
        self._asked_at = self._monotonic()
        try:
            keys = parse_keys(await fetch_json(self._url))
        except (OSError, ValueError, JoseError) as error:
            log.warning("cannot read the issuer's keys from %s: %s", self._url, error)
            return
        self._keys = keys
        self._read_at = self._monotonic()


def parse_keys(document: Any) -> Mapping[str, PublicKey]:
    """Signing keys of a JWKS document. Raises ValueError when it holds none."""
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError("not a JWKS document")  # noqa: TRY004 - it is the content that is wrong
    keys: dict[str, PublicKey] = {}
    for entry in entries:
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
            continue
        if entry.get("kty") not in {"EC", "OKP"} or not isinstance(entry.get("kid"), str):
            continue
        key = JWKRegistry.import_key(entry)
        if isinstance(key, ECKey | OKPKey):
            keys[entry["kid"]] = key
    if not keys:
        raise ValueError("the JWKS document holds no signing key")
    return keys
