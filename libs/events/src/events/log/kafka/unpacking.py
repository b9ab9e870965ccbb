"""How fetched bytes become records: quickly, and whatever a stranger has written.

Kafka says that the name of a header is UTF-8, and no broker looks. aiokafka raises in the middle
of the fetch, again and again: one such record would stop its partition for good.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, SupportsIndex

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy

from events.log.port import Record

LIBRARYS: Final = fetcher.PartitionRecords


class _Fetched:
    """The library's records of one fetch, which also keep the bytes."""

    def __init__(self, data: bytes) -> None:
        records = MemoryRecords(data)
        self.data = data
        self.has_next = records.has_next
        self.next_batch = records.next_batch
        self.size_in_bytes = records.size_in_bytes


class _Records(fetcher.PartitionRecords):  # type: ignore[misc]
    """Hands over the records as they were parsed: half of a fetch's cost was to copy them.

    They have what our `Record` asks for, as the copies do: should the library stop
    calling this method, only the speed is lost.
    """

    _records: Any
    _aborted_transactions: list[Any]
    _aborted_producers: set[int]

    def _consumer_record(self, tp: object, record: Record) -> Record:  # noqa: ARG002 - the library's
        return record

    def _unpack_records(self) -> Iterator[Record]:
        aborted = list(self._aborted_transactions)
        try:
            yield from super()._unpack_records()
        except UnicodeDecodeError:
            # Once more from the beginning; what was handed over is passed over by its offset.
            self._aborted_transactions = aborted
            self._aborted_producers = set()
            self._records = _CarefulRecords(self._records.data)
            yield from super()._unpack_records()


class _CarefulRecords(_MemoryRecordsPy):  # type: ignore[misc]
    """The library's slower way without C code, which one can step into."""

    def next_batch(self) -> Any:
        data = self._next_slice
        batch = super().next_batch()
        return _CarefulBatch(data) if type(batch) is DefaultRecordBatch else batch


class _CarefulBatch(_DefaultRecordBatchPy):  # type: ignore[misc]
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
    fetcher.MemoryRecords = _Fetched
    fetcher.PartitionRecords = _Records
