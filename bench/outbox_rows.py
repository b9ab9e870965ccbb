"""An outbox of the product, and many rows in it quickly."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from bench.loading import Patterns
from bench.servers import Servers, migrate_in_own_process
from events import Connection
from events.outbox import shard_of
from events.types.pipeline import DealWon
from local.child import Child, Program
from local.ports import free_port
from local.services import answers_ready
from local.settings import inherited_environment

SERVICE: Final = "pipeline"
ROWS_A_TRANSACTION: Final = 500
_START_SECONDS: Final = 60.0
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
        rows.append(row(topic, subject, payload))
        if len(rows) == ROWS_A_TRANSACTION:
            await commit(connection, rows)
            rows.clear()
    if rows:
        await commit(connection, rows)


def row(
    topic: str, subject: str, payload: str, *, recorded_at: datetime | None = None
) -> tuple[Any, ...]:
    """One won deal as it stands in the outbox."""
    at = recorded_at or datetime.now(UTC)
    kind, source = DealWon.wire_type, "/tandem/pipeline"
    return (str(uuid4()), topic, subject, 1, kind, payload, source, at, at, shard_of(subject))


async def commit(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """One business transaction that promises these events."""
    await connection.copy_records_to_table("outbox", records=rows, columns=_COLUMNS)


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
