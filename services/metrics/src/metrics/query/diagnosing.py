"""Collects all that a diagnosis is made from: figures, history, evidence, and what forbids it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from events.types.partner import OrderPaid
from events.types.pipeline import DealWon
from metrics.diagnosis import BaselineKind, Cut, DiagnosisInput, GateFacts, Portion, Reading, Rules
from metrics.diagnosis import Window as DiagnosisWindow
from metrics.diagnosis.baseline import baselines
from metrics.diagnosis.evidence import WITNESSES
from metrics.engine.calendar import Grain, Period, months_before, period_of
from metrics.engine.company import SECOND, instant_of, micros_of
from metrics.engine.kpi import Kpi
from metrics.engine.reading import Row
from metrics.engine.sums import Known
from metrics.kpis.pipeline import DEALS_LOST
from metrics.kpis.sales import REVENUE_NET
from metrics.query.answer import answer
from metrics.query.figures import FiguresReader, Filters
from metrics.query.known import read_known
from metrics.query.question import Question
from metrics.query.source import Source
from metrics.store import coverage, ledger

_HISTORY_PERIODS: Final = {Grain.MONTH: 24, Grain.QUARTER: 12, Grain.YEAR: 8}
"""Earlier periods whose year-on-year change says how much is usual."""
_CUT_BY: Final = ("team", "region", "segment", "product")
"""What a loss is searched by beside channels; never by persons."""
_TELLING_REASONS: Final = ("service", "price", "competitor", "no_budget")
"""Why deals are lost that is evidence for or against somebody."""
_WIDER: Final = {Grain.MONTH: (Grain.QUARTER, Grain.YEAR), Grain.QUARTER: (Grain.YEAR,)}
_ONE_COMPANY: Final = "company"
"""One installation serves one company."""
_SETTLING_DAYS: Final = 7
"""What becomes known so long after a period, or after the first event of all, is no restatement."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A diagnosis as it was asked for."""

    period: Period
    filters: Filters
    baseline: BaselineKind | None = None
    as_of: int | None = None


async def diagnosis_input(source: Source, asked: Asked, *, rules: Rules) -> DiagnosisInput:
    """Everything, from one snapshot."""
    known, watermark = await read_known(source.connection, source.company, as_of=asked.as_of)
    collecting = _Collecting(source, asked, known)
    windows = await collecting.windows(rules)
    collecting.compare_as(windows[0])
    return DiagnosisInput(
        tenant=_ONE_COMPANY,
        scope=",".join(f"{name}:{'|'.join(names)}" for name, names in asked.filters.items()),
        period=asked.period.label,
        currency=source.company.base_currency,
        gate=await collecting.gate(watermark),
        windows=windows,
        wanted_baseline=asked.baseline,
        history=await collecting.history(),
        readings=await collecting.readings(),
        cuts=await collecting.cuts(),
        rules=rules,
        catalogue_version=source.catalogue.version,
        as_of=instant_of(known.watermark or 0),
    )


