"""Metadata of a Kafka cluster: topics, partitions, first and last offsets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Self, TypeVar

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    InvalidReplicationFactorError,
    KafkaError,
    TopicAlreadyExistsError,
    for_code,
)
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from events.errors import LogUnavailable, TopicMissing
from events.log.kafka.closing import end_within, is_asked_to_end
from events.log.kafka.producer import KafkaProducer
from events.log.kafka.reader import KafkaReader
from events.log.kafka.topic_ids import topic_ids
from events.log.port import PATIENCE_SECONDS, Producer, Reader, TopicPartition, TopicState

_TIMEOUT_SECONDS: Final = 10.0
_FENCED_SECONDS: Final = 30.0
"""A cluster that has just started answers before its brokers may be given partitions ("fenced")."""
_AGAIN_SECONDS: Final = 0.2
_FOREVER: Final = "-1"
_REPLICAS: Final = 3
_STRANGERS: Final = {
    # The broker unpacks a batch and takes it only if it is small enough unpacked: whoever reads
    # it is not handed a megabyte that becomes a gigabyte.
    "compression.type": "uncompressed",
    # A sender's own clock could keep its records for ever, or have them deleted at once.
    "message.timestamp.type": "LogAppendTime",
}

T = TypeVar("T")


class KafkaLog:
    """A cluster, by its bootstrap servers. Connects on first use."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._servers = bootstrap_servers
        self._inspector: AIOKafkaConsumer | None = None
        self._lock = asyncio.Lock()

    async def producer(self) -> Producer:
        _require_extensions()
        return await self._answer(KafkaProducer.start(self._servers, log=self))

    async def reader(self, *, patience_seconds: float = PATIENCE_SECONDS) -> Reader:
        _require_extensions()
        return await self._answer(KafkaReader.start(self._servers, patience=patience_seconds))

    async def partitions(self, topics: Sequence[str]) -> list[TopicPartition]:
        found = {name: state.partitions for name, state in (await self._listing()).items()}
        for name in topics:
            if name not in found:
                raise TopicMissing(
                    f"topic {name} is not on {self._servers}",
                    hint="apply the topics: tandem topics apply",
                )
        return [TopicPartition(name, number) for name in topics for number in range(found[name])]

    async def identities(self, topics: Sequence[str]) -> dict[str, str]:
        return await self._ask(lambda inspector: topic_ids(inspector._client, topics))  # noqa: SLF001 - no other way

    async def beginnings(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        wanted = _theirs(partitions)
        return _ours(await self._ask(lambda inspector: inspector.beginning_offsets(wanted)))

    async def ends(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        wanted = _theirs(partitions)
        return _ours(await self._ask(lambda inspector: inspector.end_offsets(wanted)))

    async def topics(self) -> dict[str, TopicState]:
        listing = await self._listing()
        async with self._admin() as admin:
            resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in listing]
            answers = await admin.describe_configs(resources) if resources else []
        kept = {
            resource[3]: {entry[0]: entry[1] for entry in resource[4]}.get("retention.ms", _FOREVER)
            for answer in answers
            for resource in answer.resources
        }
        return {
            name: TopicState(
                name=name,
                partitions=state.partitions,
                retention_seconds=None if kept[name] == _FOREVER else int(kept[name]) // 1000,
            )
            for name, state in listing.items()
        }

    async def create_topic(self, topic: TopicState) -> None:
        kept = topic.retention_seconds
        configs = {
            "retention.ms": _FOREVER if kept is None else str(kept * 1000),
            "retention.bytes": "-1",
            "cleanup.policy": "delete",
        }
        if topic.record_bytes is not None:
            configs |= _STRANGERS | {"max.message.bytes": str(topic.record_bytes)}
        give_up_at = time.monotonic() + _FENCED_SECONDS
        while refused := await self._refused(topic, configs):
            code, message = refused
            if for_code(code) is TopicAlreadyExistsError:
                break
            if for_code(code) is not InvalidReplicationFactorError or time.monotonic() > give_up_at:
                raise LogUnavailable(f"topic {topic.name} was not created: {message or code}")
            await asyncio.sleep(_AGAIN_SECONDS)
        await self._visible(topic.name, partitions=1)

    async def _refused(self, topic: TopicState, configs: dict[str, str]) -> tuple[int, str] | None:
        """Ask for a topic; the code and words of a refusal."""
        async with self._admin() as admin:
            brokers = len((await admin.describe_cluster())["brokers"])
            replicas = min(brokers, _REPLICAS)
            new = NewTopic(topic.name, topic.partitions, replicas, topic_configs=configs)
            response = await admin.create_topics([new])
        [(_, code, message)] = response.topic_errors
        return (code, message) if code else None

    async def grow_topic(self, name: str, *, partitions: int) -> None:
        async with self._admin() as admin:
            await admin.create_partitions({name: NewPartitions(total_count=partitions)})
        await self._visible(name, partitions=partitions)

    async def close(self) -> None:
        if self._inspector is not None:
            await self._dismiss(self._inspector)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _listing(self) -> dict[str, TopicState]:
        """All topics, asked for without naming any: naming one could create it."""
        async with self._admin() as admin:
            described = await admin.describe_topics()
        return {
            topic["topic"]: TopicState(topic["topic"], len(topic["partitions"]), None)
            for topic in described
            if not topic["is_internal"]
        }

    async def _visible(self, name: str, *, partitions: int) -> None:
        """Wait until the change has reached the broker that answers: it travels on its own."""

        async def seen() -> None:
            while True:
                state = (await self._listing()).get(name)
                if state is not None and state.partitions >= partitions:
                    return
                await asyncio.sleep(0.05)

        await self._answer(seen())

    async def _ask(self, question: Callable[[AIOKafkaConsumer], Awaitable[T]]) -> T:
        """Ask by a connection that is kept, unless it fails: it may be one that nobody answers."""
        inspector = await self._inspect()
        try:
            return await self._answer(question(inspector))
        except LogUnavailable:
            await self._dismiss(inspector)
            raise

    async def _dismiss(self, inspector: AIOKafkaConsumer) -> None:
        if self._inspector == inspector:
            self._inspector = None
            await end_within(inspector.stop())

    async def _inspect(self) -> AIOKafkaConsumer:
        async with self._lock:
            if self._inspector is None:
                inspector = AIOKafkaConsumer(
                    bootstrap_servers=self._servers,
                    enable_auto_commit=False,
                    request_timeout_ms=int(_TIMEOUT_SECONDS * 1000),
                )
                try:
                    await self._answer(inspector.start())
                except BaseException:
                    await end_within(inspector.stop())
                    raise
                self._inspector = inspector
            return self._inspector

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(
            bootstrap_servers=self._servers, request_timeout_ms=int(_TIMEOUT_SECONDS * 1000)
        )
        try:
            await self._answer(admin.start())
            yield admin
        except KafkaError as error:
            raise LogUnavailable(f"Kafka at {self._servers} answered {error!r}") from error
        except asyncio.CancelledError as error:
            self._raise_unless_asked(error)
            raise
        finally:
            await end_within(admin.close())

    async def _answer(self, question: Awaitable[T]) -> T:
        try:
            # Not `wait_for`: up to Python 3.11 it forgets a cancellation that meets the answer.
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                return await question
        except asyncio.CancelledError as error:
            self._raise_unless_asked(error)
            raise
        except (KafkaError, TimeoutError, OSError) as error:
            raise LogUnavailable(
                f"Kafka at {self._servers} does not answer ({type(error).__name__})",
                hint="see that it runs and EVENT_LOG names it",
            ) from error

    def _raise_unless_asked(self, cancelled: asyncio.CancelledError) -> None:
        if not is_asked_to_end():
            raise LogUnavailable(
                f"the connection to Kafka at {self._servers} ended under a request"
            ) from cancelled


def _theirs(partitions: Sequence[TopicPartition]) -> list[Any]:
    return [KafkaPartition(*partition) for partition in partitions]


def _ours(offsets: dict[Any, int]) -> dict[TopicPartition, int]:
    return {TopicPartition(*partition): offset for partition, offset in offsets.items()}


def _require_extensions() -> None:
    """Without its C code aiokafka is fifty times slower; that is no way to run."""
    if "_crecords" not in DefaultRecordBatchBuilder.__module__:
        raise RuntimeError(
            "aiokafka runs without its C code; unset AIOKAFKA_NO_EXTENSIONS or install a wheel"
        )
