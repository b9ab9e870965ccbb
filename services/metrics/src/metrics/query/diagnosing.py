"""Collects all that a diagnosis is made from: figures, history, evidence, and what forbids it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from events.types.partner import OrderPaid
from events.types.pipeline import DealWon
from metrics.diagnosis import BaselineKind, DiagnosisInput, Figures, GateFacts, Lens, Plan, Rules
from metrics.diagnosis import Window as DiagnosisWindow
from metrics.diagnosis.baseline import seasonal_index, wide_enough
from metrics.diagnosis.gate import NEEDED, NEEDED_FOR_PROFIT
from metrics.engine.calendar import Grain, Period, months_before, period_of
from metrics.engine.company import SECOND, Company, date_of, instant_of
from metrics.engine.kpi import Kpi
from metrics.engine.row import Row
from metrics.engine.sums import Known
from metrics.kpis.sales import REVENUE_NET
from metrics.query.answer import answer
from metrics.query.cutting import cuts
from metrics.query.figures import FiguresReader, Filters, looked_at
from metrics.query.known import read_known
from metrics.query.planning import plan_of
from metrics.query.question import Question
from metrics.query.scoped import ScopedFacts
from metrics.query.source import Source
from metrics.query.spans import Spans
from metrics.query.spending import costs_of
from metrics.query.witnessing import readings
from metrics.store import coverage, ledger

_HISTORY_PERIODS: Final = {Grain.MONTH: 24, Grain.QUARTER: 12, Grain.YEAR: 8}
"""Earlier periods whose year-on-year change says how much is usual."""
_WIDER: Final = {Grain.MONTH: (Grain.QUARTER, Grain.YEAR), Grain.QUARTER: (Grain.YEAR,)}
_ONE_COMPANY: Final = "company"
"""One installation serves one company."""
_SETTLING_DAYS: Final = 7
"""What becomes known so long after a period, or after the first event of all, is no restatement."""
_CORRECTED_DAYS: Final = 30
"""What has stood for so long is no longer being corrected."""
_DAY_SECONDS: Final = 86_400
_OF_THE_PERIOD_BEFORE: Final = {BaselineKind.SEASONAL, BaselineKind.UNSEASONAL}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A diagnosis as it was asked for."""

    period: Period
    filters: Filters
    lens: Lens = "revenue"
    """Profit is only told of the whole company."""
    baseline: BaselineKind | None = None
    as_of: int | None = None


@dataclass(frozen=True)
class _Looked:
    """A period, and what was found of it and of those that it can be compared with."""

    period: Period
    window: DiagnosisWindow


async def diagnosis_input(source: Source, asked: Asked, *, rules: Rules) -> DiagnosisInput:
    """Everything, from one snapshot."""
    known, watermark = await read_known(source.connection, source.company, as_of=asked.as_of)
    if len(asked.filters) > 1 and asked.as_of is None:
        source = replace(source, scoped=_facts_of_scope(asked, source.company))
    collecting = _Collecting(source, asked, known)
    planned = asked.baseline is BaselineKind.PLAN
    looked = await collecting.windows(rules, widen=not planned)
    spans = collecting.spans(looked, rules)
    return DiagnosisInput(
        tenant=_ONE_COMPANY,
        lens=asked.lens,
        scope=",".join(f"{name}:{'|'.join(names)}" for name, names in asked.filters.items()),
        period=asked.period.label,
        currency=source.company.base_currency,
        gate=await collecting.gate(watermark, looked[0].window.current),
        windows=[one.window for one in looked],
        wanted_baseline=asked.baseline,
        # How revenue moved in other years says nothing of what is left of it.
        history=await collecting.history() if asked.lens == "revenue" else (),
        readings=[] if planned else await readings(spans),
        cuts=[] if planned else await cuts(spans),
        plan=await collecting.plan() if planned else None,
        rules=rules,
        catalogue_version=source.catalogue.version,
        as_of=instant_of(known.watermark or 0),
    )


