"""How fetched bytes become records: late, and whatever a stranger has written.

aiokafka makes records of a whole fetch at once, tens of thousands, since the next fetch waits
until this one is taken; when their turn comes the processor has them no longer at hand. Ours takes
the batches as the broker sent them, checked, and unpacks each when it is read. That saves a
third of what a record costs, and memory.

Kafka says that the name of a header is UTF-8, and no broker looks. aiokafka raises in the middle
of the fetch, again and again: one such record would stop its partition for good.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, SupportsIndex, TypeAlias

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

from events.log.port import Record

LIBRARYS: Final = fetcher.PartitionRecords
_UP_TO_LENGTH: Final = 12
"""Bytes of a batch that its own length, in the last four of them, does not count."""


class Packed:
    """A batch of records as the broker sent it, to be read from an offset on."""

    def __init__(self, batch: _Batch, *, first: int) -> None:
        self._batch = batch
        self._first = first

    def unpack(self) -> Sequence[Record]:
        """Once. Raises CorruptRecordException."""
        try:
            records = list(self._batch.librarys)
        except UnicodeDecodeError:
            records = list(_CarefulBatch(self._batch.data))
        if records and records[0].offset < self._first:
            return [record for record in records if record.offset >= self._first]
        return records


Fetched: TypeAlias = Packed | Record
"""What a fetch consists of; records stand for themselves in the oldest formats of the log."""


def later(value: bytes) -> bytes:
    """The deserializer of a consumer that gets `Fetched` in place of records.

    That is all it says: should the library no longer ask us, records come, and speed is lost.
    """
    return value


def unpacked(fetched: Fetched) -> Sequence[Record]:
    return fetched.unpack() if isinstance(fetched, Packed) else [fetched]


class _Batch:
    """To the library a batch with one record, which stands at the offset of its last.

    So the library's own loop goes on to see to checksums, aborted transactions and positions.
    """

    def __init__(self, librarys: Any, data: memoryview) -> None:
        self.librarys = librarys
        self.data = data
        self.offset = librarys.next_offset - 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self.librarys, name)

    def __iter__(self) -> Iterator[_Batch]:
        yield self


class _Fetch:
    """The library's batches of one fetch, with their bytes."""

    def __init__(self, data: bytes) -> None:
        records = MemoryRecords(data)
        self.data = data
        self.has_next = records.has_next
        self.next_batch = records.next_batch
        self.size_in_bytes = records.size_in_bytes


class _Batches:
    """The same; what holds records is handed over as a `_Batch`."""

    def __init__(self, fetch: _Fetch) -> None:
        self._fetch = fetch
        self._left = memoryview(fetch.data)
        self.has_next = fetch.has_next

    def next_batch(self) -> Any:
        size = _UP_TO_LENGTH + int.from_bytes(self._left[_UP_TO_LENGTH - 4 : _UP_TO_LENGTH])
        data, self._left = self._left[:size], self._left[size:]
        batch = self._fetch.next_batch()
        if type(batch) is not DefaultRecordBatch or batch.is_control_batch:
            return batch
        return _Batch(batch, data)


class _Records(fetcher.PartitionRecords):  # type: ignore[misc]
    """The library's records of one partition, or batches for who unpacks them `later`."""

    def __init__(self, tp: object, records: _Fetch, *others: Any) -> None:
        self._packed = later in others
        super().__init__(tp, _Batches(records) if self._packed else records, *others)

    def _consumer_record(self, tp: object, record: Any) -> Any:
        if not self._packed:
            return super()._consumer_record(tp, record)
        return Packed(record, first=self.next_fetch_offset) if type(record) is _Batch else record


class _CarefulBatch(_DefaultRecordBatchPy):  # type: ignore[misc]
    """The library's slower way without C code, which one can step into."""

    _buffer: bytearray

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _Lenient(self._buffer)


class _Lenient(bytearray):
    """Bytes of which every slice is text, with `NOT_UTF8` for what is not."""

    def __getitem__(self, where: SupportsIndex | slice) -> Any:
        found = super().__getitem__(where)
        return _Lenient(found) if isinstance(found, bytearray) else found

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, errors)


def install() -> None:
    """Have the library's fetcher use it."""
    fetcher.MemoryRecords = _Fetch
    fetcher.PartitionRecords = _Records
