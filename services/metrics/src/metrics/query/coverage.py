"""Coverage: which events a KPI needs, which of them have arrived, and since when it can be read.

What a KPI needs is never listed: it follows from the moments that its definition sums, and
those name the events that they are said because of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from events.types import EventData
from metrics.engine.company import Company, date_of
from metrics.engine.kpi import Kpi, Ratio
from metrics.engine.measure import Reading, Term
from metrics.engine.moment import MomentKind
from metrics.query.source import Source
from metrics.store import coverage
from metrics.store.coverage import Arrivals

_EVER: Final = -(2**31)
_NEVER: Final = 2**31


@dataclass(frozen=True, kw_only=True)
class NeededEvent:
    """A type of events that a KPI is made of, and what arrived of it by source."""

    type: type[EventData]
    arrivals: Sequence[Arrivals]


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """`since` is the first day of which every part of the formula has something, None if never."""

    kpi: Kpi
    events: Sequence[NeededEvent]
    since: date | None


def needed_events(kpi: Kpi) -> list[type[EventData]]:
    """The types behind a KPI in whatever way it is cut, by name."""
    found = {of for kind in moment_kinds(kpi) for of in kind.events}
    return sorted(found, key=lambda cls: cls.wire_type.split(".")[3:])


def moment_kinds(kpi: Kpi) -> set[MomentKind]:
    """The kinds of moments that a KPI sums."""
    return {measure.kind for measure in kpi.measures()}


async def read_coverage(source: Source, kpi: Kpi) -> Coverage:
    """Coverage of one KPI as of now."""
    needed = needed_events(kpi)
    types = [cls.wire_type for cls in needed]
    arrived = await coverage.read(source.connection, types=types)
    return coverage_of(kpi, arrived, company=source.company)


def coverage_of(kpi: Kpi, arrived: Iterable[Arrivals], *, company: Company) -> Coverage:
    by_type: dict[str, list[Arrivals]] = {}
    for one in arrived:
        by_type.setdefault(one.type, []).append(one)
    first = {
        name: min(one.first_day(company) for one in of_type) for name, of_type in by_type.items()
    }
    since = readable_since(kpi, first)
    return Coverage(
        kpi=kpi,
        events=[
            NeededEvent(type=cls, arrivals=by_type.get(cls.wire_type, []))
            for cls in needed_events(kpi)
        ],
        since=None if since is None else date_of(since),
    )


def readable_since(kpi: Kpi, first: Mapping[str, int]) -> int | None:
    """The day on which the last part of the formula began, given the first day of each type.

    A part (the numerator, the denominator) begins with the first of whatever adds to it:
    sales come as deals or as orders. What is taken off (refunds) need not come at all.
    Targets and prices say themselves for which days they hold, so they only have to exist.
    """
    begins: list[int] = []
    for part in kpi.sums().values():
        adding = [term for term in part.terms if term.sign > 0]
        known = {term: day for term in adding if (day := _first_of(term, first)) is not None}
        if not known:
            return None
        dated = [day for term, day in known.items() if term.reading is not Reading.SCOPE_OF_PERIOD]
        begins += [min(dated)] if dated else []
    return max(begins, default=None)


async def outcomes_from(source: Source, kpis: Sequence[Kpi]) -> list[int]:
    """For each KPI, see `outcomes_since`."""
    if not any(outcomes_of(kpi) for kpi in kpis):
        return [_EVER] * len(kpis)
    arrived = await coverage.read(source.connection)
    return [outcomes_since(kpi, arrived, company=source.company) for kpi in kpis]


def outcomes_since(kpi: Kpi, arrived: Iterable[Arrivals], *, company: Company) -> int:
    """The first day of which it is known what became of a cohort.

    That is when the first event of the aggregates came whose events are its outcomes: since
    deals are told of, a lead without one has none. A cohort that its own events are the
    outcomes of (buyers who buy again) cannot be older than these.
    """
    types = outcomes_of(kpi)
    if not types:
        return _EVER
    aggregates = tuple({cls.wire_type.rsplit(".", 2)[0] + "." for cls in types})
    days = [one.first_day(company) for one in arrived if one.type.startswith(aggregates)]
    return min(days, default=_NEVER)


def outcomes_of(kpi: Kpi) -> set[type[EventData]]:
    """The events that make a cohort's numerator, without those that make the cohort."""
    if not isinstance(kpi, Ratio) or not kpi.matures:
        return set()
    above, below = (
        {of for term in part.terms if term.sign > 0 for of in term.measure.kind.events}
        for part in (kpi.numerator, kpi.denominator)
    )
    return above - below


def _first_of(term: Term, first: Mapping[str, int]) -> int | None:
    price = term.measure.price
    if price is not None and not any(of.wire_type in first for of in price.kind.events):
        return None
    names = (of.wire_type for of in term.measure.kind.events)
    return min((first[name] for name in names if name in first), default=None)
