"""`python -m bench.steady_load <kafka> <topic> <events a second>`: publish until it is ended."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Final

import uvloop
from aiokafka import AIOKafkaProducer

from bench.loading import BATCH_BYTES, Patterns, append_to

_SLICES_A_SECOND: Final = 20


async def _publish(kafka: str, topic: str, rate: int) -> None:
    """A slice of the rate at fixed times; a slice that is late does not move the next."""
    patterns, slice_size = Patterns(), rate // _SLICES_A_SECOND
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka, compression_type="lz4", max_batch_size=BATCH_BYTES, linger_ms=0
    )
    await producer.start()
    begun, number = time.monotonic(), 0
    while True:
        first = 1 + number * slice_size  # event 0 was there before
        await append_to(producer, topic, patterns.records(first, slice_size))
        number += 1
        await asyncio.sleep(max(0.0, begun + number / _SLICES_A_SECOND - time.monotonic()))


if __name__ == "__main__":
    uvloop.run(_publish(sys.argv[1], sys.argv[2], int(sys.argv[3])))
