"""Events that a service put aside, and what an operator does about them.

A router that every consuming service mounts; the store is `events.parked`.
"""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path

from chassis.auth import ActorDep, require
from chassis.errors import Conflict, NotFound
from chassis.paging import Page, PageDep
from chassis.resources import Resources, ResourcesDep
from chassis.types import Code, Id, StrictModel, Text
from events import Connection
from events import parked as store

ParkedId = Annotated[int, Path(ge=1, le=2**63 - 1)]


class ParkedEventGone(NotFound):
    """It was never parked here, or was released or discarded meanwhile."""

    title = "parked event not found"

    def __init__(self) -> None:
        super().__init__(
            "no event is parked under this id",
            hint="list /v1/parked: it may have been released or discarded meanwhile",
        )


class EarlierEventParked(Conflict):
    """Events of one aggregate go in order, also out of the park."""

    title = "an earlier event of the same subject is parked"

    def __init__(self) -> None:
        super().__init__(
            "an earlier event of the same subject is parked",
            hint="release or discard the earlier ones first",
        )


class ParkedEvent(StrictModel):
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

    @classmethod
    def of(cls, row: store.Parked) -> "ParkedEvent":
        return cls(**{name: getattr(row, name) for name in cls.model_fields})


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


def router() -> APIRouter:
    """GET /v1/parked, GET /v1/parked/{id}, POST …/release, POST …/discard."""
    routes = APIRouter(prefix="/v1/parked", tags=["parked"])
    routes.get("", dependencies=[require("parked:read")])(list_parked)
    routes.get("/{parked_id}", dependencies=[require("parked:read")])(show_parked)
    routes.post("/{parked_id}/release", dependencies=[require("parked:manage")])(release_parked)
    routes.post("/{parked_id}/discard", dependencies=[require("parked:manage")])(discard_parked)
    return routes


async def list_parked(
    page: PageDep,
    resources: ResourcesDep,
    topic: Code | None = None,
    reason: Code | None = None,
    subject: Id | None = None,
) -> Page[ParkedEvent]:
    """Events that were put aside, oldest first."""
    async with _store(resources) as connection:
        rows = await store.list_parked(
            connection,
            topic=topic,
            reason=reason,
            subject=subject,
            after=page.after(int) or 0,
            limit=page.fetch,
        )
    return page.page(rows, view=ParkedEvent.of, key=lambda row: row.id)


async def show_parked(parked_id: ParkedId, resources: ResourcesDep) -> ParkedContent:
    """One event with its content as it came."""
    async with _store(resources) as connection:
        record = await store.show_parked(connection, parked_id)
    return ParkedContent.with_content(record)


async def release_parked(
    parked_id: ParkedId, because: Because, actor: ActorDep, resources: ResourcesDep
) -> ParkedEvent:
    """Ask that it be applied; if it is still broken, it parks again."""
    async with _store(resources) as connection:
        row = await store.release_parked(
            connection, parked_id, actor=actor.id, reason=because.reason
        )
    return ParkedEvent.of(row)


async def discard_parked(
    parked_id: ParkedId, because: Because, actor: ActorDep, resources: ResourcesDep
) -> ParkedEvent:
    """Ask that it be dropped for good."""
    async with _store(resources) as connection:
        row = await store.discard_parked(
            connection, parked_id, actor=actor.id, reason=because.reason
        )
    return ParkedEvent.of(row)


@asynccontextmanager
async def _store(resources: Resources) -> AsyncIterator[Connection]:
    try:
        async with resources.database.pool.acquire() as connection, connection.transaction():
            yield connection
    except store.ParkedNotFound:
        raise ParkedEventGone from None
    except store.EarlierStillParked:
        raise EarlierEventParked from None
