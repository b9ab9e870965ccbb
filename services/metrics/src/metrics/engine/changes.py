"""What a batch of events changes: which moments are said or taken back, and when that was known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final, NamedTuple

from events.types.kpi import ChangedKpi
from metrics.engine.catalogue import Catalogue
from metrics.engine.company import date_of
from metrics.engine.fact import Advance, Said
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


class Changes:
    """Collects the steps of many facts. Order of collection does not matter."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._seconds: dict[int, dict[Moment, int]] = {}

    def add(self, advanced: Advance) -> None:
        for step in advanced.steps:
            known = self._seconds.get(step.second)
            if known is None:
                known = self._seconds[step.second] = {}
            before, after = _moments(step.before), _moments(step.after)
            removed, added = difference(before, after)
            changed = [*removed, *added]
            for said, of, times in ((before, removed, -1), (after, added, 1)):
                for moment in self._with_what_follows(of, said, changed):
                    _count(known, moment, times)

    def _with_what_follows(
        self, of: Sequence[Moment], said: Sequence[Moment], changed: Sequence[Moment]
    ) -> Sequence[Moment]:
        """Changed moments with the presences around them and the selections among all these."""
        layout = self._catalogue.layout
        near = presences_near(changed, said, layout.presences) if layout.presences else []
        return with_selections([*of, *near], layout.selections)

    def deltas(self) -> Iterator[Delta]:
        """What remains of moments that KPIs count, when all is counted together."""
        counted = self._catalogue.layout.placements
        for second, known in self._seconds.items():
            for moment, times in known.items():
                if moment.kind in counted:
                    yield Delta(second, moment, times)

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
        days: dict[MomentKind, set[int]] = {}
        for known in self._seconds.values():
            for moment in known:
                days.setdefault(moment.kind, set()).add(moment.day)
        return {kind: (min(of_kind), max(of_kind)) for kind, of_kind in days.items()}


def _moments(said: Sequence[Said]) -> list[Moment]:
    """What was said to the KPIs, not to other facts."""
    return [one for one in said if isinstance(one, Moment)]


def _count(known: dict[Moment, int], moment: Moment, times: int) -> None:
    """A stock's loss is its gain taken back: so the two can meet and vanish."""
    if moment.sign < 0:
        kind, day, cut, _, minor, bin_ = moment
        moment, times = Moment(kind, day, cut, 1, minor, bin_), -times
    total = known.get(moment, 0) + times
    if total:
        known[moment] = total
    else:
        del known[moment]
