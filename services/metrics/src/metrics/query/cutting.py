"""Revenue by one dimension or two, in which a diagnosis searches for where a loss sits."""

from __future__ import annotations

from itertools import combinations
from typing import Final

from metrics.diagnosis import Cut, Portion
from metrics.engine.measure import COUNT_SCALE
from metrics.engine.sums import Spot, Sums
from metrics.kpis.diagnosis import REVENUE
from metrics.kpis.sales import REVENUE_NET
from metrics.query.spans import Spans

_CUT_BY: Final = ("team", "segment", "region", "product")
"""What a loss is searched by beside channels; never by persons."""


async def cuts(spans: Spans) -> list[Cut]:
    """By one dimension or two; within a scope by one more."""
    others = [name for name in _CUT_BY if name not in spans.filters]
    if len(spans.filters) > 1:
        return []  # by three dimensions at once only the facts know, and there are many
    if spans.filters:
        return [await _cut(spans, name) for name in others]
    ones = [await _cut_of_company(spans, name) for name in others]
    return ones + [await _cut(spans, *pair) for pair in combinations(others, 2)]


async def _cut_of_company(spans: Spans, dimension: str) -> Cut:
    rows = await spans.rows(REVENUE_NET, dimension)
    before, after = (
        {
            row.members: Portion(amount_minor=int(row.value or 0), count=round(row.n))
            for row in rows
            if row.period == period
        }
        for period in (spans.before, spans.now)
    )
    return Cut(dimensions=(dimension,), before=before, after=after)


async def _cut(spans: Spans, *dimensions: str) -> Cut:
    sums = await spans.gathered(REVENUE, *dimensions)
    before, after = (_portions(spans, sums, place) for place in (0, 1))
    return Cut(dimensions=dimensions, before=before, after=after)


def _portions(spans: Spans, sums: Sums, place: int) -> dict[tuple[str, ...], Portion]:
    found = {}
    for members in sums.members:
        spot = Spot(sums, members, place, spans.known)
        found[members] = Portion(
            amount_minor=spot.read(REVENUE.parts["revenue"]) or 0,
            count=round((spot.read(REVENUE.parts["sales"]) or 0) / COUNT_SCALE),
        )
    return found
