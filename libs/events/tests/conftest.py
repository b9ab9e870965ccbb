"""What the tests of this library share: a log with a topic of the test's own."""

import secrets
from collections.abc import AsyncIterator

import pytest
from events import Log, open_log
from events.log import TopicState


@pytest.fixture
async def log(event_log: str) -> AsyncIterator[Log]:
    """An open log, in turn on Kafka and on PostgreSQL."""
    async with open_log(event_log) as opened:
        yield opened


@pytest.fixture
async def topic(log: Log) -> str:
    """A fresh topic of two partitions."""
    name = f"t-{secrets.token_hex(4)}"
    await log.create_topic(TopicState(name, 2, None))
    return name
