"""What speaks beside the figures of a diagnosis: other KPIs, and reasons of losses.

All of it compares the same two periods as the verdict does. Of a cohort, whose outcome comes
later, it is that which became mature in the period: p30 = p90 x (p30 / p90) of its leads tells
fewer sales from slower ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from metrics.diagnosis import Reading
from metrics.diagnosis.drill import AMOUNT_CV
from metrics.diagnosis.evidence import WITNESSES
from metrics.diagnosis.statistics import Z90, of_counted, of_intervals
from metrics.engine.calendar import Grain, periods_between
from metrics.engine.cohort import Curve
from metrics.engine.company import day_number
from metrics.engine.kpi import Kpi, Quantile, Ratio
from metrics.engine.measure import COUNT_SCALE, Sum
from metrics.engine.row import Row
from metrics.engine.sums import Spot, Sums
from metrics.kpis.diagnosis import CONVERSION, LOST
from metrics.kpis.leads import LEAD_CONVERSION
from metrics.kpis.pipeline import DEALS_LOST
from metrics.query.answer import answer
from metrics.query.coverage import coverage_of
from metrics.query.spans import OF_DAYS, Spans
from metrics.store import coverage
from metrics.store.coverage import Arrivals

_TELLING_REASONS: Final = ("service", "price", "competitor", "no_budget")
"""Why deals are lost that is evidence for or against somebody."""
_COUNTED: Final = frozenset({"mau", "channel_cpl"})
"""Their `n` are independent: users, or leads."""
_OF_AMOUNTS: Final = {"market_share": 0, "channel_roi": 1}
"""Amounts of `n` independent sales over something that is known, and what was taken off."""
_MONTHS, _DAYS = 12, 366
"""Of the longest year."""


async def readings(spans: Spans) -> list[Reading]:
    """Every witness that both periods have a value for."""
    arrived = await coverage.read(spans.source.connection)
    found: list[Reading] = []
    for kpi_id in WITNESSES:
        kpi = spans.source.catalogue.get(kpi_id)
        if kpi is None or not _was_told(spans, kpi, arrived):
            continue
        if isinstance(kpi, Curve):
            found += await _of_curve(spans, kpi)
        else:
            found += await _of(spans.earlier(_months_to_mature(kpi)), kpi)
    return [*found, *await _conversion(spans), *await _lost_for(spans)]


def _was_told(spans: Spans, kpi: Kpi, arrived: Sequence[Arrivals]) -> bool:
    """Whether all that it is made of was told of in the period before; what is a mean of days
    from its first day on.
    """
    since = coverage_of(kpi, arrived, company=spans.source.company).since
    if since is None:
        return False
    whole = kpi.id in OF_DAYS
    return day_number(since) <= (spans.before.start if whole else spans.before.end - 1)


def _months_to_mature(kpi: Kpi) -> int:
    """So many months after a period its cohort is mature."""
    days = kpi.matures_after_days if isinstance(kpi, Ratio) else 0
    return math.ceil(days * _MONTHS / _DAYS)


async def _of(spans: Spans, kpi: Kpi) -> list[Reading]:
    if not spans.can_be_read(kpi):
        return []
    before, now = await spans.rows(kpi)
    if before.value is None or now.value is None:
        return []
    low, high = await _interval(spans, kpi, before=before, now=now) or (None, None)
    is_share = _is_share(before) and _is_share(now)
    return [
        Reading(
            kpi=kpi.id,
            baseline=_value(before, kpi),
            current=_value(now, kpi),
            baseline_count=round(before.n) if is_share else None,
            current_count=round(now.n) if is_share else None,
            low=low,
            high=high,
            link=spans.link(kpi),
        )
    ]


# -- cohorts ------------------------------------------------------------------


async def _of_curve(spans: Spans, curve: Curve) -> list[Reading]:
    """The cohorts of single months whose next month lies in the period, taken together."""
    kpi, mature = curve.at(curve.age), spans.earlier(curve.age)
    if not set(spans.filters) <= set(kpi.dimensions):
        return []
    asked = replace(spans.question(kpi), grain=Grain.MONTH)
    sides = []
    for span in (mature.before, mature.now):
        months = tuple(periods_between(span.start, span.end, Grain.MONTH))
        sides.append((await answer(spans.source, replace(asked, periods=months))).rows)
    if any(row.reason == "immature" for rows in sides for row in rows):
        return []
    began, stayed = (
        [sum(getattr(row, part) or 0 for row in rows) for rows in sides]
        for part in ("denominator", "numerator")
    )
    link = spans.link(kpi, period=sides[1][-1].period)
    return _share(curve.id, stayed, began, link=link)


async def _conversion(spans: Spans) -> list[Reading]:
    """By channel, and how soon in all: of the leads that led to a sale, those that did so soon."""
    mature = spans.earlier(_months_to_mature(LEAD_CONVERSION))
    if any(row.value is None for row in await mature.rows(LEAD_CONVERSION)):
        return []
    sums = await mature.gathered(CONVERSION, "channel")
    parts = CONVERSION.parts.items()
    told = [
        {name: _by_member(spans, sums, total, place=place) for name, total in parts}
        for place in (0, 1)
    ]

    def of(part: str, channel: str) -> list[float]:
        return [side[part].get(channel, 0) for side in told]

    def in_all(part: str) -> list[float]:
        return [sum(side[part].values()) for side in told]

    link = mature.link(LEAD_CONVERSION)
    found = _share("lead_conversion_soon", in_all("soon"), in_all("converted"), link=link)
    for (channel,) in sorted(sums.members):
        there = f"{link}&filter=channel:{channel}"
        captured, converted = of("captured", channel), of("converted", channel)
        found += _share("lead_conversion", converted, captured, link=there, channel=channel)
        soon = of("soon", channel)
        found += _share("lead_conversion_soon", soon, converted, link=there, channel=channel)
    return found


async def _lost_for(spans: Spans) -> list[Reading]:
    """The share of lost deals by the reasons that speak for somebody."""
    sums = await spans.gathered(LOST, "reason")
    before, now = (_by_member(spans, sums, LOST.parts["lost"], place=place) for place in (0, 1))
    counts = sum(before.values()), sum(now.values())
    found: list[Reading] = []
    for reason in _TELLING_REASONS:
        link = spans.link(DEALS_LOST) + f"&filter=reason:{reason}"
        parts = before.get(reason, 0), now.get(reason, 0)
        found += _share(f"lost_{reason}", parts, counts, link=link)
    return found


def _by_member(spans: Spans, sums: Sums, total: Sum, *, place: int) -> dict[str, float]:
    """How many there are in one of the periods, by the one dimension of the sums."""
    spots = {name: Spot(sums, (name,), place, spans.known) for (name,) in sums.members}
    return {name: (spot.read(total) or 0) / COUNT_SCALE for name, spot in spots.items()}


def _share(
    kpi: str,
    parts: Sequence[float],
    counts: Sequence[float],
    *,
    link: str,
    channel: str = "",
) -> list[Reading]:
    """One reading, or none where there is nothing to have a share of."""
    if not all(counts):
        return []
    return [
        Reading(
            kpi=kpi,
            slice=channel,
            baseline=parts[0] / counts[0],
            current=parts[1] / counts[1],
            baseline_count=round(counts[0]),
            current_count=round(counts[1]),
            link=link,
        )
    ]


# -- intervals ----------------------------------------------------------------


async def _interval(spans: Spans, kpi: Kpi, *, before: Row, now: Row) -> tuple[float, float] | None:
    """90 % of the difference, of what is no share: a median, something counted, or money."""
    if not before.n or not now.n:
        return None
    if isinstance(kpi, Quantile):
        return await _interval_of_medians(spans, kpi, before=before, now=now)
    old, new = _value(before, kpi), _value(now, kpi)
    if kpi.id == "dau":
        # Who comes at all comes on every day at most: so many at least are independent.
        return of_counted((old, old), (new, new))
    if kpi.id in _COUNTED:
        return of_counted((old, before.n), (new, now.n))
    if kpi.id in _OF_AMOUNTS:
        off, spread = _OF_AMOUNTS[kpi.id], 1 + AMOUNT_CV**2
        return of_counted((old + off, before.n / spread), (new + off, now.n / spread))
    return None


async def _interval_of_medians(
    spans: Spans, kpi: Quantile, *, before: Row, now: Row
) -> tuple[float, float] | None:
    """The median lies between two percentiles, as far off as heads and tails can be apart."""
    reach = math.ceil(50 * Z90 / math.sqrt(min(before.n, now.n)))
    if reach >= kpi.percentile:
        return None
    lows, highs = [
        await spans.rows(kpi, percentile=kpi.percentile + side * reach) for side in (-1, 1)
    ]
    old, new = (
        (_value(row, kpi), _value(low, kpi), _value(high, kpi))
        for row, low, high in zip((before, now), lows, highs, strict=True)
    )
    return of_intervals(old, new)


def _is_share(row: Row) -> bool:
    return row.interval is not None


def _value(row: Row, kpi: Kpi) -> float:
    value = float(row.value or 0)
    return value / (row.period.end - row.period.start) if kpi.id == "dau" else value
