"""How often one caller may ask, and telling it so (draft-ietf-httpapi-ratelimit-headers-11).

Counted in this process's memory: with N replicas a caller gets N times as much.
A shared store takes its place behind the same `limits` interface.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter

from chassis.auth import current_actor
from chassis.auth.actor import Actor
from chassis.errors import TooMany


class AskedTooOften(TooMany):
    """The caller has used up its requests of this window."""

    title = "too many requests"


@dataclass(frozen=True, slots=True)
class Quota:
    """What is left to a caller, as the answer's headers say it."""

    limit: int
    window_seconds: int
    remaining: int
    reset_seconds: int

    def headers(self) -> list[tuple[bytes, bytes]]:
        """`RateLimit-Policy` and `RateLimit` as structured fields."""
        return [
            (b"ratelimit-policy", b'"default";q=%d;w=%d' % (self.limit, self.window_seconds)),
            (b"ratelimit", b'"default";r=%d;t=%d' % (self.remaining, self.reset_seconds)),
        ]


class RateLimit:
    """Requests per caller and window; a limit of 0 lets everything through."""

    def __init__(self, *, requests: int, seconds: int) -> None:
        self._item: RateLimitItem | None = (
            RateLimitItemPerSecond(requests, seconds) if requests else None
        )
        # Kept here because `limits` itself holds its storage by a weak reference only.
        self._storage = MemoryStorage()
        self._limiter = FixedWindowRateLimiter(self._storage)

    async def take(self, caller: str) -> Quota | None:
        """Count one request. Raises AskedTooOften."""
        if self._item is None:
            return None
        allowed = await self._limiter.hit(self._item, caller)
        stats = await self._limiter.get_window_stats(self._item, caller)
        quota = Quota(
            limit=self._item.amount,
            window_seconds=self._item.multiples,
            remaining=stats.remaining,
            reset_seconds=max(1, math.ceil(stats.reset_time - time.time())),
        )
        if not allowed:
            raise AskedTooOften(
                f"more than {quota.limit} requests in {quota.window_seconds} s",
                hint="wait as long as Retry-After says; send many rows in one /import request",
                retry_after=quota.reset_seconds,
            )
        return quota


async def count_request(request: Request, actor: Annotated[Actor, Depends(current_actor)]) -> None:
    """Dependency of every route that needs an identity."""
    limit: RateLimit = request.app.state.parts.rate_limit
    request.state.quota = await limit.take(actor.id)
