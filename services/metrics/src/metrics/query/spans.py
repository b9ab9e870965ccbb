"""The two periods that a verdict compares, and how anything is read of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from metrics.engine.calendar import Grain, Period, is_of_calendar, months_before
from metrics.engine.company import date_of
from metrics.engine.kpi import Inputs, Kpi
from metrics.engine.measure import Reading as How
from metrics.engine.row import Row
from metrics.engine.sums import Known, Sums
from metrics.query.answer import answer
from metrics.query.contributions import terms_of
from metrics.query.figures import Filters
from metrics.query.gathering import gather
from metrics.query.question import Question
from metrics.query.source import Source

OF_DAYS: Final = frozenset({"dau", "mau", "stickiness"})
"""Told of a single day; of a period the mean of its days, and what its last day says."""
_ONLY_OF_THE_CALENDAR: Final = {How.OF_PERIOD, How.SCOPE_OF_PERIOD}


@dataclass(frozen=True, kw_only=True)
class Spans:
    """Of one scope, `now` beside `before`."""

    source: Source
    known: Known
    filters: Filters
    as_of: int | None
    before: Period
    now: Period

    def earlier(self, months: int) -> Spans:
        """Both periods so many months earlier, as cohorts whose outcome comes so much later."""
        before, now = (months_before(period, months) for period in (self.before, self.now))
        return replace(self, before=before, now=now)

    def can_be_read(self, kpi: Kpi) -> bool:
        if not set(self.filters) <= set(kpi.dimensions):
            return False
        if self.now.grain not in kpi.grains and kpi.id not in OF_DAYS:
            return False
        readings = {term.reading for term in terms_of(self.question(kpi))}
        return is_of_calendar(self.now) or not readings & _ONLY_OF_THE_CALENDAR

    async def rows(self, kpi: Kpi, *by: str, percentile: int = 50) -> Sequence[Row]:
        question = replace(self.question(kpi, *by), percentile=percentile)
        return (await answer(self.source, question)).rows

    async def gathered(self, kpi: Inputs, *by: str) -> Sums:
        return await gather(self.source, self.question(kpi, *by), self.known)

    def question(self, kpi: Kpi, *by: str) -> Question:
        return Question(
            kpi=kpi,
            grain=self.now.grain,
            periods=(self.before, self.now),
            by=by,
            filters=self.filters,
            as_of=self.as_of,
        )

    def link(self, kpi: Kpi, *, period: Period | None = None) -> str:
        """Where the facts behind a KPI are listed; of what is no period of the calendar, where
        its values are told by month.
        """
        period = period or self.now
        scope = "".join(f"&filter={n}:{v}" for n, vs in self.filters.items() for v in vs)
        if is_of_calendar(period):
            return f"/v1/kpis/{kpi.id}/explain?period={period.label}{scope}"
        days = f"from={date_of(period.start)}&to={date_of(period.end)}"
        return f"/v1/kpis/{kpi.id}?{days}&grain={Grain.MONTH.value}{scope}"
