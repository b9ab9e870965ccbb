"""Publishing to Kafka: idempotent, in whole batches, crash-only."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from events.errors import PublishFailed
from events.log.kafka.closing import end_within, is_asked_to_end
from events.log.kafka.compression import compress_lightly
from events.log.kafka.partitioning import hashes
from events.log.port import Log, NewRecord

_BATCH_BYTES: Final = 256 * 1024
_PUBLISH_SECONDS: Final = 30.0


class KafkaProducer:
    """Publishes with acks of all replicas.

    An idempotent aiokafka producer that has seen an error may have used up
    sequence numbers that the broker never got: it cannot be trusted again.
    """

    def __init__(self, producer: AIOKafkaProducer, log: Log) -> None:
        self._producer = producer
        self._log = log
        self._partitions: dict[str, int] = {}
        self._turn = asyncio.Lock()

    @classmethod
    async def start(cls, servers: str, *, log: Log) -> Self:
        compress_lightly()
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
        try:
            async with asyncio.timeout(_PUBLISH_SECONDS):
                # A lock lets in who came first: calls keep their order though they overlap.
                async with self._turn:
                    sent = await self._send(records)
                await asyncio.gather(*sent)
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

    def forget_topics(self) -> None:
        self._partitions.clear()

    async def _send(self, records: Sequence[NewRecord]) -> list[asyncio.Future[Any]]:
        """Fill one batch per partition, and send it when it is full: order per key is kept."""
        partitions = await self._counts({record.topic for record in records})
        now = int(time.time() * 1000)
        sent: list[asyncio.Future[Any]] = []
        open_batches: dict[tuple[str, int], Any] = {}
        for record, hashed in zip(records, hashes([r.key for r in records]), strict=True):
            topic, key = record.topic, record.key
            where = topic, hashed % partitions[topic]
            batch = open_batches.get(where)
            if batch is not None:
                taken = batch.append(
                    timestamp=now, key=key, value=record.value, headers=record.headers
                )
                if taken is not None:
                    continue
                sent.append(await self._producer.send_batch(batch, topic, partition=where[1]))
            batch = open_batches[where] = self._producer.create_batch()
            batch.append(timestamp=now, key=key, value=record.value, headers=record.headers)
        for (topic, partition), batch in open_batches.items():
            sent.append(await self._producer.send_batch(batch, topic, partition=partition))
        return sent

    async def _counts(self, topics: set[str]) -> dict[str, int]:
        """Partitions of each topic; a copy, since they may be forgotten while a call goes on."""
        unknown = topics - self._partitions.keys()
        for topic in unknown:
            self._partitions[topic] = len(await self._log.partitions([topic]))
        if unknown:
            # aiokafka asks by itself only every five minutes, and refuses partitions unheard of.
            await self._producer.client.force_metadata_update()
        return {topic: self._partitions[topic] for topic in topics}

    async def close(self) -> None:
        """Raises PublishFailed when it does not close in time."""
        if not await end_within(self._producer.stop()):
            raise PublishFailed("the producer did not close in time")
