"""The figures of a diagnosis: what one period of a scope was like, out of sums."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from metrics.diagnosis import Band, BaseFlows, Figures, Funnel, PipelineFlows
from metrics.engine.calendar import Period, period_of
from metrics.engine.company import date_of, day_number
from metrics.engine.kpi import Inputs
from metrics.engine.measure import COUNT_SCALE
from metrics.engine.pricing import Prices
from metrics.engine.sums import Known, Spot, Sums
from metrics.engine.told import records_until
from metrics.facts import BUYERS
from metrics.facts.buyer.loyalty import REACTIVATED, REFUNDED, SAME_PERIOD
from metrics.facts.market import MARKET_DIMENSIONS
from metrics.kpis.diagnosis import BASE, FUNNEL
from metrics.kpis.market import MARKET_SHARE
from metrics.query.contributions import Contributions
from metrics.query.gathering import gather
from metrics.query.question import Question
from metrics.query.source import Source
from metrics.store import facts

BAND_NAMES: Final = ("0-90", "91-180", "181-365", "366-")
"""Days since a customer's first purchase."""
Filters = Mapping[str, tuple[str, ...]]


class FiguresReader:
    """Reads figures of one scope, now or as of a second."""

    def __init__(
        self, source: Source, known: Known, *, filters: Filters, as_of: int | None
    ) -> None:
        self._source = source
        self._known = known
        self._filters = filters
        self._as_of = as_of

    async def of(self, periods: Iterable[Period]) -> dict[Period, Figures]:
        """Of several periods of one length, whether of the calendar or not."""
        asked = set(periods)
        wanted = tuple(sorted(asked | {_year_before(period) for period in asked}))
        by_channel = self._question(FUNNEL, wanted, by=("channel",))
        base = self._question(BASE, wanted)
        if all(period == period_of(period.start, period.grain) for period in wanted):
            funnels = await gather(self._source, by_channel, self._known)
            bases = await gather(self._source, base, self._known)
        else:
            funnels, bases = await self._scan(wanted, by_channel, base)
        market = await gather(self._source, self._market_question(wanted), self._known)
        found = {
            period: figures_of(
                place, funnels=funnels, bases=bases, market=market, known=self._known
            )
            for place, period in enumerate(wanted)
        }
        return {
            period: _with_flows(
                found[period],
                found[_year_before(period)],
                Spot(bases, (), wanted.index(period), self._known),
            )
            for period in asked
        }

    def _question(
        self, kpi: Inputs, periods: tuple[Period, ...], *, by: tuple[str, ...] = ()
    ) -> Question:
        return Question(
            kpi=kpi,
            grain=periods[0].grain,
            periods=periods,
            by=by,
            filters=self._filters,
            as_of=self._as_of,
        )

    def _market_question(self, periods: tuple[Period, ...]) -> Question:
        """The market of the scope where one can be reported, else that of the whole company."""
        narrow = len(self._filters) == 1 and set(self._filters) <= set(MARKET_DIMENSIONS)
        filters = self._filters if narrow else {}
        return Question(
            kpi=MARKET_SHARE,
            grain=periods[0].grain,
            periods=periods,
            by=(),
            filters=filters,
            as_of=self._as_of,
        )

    async def _scan(self, periods: Sequence[Period], *questions: Question) -> list[Sums]:
        """The sums of periods that are none of the calendar, from the buyers themselves."""
        adding = [Contributions(question, self._known, Prices()) for question in questions]
        sums = [one.new_sums() for one in adding]
        company, second = self._source.company, 2**62 if self._as_of is None else self._as_of
        rows = facts.states(self._source.connection, self._source.generation, kind=BUYERS.name)
        async for state in rows:
            records = records_until(state.entries, second)
            moments = BUYERS.moments_in(periods, records, company)
            for contributions, into in zip(adding, sums, strict=True):
                contributions.add_fact(moments, into)
        return sums


def figures_of(place: int, *, funnels: Sums, bases: Sums, market: Sums, known: Known) -> Figures:
    """The figures of the period at a place: `funnels` are by channel, the others in total."""
    base = Spot(bases, (), place, known)
    sales = _by_bin(base, "revenue")
    return Figures(
        market_minor=Spot(market, (), place, known).read(MARKET_SHARE.denominator),
        funnels={
            channel: _funnel(Spot(funnels, (channel,), place, known))
            for (channel,) in sorted(funnels.members)
        },
        bands={name: _band(base, band) for band, name in enumerate(BAND_NAMES)},
        reactivated_minor=sales.get(REACTIVATED, 0),
        same_period_minor=sales.get(SAME_PERIOD, 0),
        refunds_minor=_money(BASE, "refunded", base) - sales.get(REFUNDED, 0),
    )


def _funnel(spot: Spot) -> Funnel:
    opened = _count(FUNNEL, "opened", spot)
    return Funnel(
        workable=opened + _count(FUNNEL, "created", spot) + _count(FUNNEL, "stale", spot),
        decided=_count(FUNNEL, "decided", spot),
        won=_count(FUNNEL, "won", spot),
        amount_minor=_money(FUNNEL, "amount", spot),
        opened=opened,
    )


def _band(spot: Spot, band: int) -> Band:
    counts = {
        part: _by_bin(spot, part).get(band, 0) // COUNT_SCALE
        for part in ("base", "active", "buyers", "sales")
    }
    return Band(
        base=counts["base"],
        active=counts["active"],
        buyers=counts["buyers"],
        orders=counts["sales"],
        revenue_minor=_by_bin(spot, "revenue").get(band, 0),
    )


def _with_flows(figures: Figures, year_ago: Figures, spot: Spot) -> Figures:
    """With what made base and opening pipeline in the twelve months before.

    Customers who came back are taken off those who lapsed.
    """
    acquired = _count(BASE, "acquired", spot)
    lapsed = year_ago.base + acquired - figures.base
    created, decided = _count(BASE, "created", spot), _count(BASE, "decided", spot)
    aged = (year_ago.opened or 0) + created - decided - (figures.opened or 0)
    return replace(
        figures,
        base_flows=BaseFlows(acquired=acquired, returned=max(0, -lapsed), lapsed=max(0, lapsed)),
        pipeline_flows=PipelineFlows(created=created, decided=decided, aged=max(0, aged)),
    )


def _by_bin(spot: Spot, part: str) -> Mapping[int, int]:
    return spot.bins(BASE.parts[part].terms[0])


def _count(inputs: Inputs, part: str, spot: Spot) -> int:
    return (spot.read(inputs.parts[part]) or 0) // COUNT_SCALE


def _money(inputs: Inputs, part: str, spot: Spot) -> int:
    return spot.read(inputs.parts[part]) or 0


def _year_before(period: Period) -> Period:
    return Period(_a_year_before(period.start), _a_year_before(period.end), period.grain)


def _a_year_before(day: int) -> int:
    """The same first of a month a year before."""
    on = date_of(day)
    return day_number(on.replace(year=on.year - 1))
