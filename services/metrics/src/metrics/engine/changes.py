"""What a batch of events changes: which moments are said or taken back, and when that was known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Final, NamedTuple

from events.types.kpi import ChangedKpi
from metrics.engine.catalogue import Catalogue
from metrics.engine.company import date_of
from metrics.engine.dimension import Cut
from metrics.engine.fact import Advance
from metrics.engine.moment import Moment, MomentKind, difference
from metrics.engine.presence import presences_near
from metrics.engine.selection import with_selections

_FOR_EVER: Final = date.max
"""A change of a stock shows in every later period."""


class Delta(NamedTuple):
    """A moment that is said `times` more often (or less) since a second of recording."""

    second: int
    moment: Moment
    times: int


class Columns(NamedTuple):
    """Changes of one kind of moment, side by side."""

    seconds: list[int]
    times: list[int]
    days: list[int]
    minors: list[int | None]
    bins: list[int | None]
    cuts: list[int]
    """Numbers of the cuts of their batch."""


class Batch(NamedTuple):
    """Changes as they are kept and summed: by kind, and a cut once for all that share it."""

    cuts: Sequence[Cut]
    said: Mapping[MomentKind, Columns]


def deltas_of(batch: Batch) -> Iterator[Delta]:
    """Changes one by one."""
    for kind, columns in batch.said.items():
        for second, times, day, minor, bin_, cut in zip(*columns, strict=True):
            yield Delta(second, Moment(kind, day, batch.cuts[cut], 1, minor, bin_), times)


_Row = tuple[int, int, int | None, int | None, int]
"""Second, day, minor, bin, number of the cut."""


class Tally:
    """Counts changes of a batch; what is said and taken back vanishes."""

    def __init__(self) -> None:
        self._counts: dict[MomentKind, dict[_Row, int]] = {}
        self._numbers: dict[Cut, int] = {}
        self._last: tuple[Cut, int] = (), 0

    def count(self, second: int, moments: Iterable[Moment], times: int) -> None:
        counts, (last, number) = self._counts, self._last
        for kind, day, cut, sign, minor, bin_ in moments:
            # Moments of a fact mostly share their cut, and hashing ten names costs more.
            if cut is not last:
                number = self._numbers.setdefault(cut, len(self._numbers))
                last = cut
            rows = counts.get(kind)
            if rows is None:
                rows = counts[kind] = {}
            row = second, day, minor, bin_, number
            # A stock's loss is its gain taken back.
            rows[row] = rows.get(row, 0) + times * sign
        self._last = last, number

    def batch(self) -> Batch:
        said = {}
        for kind, rows in self._counts.items():
            left = {row: times for row, times in rows.items() if times}
            if left:
                seconds, days, minors, bins, cuts = map(list, zip(*left, strict=True))
                said[kind] = Columns(seconds, list(left.values()), days, minors, bins, cuts)
        return Batch(list(self._numbers), said)


class Changes:
    """Collects the steps of many facts. Order of collection does not matter."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._tally = Tally()

    def add(self, advanced: Advance) -> None:
        for step in advanced.steps:
            before, after = step.before.moments, step.after.moments
            removed, added = difference(before, after)
            changed = [*removed, *added]
            for said, of, times in ((before, removed, -1), (after, added, 1)):
                self._tally.count(step.second, self._with_what_follows(of, said, changed), times)

    def _with_what_follows(
        self, of: Sequence[Moment], said: Sequence[Moment], changed: Sequence[Moment]
    ) -> Iterable[Moment]:
        """Changed moments with the presences around them and the selections among all these, of
        kinds that KPIs count.
        """
        layout = self._catalogue.layout
        near = presences_near(changed, said, layout.presences) if layout.presences else []
        counted = layout.placements
        return [m for m in with_selections([*of, *near], layout.selections) if m.kind in counted]

    @cached_property
    def batch(self) -> Batch:
        """What remains of moments that KPIs count, when all is counted together."""
        return self._tally.batch()

    def changed_kpis(self) -> list[ChangedKpi]:
        """Which KPIs changed, and on which days."""
        ranges: dict[str, tuple[int, int]] = {}
        for kind, (first, last) in self._days().items():
            for kpi in self._catalogue.kpis_of.get(kind, ()):
                known = ranges.get(kpi.id, (first, last))
                ranges[kpi.id] = min(known[0], first), max(known[1], last)
        changed = []
        for kpi_id, (first, last) in sorted(ranges.items()):
            last_on = _FOR_EVER if self._catalogue[kpi_id].is_stock else date_of(last)
            changed.append(ChangedKpi(kpi=kpi_id, first_on=date_of(first), last_on=last_on))
        return changed

    def _days(self) -> dict[MomentKind, tuple[int, int]]:
        return {kind: (min(of.days), max(of.days)) for kind, of in self.batch.said.items()}
