"""Partners that publish to the log themselves: the same door, and no harm to anybody else."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer, codec
from aiokafka.errors import KafkaError

from events import open_log
from events.log import Log, TopicState
from events.log.port import NewRecord
from events.topics import (
    PARTNER_RECORD_BYTES,
    apply_to,
    partner_topic,
    read_declaration,
    rejects_topic,
)
from faults.harness.strangers import publish_raw

SHOP = "/partners/shop"
BINARY: list[tuple[str, bytes | None]] = [("content-type", b"application/json")]
STRUCTURED: list[tuple[str, bytes | None]] = [("content-type", b"application/cloudevents+json")]


REFUND = {
    "refund_id": "r",
    "source_type": "order",
    "source_id": "a",
    "amount": {"amount_minor": 1, "currency": "USD"},
}


class Shop:
    """A partner with a topic of its own, before a gateway that takes from it."""

    def __init__(self, log: Log, name: str) -> None:
        self.log = log
        self.name = name
        self.topic = partner_topic(name)

    async def publish(self, *records: tuple[list[tuple[str, bytes | None]], bytes | None]) -> None:
        producer = await self.log.producer()
        await producer.publish(
            [
                NewRecord(topic=self.topic, key=b"k", value=value, headers=headers)
                for headers, value in records
            ]
        )
        await producer.close()


def declare(folder: Path, *names: str) -> Path:
    partners = {name: {"sources": [SHOP]} for name in names}
    file = folder / "topics.yaml"
    declared = {"topics": {}, "dlq": {"partitions": 1, "retention": "1d"}, "partners": partners}
    file.write_text(json.dumps(declared))  # JSON is YAML
    return file


def order(event_id: str, **changes: Any) -> dict[str, Any]:
    event = {
        "specversion": "1.0",
        "id": event_id,
        "source": SHOP,
        "type": "com.tandem.partner.order.paid.v1",
        "time": datetime.now(UTC).isoformat(),
        "data": {"order_id": event_id, "amount": {"amount_minor": 1, "currency": "USD"}},
    }
    return event | changes


def structured(event: dict[str, Any]) -> tuple[list[tuple[str, bytes | None]], bytes]:
    return STRUCTURED, json.dumps(event).encode()


def binary(event: dict[str, Any]) -> tuple[list[tuple[str, bytes | None]], bytes]:
    headers = [(f"ce_{n}", str(v).encode()) for n, v in event.items() if n != "data"]
    return [*headers, *BINARY], json.dumps(event["data"]).encode()


@pytest.fixture
async def database(new_database: Callable[..., str]) -> str:
    return new_database("gateway")


async def rows(database: str, statement: str) -> list[Any]:
    connection = await asyncpg.connect(database)
    try:
        return await connection.fetch(statement)
    finally:
        await connection.close()


async def until(database: str, statement: str, expected: int) -> list[Any]:
    """The rows, once there are so many."""
    found: list[Any] = []
    async with asyncio.timeout(60):
        while len(found) < expected:
            found = await rows(database, statement)
            await asyncio.sleep(0.05)
    assert len(found) == expected
    return found


TAKEN = "SELECT * FROM inbox WHERE verdict = 'accepted' ORDER BY position"
REFUSED = "SELECT * FROM outbox WHERE aggregatetype LIKE 'partner.%' ORDER BY id"


async def test_records_are_taken_like_requests_and_answered_on_the_rejects_topic(
    build_house: Any, event_log: str, database: str, tmp_path: Path
) -> None:
    name = f"s{secrets.token_hex(4)}"
    file = declare(tmp_path, name)
    async with open_log(event_log) as log:
        await log.create_topic(TopicState(name="kpi", partitions=1, retention_seconds=None))
        await apply_to(log, read_declaration(file))
        shop = Shop(log, name)
        await shop.publish(
            structured(order("a")),
            binary(order("b", campaign="spring")),
            structured(order("a", type="com.tandem.partner.payment.refunded.v1", data=REFUND)),
            structured(order("x", source="/partners/somebody-else")),
            structured(order("c")),
        )
        async with build_house(event_log=event_log, database_url=database, topics_file=file):
            taken = await until(database, TAKEN, 3)
            refused = await until(database, REFUSED, 2)
        await shop.publish(structured(order("d")), structured(order("a")))
        async with build_house(event_log=event_log, database_url=database, topics_file=file):
            assert [row["event_id"] for row in await until(database, TAKEN, 4)][3] == "d"
    assert [row["event_id"] for row in taken] == ["a", "b", "c"]
    assert json.loads(taken[1]["extensions"]) == {"campaign": "spring"}
    assert {row["aggregatetype"] for row in refused} == {rejects_topic(name)}
    told = [json.loads(row["payload"]) for row in refused]
    assert [(one["offset"], one["field"]) for one in told] == [(2, "id"), (3, "source")]
    assert all(one["mend"] for one in told)


async def test_a_topic_that_another_process_took_over_by_mistake_is_claimed_again(
    build_house: Any, event_log: str, database: str, tmp_path: Path
) -> None:
    """Nothing is sent meanwhile: it must not need a record to notice."""
    name = f"s{secrets.token_hex(4)}"
    file = declare(tmp_path, name)
    ours = "SELECT FROM consumer_positions WHERE owner <> 'other'"
    async with open_log(event_log) as log:
        await log.create_topic(TopicState(name="kpi", partitions=1, retention_seconds=None))
        await apply_to(log, read_declaration(file))
        async with build_house(event_log=event_log, database_url=database, topics_file=file):
            await until(database, ours, 1)
            await rows(database, "UPDATE consumer_positions SET epoch = epoch + 5, owner = 'other'")
            await until(database, ours, 1)


NONSENSE: list[tuple[list[tuple[str, bytes | None]], bytes | None]] = [
    ([], None),
    ([], b""),
    (STRUCTURED, None),
    (STRUCTURED, b"\xff\xfe{"),
    (STRUCTURED, b"[" * 100_000),
    (STRUCTURED, b"null"),
    ([("content-type", b"\xff\xfe")], b"{}"),
    ([("content-type", None)], b"{}"),
    ([("ce_id", b"\xc3\x28"), *BINARY], b"{}"),
    ([("ce_" + "x" * 5000, b"1"), *BINARY], b"{}"),
    ([("ce_id", b"y" * 300_000), *BINARY], b"{}"),
    ([(f"ce_h{n}", b"1") for n in range(5_000)], b"{}"),
    ([("content-type", b"application/cloudevents-batch+json")], b"[]"),
    ([("content-type", b"application/cloudevents+avro")], b"\x00"),
    structured(order("old", time="1970-01-01T00:00:00Z")),
    structured(order("new", time="2100-01-01T00:00:00Z")),
    structured(order("nul", data={"order_id": "a\u0000b"})),
]


async def test_nonsense_is_refused_record_by_record_and_what_follows_is_taken(
    build_house: Any, event_log: str, database: str, tmp_path: Path
) -> None:
    name = f"s{secrets.token_hex(4)}"
    file = declare(tmp_path, name)
    async with open_log(event_log) as log:
        await log.create_topic(TopicState(name="kpi", partitions=1, retention_seconds=None))
        await apply_to(log, read_declaration(file))
        await Shop(log, name).publish(*NONSENSE, structured(order("good")))
        async with build_house(event_log=event_log, database_url=database, topics_file=file):
            taken = await until(database, TAKEN, 1)
            refused = await until(database, REFUSED, len(NONSENSE))
    assert taken[0]["event_id"] == "good"
    told = [json.loads(row["payload"]) for row in refused]
    assert [one["offset"] for one in told] == list(range(len(NONSENSE)))
    assert all(one["reason"] for one in told)


async def test_a_header_whose_name_is_not_utf8_is_refused_and_what_follows_is_taken(
    build_house: Any, kafka_server: Any, database: str, tmp_path: Path
) -> None:
    """The broker takes it, and Kafka's clients cannot read past it."""
    name = f"s{secrets.token_hex(4)}"
    file = declare(tmp_path, name)
    headers = [(header.encode(), text) for header, text in STRUCTURED]
    async with open_log(kafka_server.url) as log:
        await log.create_topic(TopicState(name="kpi", partitions=1, retention_seconds=None))
        await apply_to(log, read_declaration(file))
        await publish_raw(
            kafka_server.address,
            partner_topic(name),
            [
                ([(b"ce_\xff\xfe", b"1")], b"{}"),
                ([*headers, (b"x-\xff", b"1")], json.dumps(order("bad")).encode()),
                ([(b"ce_a\x00b", b"1")], b"{}"),
                (headers, json.dumps(order("good")).encode()),
            ],
        )
        async with build_house(event_log=kafka_server.url, database_url=database, topics_file=file):
            taken = await until(database, TAKEN, 1)
            refused = await until(database, REFUSED, 3)
    assert taken[0]["event_id"] == "good"
    told = [json.loads(row["payload"]) for row in refused]
    assert [one["offset"] for one in told] == [0, 1, 2]
    assert [one["mend"] for one in told[:2]] == ["name headers in UTF-8"] * 2


