"""COPY of events as json in one session: the least that any design could ask of PostgreSQL."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from bench.processor_time import tree_seconds

_CHUNK: Final = 1_000


@dataclass(frozen=True)
class Copied:
    events_a_second: float
    cpu_microseconds: float
    """Client and database together, for one event."""


def copy_rate(url: str, values: Sequence[bytes], *, times: int, server: int) -> Copied:
    """COPY the values so many times over, into a table without an index, in one transaction."""
    lines = [value.replace(b"\\", b"\\\\") + b"\n" for value in values]
    chunks = [b"".join(lines[n : n + _CHUNK]) for n in range(0, len(lines), _CHUNK)] * times
    return asyncio.run(_copy(url, chunks, events=len(values) * times, server=server))


async def _copy(url: str, chunks: Sequence[bytes], *, events: int, server: int) -> Copied:
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE copied (event json)")
    begun = (time.monotonic(), time.process_time() + tree_seconds(server))
    await connection.copy_to_table("copied", source=_each(chunks), timeout=120)
    ended = (time.monotonic(), time.process_time() + tree_seconds(server))
    await connection.execute("DROP TABLE copied")
    await connection.close()
    return Copied(events / (ended[0] - begun[0]), (ended[1] - begun[1]) / events * 1e6)


async def _each(chunks: Sequence[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
