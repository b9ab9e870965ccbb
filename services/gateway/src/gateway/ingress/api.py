"""POST /v1/events: partners' CloudEvents, acknowledged once they are durable."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response

from chassis import problems
from chassis.auth import require
from chassis.auth.actor import Actor
from chassis.resources import resources_of
from events.cloudevents import (
    Rejected,
    TooManyEvents,
    UnreadableBody,
    UnsupportedContentType,
    read_http,
)
from events.inbox import Incoming
from gateway.ingress.nesting import refuse_deep_nesting
from gateway.ingress.results import (
    BatchResult,
    BatchTooLong,
    BodyUnreadable,
    EventResult,
    MediaTypeUnknown,
)
from gateway.ingress.taking import Outcome, take
from gateway.parts import parts_of
from gateway.ratelimit import count_request

MOST_EVENTS: Final = 500
_BATCH: Final = "application/cloudevents-batch+json"
_STRUCTURED: Final = "application/cloudevents+json"
_ANY_OBJECT: Final = {"type": "object", "additionalProperties": True}

router = APIRouter(tags=["events"], dependencies=[Depends(count_request)])


class _Answer(Response):
    media_type = "application/json"


@router.post(
    "/v1/events",
    status_code=HTTPStatus.ACCEPTED,
    response_class=_Answer,
    responses={
        202: {"model": EventResult | BatchResult, "description": "All are durable, or were before"},
        207: {"model": BatchResult, "description": "Some of a batch were not taken; see each"},
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                _STRUCTURED: {"schema": _ANY_OBJECT},
                _BATCH: {
                    "schema": {"type": "array", "items": _ANY_OBJECT, "maxItems": MOST_EVENTS}
                },
                "application/json": {"schema": _ANY_OBJECT},
            },
        }
    },
)
async def publish_events(
    request: Request, actor: Annotated[Actor, require("events:publish")]
) -> Response:
    """Take CloudEvents 1.0 of a partner: structured, binary (`ce-` headers) or batched.

    202 means durable. The same source and id with the same content is a
    `duplicate` and answered like the first; with other content it is a conflict:
    409 for a single event. A batch takes its good events whatever the others are:
    202 if all were taken now or before, else 207 with a problem on each that was not.
    """
    body = await request.body()
    read = _read(request, body)
    outcomes = await take(read, actor, resources_of(request))
    counts = parts_of(request).telemetry.partner_events
    for outcome in outcomes:
        counts.labels(outcome.result.status).inc()
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() == _BATCH:
        return _batch_answer(outcomes)
    return _single_answer(outcomes[0])


def _read(request: Request, body: bytes) -> Sequence[Incoming | Rejected]:
    if request.headers.get("content-encoding", "identity") != "identity":
        raise MediaTypeUnknown("the body is compressed", hint="send it without Content-Encoding")
    refuse_deep_nesting(body)
    try:
        return read_http(request.headers.raw, body, max_events=MOST_EVENTS)
    except UnsupportedContentType as error:
        raise MediaTypeUnknown(error.fact, hint=error.hint) from None
    except UnreadableBody as error:
        raise BodyUnreadable(error.fact, hint=error.hint) from None
    except TooManyEvents as error:
        raise BatchTooLong(error.fact, hint=error.hint) from None


def _single_answer(outcome: Outcome) -> Response:
    if outcome.refusal is None:
        body = outcome.result.model_dump_json(exclude_none=True)
        return _Answer(body, status_code=HTTPStatus.ACCEPTED)
    members: dict[str, Any] = {
        **problems.members_of(outcome.refusal),
        "id": outcome.result.id,
        "outcome": outcome.result.status,
    }
    return problems.document(problems.status_of(outcome.refusal), members)


def _batch_answer(outcomes: Sequence[Outcome]) -> Response:
    all_taken = all(outcome.refusal is None for outcome in outcomes)
    body = BatchResult(results=[outcome.result for outcome in outcomes])
    return _Answer(
        body.model_dump_json(exclude_none=True),
        status_code=HTTPStatus.ACCEPTED if all_taken else HTTPStatus.MULTI_STATUS,
    )
