"""Publishing to Kafka: idempotent, in whole batches, crash-only."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2

from events.errors import PublishFailed
from events.log.kafka.closing import end_within, is_asked_to_end
from events.log.port import NewRecord, TopicPartition

if TYPE_CHECKING:
    from events.log.kafka.log import KafkaLog

_BATCH_BYTES: Final = 256 * 1024
_PUBLISH_SECONDS: Final = 30.0


class KafkaProducer:
    """Publishes with acks of all replicas.

    An idempotent aiokafka producer that has seen an error may have used up
    sequence numbers that the broker never got: it cannot be trusted again.
    """

    def __init__(self, producer: AIOKafkaProducer, log: KafkaLog) -> None:
        self._producer = producer
        self._log = log
        self._partitions: dict[str, int] = {}

    @classmethod
    async def start(cls, servers: str, *, log: KafkaLog) -> Self:
        producer = AIOKafkaProducer(
            bootstrap_servers=servers,
            enable_idempotence=True,
            acks="all",
            compression_type="lz4",
            max_batch_size=_BATCH_BYTES,
            linger_ms=0,  # the caller's batches are whole: waiting for more would only delay
        )
        try:
            await producer.start()
        except BaseException:
            await end_within(producer.stop())
            raise
        return cls(producer, log)

    async def publish(self, records: Sequence[NewRecord]) -> None:
        for topic in {record.topic for record in records} - self._partitions.keys():
            self._partitions[topic] = len(await self._log.partitions([topic]))
        try:
            async with asyncio.timeout(_PUBLISH_SECONDS):
                await asyncio.gather(*await self._send(records))
        except TimeoutError:
            raise PublishFailed(
                f"Kafka acknowledged nothing for {_PUBLISH_SECONDS:.0f} s",
                hint="the process ends; what was not acknowledged is published again",
            ) from None
        except KafkaError as error:
            raise PublishFailed(f"Kafka refused a batch: {error!r}") from error
        except asyncio.CancelledError as error:
            if is_asked_to_end():
                raise
            raise PublishFailed("the connection to Kafka ended under a batch") from error

    async def _send(self, records: Sequence[NewRecord]) -> list[asyncio.Future[Any]]:
        """Fill one batch per partition, and send it when it is full: order per key is kept."""
        now = int(time.time() * 1000)
        sent: list[asyncio.Future[Any]] = []
        open_batches: dict[TopicPartition, Any] = {}
        for record in records:
            partition = _hash(record.key) % self._partitions[record.topic]
            where = TopicPartition(record.topic, partition)
            fields = {"key": record.key, "value": record.value, "headers": record.headers}
            batch = open_batches.get(where)
            if batch is not None and batch.append(timestamp=now, **fields) is not None:
                continue
            if batch is not None:
                sent.append(
                    await self._producer.send_batch(batch, where.topic, partition=partition)
                )
            batch = open_batches[where] = self._producer.create_batch()
            batch.append(timestamp=now, **fields)
        for where, batch in open_batches.items():
            sent.append(
                await self._producer.send_batch(batch, where.topic, partition=where.partition)
            )
        return sent

    async def close(self) -> None:
        """Raises PublishFailed when it does not close in time."""
        if not await end_within(self._producer.stop()):
            raise PublishFailed("the producer did not close in time")


@lru_cache(maxsize=65_536)
def _hash(key: bytes) -> int:
    """The hash of Kafka's own clients, so that any of them finds a key's partition."""
    return int(murmur2(key)) & 0x7FFFFFFF
