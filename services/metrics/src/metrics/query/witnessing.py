"""What speaks beside the figures of a diagnosis: other KPIs, reasons of losses, revenue by slices.

All of it compares the same two periods as the verdict does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

from metrics.diagnosis import Cut, Portion, Reading
from metrics.diagnosis.evidence import WITNESSES
from metrics.diagnosis.statistics import Z90, of_counted, of_intervals
from metrics.engine.calendar import Period, period_of
from metrics.engine.kpi import Inputs, Kpi, Quantile
from metrics.engine.measure import COUNT_SCALE
from metrics.engine.measure import Reading as How
from metrics.engine.reading import Row
from metrics.engine.sums import Known, Spot, Sums
from metrics.kpis.diagnosis import LOST, REVENUE
from metrics.kpis.pipeline import DEALS_LOST
from metrics.kpis.sales import REVENUE_NET
from metrics.query.answer import answer
from metrics.query.contributions import terms_of
from metrics.query.figures import Filters
from metrics.query.gathering import gather
from metrics.query.question import Question
from metrics.query.source import Source

_CUT_BY: Final = ("team", "segment", "region", "product")
"""What a loss is searched by beside channels; never by persons."""
_TELLING_REASONS: Final = ("service", "price", "competitor", "no_budget")
"""Why deals are lost that is evidence for or against somebody."""
_ONLY_OF_THE_CALENDAR: Final = {How.OF_PERIOD, How.SCOPE_OF_PERIOD}
_OF_DAYS: Final = {"dau", "mau"}
"""Told of a single day; of a period the mean of its days, and what its last day says."""
_COUNTED: Final = {"mau", "channel_cpl"}
"""Their `n` are independent: users, or leads."""


@dataclass(frozen=True, kw_only=True)
class Witnessing:
    """Of one scope, `now` beside `before`."""

    source: Source
    known: Known
    filters: Filters
    as_of: int | None
    before: Period
    now: Period

    async def readings(self) -> list[Reading]:
        """Every witness that both periods have a value for."""
        found = []
        for kpi_id in WITNESSES:
            kpi = self.source.catalogue.get(kpi_id)
            if kpi is None or not self._can_be_read(kpi):
                continue
            before, now = await self._rows(kpi)
            if before.value is not None and now.value is not None:
                found.append(await self._reading(kpi, before, now))
        return [*found, *await self._lost_for()]

    async def cuts(self) -> list[Cut]:
        """Revenue by one dimension or two; within a scope by one more."""
        others = [name for name in _CUT_BY if name not in self.filters]
        if len(self.filters) > 1:
            return []  # by three dimensions at once only the facts know, and there are many
        if self.filters:
            return [await self._cut(name) for name in others]
        ones = [await self._cut_of_company(name) for name in others]
        return ones + [await self._cut(*pair) for pair in combinations(others, 2)]

    def _can_be_read(self, kpi: Kpi) -> bool:
        if not set(self.filters) <= set(kpi.dimensions):
            return False
        if self.now.grain not in kpi.grains and kpi.id not in _OF_DAYS:
            return False
        of_calendar = self.now == period_of(self.now.start, self.now.grain)
        readings = {term.reading for term in terms_of(self._question(kpi))}
        return of_calendar or not readings & _ONLY_OF_THE_CALENDAR

    async def _lost_for(self) -> list[Reading]:
        """The share of lost deals by the reasons that speak for somebody."""
        sums = await self._gathered(LOST, "reason")
        before, now = (self._lost(sums, place) for place in (0, 1))
        if not any(before.values()) or not any(now.values()):
            return []
        counts = sum(before.values()), sum(now.values())
        return [
            Reading(
                kpi=f"lost_{reason}",
                baseline=before.get(reason, 0) / counts[0],
                current=now.get(reason, 0) / counts[1],
                baseline_count=round(counts[0]),
                current_count=round(counts[1]),
                link=self._link(DEALS_LOST) + f"&filter=reason:{reason}",
            )
            for reason in _TELLING_REASONS
        ]

    def _lost(self, sums: Sums, place: int) -> dict[str, float]:
        """Deals lost in one of the periods, by reason."""
        total = LOST.parts["lost"]
        spots = {reason: Spot(sums, (reason,), place, self.known) for (reason,) in sums.members}
        return {reason: (spot.read(total) or 0) / COUNT_SCALE for reason, spot in spots.items()}

    async def _reading(self, kpi: Kpi, before: Row, now: Row) -> Reading:
        interval = await self._interval(kpi, before, now)
        is_share = _is_share(before) and _is_share(now)
        low, high = interval or (None, None)
        return Reading(
            kpi=kpi.id,
            baseline=_value(before, kpi),
            current=_value(now, kpi),
            baseline_count=round(before.n) if is_share else None,
            current_count=round(now.n) if is_share else None,
            low=low,
            high=high,
            link=self._link(kpi),
        )

    async def _interval(self, kpi: Kpi, before: Row, now: Row) -> tuple[float, float] | None:
        """90 % of the difference, of what is no share: a median, or something counted."""
        if not before.n or not now.n:
            return None
        if isinstance(kpi, Quantile):
            return await self._interval_of_medians(kpi, before, now)
        if kpi.id in _COUNTED:
            return of_counted((_value(before, kpi), before.n), (_value(now, kpi), now.n))
        return None

    async def _interval_of_medians(
        self, kpi: Quantile, before: Row, now: Row
    ) -> tuple[float, float] | None:
        """The median lies between two percentiles, as far off as heads and tails can be apart."""
        reach = math.ceil(50 * Z90 / math.sqrt(min(before.n, now.n)))
        if reach >= kpi.percentile:
            return None
        lows, highs = [
            await self._rows(kpi, percentile=kpi.percentile + side * reach) for side in (-1, 1)
        ]
        old, new = (
            (_value(row, kpi), _value(low, kpi), _value(high, kpi))
            for row, low, high in zip((before, now), lows, highs, strict=True)
        )
        return of_intervals(old, new)

    def _link(self, kpi: Kpi) -> str:
        """Where the facts behind a KPI are listed."""
        scope = "".join(f"&filter={n}:{v}" for n, vs in self.filters.items() for v in vs)
        return f"/v1/kpis/{kpi.id}/explain?period={self.now.label}{scope}"

    async def _cut_of_company(self, dimension: str) -> Cut:
        rows = await self._rows(REVENUE_NET, dimension)
        before, after = (
            {
                row.members: Portion(amount_minor=int(row.value or 0), count=round(row.n))
                for row in rows
                if row.period == period
            }
            for period in (self.before, self.now)
        )
        return Cut(dimensions=(dimension,), before=before, after=after)

    async def _cut(self, *dimensions: str) -> Cut:
        sums = await self._gathered(REVENUE, *dimensions)
        before, after = (self._portions(sums, place) for place in (0, 1))
        return Cut(dimensions=dimensions, before=before, after=after)

    def _portions(self, sums: Sums, place: int) -> dict[tuple[str, ...], Portion]:
        found = {}
        for members in sums.members:
            spot = Spot(sums, members, place, self.known)
            found[members] = Portion(
                amount_minor=spot.read(REVENUE.parts["revenue"]) or 0,
                count=round((spot.read(REVENUE.parts["sales"]) or 0) / COUNT_SCALE),
            )
        return found

    async def _gathered(self, kpi: Inputs, *by: str) -> Sums:
        return await gather(self.source, self._question(kpi, *by), self.known)

    async def _rows(self, kpi: Kpi, *by: str, percentile: int = 50) -> Sequence[Row]:
        question = replace(self._question(kpi, *by), percentile=percentile)
        return (await answer(self.source, question)).rows

    def _question(self, kpi: Kpi, *by: str) -> Question:
        return Question(
            kpi=kpi,
            grain=self.now.grain,
            periods=(self.before, self.now),
            by=by,
            filters=self.filters,
            as_of=self.as_of,
        )


def _is_share(row: Row) -> bool:
    return row.interval is not None


def _value(row: Row, kpi: Kpi) -> float:
    value = float(row.value or 0)
    return value / (row.period.end - row.period.start) if kpi.id == "dau" else value
