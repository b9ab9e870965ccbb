"""Applying the declared topics, on both logs."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import InvalidReplicationFactorError

from events import LogUnavailable, open_log
from events.log import Log, NewRecord, TopicState
from events.topics import Declaration, InvalidDeclaration, apply, read_declaration

FENCED = "Unable to replicate the partition 1 time(s): All brokers are currently fenced."
DECLARED = Path(__file__).parents[4] / "deploy/kafka/topics.yaml"


def declaration(name: str, **changed: Any) -> dict[str, Any]:
    topic = {
        "owner": "x",
        "key": "id",
        "partitions": 2,
        "retention": "forever",
        "dlq": True,
        "description": "d",
    }
    return {"topics": {name: topic | changed}, "dlq": {"partitions": 1, "retention": "30d"}}


async def test_applying_again_changes_nothing_and_drift_is_told(
    event_log: str, log: Log, tmp_path: Path
) -> None:
    name = f"t-{secrets.token_hex(3)}"
    file = tmp_path / "topics.yaml"

    async def applied(**changed: Any) -> Any:
        file.write_bytes(msgspec.yaml.encode(declaration(name, **changed)))
        result = await apply(event_log, file)
        return result.created, result.grown, [d for d in result.drift if f"{name} " in d]

    assert await applied() == ([name, f"{name}-dlq"], [], [])
    assert await applied() == ([], [], [])
    assert await applied(partitions=3) == ([], [name], [])  # nothing is in it yet
    producer = await log.producer()
    await producer.publish([NewRecord(name, b"k", b"{}", [])])
    await producer.close()
    (more,) = (await applied(partitions=4))[2]
    assert f"has 3 partitions, declared 4; tandem topics grow {name}" in more
    (fewer,) = (await applied(partitions=1))[2]
    assert "never taken away" in fewer
    (kept,) = (await applied(partitions=3, retention="7d"))[2]
    assert "keeps everything, declared is 7 days" in kept
    assert (await log.topics())[name] == TopicState(name, 3, None)
    assert (await log.topics())[f"{name}-dlq"] == TopicState(f"{name}-dlq", 1, 30 * 86_400)


async def test_what_is_not_declared_is_told_and_left(log: Log, event_log: str, topic: str) -> None:
    result = await apply(event_log, DECLARED)

    assert f"topic {topic} is on the log but not declared" in result.drift
    assert topic in await log.topics()


def fenced(monkeypatch: pytest.MonkeyPatch, *, times: int) -> list[str]:
    """Have Kafka answer so often as it does while no broker may be given partitions yet."""
    asked: list[str] = []
    create = AIOKafkaAdminClient.create_topics

    async def create_topics(self: AIOKafkaAdminClient, new: list[Any], **how: Any) -> Any:
        asked.append(new[0].name)
        if len(asked) > times:
            return await create(self, new, **how)
        answer = (new[0].name, InvalidReplicationFactorError.errno, FENCED)
        return SimpleNamespace(topic_errors=[answer])

    monkeypatch.setattr(AIOKafkaAdminClient, "create_topics", create_topics)
    return asked


@pytest.mark.kafka
async def test_a_cluster_that_has_just_started_is_given_time(
    kafka_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, asked = f"t-{secrets.token_hex(3)}", fenced(monkeypatch, times=2)
    async with open_log(kafka_server.url) as log:
        await log.create_topic(TopicState(name, 1, None))
        assert name in await log.topics()
    assert asked == [name] * 3


@pytest.mark.kafka
async def test_a_cluster_without_a_broker_for_a_topic_is_given_up_at_last(
    kafka_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.log.kafka.log._FENCED_SECONDS", 0.5)
    asked = fenced(monkeypatch, times=1_000)
    async with open_log(kafka_server.url) as log:
        with pytest.raises(LogUnavailable, match=r"t-never was not created: .*fenced"):
            await asyncio.wait_for(log.create_topic(TopicState("t-never", 1, None)), 60)
    assert len(asked) > 1


@pytest.mark.parametrize(
    "changed", [{"retention": "1y"}, {"partitions": 0}, {"partitons": 2}, {"dlq": "maybe"}]
)
def test_a_declaration_that_is_none_is_refused(tmp_path: Path, changed: dict[str, Any]) -> None:
    file = tmp_path / "topics.yaml"
    file.write_bytes(msgspec.yaml.encode(declaration("t", **changed)))

    with pytest.raises(InvalidDeclaration, match="topics"):
        read_declaration(file)


def test_the_declared_topics_can_be_read() -> None:
    found: Declaration = read_declaration(DECLARED)

    passing = {"kpi", "heartbeat"}
    assert set(found.topics) == {"customer", "pipeline", "ops", "partner"} | passing
    assert all(found.topics[n].retention == "forever" for n in found.topics.keys() - passing)
