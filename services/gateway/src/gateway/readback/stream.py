"""The feed without pages: one event after the other, and the next ones as they come."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

import msgspec
from prometheus_client import Gauge

from chassis.errors import Refusal
from chassis.resources import Resources
from events.inbox import feed
from events.waiting import is_set_within
from gateway.kpi import sse
from gateway.readback.items import members
from gateway.readback.reader import Reader, cursor_of
from gateway.settings import Settings

log = logging.getLogger(__name__)

_PAGE: Final = 500
_POLL_SECONDS: Final = 0.5
_HEARTBEAT_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True)
class Form:
    """How an event, the silence and the end look on the wire."""

    media_type: str
    event: Callable[[dict[str, object], str], bytes]
    silence: bytes
    end: Callable[[str], bytes]


def _server_sent(item: dict[str, object], cursor: str) -> bytes:
    return sse.event("event", msgspec.json.encode(item), event_id=cursor)


def _line(item: dict[str, object], cursor: str) -> bytes:
    return msgspec.json.encode(item | {"cursor": cursor}) + b"\n"


SERVER_SENT: Final = Form("text/event-stream", _server_sent, sse.HEARTBEAT, sse.closing)
LINES: Final = Form("application/x-ndjson", _line, b"\n", lambda _reason: b"")


@dataclass(frozen=True, slots=True)
class Feeding:
    """One reader's stream. It holds a connection only while it reads a page."""

    resources: Resources
    reader: Reader
    wanted: feed.Filter
    follow: bool
    authorization: str
    """Looked at again before each page, so that what expired or was revoked ends the stream."""
    streams_open: Gauge

    async def written(self, places: feed.Places, form: Form) -> AsyncIterator[bytes]:
        """The stream's bytes, until its end."""
        with self.streams_open.track_inprogress():
            async for part in self._written(places, form):
                yield part

    async def _written(self, places: feed.Places, form: Form) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        ends_at, spoke_at = loop.time() + self._longest(), loop.time()
        seal = self.resources.cursors
        while await self._is_known():
            page = await self._page(places)
            for one in page.events:
                spoke_at = loop.time()
                places = places | {one.source: (one.received_at, one.position)}
                yield form.event(self._item(one), cursor_of(places, seal))
            places = page.places
            if reason := self._end(page, over=loop.time() >= ends_at):
                yield form.end(reason)
                return
            if not page.more:
                await is_set_within(self.resources.stopping, _POLL_SECONDS)
            if loop.time() - spoke_at > _HEARTBEAT_SECONDS:
                spoke_at = loop.time()
                yield form.silence
        yield form.end("renew")

    async def _is_known(self) -> bool:
        """Whether the reader may read on. Whoever connects again is told why not."""
        try:
            await self.resources.authenticator.authenticate(self.authorization)
        except Refusal:
            return False
        return True

    def _longest(self) -> float:
        assert isinstance(self.resources.settings, Settings)
        return self.resources.settings.stream_seconds

    async def _page(self, places: feed.Places) -> feed.FeedPage:
        try:
            async with self.resources.database.pool.acquire() as connection:
                return await feed.read_page(connection, places, self.wanted, limit=_PAGE)
        except TimeoutError:
            log.warning("a stream of events waits for the database")
            return feed.FeedPage((), places, more=True)

    def _item(self, one: feed.Filed) -> dict[str, object]:
        return members(one, with_data=self.reader.sees_data(one.source))

    def _end(self, page: feed.FeedPage, *, over: bool) -> str | None:
        if self.resources.stopping.is_set():
            return "stopping"
        if over:
            return "renew"
        return "complete" if not self.follow and not page.more else None