async def test_a_partner_whose_topic_is_missing_keeps_nobody_waiting(
    build_house: Any, event_log: str, database: str, tmp_path: Path
) -> None:
    name = f"s{secrets.token_hex(4)}"
    async with open_log(event_log) as log:
        await log.create_topic(TopicState(name="kpi", partitions=1, retention_seconds=None))
        await apply_to(log, read_declaration(declare(tmp_path, name)))
        await Shop(log, name).publish(structured(order("a")))
        file = declare(tmp_path, f"{name}-absent", name)
        async with build_house(event_log=event_log, database_url=database, topics_file=file) as one:
            await until(database, TAKEN, 1)
            assert (await one.client.get("/health/ready")).status_code == 200


MEGABYTES: dict[str, int] = {"gzip": 50, "lz4": 50, "snappy": 8, "zstd": 50}
"""Of zeros, by what each packs into so little that the broker would take it as it comes."""
PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": codec.gzip_encode,
    "lz4": codec.lz4_encode,
    "snappy": codec.snappy_encode,
    "zstd": codec.zstd_encode,
}


@pytest.mark.parametrize("kind", MEGABYTES)
async def test_a_batch_that_unpacks_to_far_more_is_refused_by_the_broker(
    build_house: Any, kafka_server: Any, database: str, tmp_path: Path, *, kind: str
) -> None:
    name = f"s{secrets.token_hex(4)}"
    file = declare(tmp_path, name)
    bomb = bytes(MEGABYTES[kind] * 1_000_000)
    assert len(PACK[kind](bomb)) < PARTNER_RECORD_BYTES
    async with open_log(kafka_server.url) as log:
        await log.create_topic(TopicState(name="kpi", partitions=1, retention_seconds=None))
        await apply_to(log, read_declaration(file))
        shop = Shop(log, name)
        bomber = AIOKafkaProducer(
            bootstrap_servers=kafka_server.address,
            compression_type=kind,
            max_request_size=100_000_000,
        )
        await bomber.start()
        try:
            with pytest.raises(KafkaError, match=r"(?i)size|large"):
                await bomber.send_and_wait(shop.topic, bomb)
            clocks = [0, 4_102_444_800_000]
            for clock in clocks:
                event = json.dumps(order(f"at-{clock}")).encode()
                headers = [("content-type", b"application/cloudevents+json")]
                await bomber.send_and_wait(shop.topic, event, headers=headers, timestamp_ms=clock)
        finally:
            await bomber.stop()
        async with build_house(event_log=kafka_server.url, database_url=database, topics_file=file):
            taken = await until(database, TAKEN, len(clocks))
    assert [row["event_id"] for row in taken] == [f"at-{clock}" for clock in clocks]
