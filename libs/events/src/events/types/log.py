"""What is said about a record that was put aside or refused."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from events.types.base import Code, EventData, Id

Base64 = Annotated[str, msgspec.Meta(description="bytes as base64")]


class RecordParked(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """A record was rejected by a consumer; published to `<its topic>-dlq` with its bytes.

    `value` is absent when there was none or when it is too large to be wrapped.
    """

    wire_type = "com.tandem.log.record.parked.v1"
    topic = "dlq"

    consumer: Code
    record_topic: Code
    partition: Annotated[int, msgspec.Meta(ge=0)]
    offset: Annotated[int, msgspec.Meta(ge=0)]
    reason: Code
    detail: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    hint: Annotated[str, msgspec.Meta(max_length=500)] = ""
    event_id: Id | None = None
    event_type: str | None = None
    key: Base64 | None = None
    value: Base64 | None = None

    @property
    def subject(self) -> str:
        """Every parked record is an aggregate of its own."""
        return f"{self.consumer}/{self.record_topic}/{self.partition}/{self.offset}"


class EventRejected(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """A partner's record was refused; published to `partner.<name>.rejects`, which it reads.

    `field` is the path of what is wrong, empty for the whole; `mend` how to put it right.
    """

    wire_type = "com.tandem.log.event.rejected.v1"
    topic = "dlq"

    record_topic: Code
    partition: Annotated[int, msgspec.Meta(ge=0)]
    offset: Annotated[int, msgspec.Meta(ge=0)]
    verdict: Literal["conflict", "rejected"]
    field: Annotated[str, msgspec.Meta(max_length=500)] = ""
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    mend: Annotated[str, msgspec.Meta(max_length=500)] = ""
    event_id: Annotated[str, msgspec.Meta(max_length=512)] | None = None
    event_source: Annotated[str, msgspec.Meta(max_length=512)] | None = None
    event_type: Annotated[str, msgspec.Meta(max_length=512)] | None = None

    @property
    def subject(self) -> str:
        """Every refused record is an aggregate of its own."""
        return f"{self.record_topic}/{self.partition}/{self.offset}"
