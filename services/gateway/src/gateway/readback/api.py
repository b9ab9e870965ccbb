"""GET /v1/events: a partner's own events, as they were taken or refused."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field, StringConstraints

from chassis.auth import require
from chassis.auth.actor import Actor
from chassis.errors import Conflict, NotFound
from chassis.resources import Resources, resources_of
from chassis.types import Day, Instant
from events.inbox import feed
from gateway.parts import parts_of
from gateway.ratelimit import count_request
from gateway.readback import stream
from gateway.readback.items import EventCount, EventCounts, FiledEvent, FiledPage, members
from gateway.readback.reader import Reader, begin, cursor_of, reader_of

_MOST: Final = 1_000
_LAST_POSITION: Final = 2**63 - 1
_Attribute = Annotated[str, StringConstraints(min_length=1, max_length=512)]

router = APIRouter(tags=["events"], dependencies=[Depends(count_request)])


class EventNotFiled(NotFound):
    """No source of the caller's sent an event with this id."""

    title = "event not found"


class EventAmbiguous(Conflict):
    """Two of the caller's sources use the same id."""

    title = "several sources have an event with this id"


class FeedQuery(BaseModel):
    """Which events: from a place on, and of a kind."""

    source: _Attribute | None = Field(None, description="one of the caller's; all by default")
    type: _Attribute | None = Field(None, description="full type")
    subject: _Attribute | None = None
    verdict: feed.FiledAs | None = None
    position_from: int | None = Field(
        None, ge=1, le=_LAST_POSITION, description="this position of the one source, or later"
    )
    received_from: Instant | None = Field(None, description="received at or after")
    received_to: Instant | None = Field(None, description="received before")
    cursor: Annotated[str, StringConstraints(max_length=8000)] | None = Field(
        None, description="where a page or stream ended"
    )

    def filter(self) -> feed.Filter:
        return feed.Filter(
            type=self.type, subject=self.subject, verdict=self.verdict, before=self.received_to
        )


class PageQuery(FeedQuery):
    """One page of them."""

    limit: int = Field(100, ge=1, le=_MOST)


class StreamQuery(FeedQuery):
    """All of them, one after the other."""

    follow: bool = Field(default=True, description="wait at the end for more, or end there")


class CountQuery(BaseModel):
    """Which days; `from` is the first, `to` the one after the last."""

    by: Literal["occurred", "received"] = Field(
        "occurred", description="by the day of the event's time, or that on which it came"
    )
    from_: Day | None = Field(None, alias="from")
    to: Day | None = None
    source: _Attribute | None = None
    type: _Attribute | None = None


_Reads = Annotated[Actor, require("events:read")]


@router.get("/v1/events", response_class=Response, responses={200: {"model": FiledPage}})
async def list_events(
    request: Request, actor: _Reads, asked: Annotated[PageQuery, Query()]
) -> Response:
    """What was taken and refused of the caller's sources, in the order in which it came.

    Keep `next_cursor` and ask again with it: nothing is missed or shown twice. A page
    may be empty and still have `more`, when the filter passed over many.
    """
    resources = resources_of(request)
    async with resources.database.pool.acquire() as connection:
        reader = await reader_of(connection, actor, asked.source)
        places = await begin(
            connection,
            reader,
            cursor=asked.cursor,
            position_from=asked.position_from,
            received_from=asked.received_from,
            seal=resources.cursors,
        )
        page = await feed.read_page(connection, places, asked.filter(), limit=asked.limit)
    return _json(
        {
            "items": [members(one, with_data=reader.sees_data(one.source)) for one in page.events],
            "next_cursor": cursor_of(page.places, resources.cursors),
            "more": page.more,
        }
    )


@router.get(
    "/v1/events/stream",
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {
                "text/event-stream": {"schema": {"type": "string"}},
                "application/x-ndjson": {"schema": {"type": "string"}},
            }
        }
    },
)
async def stream_events(
    request: Request,
    actor: _Reads,
    asked: Annotated[StreamQuery, Query()],
    *,
    accept: Annotated[str, Header()] = "*/*",
    last_event_id: Annotated[str | None, Header(description="resume after this event")] = None,
) -> Response:
    """The same as a stream: server-sent events, or lines of JSON (`Accept: application/x-ndjson`).

    Each event's `id` (in lines, `cursor`) is a cursor: resume with `Last-Event-ID` or `cursor`.
    """
    resources = resources_of(request)
    async with resources.database.pool.acquire() as connection:
        reader = await reader_of(connection, actor, asked.source)
        places = await begin(
            connection,
            reader,
            cursor=last_event_id or asked.cursor,
            position_from=asked.position_from,
            received_from=asked.received_from,
            seal=resources.cursors,
        )
    form = stream.LINES if stream.LINES.media_type in accept else stream.SERVER_SENT
    feeding = stream.Feeding(
        resources,
        reader,
        wanted=asked.filter(),
        follow=asked.follow,
        authorization=request.headers["authorization"],
        streams_open=parts_of(request).telemetry.feeds_open,
    )
    return StreamingResponse(
        feeding.written(places, form),
        media_type=form.media_type,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no", "Vary": "Authorization"},
    )


@router.get("/v1/events/counts")
async def count_events(
    request: Request, actor: _Reads, asked: Annotated[CountQuery, Query()]
) -> EventCounts:
    """Events per day, type and verdict, to compare with one's own books.

    `duplicate` counts repetitions that were recognised; they are in no list.
    """
    resources = resources_of(request)
    async with resources.database.pool.acquire() as connection:
        reader = await reader_of(connection, actor, asked.source)
        days = await feed.count_days(
            connection,
            reader.sources,
            by=asked.by,
            first=asked.from_,
            end=asked.to,
            type=asked.type,
        )
    return EventCounts(
        by=asked.by,
        time_zone=resources.settings.company_time_zone,
        items=[EventCount.model_validate(msgspec.structs.asdict(day)) for day in days],
    )


@router.get(
    "/v1/events/{event_id:path}", response_class=Response, responses={200: {"model": FiledEvent}}
)
async def show_event(
    request: Request,
    actor: _Reads,
    event_id: Annotated[str, Path(min_length=1, max_length=512)],
    *,
    source: Annotated[_Attribute | None, Query()] = None,
) -> Response:
    """One event by the id that its sender gave it."""
    found, reader = await _find(resources_of(request), actor, event_id, source=source)
    if not found:
        raise EventNotFiled(
            "no event of yours has this id", hint="it never came, or was refused unreadable"
        )
    if len(found) > 1:
        raise EventAmbiguous(
            "several of your sources have an event with this id", hint="say which: ?source="
        )
    return _json(members(found[0], with_data=reader.sees_data(found[0].source)))


async def _find(
    resources: Resources, actor: Actor, event_id: str, *, source: str | None
) -> tuple[list[feed.Filed], Reader]:
    async with resources.database.pool.acquire() as connection:
        reader = await reader_of(connection, actor, source)
        return await feed.find(connection, reader.sources, event_id), reader


def _json(content: dict[str, Any]) -> Response:
    headers = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}
    return Response(msgspec.json.encode(content), media_type="application/json", headers=headers)
