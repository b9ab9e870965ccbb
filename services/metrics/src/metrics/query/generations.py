"""Comparing the values of two generations of figures, month by month."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from metrics.engine.calendar import Grain, period_of
from metrics.engine.company import date_of
from metrics.engine.expectation import Model
from metrics.engine.kpi import Kpi
from metrics.query.answer import answer
from metrics.query.differences import ValuesDiffer, differing
from metrics.query.question import Asked, Question, read_question
from metrics.query.source import Source
from metrics.store import ledger

_MOST_DAYS: Final = 365


@dataclass(frozen=True, kw_only=True)
class TwoGenerations:
    """Two generations, month by month."""

    before: Source
    after: Source
    dimension: str
    """TOTAL, or what the values are broken down by."""

    def kpis(self) -> Sequence[Kpi]:
        """Those that both have, as the later one defines them, by id.

        Not models: they read no cells that could differ, and would be fitted for every month.
        """
        both = [
            kpi
            for kpi in self.after.catalogue
            if self.before.catalogue.get(kpi.id) and not isinstance(kpi, Model)
        ]
        return sorted(both, key=lambda kpi: kpi.id)

    def only_before(self) -> Sequence[str]:
        return _lacking(self.before, self.after)

    def only_after(self) -> Sequence[str]:
        return _lacking(self.after, self.before)

    async def values(
        self, *, after: tuple[str, str, str, str] | None
    ) -> AsyncIterator[ValuesDiffer]:
        """The values that differ, by KPI, month and member."""
        bounds = [
            await ledger.days(source.connection, source.generation)
            for source in (self.before, self.after)
        ]
        known = [one for one in bounds if one is not None]
        if not known:
            return
        months = min(first for first, _ in known), max(last for _, last in known)
        for kpi in self.kpis():
            if after and kpi.id < after[0]:
                continue
            question = self._question(self.after, kpi, months)
            was = await answer(self.before, self._question(self.before, kpi, months))
            is_now = await answer(self.after, question)
            for one in differing(question, was.rows, is_now.rows):
                if after is None or one.key > after:
                    yield one

    def _question(self, source: Source, kpi: Kpi, days: tuple[int, int]) -> Question:
        by = (self.dimension,) if self.dimension in kpi.dimensions else ()
        grain = Grain.MONTH if Grain.MONTH in kpi.grains else kpi.grains[-1]
        # What has only days is compared over the last of them.
        first = days[0] if grain is Grain.MONTH else max(days[0], days[1] - _MOST_DAYS)
        year = source.company.first_month
        return read_question(
            kpi.id,
            Asked(
                grain=grain,
                start=date_of(period_of(first, grain, year).start),
                end=date_of(period_of(days[1], grain, year).end),
                by=by,
            ),
            catalogue=source.catalogue,
            company=source.company,
            today=days[0],
        )


def _lacking(source: Source, other: Source) -> Sequence[str]:
    return sorted(kpi.id for kpi in source.catalogue if other.catalogue.get(kpi.id) is None)