class _Collecting:
    def __init__(self, source: Source, asked: Asked, known: Known) -> None:
        self._source = source
        self._asked = asked
        self._known = known

    def spans(self, looked: Sequence[_Looked], rules: Rules) -> Spans:
        """The period that is judged, beside what it is compared with."""
        wanted, found = self._asked.baseline, {id(one.window): one.period for one in looked}
        chosen = wide_enough([one.window for one in looked], rules, wanted=wanted)
        now, months = self._asked.period, 12
        if chosen is not None:
            window, baselines = chosen
            now = found[id(window)]
            if baselines[0].kind in _OF_THE_PERIOD_BEFORE:
                months = _months(now)
        return Spans(
            source=self._source,
            known=self._known,
            filters=self._asked.filters,
            as_of=self._asked.as_of,
            before=months_before(now, months),
            now=now,
        )

    async def gate(self, watermark: datetime | None, current: Figures) -> GateFacts:
        """`current` are the figures of the period asked for."""
        end = self._source.company.start_of(self._asked.period.end)
        arrived = await coverage.read(self._source.connection)
        present = {
            ".".join(one.type.split(".")[3:5])
            for one in arrived
            if one.first_day(self._source.company) < self._asked.period.end
        }
        orders_only = "order.paid" in present and not any(p.startswith("deal.") for p in present)
        needed = frozenset({"order.paid"}) if orders_only else NEEDED
        if self._asked.lens == "profit":
            needed |= NEEDED_FOR_PROFIT
            # A campaign's cost is one, too; one of a project alone is none.
            if current.costs is None or not current.costs.amount_minor:
                present -= NEEDED_FOR_PROFIT
            else:
                present |= NEEDED_FOR_PROFIT
        return GateFacts(
            period_end=instant_of(end),
            watermark=watermark or instant_of(0),
            present=frozenset(present),
            restated_share=await self._restated_share(),
            needed=needed,
        )

    async def _restated_share(self) -> float:
        """How much of the period's revenue became known, or changed, long after its end and of
        late.
        """
        first = await ledger.first_second(self._source.connection, self._source.generation)
        if first is None:
            return 0.0
        end = self._source.company.start_of(self._asked.period.end) // SECOND
        settled = max(end, first) + _SETTLING_DAYS * _DAY_SECONDS
        if self._known.watermark is not None:
            lately = self._known.watermark // SECOND - _CORRECTED_DAYS * _DAY_SECONDS
            settled = max(settled, lately)
        [now] = await self._rows(REVENUE_NET, (self._asked.period,))
        [then] = await self._rows(REVENUE_NET, (self._asked.period,), as_of=settled)
        whole = abs(now.value or 0)
        return abs((now.value or 0) - (then.value or 0)) / whole if whole else 0.0

    async def plan(self) -> Plan:
        asked = self._asked
        return await plan_of(self._source, asked.period, filters=asked.filters, as_of=asked.as_of)

    async def windows(self, rules: Rules, *, widen: bool) -> list[_Looked]:
        """The period asked for, and wider ones while there are too few facts."""
        asked, first_day = self._asked, await self._first_day()
        reader = FiguresReader(self._source, self._known, filters=asked.filters, as_of=asked.as_of)
        grains = _grains(asked.period) if widen else (asked.period.grain,)
        found: list[_Looked] = []
        for grain in grains:
            looked = await self._look(reader, grain, first_day, season=rules.season)
            found.append(looked)
            window = looked.window
            compared = window.year_ago or window.previous or window.current
            # What is wider is none of the calendar, and costs a look at every buyer.
            if not rules.floors.missing(window.current) | rules.floors.missing(compared):
                break
        return found

    async def _look(
        self,
        reader: FiguresReader,
        grain: Grain,
        first_day: int | None,
        *,
        season: Sequence[float] | None,
    ) -> _Looked:
        period, year_ago, previous = _compared(self._asked.period, grain, self._source.company)
        figures = await self._figures(reader, (period, year_ago, previous))
        history = 0 if first_day is None else _months_from(first_day, period)
        window = DiagnosisWindow(
            grain=grain.value,
            current=figures[period],
            months_of_history=history,
            year_ago=figures[year_ago] if history >= 12 + _months(period) else None,
            previous=figures[previous] if history > _months(period) else None,
            seasonal_index=seasonal_index(
                season, first=date_of(period.start).month, months=_months(period)
            ),
        )
        return _Looked(period, window)

    async def _figures(
        self, reader: FiguresReader, periods: Sequence[Period]
    ) -> dict[Period, Figures]:
        figures = await reader.of(periods)
        if self._asked.lens == "revenue":
            return figures
        costs = await costs_of(self._source, self._known, periods, as_of=self._asked.as_of)
        return {period: replace(one, costs=costs[period]) for period, one in figures.items()}

    async def _first_day(self) -> int | None:
        """The day of the first sale of all."""
        types = [kind.wire_type for kind in (DealWon, OrderPaid)]
        arrived = await coverage.read(self._source.connection, types=types)
        days = [one.first_day(self._source.company) for one in arrived]
        return min(days, default=None)

    async def history(self) -> list[float]:
        """ln(period / same period a year before) of the periods before the one asked for."""
        period = self._asked.period
        months = _months(period)
        count = _HISTORY_PERIODS[period.grain]
        periods = [months_before(period, months * n) for n in range(count, 0, -1)]
        a_year = 12 // months
        rows = await self._rows(REVENUE_NET, tuple(periods))
        values = [row.value or 0 for row in rows]
        pairs = zip(values[a_year:], values, strict=False)
        return [math.log(now / then) for now, then in pairs if now > 0 and then > 0]

    async def _rows(
        self,
        kpi: Kpi,
        periods: tuple[Period, ...],
        *,
        as_of: int | None = None,
    ) -> Sequence[Row]:
        question = Question(
            kpi=kpi,
            grain=periods[0].grain,
            periods=periods,
            by=(),
            filters=self._asked.filters,
            as_of=self._asked.as_of if as_of is None else as_of,
        )
        # A company that corrects much must not be refused: the gate says so itself.
        source = self._source if as_of is None else replace(self._source, limits=None)
        return (await answer(source, question)).rows


def _facts_of_scope(asked: Asked, company: Company) -> ScopedFacts:
    period = asked.period
    compared = [one for grain in _grains(period) for one in _compared(period, grain, company)]
    return ScopedFacts(asked.filters, periods=looked_at(compared))


def _grains(period: Period) -> tuple[Grain, ...]:
    """That of a period, and those that it can be widened to."""
    return period.grain, *_WIDER.get(period.grain, ())


def _compared(asked: Period, grain: Grain, company: Company) -> tuple[Period, Period, Period]:
    """The period by a grain, the same a year before, and the one before."""
    period = _ending_with(asked, grain, company)
    return period, months_before(period, 12), months_before(period, _months(period))


def _months(period: Period) -> int:
    assert period.grain.months is not None
    return period.grain.months


def _ending_with(period: Period, grain: Grain, company: Company) -> Period:
    """The quarter or the twelve months that end with a period."""
    end = period.end
    first = period_of(end - 1, Grain.MONTH)
    assert grain.months is not None
    start = months_before(first, grain.months - 1).start
    return Period(start, end, grain, period_of(start, grain, company.first_month).first_month)


def _months_from(first_day: int, period: Period) -> int:
    """Whole months from the first day of all to the end of a period."""
    return max(0, round((period.end - first_day) / 30.4375 - 0.5))
