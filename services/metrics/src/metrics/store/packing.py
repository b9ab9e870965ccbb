"""How events and changes are kept: many in one value, since a row costs more than what is in it."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, compress
from operator import sub
from typing import Final

import msgspec

from events import decode_data, encode_data
from metrics.engine.changes import Batch, Columns, Delta, deltas_of
from metrics.engine.dimension import Cut
from metrics.engine.entry import Entry
from metrics.engine.fact import Ref
from metrics.engine.moment import MomentKind

FAST: Final = 1
"""Level of compression: higher ones cost three times as much and save a tenth."""
TIGHT: Final = 6
"""For what is packed once more, beside the work, and then kept."""

Placed = tuple[Ref, Entry]
"""An event under a fact that it belongs to."""


class _Line(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An event in a block. Times are microseconds since 1970, data are JSON."""

    kind: str
    key: str
    source: str
    subject: str
    sequence: int
    id: str
    type: str
    occurred: int
    recorded: int
    data: bytes


_encode: Final = msgspec.msgpack.Encoder().encode
_decode_lines: Final = msgspec.msgpack.Decoder(list[_Line]).decode


def pack_events(events: Iterable[Placed]) -> bytes:
    lines = [
        _Line(
            ref.kind,
            ref.key,
            entry.source,
            entry.subject,
            entry.sequence,
            entry.id,
            entry.data.wire_type,
            entry.occurred,
            entry.recorded,
            encode_data(entry.data),
        )
        for ref, entry in events
    ]
    return zlib.compress(_encode(lines), FAST)


def unpack_events(block: bytes, places: Iterable[int] | None = None) -> list[Placed]:
    """The events of a block, or those at some places."""
    lines = _decode_lines(zlib.decompress(block))
    return [_placed(line) for line in (lines if places is None else (lines[n] for n in places))]


def _placed(line: _Line) -> Placed:
    entry = Entry(
        id=line.id,
        source=line.source,
        subject=line.subject,
        sequence=line.sequence,
        occurred=line.occurred,
        recorded=line.recorded,
        data=decode_data(line.type, line.data),
    )
    return Ref(line.kind, line.key), entry


class Changed(msgspec.Struct, frozen=True):
    """Deltas in one value, and what must be known to leave it unread."""

    deltas: int
    kinds: list[str]
    """Names of the kinds of moments."""
    first_on: int
    last_on: int
    first_second: int
    last_second: int
    body: bytes


class _Body(msgspec.Struct, frozen=True, array_like=True):
    """Read no further than is asked for: most readers want few kinds."""

    cuts: msgspec.Raw
    said: dict[str, msgspec.Raw]
    """Columns by kind of moment. Seconds, days and numbers of cuts are differences to the one
    before: what became known together is mostly of one fact, and small numbers repeat.
    """


_decode_body: Final = msgspec.msgpack.Decoder(_Body).decode
_decode_cuts: Final = msgspec.msgpack.Decoder(list[Cut]).decode
_decode_columns: Final = msgspec.msgpack.Decoder(Columns).decode
_decode_bodies: Final = msgspec.msgpack.Decoder(list[bytes]).decode


def pack_batch(batch: Batch) -> Changed | None:
    """None when nothing changed."""
    cuts, said = batch
    if not said:
        return None
    body = {kind.name: _packed(columns) for kind, columns in said.items()}
    return Changed(
        deltas=sum(len(columns.days) for columns in said.values()),
        kinds=list(body),
        first_on=min(min(columns.days) for columns in said.values()),
        last_on=max(max(columns.days) for columns in said.values()),
        first_second=min(min(columns.seconds) for columns in said.values()),
        last_second=max(max(columns.seconds) for columns in said.values()),
        body=_encode((cuts, body)),
    )


def _packed(columns: Columns) -> Columns:
    seconds, times, days, minors, bins, cuts = columns
    return Columns(_steps(seconds), times, _steps(days), minors, bins, _steps(cuts))


def _unpacked(packed: msgspec.Raw) -> Columns:
    seconds, times, days, minors, bins, cuts = _decode_columns(packed)
    return Columns(_sums(seconds), times, _sums(days), minors, bins, _sums(cuts))


def _steps(numbers: Sequence[int]) -> list[int]:
    return list(map(sub, numbers, (0, *numbers[:-1])))


def _sums(steps: Iterable[int]) -> list[int]:
    return list(accumulate(steps))


@dataclass(frozen=True, slots=True)
class Within:
    """Which deltas are wanted: of days from one until before another, known after a second and
    until another.
    """

    days: tuple[int, int]
    after: int
    until: int

    def picks(self, columns: Columns) -> Columns:
        (first, end), after, until = self.days, self.after, self.until
        wanted = [
            after < second <= until and first <= day < end
            for second, day in zip(columns.seconds, columns.days, strict=True)
        ]
        return Columns._make(list(compress(column, wanted)) for column in columns)


def unpack_batch(
    body: bytes,
    kinds: Mapping[str, MomentKind],
    *,
    only: Collection[MomentKind] | None = None,
    within: Within | None = None,
) -> Batch:
    """The changes of kinds that the catalogue knows, or of some of them."""
    packed = _decode_body(body)
    said = {}
    for name, columns in packed.said.items():
        kind = kinds.get(name)
        if kind is not None and (only is None or kind in only):
            wanted = _unpacked(columns)
            said[kind] = wanted if within is None else within.picks(wanted)
    # The cuts are most of a body, and where nothing is wanted they stay as they are.
    found = {kind: columns for kind, columns in said.items() if columns.days}
    return Batch(_decode_cuts(packed.cuts) if found else [], found)


def unpack_deltas(
    body: bytes,
    kinds: Mapping[str, MomentKind],
    *,
    only: Collection[MomentKind] | None = None,
    within: Within | None = None,
) -> Iterator[Delta]:
    """The same one by one."""
    return deltas_of(unpack_batch(body, kinds, only=only, within=within))


def pack_bodies(bodies: list[bytes], *, level: int = FAST) -> bytes:
    """Many as one, to be kept for long."""
    return zlib.compress(_encode(bodies), level)


def unpack_bodies(packed: bytes) -> list[bytes]:
    return _decode_bodies(zlib.decompress(packed))
