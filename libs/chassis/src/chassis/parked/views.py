"""Parked events as operators see them, and what they decide."""

import base64
from datetime import datetime
from typing import Annotated, Self

from pydantic import Field

from chassis.types import Code, Id, Instant, StrictModel, Text
from events import parked as store


class RowView(StrictModel):
    """A row of the store, field by field under the same names."""

    @classmethod
    def of(cls, row: object) -> Self:
        return cls(**{name: getattr(row, name) for name in cls.model_fields})


class ParkedEvent(RowView):
    """An event that was put aside, without its content."""

    id: int
    consumer: str
    topic: str
    partition: int
    offset: int
    source: str | None
    subject: str | None
    sequence: int | None
    type: str | None
    event_id: str | None
    reason: str
    detail: str
    hint: str
    logged_at: datetime
    parked_at: datetime
    attempts: int
    requested: str | None


class ParkedContent(ParkedEvent):
    """With the record as it came: as text where it is UTF-8, else only as base64."""

    value: str | None
    value_base64: str | None
    headers: dict[str, str]

    @classmethod
    def with_content(cls, record: store.ParkedRecord) -> "ParkedContent":
        return cls(
            **ParkedEvent.of(record.parked).model_dump(),
            value=_text(record.value),
            value_base64=base64.b64encode(record.value).decode() if record.value else None,
            headers={name: _text(value) or "" for name, value in record.headers},
        )


def _text(raw: bytes | None) -> str | None:
    try:
        return raw.decode() if raw is not None else None
    except UnicodeDecodeError:
        return None


class Because(StrictModel):
    """Why an operator decides so; kept with the decision."""

    reason: Text


class ChooseParked(StrictModel):
    """Which parked events are meant. What only waits for others is chosen by its reason alone."""

    consumer: Code | None = None
    topic: Code | None = None
    parked_as: Code | None = None
    """`undecodable`, `schema`, `unprocessable`, `gap` or `held`."""
    subject: Id | None = None
    source: Text | None = None
    type: Text | None = None
    parked_before: Instant | None = None

    def selection(self) -> store.Selection:
        return store.Selection(
            consumer=self.consumer,
            topic=self.topic,
            reason=self.parked_as,
            subject=self.subject,
            source=self.source,
            type=self.type,
            parked_before=self.parked_before,
        )


class DecideMany(ChooseParked):
    """A decision about all that match, oldest first, `limit` at most; a dry run only counts."""

    reason: Text
    limit: Annotated[int, Field(ge=1, le=10_000)] = 1_000
    dry_run: bool = False


class Decided(StrictModel):
    """How many match, and how many of them the decision was taken for."""

    matched: int
    requested: int
    dry_run: bool


class Decision(RowView):
    """A line of the audit: who decided what about which parked event, when and why."""

    id: int
    parked_id: int
    consumer: str
    topic: str
    source: str | None
    subject: str | None
    sequence: int | None
    event_id: str | None
    parked_as: str
    action: str
    actor: str
    reason: str
    at: datetime
