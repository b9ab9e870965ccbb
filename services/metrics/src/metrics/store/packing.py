"""How events and changes are kept: many in one value, since a row costs more than what is in it."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final

import msgspec

from events import decode_data, encode_data
from metrics.engine.changes import Delta
from metrics.engine.dimension import Cut
from metrics.engine.entry import Entry
from metrics.engine.fact import Ref
from metrics.engine.moment import Moment, MomentKind

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


_Row = tuple[int, int, int, int | None, int | None, int]
"""Second, times, day, minor, bin, number of the cut."""


class _Body(msgspec.Struct, frozen=True, array_like=True):
    """Read no further than is asked for: most readers want few kinds."""

    cuts: msgspec.Raw
    said: dict[str, msgspec.Raw]
    """Rows by kind of moment; or columns."""
    by_columns: bool = False


_Columns = tuple[list[int], list[int], list[int], list[int | None], list[int | None], list[int]]
"""Those of `_Row`. Seconds, days and numbers of cuts are differences to the one before: what
became known together is mostly of one fact, and small numbers repeat.
"""


_decode_body: Final = msgspec.msgpack.Decoder(_Body).decode
_decode_cuts: Final = msgspec.msgpack.Decoder(list[Cut]).decode
_decode_rows: Final = msgspec.msgpack.Decoder(list[_Row]).decode
_decode_columns: Final = msgspec.msgpack.Decoder(_Columns).decode
_decode_bodies: Final = msgspec.msgpack.Decoder(list[bytes]).decode


def pack_deltas(deltas: Iterable[Delta]) -> Changed | None:
    """None when there are none."""
    cuts, said = _rows_of(deltas)
    return _changed(said, body=_encode((cuts, said))) if said else None


def pack_columns(deltas: Iterable[Delta]) -> Changed | None:
    """The same in a third of the bytes, when compressed, and slower to make."""
    cuts, said = _rows_of(deltas)
    columns = {name: _columns_of(rows) for name, rows in said.items()}
    return _changed(said, body=_encode((cuts, columns, True))) if said else None


def _rows_of(deltas: Iterable[Delta]) -> tuple[list[Cut], dict[str, list[_Row]]]:
    # By identity: moments of a fact mostly share their cut, and hashing ten names costs more.
    numbers: dict[int, int] = {}
    cuts: list[Cut] = []
    said: dict[MomentKind, list[_Row]] = {}
    for second, (kind, day, cut, _, minor, bin_), times in deltas:
        number = numbers.get(id(cut))
        if number is None:
            number = numbers[id(cut)] = len(cuts)
            cuts.append(cut)
        rows = said.get(kind)
        if rows is None:
            rows = said[kind] = []
        rows.append((second, times, day, minor, bin_, number))
    return cuts, {kind.name: rows for kind, rows in said.items()}


def _changed(said: Mapping[str, Sequence[_Row]], *, body: bytes) -> Changed:
    seconds = [row[0] for rows in said.values() for row in rows]
    days = [row[2] for rows in said.values() for row in rows]
    return Changed(
        deltas=len(seconds),
        kinds=list(said),
        first_on=min(days),
        last_on=max(days),
        first_second=min(seconds),
        last_second=max(seconds),
        body=body,
    )


def _columns_of(rows: Sequence[_Row]) -> _Columns:
    seconds, times, days, minors, bins, numbers = (list(c) for c in zip(*rows, strict=True))
    return _steps(seconds), times, _steps(days), minors, bins, _steps(numbers)


def _steps(numbers: Sequence[int]) -> list[int]:
    return [number - before for before, number in pairwise((0, *numbers))]


def _rows_from(columns: _Columns) -> Iterator[_Row]:
    seconds, times, days, minors, bins, numbers = columns
    return zip(
        *(accumulate(seconds), times, accumulate(days), minors, bins, accumulate(numbers)),
        strict=True,
    )


@dataclass(frozen=True, slots=True)
class Within:
    """Which deltas are wanted: of days from one until before another, known after a second and
    until another.
    """

    days: tuple[int, int]
    after: int
    until: int

    def picks(self, rows: Iterable[_Row]) -> list[_Row]:
        (first, end), after, until = self.days, self.after, self.until
        return [row for row in rows if after < row[0] <= until and first <= row[2] < end]


def unpack_deltas(
    body: bytes,
    kinds: Mapping[str, MomentKind],
    *,
    only: Collection[MomentKind] | None = None,
    within: Within | None = None,
) -> Iterator[Delta]:
    """The deltas of kinds that the catalogue knows, or of some of them."""
    packed = _decode_body(body)
    told: list[tuple[MomentKind, Iterable[_Row]]] = []
    for name, packed_rows in packed.said.items():
        kind = kinds.get(name)
        if kind is None or (only is not None and kind not in only):
            continue
        by_columns = packed.by_columns
        rows = _rows_from(_decode_columns(packed_rows)) if by_columns else _decode_rows(packed_rows)
        wanted: Iterable[_Row] = rows if within is None else within.picks(rows)
        if wanted:
            told.append((kind, wanted))
    # The cuts are most of a body, and where nothing is wanted they stay as they are.
    cuts = _decode_cuts(packed.cuts) if told else []
    for kind, wanted in told:
        for second, times, day, minor, bin_, cut in wanted:
            yield Delta(second, Moment(kind, day, cuts[cut], 1, minor, bin_), times)


def pack_bodies(bodies: list[bytes], *, level: int = FAST) -> bytes:
    """Many as one, to be kept for long."""
    return zlib.compress(_encode(bodies), level)


def unpack_bodies(packed: bytes) -> list[bytes]:
    return _decode_bodies(zlib.decompress(packed))
