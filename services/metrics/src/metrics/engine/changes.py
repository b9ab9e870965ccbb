"""What a batch of events changes: deltas by the second in which they became known."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

from events.types.kpi import ChangedKpi
from metrics.engine.catalogue import Catalogue
from metrics.engine.cell import Cells, add_cells, add_difference
from metrics.engine.company import date_of
from metrics.engine.fact import Advance
from metrics.engine.moment import MomentKind

Ledger = dict[int, Cells]
"""Second of recording to the cells that it changes."""

CellRow = tuple[int, int, int, str, int, list[int]]
"""cube, dimension, day, member, bin, vector"""

_FOR_EVER: Final = date.max
"""A change of a stock shows in every later period."""


class Changes:
    """Collects the steps of many facts. Order of collection does not matter."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._days: dict[MomentKind, tuple[int, int]] = {}
        self.ledger: Ledger = {}

    def add(self, advanced: Advance) -> None:
        layout = self._catalogue.layout
        days = self._days
        for step in advanced.steps:
            cells = self.ledger.get(step.second)
            if cells is None:
                cells = self.ledger[step.second] = {}
            for moment in add_difference(cells, step.before, step.after, layout=layout):
                first, last = days.get(moment.kind, (moment.day, moment.day))
                days[moment.kind] = min(first, moment.day), max(last, moment.day)

    def cells(self) -> Cells:
        """The deltas regardless of when they became known."""
        if len(self.ledger) == 1:
            return next(iter(self.ledger.values()))
        total: Cells = {}
        for cells in self.ledger.values():
            add_cells(total, cells)
        return total

    def changed_kpis(self) -> list[ChangedKpi]:
        """Which KPIs changed, and on which days."""
        ranges: dict[str, tuple[int, int]] = {}
        for kind, (first, last) in self._days.items():
            for kpi in self._catalogue.kpis_of.get(kind, ()):
                known = ranges.get(kpi.id, (first, last))
                ranges[kpi.id] = min(known[0], first), max(known[1], last)
        changed = []
        for kpi_id, (first, last) in sorted(ranges.items()):
            last_on = _FOR_EVER if self._catalogue[kpi_id].is_stock else date_of(last)
            changed.append(ChangedKpi(kpi=kpi_id, first_on=date_of(first), last_on=last_on))
        return changed


def rows_of_cells(cells: Cells) -> Iterator[CellRow]:
    """The cells that are not zero, unordered."""
    for (cube, day, bin_), page in cells.items():
        for (dimension, member), vector in page.items():
            if any(vector):
                yield cube, dimension, day, member, bin_, vector