class _Collecting:
    def __init__(self, source: Source, asked: Asked, known: Known) -> None:
        self._source = source
        self._asked = asked
        self._known = known
        self._compared = months_before(asked.period, 12)
        """What evidence and cuts are compared with: see `compare_as`."""

    def compare_as(self, window: DiagnosisWindow) -> None:
        """Compare with what the verdict compares with: a year ago, or the period before."""
        found = baselines(window, wanted=self._asked.baseline)
        if found and found[0].kind in {BaselineKind.SEASONAL, BaselineKind.UNSEASONAL}:
            period = self._asked.period
            self._compared = months_before(period, _months(period))

    async def gate(self, watermark: datetime | None) -> GateFacts:
        end = self._source.company.start_of(self._asked.period.end)
        arrived = await coverage.read(self._source.connection)
        present = {
            ".".join(one.type.split(".")[3:5])
            for one in arrived
            if one.first_occurred_at < instant_of(end)
        }
        orders_only = "order.paid" in present and not any(p.startswith("deal.") for p in present)
        return GateFacts(
            period_end=instant_of(end),
            watermark=watermark or instant_of(0),
            present=frozenset(present),
            restated_share=await self._restated_share(),
            **({"needed": frozenset({"order.paid"})} if orders_only else {}),
        )

    async def _restated_share(self) -> float:
        """How much of the period's revenue became known, or changed, long after its end."""
        first = await ledger.first_second(self._source.connection, self._source.generation)
        if first is None:
            return 0.0
        end = self._source.company.start_of(self._asked.period.end) // SECOND
        settled = max(end, first) + _SETTLING_DAYS * 86_400
        [now] = await self._rows(REVENUE_NET, (self._asked.period,))
        [then] = await self._rows(REVENUE_NET, (self._asked.period,), as_of=settled)
        whole = abs(now.value or 0)
        return abs((now.value or 0) - (then.value or 0)) / whole if whole else 0.0

    async def windows(self, rules: Rules) -> list[DiagnosisWindow]:
        """The period asked for, and wider ones while there are too few facts."""
        asked, first_day = self._asked, await self._first_day()
        reader = FiguresReader(self._source, self._known, filters=asked.filters, as_of=asked.as_of)
        grains = (asked.period.grain, *_WIDER.get(asked.period.grain, ()))
        found: list[DiagnosisWindow] = []
        for grain in grains:
            window = await _window(reader, _ending_with(asked.period, grain), first_day)
            found.append(window)
            compared = window.year_ago or window.previous or window.current
            # What is wider is none of the calendar, and costs a look at every buyer.
            if not rules.floors.missing(window.current) | rules.floors.missing(compared):
                break
        return found

    async def _first_day(self) -> int | None:
        """The day of the first sale of all."""
        types = [kind.wire_type for kind in (DealWon, OrderPaid)]
        arrived = await coverage.read(self._source.connection, types=types)
        days = [self._source.company.day(micros_of(one.first_occurred_at)) for one in arrived]
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

    async def readings(self) -> list[Reading]:
        """Every witness that both periods have a value for."""
        found = []
        for kpi_id in WITNESSES:
            kpi = self._source.catalogue.get(kpi_id)
            if kpi is None or not set(self._asked.filters) <= set(kpi.dimensions):
                continue
            if self._asked.period.grain not in kpi.grains:
                continue
            before, now = await self._rows(kpi, (self._compared, self._asked.period))
            if before.value is not None and now.value is not None:
                found.append(self._reading(kpi, before, now))
        return [*found, *await self._lost_for()]

    async def _lost_for(self) -> list[Reading]:
        """The share of lost deals by the reasons that speak for somebody."""
        periods = (self._compared, self._asked.period)
        rows = await self._rows(DEALS_LOST, periods, by=("reason",))
        counts = {(row.period, row.members[0]): row.n for row in rows}
        before, now = (sum(row.n for row in rows if row.period == period) for period in periods)
        if not before or not now:
            return []
        return [
            Reading(
                kpi=f"lost_{reason}",
                baseline=counts.get((self._compared, reason), 0) / before,
                current=counts.get((self._asked.period, reason), 0) / now,
                baseline_count=round(before),
                current_count=round(now),
                link=self._link(DEALS_LOST) + f"&filter=reason:{reason}",
            )
            for reason in _TELLING_REASONS
        ]

    def _link(self, kpi: Kpi) -> str:
        """Where the facts behind a KPI are listed."""
        scope = "".join(f"&filter={n}:{v}" for n, vs in self._asked.filters.items() for v in vs)
        return f"/v1/kpis/{kpi.id}/explain?period={self._asked.period.label}{scope}"

    def _reading(self, kpi: Kpi, before: Row, now: Row) -> Reading:
        is_share = before.interval is not None and now.interval is not None
        return Reading(
            kpi=kpi.id,
            baseline=float(before.value or 0),
            current=float(now.value or 0),
            baseline_count=round(before.n) if is_share else None,
            current_count=round(now.n) if is_share else None,
            link=self._link(kpi),
        )

    async def cuts(self) -> list[Cut]:
        found = []
        for dimension in _CUT_BY:
            if dimension in self._asked.filters:
                continue
            periods = (self._compared, self._asked.period)
            rows = await self._rows(REVENUE_NET, periods, by=(dimension,))
            before, after = (
                {
                    row.members: Portion(amount_minor=int(row.value or 0), count=round(row.n))
                    for row in rows
                    if row.period == period
                }
                for period in periods
            )
            found.append(Cut(dimensions=(dimension,), before=before, after=after))
        return found

    async def _rows(
        self,
        kpi: Kpi,
        periods: tuple[Period, ...],
        *,
        by: tuple[str, ...] = (),
        as_of: int | None = None,
    ) -> Sequence[Row]:
        question = Question(
            kpi=kpi,
            grain=periods[0].grain,
            periods=periods,
            by=by,
            filters=self._asked.filters,
            as_of=self._asked.as_of if as_of is None else as_of,
        )
        return (await answer(self._source, question)).rows


async def _window(reader: FiguresReader, period: Period, first_day: int | None) -> DiagnosisWindow:
    year_ago, previous = months_before(period, 12), months_before(period, _months(period))
    figures = await reader.of((period, year_ago, previous))
    history = 0 if first_day is None else _months_from(first_day, period)
    return DiagnosisWindow(
        grain=period.grain.value,
        current=figures[period],
        months_of_history=history,
        year_ago=figures[year_ago] if history >= 12 + _months(period) else None,
        previous=figures[previous] if history > _months(period) else None,
    )


def _months(period: Period) -> int:
    assert period.grain.months is not None
    return period.grain.months


def _ending_with(period: Period, grain: Grain) -> Period:
    """The quarter or the twelve months that end with a period."""
    end = period.end
    first = period_of(end - 1, Grain.MONTH)
    assert grain.months is not None
    return Period(months_before(first, grain.months - 1).start, end, grain)


def _months_from(first_day: int, period: Period) -> int:
    """Whole months from the first day of all to the end of a period."""
    return max(0, round((period.end - first_day) / 30.4375 - 0.5))
