"""What the tests of this library share: a log with a topic of the test's own, and a database."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import asyncpg
import pytest

from events import (
    Connection,
    Consumer,
    ConsumerSettings,
    Event,
    Handler,
    Log,
    Received,
    Relay,
    Unobserved,
    Unprocessable,
    open_log,
    schema_sql,
)
from events.cloudevents import from_record, to_record
from events.log import NewRecord, TopicState
from events.money import Money
from events.parked import discard_parked, release_parked
from events.types.partner import OrderPaid

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

QUICK = ConsumerSettings(
    poll_seconds=0.05,
    pulse_seconds=0.1,
    member_timeout_seconds=1.0,
    retry_first_seconds=0.02,
    retry_max_seconds=0.1,
)


@pytest.fixture(scope="session")
def log_database(postgres_server: Any) -> str:
    """One for all tests: their topics have names of their own, and a new database takes long."""
    return str(postgres_server.new_database())


@pytest.fixture(params=["kafka", "postgres"])
def event_log(request: pytest.FixtureRequest) -> str:
    if request.param == "kafka":
        return str(request.getfixturevalue("kafka_server").url)
    return str(request.getfixturevalue("log_database"))


@pytest.fixture(scope="session")
def shared_database(postgres_server: Any) -> str:
    return str(postgres_server.new_database())


@pytest.fixture
def database(shared_database: str) -> str:
    """A service's database; `pool` empties it."""
    return shared_database


@pytest.fixture
async def log(event_log: str) -> AsyncIterator[Log]:
    """An open log, in turn on Kafka and on PostgreSQL."""
    async with open_log(event_log) as opened:
        yield opened


@pytest.fixture
async def topic(log: Log) -> str:
    """A fresh topic of two partitions, and its dead-letter topic."""
    name = f"t-{secrets.token_hex(4)}"
    await log.create_topic(TopicState(name, 2, None))
    await log.create_topic(TopicState(f"{name}-dlq", 1, None))
    return name


@pytest.fixture
async def pool(database: str) -> AsyncIterator[asyncpg.Pool[Any]]:
    """A consumer's database: its tables, an outbox, and `applied`, which the handler writes."""
    async with asyncpg.create_pool(database, min_size=1, max_size=8) as opened:
        await opened.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        for ddl in (schema_sql.OUTBOX_SQL, schema_sql.CONSUMER_SQL):
            await opened.execute(ddl)
        await opened.execute(
            "CREATE TABLE applied (n bigint GENERATED ALWAYS AS IDENTITY, subject text,"
            " sequence bigint, amount bigint, UNIQUE (subject, sequence))"
        )
        yield opened


def event(subject: str, sequence: int, *, amount: int = 1, source: str = "/tandem/test") -> Event:
    return Event.of(
        OrderPaid(order_id=subject, amount=Money(amount_minor=amount, currency="USD")),
        source=source,
        sequence=sequence,
        occurred_at=NOON,
        recorded_at=NOON + timedelta(seconds=sequence),
    )


async def apply(connection: Connection, received: Sequence[Received]) -> None:
    """The handler of most tests: a row per event, in order; an amount of 666 is refused."""
    for item in received:
        data = item.event.data
        assert isinstance(data, OrderPaid)
        if data.amount.amount_minor == 666:
            raise Unprocessable(item, "the amount is cursed", "exorcise it")
        await connection.execute(
            "INSERT INTO applied (subject, sequence, amount) VALUES ($1, $2, $3)",
            item.event.subject,
            item.event.sequence,
            data.amount.amount_minor,
        )


class Watching(Unobserved):
    """Remembers what a relay tells."""

    def __init__(self) -> None:
        self.unreachable: list[Exception] = []
        self.unreachable_at: list[float] = []
        self.published_count = 0
        self.pages: list[int] = []
        self.begun: list[float] = []

    def outbox_unreachable(self, database: str, *, error: Exception) -> None:
        self.unreachable.append(error)
        self.unreachable_at.append(time.monotonic())

    def published(self, database: str, *, count: int, seconds: float) -> None:
        self.published_count += count
        self.pages.append(count)
        self.begun.append(time.monotonic() - seconds)


