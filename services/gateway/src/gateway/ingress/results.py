"""What a partner is told about each event, and the refusals behind it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
from pydantic import BaseModel, JsonValue

from chassis.errors import (
    Conflict,
    Forbidden,
    Invalid,
    Malformed,
    Refusal,
    TooLarge,
    Unavailable,
)
from chassis.problems import members_of
from events.inbox import Receipt
from events.partners import Incoming, Rejected

Status = Literal["accepted", "duplicate", "conflict", "rejected"]


class EventNotValid(Invalid):
    """The event's envelope or data is not what its type says."""

    title = "the event is not valid"


class SourceNotYours(Forbidden):
    """The key or token does not allow to speak for this source."""

    title = "the source is not yours"


class TypeNotYours(Forbidden):
    """The key does not allow to send events of this type."""

    title = "the event type is not yours"


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


class IngressFull(Unavailable):
    """More is on its way into the house than it holds; what comes later will be taken."""

    title = "no more events are taken for a moment"


class EventProblem(BaseModel, extra="allow"):
    """Why an event was not taken; the members of a problem document."""

    type: str
    title: str
    detail: str
    hint: str | None = None
    errors: list[dict[str, JsonValue]] = []


class EventResult(BaseModel, extra="forbid"):
    """What became of one event.

    `sequence` is its place among the events of its source and subject; `replaces`
    the id of the event before it, if there was one. A duplicate answers what the
    first copy did.
    """

    id: str | None = None
    status: Status
    subject: str | None = None
    sequence: int | None = None
    replaces: str | None = None
    received_at: datetime | None = None
    problem: EventProblem | None = None


class BatchResult(BaseModel, extra="forbid"):
    """The answer to a batch, in the order of its events."""

    results: list[EventResult]


class Answered(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """An `EventResult` as it is sent: building the model costs more than taking the event."""

    id: str | None
    status: Status
    subject: str | None = None
    sequence: int | None = None
    replaces: str | None = None
    received_at: datetime | None = None
    problem: dict[str, Any] | None = None


class Outcome(msgspec.Struct, frozen=True):
    """What became of one event: its receipt, or the refusal."""

    event: Incoming | Rejected
    status: Status
    receipt: Receipt | None = None
    refusal: Refusal | None = None

    def answered(self) -> Answered:
        if self.refusal is not None:
            return Answered(self.event.id, self.status, problem=members_of(self.refusal))
        told = self.receipt
        assert told is not None
        return Answered(
            self.event.id,
            self.status,
            told.subject,
            told.sequence,
            told.replaces,
            told.received_at,
        )


def not_valid(rejected: Rejected) -> EventNotValid:
    """The refusal of an event that could not be read."""
    return EventNotValid(rejected.reason, field=rejected.field or None, hint=rejected.hint)


def outcome_of(event: Incoming, receipt: Receipt) -> Outcome:
    """What the sender is told of an event that the inbox was asked to take."""
    match receipt.verdict:
        case "accepted" | "duplicate":
            return Outcome(event, receipt.verdict, receipt)
        case "conflict":
            first = receipt.received_at
            refusal: Refusal = EventIdReused(
                "an event with this id and other content was taken before",
                field="id",
                hint="give a correction a new id: about the same subject it replaces the first",
                first_received_at=first and first.isoformat().replace("+00:00", "Z"),
            )
            return Outcome(event, "conflict", receipt, refusal)
        case "unknown_event":
            refusal = VoidedEventUnknown(
                "this source sent no event with this id",
                field="data.event_id",
                hint="send the event first, or name the CloudEvents id that it had",
            )
            return Outcome(event, "rejected", receipt, refusal)
