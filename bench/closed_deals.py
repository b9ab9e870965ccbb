"""Deals that were closed on the days of three years, made by arithmetic that any SQL engine knows.

The same numbers come out in PostgreSQL and in DuckDB, so that nothing has to be carried over.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Sequence
from datetime import date
from typing import Any, Final

from events import Connection
from metrics.engine.catalogue import Catalogue
from metrics.engine.cell import NO_BIN, Page
from metrics.engine.company import day_number
from metrics.engine.dimension import NUMBERS
from metrics.engine.measure import COUNT_SCALE, Aspect, Measure
from metrics.engine.moment import MomentKind
from metrics.facts.deal import DEAL_LOST, DEAL_WON
from metrics.store import months
from metrics.store.pages import packed_sum

FIRST_DAY: Final = date(2023, 1, 1)
END: Final = date(2026, 1, 1)
DAYS: Final = (END - FIRST_DAY).days
REGIONS: Final = 24

CLOSED_DEALS: Final = f"""
SELECT {day_number(FIRST_DAY)} + n * 7919 % 1000003 % {DAYS} AS day,
       'region-' || n * 104729 % 999983 % {REGIONS} AS region,
       n * 15485863 % 999979 % 100 < 60 AS won,
       10000 + n * 32452843 % 4999999 AS minor,
       n * 49979687 % 999961 % 120 AS cycle
FROM generate_series(1::bigint, {{deals}}::bigint) AS numbers (n)"""
"""One row a deal: the business day on which it was closed, and how many days it took."""


_BY_REGION: Final = f"""
SELECT day, {NO_BIN} AS bin, region, {COUNT_SCALE} * count(*) FILTER (WHERE won),
       {COUNT_SCALE} * count(*) FILTER (WHERE NOT won),
       coalesce(sum(minor) FILTER (WHERE won), 0)::bigint
FROM closed_deals GROUP BY day, region ORDER BY day"""
_BY_REGION_AND_CYCLE: Final = f"""
SELECT day, cycle, region, {COUNT_SCALE} * count(*)
FROM closed_deals WHERE won GROUP BY day, cycle, region ORDER BY day"""
_ROWS_AT_ONCE: Final = 5_000


async def fill(
    connection: Connection, catalogue: Catalogue, *, generation: int, deals: int
) -> None:
    """The deals as a table `closed_deals`, and the cells by region that the engine makes of them.

    Folding ten million deals would take an hour; that these are the cells which it makes
    is tested with fewer.
    """
    await connection.execute(f"CREATE TABLE closed_deals AS {CLOSED_DEALS.format(deals=deals)}")
    addresses = catalogue.layout.addresses
    plain = (_count(DEAL_WON), _count(DEAL_LOST), Measure(kind=DEAL_WON, aspect=Aspect.MONEY))
    for statement, measures in (
        (_BY_REGION, plain),
        (_BY_REGION_AND_CYCLE, (_count(DEAL_WON, binned=True),)),
    ):
        ((cube, width),) = {
            (addresses[m].cube, len(catalogue.layout.cubes[addresses[m].cube])) for m in measures
        }
        places = [addresses[measure].place for measure in measures]
        async with connection.transaction():
            rows = connection.cursor(statement, prefetch=_ROWS_AT_ONCE)
            written = []
            async for day, page in _pages(rows, places=places, width=width):
                await connection.execute(
                    "INSERT INTO cells (generation, shard, cube, dimension, day, body)"
                    " VALUES ($1, 0, $2, $3, $4, $5)",
                    *(generation, cube, NUMBERS["region"], day, packed_sum(page, None)),
                )
                written.append((cube, NUMBERS["region"], day))
            await months.mark_stale(connection, generation, written, shard=0)
    await add_up_months(connection, generation, before=END)
    await connection.execute("VACUUM (ANALYZE) cells, cells_by_month, closed_deals")


async def add_up_months(connection: Connection, generation: int, *, before: date) -> None:
    """As the keeper does when months are over."""
    due = True
    while due:
        async with connection.transaction():
            due = await months.add_up(connection, generation, before=day_number(before))


async def _pages(
    rows: AsyncIterable[Any], *, places: Sequence[int], width: int
) -> AsyncIterator[tuple[int, Page]]:
    """Days with their pages, from rows of day, bin, region and amounts in the order of days."""
    current, cells = None, list[Any]()
    async for day, bin_, region, *amounts in rows:
        if current is not None and day != current:
            yield current, _page(cells, places=places, width=width)
            cells = []
        current = day
        cells.append((region, bin_, amounts))
    if current is not None:
        yield current, _page(cells, places=places, width=width)


def _page(cells: Sequence[Any], *, places: Sequence[int], width: int) -> Page:
    members, bins, vectors = zip(*cells, strict=True)
    known = dict(zip(places, zip(*vectors, strict=True), strict=True))
    nothing = [0] * len(members)
    return Page(members, bins, [known.get(place, nothing) for place in range(width)])


def _count(kind: MomentKind, *, binned: bool = False) -> Measure:
    return Measure(kind=kind, aspect=Aspect.COUNT, binned=binned)