@dataclass
class World:
    """A log, a topic and a database, and the running of consumers between them."""

    log: Log
    topic: str
    pool: asyncpg.Pool[Any]
    consumers: list[Consumer] = field(default_factory=list)

    async def publish(self, *events: Event | NewRecord) -> None:
        producer = await self.log.producer()
        await producer.publish(
            [e if isinstance(e, NewRecord) else to_record(e, topic=self.topic) for e in events]
        )
        await producer.close()

    def consumer(
        self,
        handler: Handler = apply,
        *,
        versions: Literal["consumer", "handler"] = "consumer",
        **settings: Any,
    ) -> Consumer:
        return Consumer(
            self.log,
            self.pool,
            name="test",
            topics=[self.topic],
            handler=handler,
            versions=versions,
            settings=ConsumerSettings(
                **{n: getattr(QUICK, n) for n in QUICK.__struct_fields__} | settings
            ),
        )

    @asynccontextmanager
    async def running(self, handler: Handler = apply, **settings: Any) -> AsyncIterator[Consumer]:
        """A consumer that runs meanwhile; its error, if any, comes out at the end."""
        stop, consumer = asyncio.Event(), self.consumer(handler, **settings)
        task = asyncio.create_task(consumer.run(stop))
        try:
            yield consumer
        finally:
            stop.set()
            await asyncio.wait_for(task, 30)

    @asynccontextmanager
    async def relaying(self, url: str) -> AsyncIterator[Watching]:
        """A relay that runs meanwhile, and what it tells."""
        stop, watching = asyncio.Event(), Watching()
        relay = Relay(self.log, {"test": url}, observer=watching)
        task = asyncio.create_task(relay.run(stop))
        try:
            yield watching
        finally:
            stop.set()
            await asyncio.wait_for(task, 10)

    async def on_the_log(self) -> dict[str, list[int]]:
        """Sequences by subject in the order of the log."""
        reader = await self.log.reader()
        found: dict[str, list[int]] = defaultdict(list)
        partitions = await self.log.partitions([self.topic])
        ends = await self.log.ends(partitions)
        reader.assign(dict.fromkeys(partitions, 0))
        left = sum(ends.values())
        while left:
            for records in (await reader.poll(max_records=500, timeout_seconds=1)).values():
                left -= len(records)
                for record in records:
                    event = from_record(record)
                    found[event.subject].append(event.sequence)
        await reader.close()
        return dict(found)

    async def until(self, query: str, expected: object, *, seconds: float = 30) -> None:
        """Wait until a query answers what is expected."""
        found: object = None
        try:
            async with asyncio.timeout(seconds):
                while (found := await self.pool.fetchval(query)) != expected:  # noqa: ASYNC110 - a database has no event
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(
                f"{query}: {found!r} after {seconds} s, not {expected!r}"
            ) from None

    async def release(self, parked_id: int, **said: str) -> None:
        async with self.pool.acquire() as connection:
            await release_parked(connection, parked_id, **said)

    async def discard(self, parked_id: int, **said: str) -> None:
        async with self.pool.acquire() as connection:
            await discard_parked(connection, parked_id, **said)

    async def applied(self) -> dict[str, list[int]]:
        """The sequences of each subject in the order in which they were applied."""
        found: dict[str, list[int]] = {}
        for row in await self.pool.fetch("SELECT subject, sequence FROM applied ORDER BY n"):
            found.setdefault(row[0], []).append(row[1])
        return found

    async def reasons(self) -> dict[str, list[int]]:
        """What is parked: reason to sequences."""
        found: dict[str, list[int]] = {}
        for row in await self.pool.fetch(
            "SELECT reason, sequence FROM consumer_parked ORDER BY 1, 2"
        ):
            found.setdefault(row[0], []).append(row[1])
        return found


@pytest.fixture
def world(log: Log, topic: str, pool: asyncpg.Pool[Any]) -> World:
    return World(log, topic, pool)


Make = Callable[..., Event]


@pytest.fixture
def make_event() -> Make:
    return event
