"""The keys as a gateway holds them: who comes with one, decided without asking the database.

Invariant: a revoked key opens nothing FRESH_SECONDS later on any gateway; when the keys
cannot be read anew, no key opens anything. Strangers cannot make a gateway ask the
database more often than twice a second.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from datetime import datetime, timedelta
from typing import Final

from chassis.auth.actor import Actor
from chassis.clock import Clock
from chassis.db import Database, first_line
from chassis.errors import Unauthenticated, Unavailable
from chassis.resources import Resources
from events.database_errors import DATABASE_ERRORS
from events.waiting import is_set_within
from gateway.partner_keys import store
from gateway.partner_keys.secret import PREFIX, hash_of, id_of
from gateway.partner_keys.store import PartnerKey
from gateway.telemetry import GatewayTelemetry

log = logging.getLogger(__name__)

FRESH_SECONDS: Final = 5.0
_UNKNOWN_SECONDS: Final = 0.5
"""A key that is not held may have been issued by another gateway a moment ago."""
_REMEMBERED: Final = timedelta(days=90)
"""Who comes with a key that ended longer ago is told that there is no such key."""
_NOTE_SECONDS: Final = 15.0
_TELL_SECONDS: Final = 60.0


class PartnerKeyUnknown(Unauthenticated):
    """No key like this was issued here."""

    title = "partner key not known"


class PartnerKeyExpired(Unauthenticated):
    """The key's time is over."""

    title = "partner key expired"


class PartnerKeyRevoked(Unauthenticated):
    """An administrator ended the key."""

    title = "partner key revoked"


class PartnerKeysUnreadable(Unavailable):
    """The database does not answer, and what is held is too old to trust."""

    title = "partner keys cannot be read"


class KeyRing:
    """All keys of partners, read anew when they are asked for and not fresh."""

    def __init__(self, clock: Clock, telemetry: GatewayTelemetry) -> None:
        self._clock = clock
        self._refused = telemetry.partner_keys_refused
        self._database: Database | None = None
        self._held: dict[str, PartnerKey] = {}
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()
        self._used: dict[str, datetime] = {}
        self._told_at: dict[str, float] = {}

    def open(self, database: Database) -> None:
        """Read from this database from now on."""
        self._database = database

    def forget(self) -> None:
        """Read anew at the next request: this gateway has just changed a key."""
        self._read_at = float("-inf")

    def recognises(self, credential: str) -> bool:
        """Whether it is meant to be a partner's key."""
        return credential.startswith(PREFIX)

    async def authenticate(self, credential: str) -> Actor:
        """The partner behind a key.

        Raises PartnerKeyUnknown, PartnerKeyExpired, PartnerKeyRevoked, PartnerKeysUnreadable.
        """
        key_id = id_of(credential)
        if key_id is None:
            self._refused.labels("damaged").inc()
            raise PartnerKeyUnknown("the key is not whole", hint="copy it anew, to its last letter")
        key = await self._find(key_id)
        # What is told of a key, even that there was one, is told to its holder alone.
        if key is None or not hmac.compare_digest(key.hash, hash_of(credential)):
            self._refused.labels("unknown").inc()
            raise PartnerKeyUnknown(
                "no such key was issued here", hint="ask an administrator for a key"
            )
        now = self._clock.now()
        self._refuse_ended(key, now)
        self._used[key_id] = now
        return Actor(
            id=f"partner:{key.partner}",
            roles=frozenset({"partner"}),
            sources=frozenset(key.sources),
            event_types=None if key.types is None else frozenset(key.types),
            scopes=frozenset(key.scopes),
        )

    async def note_use(self) -> None:
        """Write down when keys were used; what cannot be written now is written later."""
        used, self._used = self._used, {}
        if not used or self._database is None:
            return
        try:
            async with self._database.pool.acquire() as connection:
                await store.note_use(connection, used)
        except DATABASE_ERRORS as error:
            log.warning("last uses of keys not noted, trying later: %s", first_line(error))
            self._used = used | self._used

    def _refuse_ended(self, key: PartnerKey, now: datetime) -> None:
        if key.revoked_at is not None:
            self._tell(key, "revoked")
            raise PartnerKeyRevoked(
                "the key was revoked", hint="ask an administrator for another one"
            )
        if key.expires_at <= now:
            self._tell(key, "expired")
            raise PartnerKeyExpired(
                "the key has expired",
                hint="use the key that replaced it, or ask an administrator for another one",
                expired_at=key.expires_at.isoformat().replace("+00:00", "Z"),
            )

    def _tell(self, key: PartnerKey, reason: str) -> None:
        """Count the refusal, and log it once a minute: somebody still uses the key."""
        self._refused.labels(reason).inc()
        now = time.monotonic()
        if now - self._told_at.get(key.id, float("-inf")) > _TELL_SECONDS:
            self._told_at[key.id] = now
            log.warning(
                "partner key %s of %s is %s and still used",
                *(key.id, key.partner, reason),
                extra={"partner": key.partner, "key_id": key.id},
            )

    async def _find(self, key_id: str) -> PartnerKey | None:
        if self._is_older_than(FRESH_SECONDS):
            await self._read(FRESH_SECONDS)
        if key_id not in self._held and self._is_older_than(_UNKNOWN_SECONDS):
            await self._read(_UNKNOWN_SECONDS)
        return self._held.get(key_id)

    def _is_older_than(self, seconds: float) -> bool:
        return time.monotonic() - self._read_at > seconds

    async def _read(self, seconds: float) -> None:
        async with self._reading:
            if not self._is_older_than(seconds):
                return  # somebody else read while we waited
            # Before the reading: what is revoked meanwhile may be in what is read, or not.
            began = time.monotonic()
            self._held = {key.id: key for key in await self._keys()}
            self._read_at = began

    async def _keys(self) -> list[PartnerKey]:
        assert self._database is not None, "the key ring was not opened"
        try:
            async with self._database.pool.acquire() as connection:
                return await store.known_since(connection, self._clock.now() - _REMEMBERED)
        except DATABASE_ERRORS as error:
            log.warning("partner keys not read: %s", first_line(error))
            raise PartnerKeysUnreadable(
                "keys cannot be looked up at present", hint="try again after Retry-After"
            ) from None


async def note_uses(keys: KeyRing, resources: Resources) -> None:
    """Background task: note last uses now and then, and when the process ends."""
    while not resources.stopping.is_set():
        await is_set_within(resources.stopping, _NOTE_SECONDS)
        await keys.note_use()
