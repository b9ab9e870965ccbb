"""The traps of aiokafka, on the real broker: each as the library has it, and how we are out of it.

A test whose name begins with `test_aiokafka` describes the library. When an upgrade makes it fail
the trap is mended there: write the version into it and keep what stands below about ourselves.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from events import Log
from events.log import TopicState

NewTopic = Callable[..., Awaitable[str]]


@pytest.fixture
def event_log(kafka_server: Any) -> str:
    """Kafka alone: these are its client's traps."""
    return str(kafka_server.url)


@pytest.fixture
def new_topic(log: Log) -> NewTopic:
    """`await new_topic()`: the name of a fresh topic, of one partition unless told otherwise."""

    async def make(partitions: int = 1) -> str:
        name = f"trap-{secrets.token_hex(4)}"
        await log.create_topic(TopicState(name, partitions, None))
        return name

    return make


@asynccontextmanager
async def started(client: Any) -> AsyncIterator[Any]:
    await client.start()
    try:
        yield client
    finally:
        await client.stop()


@pytest.fixture
def raw_consumer(kafka_server: Any) -> Callable[..., Any]:
    """`async with raw_consumer(...) as consumer`: aiokafka's own."""

    def make(*topics: str, **settings: Any) -> Any:
        servers = {"bootstrap_servers": kafka_server.address}
        return started(AIOKafkaConsumer(*topics, **servers | settings))

    return make


@pytest.fixture
def raw_producer(kafka_server: Any) -> Callable[..., Any]:
    """`async with raw_producer(...) as producer`: aiokafka's own, idempotent."""

    def make(**settings: Any) -> Any:
        servers = {"bootstrap_servers": kafka_server.address, "enable_idempotence": True}
        return started(AIOKafkaProducer(**servers | settings))

    return make
