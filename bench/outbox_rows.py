"""An outbox of the product, and many rows in it quickly."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import asyncpg

from bench.loading import Patterns
from bench.servers import Servers, migrate_in_own_process
from events import Connection, Event, UnknownData, append_asyncpg, uuid7
from events.doorbell import Doorbell
from events.outbox import shard_of
from events.types.pipeline import DealWon
from local.child import Child, Program
from local.ports import free_port
from local.services import answers_ready
from local.settings import inherited_environment

SERVICE: Final = "pipeline"
ROWS_A_TRANSACTION: Final = 500
_START_SECONDS: Final = 60.0
_SOURCE: Final = "/tandem/pipeline"
_COLUMNS: Final = (
    *("event_id", "aggregatetype", "aggregateid", "aggregate_version", "type", "payload"),
    *("source", "occurred_at", "recorded_at", "shard"),
)


def new_outbox(servers: Servers) -> str:
    """The URL of a database with the outbox of a service, as its migrations make it."""
    url = servers.new_database()
    migrate_in_own_process(SERVICE, url)
    return url


async def fill(
    connection: Connection, topic: str, *, patterns: Patterns, first: int, count: int
) -> None:
    """Commit the events of a load from number `first` on, 500 in a transaction."""
    rows = []
    for subject, payload in patterns.payloads(first, count):
        rows.append(_row(topic, subject, payload))
        if len(rows) == ROWS_A_TRANSACTION:
            await connection.copy_records_to_table("outbox", records=rows, columns=_COLUMNS)
            rows.clear()
    if rows:
        await connection.copy_records_to_table("outbox", records=rows, columns=_COLUMNS)


def _row(topic: str, subject: str, payload: str) -> tuple[Any, ...]:
    """One won deal as it stands in the outbox."""
    at = datetime.now(UTC)
    kind = DealWon.wire_type
    return (str(uuid4()), topic, subject, 1, kind, payload, _SOURCE, at, at, shard_of(subject))


def won(subject: str, payload: str, *, at: datetime) -> Event:
    """The same as an event that happens at that instant."""
    return Event(
        id=uuid7(),
        source=_SOURCE,
        type=DealWon.wire_type,
        subject=subject,
        sequence=1,
        time=at,
        recordedtime=at,
        data=UnknownData(raw=payload.encode()),
    )


Promise = Callable[[Sequence[Event]], Awaitable[None]]


@asynccontextmanager
async def promising(database: str, *, topic: str, sessions: int) -> AsyncIterator[Promise]:
    """Business transactions that promise events: one statement each, then a ring, as a service has
    it. So many may be under way at once, each on a session of its own.
    """
    opened = [await asyncpg.connect(database) for _ in range(sessions)]
    free, bell = list(opened), Doorbell(lambda: asyncpg.connect(database))

    async def promise(events: Sequence[Event]) -> None:
        connection = free.pop()
        await append_asyncpg(connection, events, topic=topic)
        free.append(connection)
        bell.ring()

    yield promise
    await bell.close()
    for connection in opened:
        await connection.close()


@contextmanager
def relay(servers: Servers, *databases: str) -> Iterator[int]:
    """Run the product's relay on the outboxes of some databases; gives its process id."""
    port = free_port()
    settings = {
        "EVENT_LOG": servers.log,
        "OUTBOX_URLS": ",".join(databases),
        "ENVIRONMENT": "development",
        "TELEMETRY_PORT": str(port),
        "LOG_LEVEL": "WARNING",
    }
    program = Program(
        name="relay",
        command=[sys.executable, "-m", "chassis.relay"],
        environment=inherited_environment() | settings,
        log=servers.folder / "relay.log",
    )
    child = Child(program).start()
    try:
        child.wait_until(lambda: answers_ready(port), timeout_seconds=_START_SECONDS)
        yield child.pid
    finally:
        child.stop()
