"""How events and changes are kept: many in one value, since a row costs more than what is in it."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

import msgspec

from events import decode_data, encode_data
from metrics.engine.changes import Delta
from metrics.engine.dimension import Cut
from metrics.engine.entry import Entry
from metrics.engine.fact import Ref
from metrics.engine.moment import Moment, MomentKind

_FAST: Final = 1
"""Level of compression: higher ones cost three times as much and save a tenth."""

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
    return zlib.compress(_encode(lines), _FAST)


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


_Row = tuple[int, int, int, int | None, int | None, int]
"""Second, times, day, minor, bin, number of the cut."""


class _Deltas(msgspec.Struct, frozen=True, array_like=True):
    cuts: list[Cut]
    said: dict[str, list[_Row]]
    """By kind of moment."""


_decode_deltas: Final = msgspec.msgpack.Decoder(_Deltas).decode


def pack_deltas(deltas: Iterable[Delta]) -> bytes:
    cuts: dict[Cut, int] = {}
    said: dict[str, list[_Row]] = {}
    for second, (kind, day, cut, _, minor, bin_), times in deltas:
        rows = said.get(kind.name)
        if rows is None:
            rows = said[kind.name] = []
        rows.append((second, times, day, minor, bin_, cuts.setdefault(cut, len(cuts))))
    return _encode(_Deltas(list(cuts), said))


def unpack_deltas(
    body: bytes, kinds: Mapping[str, MomentKind], *, only: Collection[MomentKind] | None = None
) -> Iterator[Delta]:
    """The deltas of kinds that the catalogue knows, or of some of them."""
    packed = _decode_deltas(body)
    cuts = packed.cuts
    for name, rows in packed.said.items():
        kind = kinds.get(name)
        if kind is None or (only is not None and kind not in only):
            continue
        for second, times, day, minor, bin_, cut in rows:
            yield Delta(second, Moment(kind, day, cuts[cut], 1, minor, bin_), times)
