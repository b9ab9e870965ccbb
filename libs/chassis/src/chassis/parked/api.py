"""Events that a service put aside, and what an operator does about them.

A router that every consuming service mounts; the store is `events.parked`.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Literal

from fastapi import APIRouter, Path

from chassis.auth import ActorDep, require
from chassis.errors import Conflict, NotFound
from chassis.paging import Page, PageDep, PageRequest
from chassis.parked import stopped
from chassis.parked.views import (
    Because,
    Decided,
    DecideMany,
    Decision,
    ParkedContent,
    ParkedEvent,
)
from chassis.resources import Resources, ResourcesDep
from chassis.types import Code, Id, Instant, Text
from events import Connection
from events import parked as store

log = logging.getLogger(__name__)

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


def router() -> APIRouter:
    """GET /v1/parked and below: list, show, release, discard, in bulk too, and the audit."""
    routes = APIRouter(prefix="/v1/parked", tags=["parked"])
    reads, decides = [require("parked:read")], [require("parked:manage")]
    routes.get("", dependencies=reads)(list_parked)
    routes.post("/release", dependencies=decides)(release_many)
    routes.post("/discard", dependencies=decides)(discard_many)
    routes.get("/audit", dependencies=reads)(list_audit)
    routes.get("/stopped", dependencies=reads)(stopped.list_stopped)
    routes.post("/stopped/resume", dependencies=decides)(stopped.resume)
    routes.get("/{parked_id}", dependencies=reads)(show_parked)
    routes.get("/{parked_id}/audit", dependencies=reads)(list_audit_of)
    routes.post("/{parked_id}/release", dependencies=decides)(release_parked)
    routes.post("/{parked_id}/discard", dependencies=decides)(discard_parked)
    return routes


async def list_parked(
    page: PageDep,
    resources: ResourcesDep,
    topic: Code | None = None,
    *,
    reason: Code | None = None,
    subject: Id | None = None,
    source: Text | None = None,
    consumer: Code | None = None,
    type: Text | None = None,  # noqa: A002 - the CloudEvents name
    parked_before: Instant | None = None,
) -> Page[ParkedEvent]:
    """Events that were put aside, oldest first."""
    chosen = store.Selection(
        consumer=consumer,
        topic=topic,
        reason=reason,
        subject=subject,
        source=source,
        type=type,
        parked_before=parked_before,
    )
    async with _store(resources) as connection:
        rows = await store.list_parked(
            connection, chosen, after=page.after(int) or 0, limit=page.fetch
        )
    return page.page(rows, view=ParkedEvent.of, key=lambda row: row.id)


async def release_many(body: DecideMany, actor: ActorDep, resources: ResourcesDep) -> Decided:
    """Ask that all that match be applied, in order; what is still broken parks again."""
    return await _decide(body, "release", actor=actor.id, resources=resources)


async def discard_many(body: DecideMany, actor: ActorDep, resources: ResourcesDep) -> Decided:
    """Ask that all that match be dropped for good."""
    return await _decide(body, "discard", actor=actor.id, resources=resources)


async def list_audit(page: PageDep, resources: ResourcesDep) -> Page[Decision]:
    """All decisions about parked events, in the order in which they were taken."""
    return await _audit(page, resources, None)


async def list_audit_of(
    parked_id: ParkedId, page: PageDep, resources: ResourcesDep
) -> Page[Decision]:
    """The decisions about one event; they stay when it is gone."""
    return await _audit(page, resources, parked_id)


async def _audit(page: PageRequest, resources: Resources, parked_id: int | None) -> Page[Decision]:
    async with _store(resources) as connection:
        rows = await store.list_audit(
            connection, parked_id=parked_id, after=page.after(int) or 0, limit=page.fetch
        )
    return page.page(rows, view=Decision.of, key=lambda row: row.id)


async def _decide(
    body: DecideMany,
    action: Literal["release", "discard"],
    *,
    actor: str,
    resources: Resources,
) -> Decided:
    async with _store(resources) as connection:
        if body.dry_run:
            matched = await store.count_parked(connection, body.selection())
            return Decided(matched=matched, requested=0, dry_run=True)
        done = await store.request_many(
            connection,
            body.selection(),
            action=action,
            actor=actor,
            reason=body.reason,
            limit=body.limit,
        )
    log.info(
        "%s of %d parked events of %d",
        *(action, done.requested, done.matched),
        extra={"actor": actor, "reason": body.reason},
    )
    return Decided(matched=done.matched, requested=done.requested, dry_run=False)


async def show_parked(parked_id: ParkedId, resources: ResourcesDep) -> ParkedContent:
    """One event with its content as it came."""
    async with _store(resources) as connection:
        record = await store.show_parked(connection, parked_id)
    return ParkedContent.with_content(record)


async def release_parked(
    parked_id: ParkedId, because: Because, actor: ActorDep, *, resources: ResourcesDep
) -> ParkedEvent:
    """Ask that it be applied; if it is still broken, it parks again."""
    async with _store(resources) as connection:
        row = await store.release_parked(
            connection, parked_id, actor=actor.id, reason=because.reason
        )
    _tell(row, "release", actor=actor.id, reason=because.reason)
    return ParkedEvent.of(row)


async def discard_parked(
    parked_id: ParkedId, because: Because, actor: ActorDep, *, resources: ResourcesDep
) -> ParkedEvent:
    """Ask that it be dropped for good."""
    async with _store(resources) as connection:
        row = await store.discard_parked(
            connection, parked_id, actor=actor.id, reason=because.reason
        )
    _tell(row, "discard", actor=actor.id, reason=because.reason)
    return ParkedEvent.of(row)


def _tell(row: store.Parked, action: str, *, actor: str, reason: str) -> None:
    log.info(
        "%s of parked event %d of %s, %s",
        *(action, row.id, row.consumer, row.topic),
        extra={"actor": actor, "reason": reason, "event_id": row.event_id},
    )


@asynccontextmanager
async def _store(resources: Resources) -> AsyncIterator[Connection]:
    try:
        async with resources.database.pool.acquire() as connection, connection.transaction():
            yield connection
    except store.ParkedNotFound:
        raise ParkedEventGone from None
    except store.EarlierStillParked:
        raise EarlierEventParked from None
