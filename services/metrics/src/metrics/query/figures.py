"""The figures of a diagnosis: what one period of a scope was like, out of sums."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from metrics.diagnosis import Band, BaseFlows, Figures, Funnel, PipelineFlows
from metrics.engine.calendar import Grain, Period, is_of_calendar, months_before
from metrics.engine.kpi import Inputs
from metrics.engine.measure import COUNT_SCALE
from metrics.engine.pricing import Prices
from metrics.engine.sketch import amount_of_size
from metrics.engine.sums import Known, Spot, Sums
from metrics.facts.buyer.loyalty import REACTIVATED, REFUNDED, SAME_PERIOD
from metrics.facts.market import MARKET_DIMENSIONS
from metrics.kpis.diagnosis import BASE, BASKET_SIZES, DEAL_SIZES, FUNNEL, LEADS, REFUNDS
from metrics.kpis.market import MARKET_SHARE
from metrics.query.contributions import Contributions
from metrics.query.gathering import gather
from metrics.query.question import Question
from metrics.query.scoped import said_by_buyers
from metrics.query.source import Source

BAND_NAMES: Final = ("0-90", "91-180", "181-365", "366-")
"""Days since a customer's first purchase."""
Filters = Mapping[str, tuple[str, ...]]
_AMOUNTS_NEEDED: Final = 30
"""Of fewer the spread is not taken from the amounts: it would itself be chance."""


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
        """Of several periods of one length in months, whether of the calendar or not."""
        asked = set(periods)
        told = tuple(sorted(looked_at(asked)))
        found = await self._sums(told, flows=tuple(sorted({*told, *map(_last_year, asked)})))
        spreads = await self._spreads(tuple(sorted(map(_year_until, asked))))
        return {
            period: _with_flows(found, period, spread=spreads[_year_until(period)])
            for period in asked
        }

    async def _sums(self, told: tuple[Period, ...], *, flows: tuple[Period, ...]) -> FigureSums:
        """`flows` are periods of which counts are summed, `told` those that are looked at whole."""
        by_channel = self._question(FUNNEL, flows, by=("channel",))
        base = self._question(BASE, flows)
        if all(map(is_of_calendar, told)) and len(self._filters) <= 1:
            funnels, bases = await self._gathered(by_channel), await self._gathered(base)
        else:
            funnels, bases = await self._scan(told, by_channel, base)
        return FigureSums(
            funnels=funnels,
            leads=await self._gathered(self._question(LEADS, told, by=("channel",))),
            bases=bases,
            refunds=await self._gathered(self._question(REFUNDS, told)),
            market=await self._gathered(self._market_question(told)),
            known=self._known,
        )

    async def _spreads(self, years: tuple[Period, ...]) -> dict[Period, Spread]:
        """How amounts spread in the whole company: a scope has too few to tell it of."""
        deals = await self._of_company(DEAL_SIZES, years, by=("channel",))
        baskets = await self._of_company(BASKET_SIZES, years)
        found = {}
        for place, year in enumerate(years):
            of_deals = {
                members[0]: _spread(Spot(deals, members, place, self._known), DEAL_SIZES, "deals")
                for members in deals.members
            }
            basket = _spread(Spot(baskets, (), place, self._known), BASKET_SIZES, "baskets")
            found[year] = Spread(deals=of_deals, basket=basket)
        return found

    async def _of_company(
        self, kpi: Inputs, periods: tuple[Period, ...], *, by: tuple[str, ...] = ()
    ) -> Sums:
        return await self._gathered(replace(self._question(kpi, periods, by=by), filters={}))

    async def _gathered(self, question: Question) -> Sums:
        return await gather(self._source, question, self._known)

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
        """What no cells know, from the buyers themselves: of periods that are none of the calendar,
        or of several dimensions at once.
        """
        adding = [Contributions(question, self._known, Prices()) for question in questions]
        sums = [one.new_sums() for one in adding]
        scoped = self._source.scoped
        if scoped is not None and scoped.know(questions[0]):
            for contributions, into in zip(adding, sums, strict=True):
                await scoped.add(contributions, to=into, source=self._source, periods=periods)
            return sums
        async for moments in said_by_buyers(self._source, questions[0], periods):
            for contributions, into in zip(adding, sums, strict=True):
                contributions.add_fact(moments, into)
        return sums


