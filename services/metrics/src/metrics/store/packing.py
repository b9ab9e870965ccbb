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


_Row = tuple[int, int, int, int | None, int | None, int]
"""Second, times, day, minor, bin, number of the cut."""


class _Body(msgspec.Struct, frozen=True, array_like=True):
    """Read no further than is asked for: most readers want few kinds."""

    cuts: msgspec.Raw
    said: dict[str, msgspec.Raw]
    """Rows by kind of moment."""


_decode_body: Final = msgspec.msgpack.Decoder(_Body).decode
_decode_cuts: Final = msgspec.msgpack.Decoder(list[Cut]).decode
_decode_rows: Final = msgspec.msgpack.Decoder(list[_Row]).decode
_decode_bodies: Final = msgspec.msgpack.Decoder(list[bytes]).decode


def pack_deltas(deltas: Iterable[Delta]) -> Changed | None:
    """None when there are none."""
    # By identity: moments of a fact mostly share their cut, and hashing ten names costs more.
    cuts: dict[int, tuple[int, Cut]] = {}
    said: dict[str, list[_Row]] = {}
    for second, (kind, day, cut, _, minor, bin_), times in deltas:
        rows = said.get(kind.name)
        if rows is None:
            rows = said[kind.name] = []
        number, _cut = cuts.setdefault(id(cut), (len(cuts), cut))
        rows.append((second, times, day, minor, bin_, number))
    if not said:
        return None
    seconds = [row[0] for rows in said.values() for row in rows]
    days = [row[2] for rows in said.values() for row in rows]
    return Changed(
        deltas=len(seconds),
        kinds=list(said),
        first_on=min(days),
        last_on=max(days),
        first_second=min(seconds),
        last_second=max(seconds),
        body=_encode(([cut for _, cut in cuts.values()], said)),
    )


def unpack_deltas(
    body: bytes, kinds: Mapping[str, MomentKind], *, only: Collection[MomentKind] | None = None
) -> Iterator[Delta]:
    """The deltas of kinds that the catalogue knows, or of some of them."""
    packed = _decode_body(body)
    wanted = [(kinds[name], rows) for name, rows in packed.said.items() if name in kinds]
    if only is not None:
        wanted = [(kind, rows) for kind, rows in wanted if kind in only]
    cuts = _decode_cuts(packed.cuts) if wanted else []
    for kind, rows in wanted:
        for second, times, day, minor, bin_, cut in _decode_rows(rows):
            yield Delta(second, Moment(kind, day, cuts[cut], 1, minor, bin_), times)


def pack_bodies(bodies: list[bytes]) -> bytes:
    """Many as one, to be kept for long."""
    return zlib.compress(_encode(bodies), _FAST)


def unpack_bodies(packed: bytes) -> list[bytes]:
    return _decode_bodies(zlib.decompress(packed))
