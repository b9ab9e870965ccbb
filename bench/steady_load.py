"""`python -m bench.steady_load <kafka> <topic> <events a second>`: publish until it is ended.

The batches are made beforehand and sent again and again: what publishes shares the cores with what
is measured, and making an event costs as much as folding it. To a fold they are other deals.
"""

from __future__ import annotations

import asyncio
import sys
import time
from itertools import cycle

import uvloop
from aiokafka import AIOKafkaProducer

from bench.loading import BATCH_BYTES, made
from bench.views import PARTITIONS


async def _publish(kafka: str, topic: str, rate: int) -> None:
    """Each batch when it is due by the rate; one that is late does not move the next."""
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka, compression_type="lz4", max_batch_size=BATCH_BYTES, linger_ms=0
    )
    await producer.start()
    batches = made(producer)
    begun, sent = time.monotonic(), 0
    for number, batch in enumerate(cycle(batches)):
        await asyncio.sleep(max(0.0, begun + sent / rate - time.monotonic()))
        await producer.send_batch(batch, topic, partition=number % PARTITIONS)
        sent += batch.record_count()


if __name__ == "__main__":
    uvloop.run(_publish(sys.argv[1], sys.argv[2], int(sys.argv[3])))
