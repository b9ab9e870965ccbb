"""POST /v1/events: partners' CloudEvents, acknowledged once they are durable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from chassis import problems
from chassis.auth import current_actor, require
from chassis.auth.actor import Actor
from chassis.auth.dependencies import Requirement
from chassis.middleware import BODY_BYTES
from chassis.resources import Resources, resources_of
from chassis.routes import refuse_unknown_query
from events.partners import (
    Incoming,
    Rejected,
    Terms,
    TooManyEvents,
    UnreadableBody,
    UnsupportedContentType,
    read_http,
)
from events.partners.http import BATCH, STRUCTURED, is_batch
from gateway.ingress import taking
from gateway.ingress.results import (
    BatchResult,
    BatchTooLong,
    BodyUnreadable,
    EventResult,
    MediaTypeUnknown,
    Outcome,
)
from gateway.parts import Parts, parts_of
from gateway.ratelimit import count_request

_ANY_OBJECT: Final = {"type": "object", "additionalProperties": True}

router = APIRouter(tags=["events"], dependencies=[Depends(count_request)])


class _Publishing(APIRoute):
    """Does by itself what the route's dependencies say: FastAPI's way to them costs a tenth of all
    that a batch of 100 costs the gateway.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        async def publish(request: Request) -> Response:
            await refuse_unknown_query(request)
            actor = await current_actor(request)
            await count_request(request, actor)
            return await publish_events(request, await _may_publish(actor))

        return publish


_may_publish: Final = Requirement("events:publish")
publishing = APIRouter(
    tags=["events"], dependencies=[Depends(count_request)], route_class=_Publishing
)


class EventLimits(BaseModel, extra="forbid"):
    """Whoever breaks one of the last five is refused alone; `time` lies between the last two."""

    request_bytes: int
    events_per_request: int
    event_bytes: int
    levels: int
    extensions: int
    not_before: datetime
    not_after: datetime


class _Answer(Response):
    media_type = "application/json"


@publishing.post(
    "/v1/events",
    status_code=HTTPStatus.ACCEPTED,
    response_class=_Answer,
    responses={
        202: {"model": EventResult | BatchResult, "description": "All are durable, or were before"},
        207: {"model": BatchResult, "description": "Some of a batch were not taken; see each"},
        429: {"description": "Nothing was taken; the caller asked too often"},
        503: {"description": "Nothing was taken; send it again after `Retry-After`, same ids"},
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                STRUCTURED: {"schema": _ANY_OBJECT},
                BATCH: {"schema": {"type": "array", "items": _ANY_OBJECT}},
                "application/json": {"schema": _ANY_OBJECT},
            },
        }
    },
)
async def publish_events(
    request: Request, actor: Annotated[Actor, Depends(_may_publish)]
) -> Response:
    """Take CloudEvents 1.0 of a partner: structured, binary (`ce-` headers) or batched.

    202 means durable. The same source and id with the same content is a
    `duplicate` and answered like the first; with other content it is a conflict:
    409 for a single event. A batch takes its good events whatever the others are:
    202 if all were taken now or before, else 207 with a problem on each that was not.

    Limits are those of `GET /v1/events/limits`; by default 500 events and 1 MiB a request,
    256 KiB, 32 levels and 32 extension attributes an event, and a `time` between 1,100 days
    ago and 5 minutes ahead. An event beyond them is rejected alone.
    """
    parts = parts_of(request)
    resources = resources_of(request)
    await parts.outbox_depth.refuse_too_deep(resources)
    with parts.filing.room(actor.id, _announced(request)):
        terms = parts.terms.at(resources.clock.now())
        read = _read(request, await request.body(), terms=terms)
        outcomes = await _take(read, actor, parts=parts, resources=resources)
    for status, count in Counter([outcome.status for outcome in outcomes]).items():
        parts.telemetry.partner_events.labels(status).inc(count)
    if is_batch(request.headers.get("content-type", "")):
        return _batch_answer(outcomes)
    return _single_answer(outcomes[0])


@router.get("/v1/events/limits", dependencies=[require("events:publish")])
async def show_limits(request: Request) -> EventLimits:
    """What is taken here, as it is set now."""
    terms = parts_of(request).terms.at(resources_of(request).clock.now())
    return EventLimits(
        request_bytes=BODY_BYTES,
        events_per_request=terms.events,
        event_bytes=terms.event_bytes,
        levels=terms.levels,
        extensions=terms.extensions,
        not_before=terms.not_before,
        not_after=terms.not_after,
    )


def _announced(request: Request) -> int:
    length = request.headers.get("content-length", "")
    return int(length) if length.isdecimal() else BODY_BYTES


def _read(request: Request, body: bytes, *, terms: Terms) -> Sequence[Incoming | Rejected]:
    if request.headers.get("content-encoding", "identity") != "identity":
        raise MediaTypeUnknown("the body is compressed", hint="send it without Content-Encoding")
    try:
        return read_http(request.headers.raw, body, terms=terms)
    except UnsupportedContentType as error:
        raise MediaTypeUnknown(error.fact, hint=error.hint) from None
    except UnreadableBody as error:
        raise BodyUnreadable(error.fact, hint=error.hint) from None
    except TooManyEvents as error:
        raise BatchTooLong(error.fact, hint=error.hint) from None


async def _take(
    read: Sequence[Incoming | Rejected],
    actor: Actor,
    *,
    parts: Parts,
    resources: Resources,
) -> list[Outcome]:
    """One outcome for each event, in order; what is accepted is durable when this returns."""
    judged = taking.judge(read, actor.sources, types=actor.event_types)
    good = [
        event
        for event, outcome in zip(read, judged, strict=True)
        if outcome is None and isinstance(event, Incoming)
    ]
    taken = iter(await parts.filing.take(good, resources))
    resources.doorbell.ring()
    outcomes = [next(taken) if outcome is None else outcome for outcome in judged]
    if any(outcome.refusal is not None for outcome in outcomes):
        async with resources.database.pool.acquire() as connection:
            await taking.file(
                connection,
                outcomes,
                actor.sources,
                received_at=resources.clock.now(),
                zone=resources.settings.company_time_zone,
            )
    return outcomes


def _single_answer(outcome: Outcome) -> Response:
    if outcome.refusal is None:
        return _Answer(msgspec.json.encode(outcome.answered()), status_code=HTTPStatus.ACCEPTED)
    members: dict[str, Any] = {
        **problems.members_of(outcome.refusal),
        "id": outcome.event.id,
        "outcome": outcome.status,
    }
    return problems.document(problems.status_of(outcome.refusal), members)


def _batch_answer(outcomes: Sequence[Outcome]) -> Response:
    all_taken = all(outcome.refusal is None for outcome in outcomes)
    return _Answer(
        msgspec.json.encode({"results": [outcome.answered() for outcome in outcomes]}),
        status_code=HTTPStatus.ACCEPTED if all_taken else HTTPStatus.MULTI_STATUS,
    )
