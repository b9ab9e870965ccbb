"""Reading and decoding ahead of the commits, so that neither waits for the other.

Memory is bounded: by what one batch may hold, besides the batch that is being
committed and what the reader itself holds of one fetch. A full intake does not
poll; that is all the back pressure there is.

Where batches are folded, records of which one stands out are decoded record by record instead,
into a batch of their own after what was folded before them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Self

from events.consumer.batch import Batch
from events.consumer.entry import Read, read_entry
from events.consumer.folding import Folded
from events.consumer.settings import ConsumerSettings
from events.log import Reader, Record, TopicPartition
from events.waiting import is_set_within

_SLICE: Final = 250
"""Records decoded in one go: a millisecond, in which nothing else of the process runs."""
_PIECE: Final = 32
"""Records decoded before the first of them is folded. What they become fits in a core's smallest
cache: on a busy machine decoding and folding 250 by 250 took a sixth longer, a thousand a third."""


class Intake:
    """What is read and not taken yet. Open it as a context manager, for one assignment."""

    def __init__(
        self,
        reader: Reader,
        *,
        read: Read,
        settings: ConsumerSettings,
        begin: Callable[[], Batch | Folded] = Batch,
    ) -> None:
        self._reader = reader
        self._read = read
        self._begin = begin
        self._most_records = settings.max_records
        self._most_folded = settings.max_folded
        self._most_bytes = settings.max_bytes
        self._poll_seconds = settings.poll_seconds
        self._backlog_seconds = settings.backlog_seconds
        self._batch = begin()
        self._records = self._bytes = 0
        self._some, self._full, self._room = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._room.set()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="intake")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})

    async def take(self) -> Batch | Folded:
        """All that is on the log, as far as it is known and a batch may hold it; empty if nothing.

        A backlog is so taken in batches as large as they may be, for they fold better, and what
        has just come is taken at once. Raises what reading raised.
        """
        if await is_set_within(self._some, self._poll_seconds):
            await is_set_within(self._full, self._backlog_seconds)
        if self._task.done():
            self._task.result()
        taken, self._batch = self._batch, self._begin()
        self._records = self._bytes = 0
        self._some.clear()
        self._full.clear()
        self._room.set()
        return taken

    async def _run(self) -> None:
        try:
            while True:
                await self._room.wait()
                room = min(_SLICE, self._most() - self._records)
                found = await self._reader.poll(
                    max_records=room, timeout_seconds=self._poll_seconds
                )
                for where, records in found.items():
                    for first in range(0, len(records), _PIECE):
                        await self._add(where, records[first : first + _PIECE])
                if self._records and not self._reader.has_more():
                    self._full.set()
                await asyncio.sleep(0)
        finally:
            self._some.set()
            self._full.set()

    async def _add(self, where: TopicPartition, records: Sequence[Record]) -> None:
        if not isinstance(self._batch, Folded):
            self._add_entries(self._batch, where, records)
        elif not self._batch.add(where, records):
            if self._records:
                self._close()
                await self._room.wait()
            self._batch = Batch()
            self._add_entries(self._batch, where, records)
        self._records += len(records)
        self._some.set()
        if self._records >= self._most() or self._bytes >= self._most_bytes:
            self._close()

    def _most(self) -> int:
        return self._most_folded if isinstance(self._batch, Folded) else self._most_records

    def _add_entries(self, batch: Batch, where: TopicPartition, records: Sequence[Record]) -> None:
        read = self._read
        batch.entries.setdefault(where, []).extend(
            [read_entry(where, record, read) for record in records]
        )
        self._bytes += sum([len(record.value or b"") for record in records])

    def _close(self) -> None:
        self._full.set()
        self._room.clear()
