"""Markets: what everybody together sold in a scope and period.

One fact is one scope and period, whoever reports it: of several reports the highest
revision counts, of the same revision the one that was made last.
"""

from __future__ import annotations

from typing import Final

import msgspec

from events.types.market import MarketSizeReported
from metrics.engine.calendar import parse_period
from metrics.engine.company import Company
from metrics.engine.dimension import NOWHERE, Cut, cut_of
from metrics.engine.entry import Entry
from metrics.engine.fact import Ref
from metrics.engine.moment import Moment, MomentKind
from metrics.engine.routing import route
from metrics.facts.sale import Amount, amount_of

MARKET_DIMENSIONS: Final = ("segment", "region", "product")
MARKET_SIZE: Final = MomentKind(
    name="market.size",
    cube="market",
    dimensions=MARKET_DIMENSIONS,
    scoped=True,
    events=(MarketSizeReported,),
)
"""On the first day of its period, binned by its length in months."""


class Report(msgspec.Struct, frozen=True, array_like=True):
    """The highest revision of a report, and whether it is still about this market."""

    revision: int
    told: int
    size: Amount
    here: bool = True


class Market(msgspec.Struct, frozen=True, array_like=True):
    """The reports of one scope and period, by stream."""

    start: int = 0
    months: int = 0
    cut: Cut = NOWHERE
    scoped: bool = True
    """Whether its scope names a member, or needs none."""
    reports: dict[str, Report] = {}

    @property
    def report(self) -> Report | None:
        """The one that counts."""
        here = [(stream, report) for stream, report in self.reports.items() if report.here]
        if not here:
            return None
        return max(here, key=lambda item: (item[1].revision, item[1].told, item[0]))[1]


class MarketKind:
    """See `FactKind`."""

    name = "market"
    empty = Market()

    def says(self, kind: MomentKind) -> bool:
        return kind is MARKET_SIZE

    def apply(self, state: Market, entry: Entry, /, *, key: str, company: Company) -> Market:
        data = entry.data
        if not isinstance(data, MarketSizeReported):
            return state
        known = state.reports.get(entry.stream)
        if route(data, source=entry.source) != Ref(self.name, key):
            if known is None:
                return state
            gone = msgspec.structs.replace(known, here=False)
            reports = {**state.reports, entry.stream: gone}
            return msgspec.structs.replace(state, reports=reports)
        size = amount_of(data.size, company)
        assert size is not None
        if known is not None and known.revision > data.revision:
            report = msgspec.structs.replace(known, here=True)
        else:
            report = Report(data.revision, entry.occurred, size)
        period = parse_period(data.period, company.first_month)
        named = data.scope != "company" and data.scope_value is not None
        return Market(
            period.start,
            period.grain.months or 0,
            cut_of(**{data.scope: data.scope_value}) if named else NOWHERE,
            named or data.scope == "company",
            {**state.reports, entry.stream: report},
        )

    def moments(self, state: Market, _company: Company, /) -> list[Moment]:
        report = state.report
        if report is None or not state.scoped:
            return []
        return [Moment(MARKET_SIZE, state.start, state.cut, 1, report.size.base, state.months)]

    def problems(self, state: Market, /) -> tuple[str, ...]:
        report, found = state.report, []
        if report is None:
            return ()
        if not state.scoped:
            found.append("market_without_member")
        if report.size.base is None:
            found.append("market_without_rate")
        return tuple(found)
