"""GET /v1/kpis/stream: the figures now, and again whenever they change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field, StringConstraints
from starlette.types import Receive, Scope, Send

from chassis.auth import require
from chassis.auth.actor import Actor
from chassis.errors import Unavailable
from chassis.resources import Resources, resources_of
from chassis.types import Code
from gateway.kpi import sse
from gateway.kpi.answers import MetricsRefused
from gateway.kpi.query import AnswerKey, KpiQuery, canonical
from gateway.kpi.scope import scope_of
from gateway.kpi.stream import Live, Watcher
from gateway.parts import parts_of
from gateway.proxy.forward import to_response
from gateway.ratelimit import count_request
from gateway.settings import Settings
from gateway.tokens import expiry_of

HEARTBEAT_SECONDS: Final = 15.0
_MOST_KPIS: Final = 20

KpiId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,79}$")]

router = APIRouter(tags=["kpis"], dependencies=[Depends(count_request)])


class Stopping(Unavailable):
    """The process is about to end."""

    title = "the gateway is stopping"


class StreamQuery(BaseModel):
    """What to watch: several KPIs by one period, grain, cut and filter, as at /v1/kpis/{kpi}."""

    kpi: list[KpiId] = Field(min_length=1, max_length=_MOST_KPIS, description="id; repeatable")
    grain: Code | None = None
    period: Code | None = None
    from_: Code | None = Field(None, alias="from")
    to: Code | None = None
    by: list[Code] = Field([], max_length=5)
    filter: list[Code] = Field([], max_length=20)

    def keys(self, scope: str) -> list[AnswerKey]:
        """The distinct questions, in the order of their KPIs."""
        single = {"grain": self.grain, "period": self.period, "from": self.from_, "to": self.to}
        pairs = [(name, value) for name, value in single.items() if value is not None]
        pairs += [("by", value) for value in self.by]
        pairs += [("filter", value) for value in self.filter]
        parameters = canonical(pairs)
        return [AnswerKey(KpiQuery(kpi, parameters), scope) for kpi in dict.fromkeys(self.kpi)]


@router.get(
    "/v1/kpis/stream",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def stream_kpis(
    request: Request,
    actor: Annotated[Actor, require("kpis:read")],
    asked: Annotated[StreamQuery, Query()],
    *,
    last_event_id: Annotated[str | None, Header(description="resume after this event")] = None,
) -> Response:
    """Push KPI answers as they change.

    Sends the current answer of each KPI first, then a new one whenever it differs,
    as events named `kpi` whose data is what `/v1/kpis/{kpi}` answers. Resume with
    `Last-Event-ID`: what has not changed since is not sent again. The stream ends
    with an event `closing` when its time is over, the token expires or the gateway
    stops; connect again with a current token. A comment comes every 15 s.
    """
    parts = parts_of(request)
    if parts.live.is_closing:
        raise Stopping("the gateway is stopping", hint="connect again", retry_after=1)
    authorization = request.headers["authorization"]
    keys = asked.keys(scope_of(actor))
    watcher = Watcher(keys, authorization=authorization, expires_at=expiry_of(authorization))
    parts.live.join(watcher, actor.id)
    try:
        first = await asyncio.gather(*(parts.answers.ask(key, authorization) for key in keys))
    except BaseException as error:
        parts.live.leave(watcher, actor.id)
        if isinstance(error, MetricsRefused):
            return to_response(error.answer)
        raise
    for key, answer in zip(keys, first, strict=True):
        # A change that came meanwhile has brought a newer answer already.
        watcher.waiting.setdefault(key, answer)
    watcher.wake.set()
    position = sse.Position(keys, last_event_id)
    events = _events(watcher, position, lifetime=_lifetime(resources_of(request), watcher))
    return LiveResponse(events, live=parts.live, watcher=watcher, caller=actor.id)


class LiveResponse(StreamingResponse):
    """A stream that gives its place back however it ends, also before its first byte."""

    media_type = "text/event-stream"

    def __init__(
        self, events: AsyncIterator[bytes], *, live: Live, watcher: Watcher, caller: str
    ) -> None:
        # nginx and its like would hold events back until a buffer is full.
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "Vary": "Authorization"}
        super().__init__(events, headers=headers)
        self._leave = partial(live.leave, watcher, caller)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave()


def _lifetime(resources: Resources, watcher: Watcher) -> float:
    assert isinstance(resources.settings, Settings)
    until_expiry = watcher.expires_at - resources.clock.now().timestamp()
    return max(0.0, min(resources.settings.stream_seconds, until_expiry))


async def _events(
    watcher: Watcher, position: sse.Position, *, lifetime: float
) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + lifetime
    yield sse.RETRY
    while True:
        for key, answer in watcher.take().items():
            if not position.holds(key, answer.tag):
                event_id = position.move(key, answer.tag)
                yield sse.event("kpi", answer.body, event_id=event_id)
        if reason := _end_reason(watcher, over=loop.time() >= ends_at):
            yield sse.closing(reason)
            return
        try:
            async with asyncio.timeout_at(min(loop.time() + HEARTBEAT_SECONDS, ends_at)):
                await watcher.wake.wait()
        except TimeoutError:
            yield sse.HEARTBEAT


def _end_reason(watcher: Watcher, *, over: bool) -> str | None:
    if watcher.is_dismissed:
        return "stopping"
    return "renew" if over else None
