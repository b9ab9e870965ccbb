"""Reading and decoding ahead of the commits, so that neither waits for the other.

Memory is bounded: by what one batch may hold, besides the batch that is being
committed and what the reader itself holds of one fetch. A full intake does not
poll; that is all the back pressure there is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, Self

from events.consumer.entry import Entry, Read, read_entry
from events.consumer.settings import ConsumerSettings
from events.log import Reader, Record, TopicPartition

_SLICE: Final = 1_000
"""Records decoded in one go: some milliseconds, in which nothing else of the process runs."""


class Intake:
    """What is read and not taken yet. Open it as a context manager, for one assignment."""

    def __init__(self, reader: Reader, *, read: Read, settings: ConsumerSettings) -> None:
        self._reader = reader
        self._read = read
        self._most_records = settings.max_records
        self._most_bytes = settings.max_bytes
        self._poll_seconds = settings.poll_seconds
        self._entries: dict[TopicPartition, list[Entry]] = {}
        self._records = self._bytes = 0
        self._some, self._full, self._room = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._room.set()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="intake")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})

    async def take(self, *, full: bool, seconds: float) -> dict[TopicPartition, list[Entry]]:
        """All that is there, waiting for the first; with `full`, for as much as a batch may hold.

        Never waits longer than `seconds`. Raises what reading raised.
        """
        try:
            async with asyncio.timeout(seconds):
                await (self._full if full else self._some).wait()
        except TimeoutError:
            pass
        if self._task.done():
            self._task.result()
        taken, self._entries = self._entries, {}
        self._records = self._bytes = 0
        self._some.clear()
        self._full.clear()
        self._room.set()
        return taken

    async def _run(self) -> None:
        try:
            while True:
                await self._room.wait()
                room = min(_SLICE, self._most_records - self._records)
                found = await self._reader.poll(
                    max_records=room, timeout_seconds=self._poll_seconds
                )
                for where, records in found.items():
                    self._add(where, records)
                await asyncio.sleep(0)
        finally:
            self._some.set()
            self._full.set()

    def _add(self, where: TopicPartition, records: Sequence[Record]) -> None:
        read = self._read
        self._entries.setdefault(where, []).extend(
            [read_entry(where, record, read) for record in records]
        )
        self._records += len(records)
        self._bytes += sum([len(record.value or b"") for record in records])
        self._some.set()
        if self._records >= self._most_records or self._bytes >= self._most_bytes:
            self._full.set()
            self._room.clear()