@dataclass(frozen=True, kw_only=True)
class FigureSums:
    """What figures are read from: `funnels` and `leads` are by channel, the others in total."""

    funnels: Sums
    leads: Sums
    bases: Sums
    refunds: Sums
    market: Sums
    known: Known

    def at(self, sums: Sums, period: Period, *, channel: str | None = None) -> Spot:
        members = () if channel is None else (channel,)
        return Spot(sums, members, sums.periods.index(period), self.known)

    def all_channels(self, part: str, period: Period) -> int:
        channels = (channel for (channel,) in self.funnels.members)
        spots = (self.at(self.funnels, period, channel=channel) for channel in channels)
        return sum(_count(FUNNEL, part, spot) for spot in spots)

    @property
    def channels(self) -> list[str]:
        return sorted(channel for (channel,) in self.funnels.members | self.leads.members)


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Coefficients of variation of single amounts; None where there are too few of them."""

    deals: Mapping[str, float | None] = field(default_factory=dict)
    """By channel."""
    basket: float | None = None


def looked_at(periods: Iterable[Period]) -> set[Period]:
    """The periods that figures of some are read from: those, and what was a year before."""
    asked = set(periods)
    return asked | {months_before(period, 12) for period in asked}


def figures_of(found: FigureSums, period: Period, *, spread: Spread) -> Figures:
    base = found.at(found.bases, period)
    sales = _by_bin(base, "revenue")
    return Figures(
        market_minor=found.at(found.market, period).read(MARKET_SHARE.denominator),
        funnels={
            channel: _funnel(found, period, channel, cv=spread.deals.get(channel))
            for channel in found.channels
        },
        bands={name: _band(base, band, cv=spread.basket) for band, name in enumerate(BAND_NAMES)},
        reactivated_minor=sales.get(REACTIVATED, 0),
        same_period_minor=sales.get(SAME_PERIOD, 0),
        refunds_minor=_money(REFUNDS, "refunded", found.at(found.refunds, period))
        - sales.get(REFUNDED, 0),
    )


def _funnel(found: FigureSums, period: Period, channel: str, *, cv: float | None) -> Funnel:
    spot = found.at(found.funnels, period, channel=channel)
    opened, won = _count(FUNNEL, "opened", spot), _count(FUNNEL, "won", spot)
    # A discount is known where every list value is: else more of them would look like one.
    listed = won > 0 and _count(FUNNEL, "listed", spot) == won
    return Funnel(
        workable=opened + _count(FUNNEL, "created", spot) + _count(FUNNEL, "stale", spot),
        decided=_count(FUNNEL, "decided", spot),
        won=won,
        amount_minor=_money(FUNNEL, "amount", spot),
        opened=opened,
        leads=_leads(found, period, channel),
        list_minor=_money(FUNNEL, "list_value", spot) if listed else None,
        **({} if cv is None else {"amount_cv": cv}),
    )


def _leads(found: FigureSums, period: Period, channel: str) -> int | None:
    """None where nobody tells us of leads: not one is known of the whole period."""
    counts = {
        name: _count(LEADS, "captured", found.at(found.leads, period, channel=name))
        for (name,) in found.leads.members
    }
    return counts.get(channel, 0) if any(counts.values()) else None


def _band(spot: Spot, band: int, *, cv: float | None) -> Band:
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
        **({} if cv is None else {"basket_cv": cv}),
    )


def _with_flows(found: FigureSums, period: Period, *, spread: Spread) -> Figures:
    """With what made base and opening pipeline in the twelve months before.

    Customers who came back are taken off those who lapsed.
    """
    figures = figures_of(found, period, spread=spread)
    year_ago = figures_of(found, months_before(period, 12), spread=spread)
    before = _last_year(period)
    acquired = _count(BASE, "acquired", found.at(found.bases, before))
    lapsed = year_ago.base + acquired - figures.base
    created, decided = (found.all_channels(part, before) for part in ("created", "decided"))
    aged = (year_ago.opened or 0) + created - decided - (figures.opened or 0)
    return replace(
        figures,
        base_flows=BaseFlows(acquired=acquired, returned=max(0, -lapsed), lapsed=max(0, lapsed)),
        pipeline_flows=PipelineFlows(created=created, decided=decided, aged=max(0, aged)),
    )


def coefficient_of_variation(sizes: Mapping[int, int]) -> float | None:
    """Of single amounts, given how many there are of each size; None of too few."""
    count = sum(sizes.values())
    if count < _AMOUNTS_NEEDED:
        return None
    mean = sum(n * amount_of_size(size) for size, n in sizes.items()) / count
    square = sum(n * (amount_of_size(size) - mean) ** 2 for size, n in sizes.items()) / count
    return math.sqrt(square) / mean


def _spread(spot: Spot, inputs: Inputs, part: str) -> float | None:
    sizes = spot.by_bin(inputs.parts[part])
    return coefficient_of_variation({size: n // COUNT_SCALE for size, n in sizes.items()})


def _by_bin(spot: Spot, part: str) -> Mapping[int, int]:
    return spot.bins(BASE.parts[part].terms[0])


def _count(inputs: Inputs, part: str, spot: Spot) -> int:
    return (spot.read(inputs.parts[part]) or 0) // COUNT_SCALE


def _money(inputs: Inputs, part: str, spot: Spot) -> int:
    return spot.read(inputs.parts[part]) or 0


def _last_year(period: Period) -> Period:
    """The twelve months before a period."""
    return Period(months_before(period, 12).start, period.start, Grain.YEAR)


def _year_until(period: Period) -> Period:
    """The twelve months that end with a period."""
    return Period(months_before(period, 12).end, period.end, Grain.YEAR)
