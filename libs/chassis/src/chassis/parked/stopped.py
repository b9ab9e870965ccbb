"""Partitions that a service's consumer stopped; mounted with the parked events.

The store is `events.stopped`.
"""

import logging
from datetime import datetime
from typing import Annotated

from pydantic import Field

from chassis.auth import ActorDep
from chassis.errors import Conflict
from chassis.parked.views import RowView
from chassis.resources import ResourcesDep
from chassis.types import Code, StrictModel, Text
from events import stopped as store

log = logging.getLogger(__name__)


class PartitionNotStopped(Conflict):
    """It goes on already, or there is no such partition."""

    title = "the partition is not stopped"


class StoppedPartition(RowView):
    """A partition that stands still: nothing after `next_offset` is applied."""

    consumer: str
    topic: str
    partition: int
    next_offset: int
    reason: str
    since: datetime


class StoppedPartitions(StrictModel):
    """All of a service."""

    items: list[StoppedPartition]


class ResumePartition(StrictModel):
    """Which partition goes on, and why it will not stop again."""

    consumer: Code
    topic: Code
    partition: Annotated[int, Field(ge=0, le=2**31 - 1)]
    reason: Text


async def list_stopped(resources: ResourcesDep) -> StoppedPartitions:
    """Partitions where so much was rejected that the fault is more likely ours."""
    async with resources.database.pool.acquire() as connection:
        rows = await store.list_stopped(connection)
    return StoppedPartitions(items=[StoppedPartition.of(row) for row in rows])


async def resume(
    body: ResumePartition, actor: ActorDep, resources: ResourcesDep
) -> StoppedPartitions:
    """Let a partition go on; answers those that are still stopped."""
    try:
        async with resources.database.pool.acquire() as connection, connection.transaction():
            await store.resume(
                connection,
                body.consumer,
                topic=body.topic,
                partition=body.partition,
                actor=actor.id,
                reason=body.reason,
            )
    except store.NotStopped as error:
        raise PartitionNotStopped(error.fact, hint=error.hint) from None
    log.info(
        "%s/%d of %s goes on",
        *(body.topic, body.partition, body.consumer),
        extra={"actor": actor.id, "reason": body.reason},
    )
    return await list_stopped(resources)
