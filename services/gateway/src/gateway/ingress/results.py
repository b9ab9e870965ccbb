"""What a partner is told about each event, and the refusals behind it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, JsonValue

from chassis.errors import Conflict, Forbidden, Invalid, Malformed, Refusal, TooLarge
from chassis.problems import members_of
from events.cloudevents import Rejected

Status = Literal["accepted", "duplicate", "conflict", "rejected"]


class EventNotValid(Invalid):
    """The event's envelope or data is not what its type says."""

    title = "the event is not valid"


class SourceNotYours(Forbidden):
    """The token does not allow to speak for this source."""

    title = "the source is not yours"


class VoidedEventUnknown(Invalid):
    """An `event.voided` names an event that this source never sent."""

    title = "the event to void is not known"


class EventIdReused(Conflict):
    """The id was used before for other content; the first content stands."""

    title = "the event's id was used for other content"


class MediaTypeUnknown(Malformed):
    """The request is in no mode of CloudEvents that is read here."""

    title = "not a CloudEvents request"


class BodyUnreadable(Malformed):
    """The body as a whole is not JSON in UTF-8."""

    title = "the body cannot be read"


class BatchTooLong(TooLarge):
    """More events in one request than are taken at once."""

    title = "too many events in one request"


class EventProblem(BaseModel, extra="allow"):
    """Why an event was not taken; the members of a problem document."""

    type: str
    title: str
    detail: str
    hint: str | None = None
    errors: list[dict[str, JsonValue]] = []


class EventResult(BaseModel):
    """What became of one event.

    `sequence` is its place among the events of its source and subject; `replaces`
    the id of the event before it, if there was one. A duplicate answers what the
    first copy did.
    """

    id: str | None
    status: Status
    subject: str | None = None
    sequence: int | None = None
    replaces: str | None = None
    received_at: datetime | None = None
    problem: EventProblem | None = None


class BatchResult(BaseModel):
    """The answer to a batch, in the order of its events."""

    results: list[EventResult]


def refused(event_id: str | None, refusal: Refusal) -> EventResult:
    """The result of an event that was not taken."""
    status: Status = "conflict" if isinstance(refusal, EventIdReused) else "rejected"
    return EventResult(id=event_id, status=status, problem=EventProblem(**members_of(refusal)))


def not_valid(rejected: Rejected) -> EventNotValid:
    """The refusal of an event that could not be read."""
    reason = rejected.reason[:1].lower() + rejected.reason[1:]
    return EventNotValid(reason, field=rejected.field or None, hint=rejected.hint)
