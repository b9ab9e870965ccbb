"""The same fold as most would write it first: one event, one model, one transaction.

`getone`, a pydantic model, three upserts and the offset in a transaction for each event.
Exactly once, too: the offset is in the transaction.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import asyncpg
import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from pydantic import BaseModel

from bench.processor_time import tree_seconds
from bench.servers import Servers
from bench.views import PARTITIONS, VIEWS_SQL

_WARM_UP: Final = 300
_UPSERT: Final = """
INSERT INTO view_sums AS v (view, day, member, deals, amount_minor) VALUES ($1, $2, $3, 1, $4)
ON CONFLICT (view, day, member)
DO UPDATE SET deals = v.deals + 1, amount_minor = v.amount_minor + excluded.amount_minor"""
_OFFSET: Final = """
INSERT INTO read_to (partition, next_offset) VALUES ($1, $2)
ON CONFLICT (partition) DO UPDATE SET next_offset = excluded.next_offset"""


class _Owner(BaseModel):
    owner_id: str
    weight_bp: int


class _Dimensions(BaseModel):
    channel: str
    region: str


class _Amount(BaseModel):
    amount_minor: int
    currency: str


class _Deal(BaseModel):
    deal_id: str
    pipeline: str
    stage: str
    stage_rank: int
    status: str
    episode: int
    created_at: datetime
    closed_at: datetime
    owners: list[_Owner]
    dimensions: _Dimensions
    amount: _Amount


class _DealWon(BaseModel):
    deal: _Deal


class _CloudEvent(BaseModel):
    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: datetime
    recordedtime: datetime
    sequence: str
    data: _DealWon


class Measured(msgspec.Struct, frozen=True):
    """What so many events took, warmed up."""

    events: int
    wall_seconds: float
    client_seconds: float
    database_seconds: float


def per_event(servers: Servers, topic: str, *, events: int, views: int) -> Measured:
    """Apply the first events of the topic in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "bench.per_event",
        servers.kafka,
        servers.new_database(),
        topic,
    ]
    command += [str(events), str(views), str(servers.postgres_pid)]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, check=True
    )
    return msgspec.json.decode(done.stdout, type=Measured)


async def _measure(arguments: argparse.Namespace) -> Measured:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=arguments.kafka, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    consumer.assign([TopicPartition(arguments.topic, number) for number in range(PARTITIONS)])
    await consumer.start()
    connection = await asyncpg.connect(arguments.database)
    await connection.execute(VIEWS_SQL)
    await connection.execute("CREATE TABLE read_to (partition int PRIMARY KEY, next_offset bigint)")
    for _ in range(_WARM_UP):
        await _apply(connection, await consumer.getone(), views=arguments.views)
    begun = (time.monotonic(), time.process_time(), tree_seconds(arguments.server))
    for _ in range(arguments.events):
        await _apply(connection, await consumer.getone(), views=arguments.views)
    ended = (time.monotonic(), time.process_time(), tree_seconds(arguments.server))
    await connection.close()
    await consumer.stop()
    return Measured(arguments.events, *map(float.__sub__, ended, begun))


async def _apply(connection: Any, record: ConsumerRecord, *, views: int) -> None:
    deal = _CloudEvent.model_validate_json(record.value).data.deal
    day, cut = deal.closed_at.toordinal(), deal.dimensions
    members = (deal.owners[0].owner_id, cut.channel, cut.region)[:views]
    async with connection.transaction():
        for view, member in enumerate(members):
            await connection.execute(_UPSERT, view, day, int(member[1:]), deal.amount.amount_minor)
        await connection.execute(_OFFSET, record.partition, record.offset + 1)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.per_event")
    for name in ("kafka", "database", "topic"):
        parser.add_argument(name)
    for name in ("events", "views", "server"):
        parser.add_argument(name, type=int)
    print(msgspec.json.encode(asyncio.run(_measure(parser.parse_args()))).decode())


if __name__ == "__main__":
    main()
