"""One filed event as a partner sees it again: the CloudEvent that it was, and what became of it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

import msgspec
from pydantic import BaseModel, JsonValue

from events.cloudevents.attributes import instant_text
from events.inbox.feed import Filed
from gateway.ingress.results import EventProblem

State = Literal["waiting", "published", "refused"]


class FiledEvent(BaseModel, extra="forbid"):
    """An event of a partner and its fate.

    `position` counts all events of the source, taken and refused, from 1 without a
    hole; `sequence` those about the subject. `state`: `waiting` is durable and not
    on the event log yet. `event` is as it was sent, its data in our spelling;
    of a refused one that could not be read, `content` is what came, cut off.
    """

    source: str
    position: int
    received_at: datetime
    verdict: Literal["accepted", "conflict", "rejected"]
    state: State
    sequence: int | None = None
    replaces: str | None = None
    followed_by: str | None = None
    voided_by: str | None = None
    event: dict[str, JsonValue] | None = None
    content: str | None = None
    problem: EventProblem | None = None


class FiledPage(BaseModel, extra="forbid"):
    """Part of the feed. `next_cursor` goes on after it, also when nothing more is there yet."""

    items: list[FiledEvent]
    next_cursor: str
    more: bool


class EventCount(BaseModel, extra="forbid"):
    """Events of one source, type and day in the company's time zone; `day` is null if unknown."""

    day: date | None
    source: str
    type: str | None
    verdict: Literal["accepted", "duplicate", "conflict", "rejected"]
    events: int


class EventCounts(BaseModel, extra="forbid"):
    """What to compare with one's own books."""

    by: Literal["occurred", "received"]
    time_zone: str
    items: list[EventCount]


def members(filed: Filed, *, with_data: bool) -> dict[str, Any]:
    """A `FiledEvent`, ready to be written; data that are JSON already are not read again."""
    found: dict[str, Any] = {
        "source": filed.source,
        "position": filed.position,
        "received_at": filed.received_at,
        "verdict": filed.verdict,
        "state": _state(filed),
    }
    for name in ("sequence", "replaces", "followed_by", "voided_by"):
        if (value := getattr(filed, name)) is not None:
            found[name] = value
    if filed.verdict == "accepted":
        found["event"] = _event(filed, with_data=with_data)
        return found
    if filed.problem is not None:
        found["problem"] = msgspec.Raw(filed.problem.encode())
    if filed.event_id is not None or filed.type is not None:
        found["event"] = {
            name: value
            for name, value in (("id", filed.event_id), ("type", filed.type))
            if value is not None
        }
    if with_data and filed.content is not None:
        found["content"] = filed.content
    return found


def _state(filed: Filed) -> State:
    if filed.verdict != "accepted":
        return "refused"
    return "published" if filed.published else "waiting"


def _event(filed: Filed, *, with_data: bool) -> dict[str, Any]:
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": filed.event_id,
        "source": filed.source,
        "type": filed.type,
        "subject": filed.subject,
    }
    if filed.occurred_at is not None:
        event["time"] = instant_text(filed.occurred_at)
    if filed.traceparent is not None:
        event["traceparent"] = filed.traceparent
    if filed.extensions is not None:
        event |= msgspec.json.decode(filed.extensions, type=dict[str, str])
    if with_data and filed.content is not None:
        event["datacontenttype"] = "application/json"
        event["data"] = msgspec.Raw(filed.content.encode())
    return event
