"""Cells that the benchmark writes by SQL are those that the engine makes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import asyncpg
from bench.closed_deals import fill

from metrics.engine.changes import Tally
from metrics.engine.dimension import NUMBERS, cut_of
from metrics.engine.moment import Moment
from metrics.engine.paging import pages_of
from metrics.facts.deal import DEAL_LOST, DEAL_WON
from metrics.kpis import CATALOGUE
from metrics.store.pages import cells_in

DEALS = 3_000


async def test_cells_by_region_are_those_of_the_engine(new_database: Callable[[str], str]) -> None:
    connection = await asyncpg.connect(new_database("metrics"))
    try:
        await fill(connection, CATALOGUE, generation=1, deals=DEALS)
        deals = await connection.fetch("SELECT day, region, won, minor, cycle FROM closed_deals")
        pages = await connection.fetch("SELECT cube, dimension, day, body FROM cells")
    finally:
        await connection.close()
    assert len(deals) == DEALS
    written = sorted(
        (cube, dimension, day, *cell)
        for cube, dimension, day, body in pages
        for cell in cells_in(body)
    )

    assert written == sorted(_by_region(deals))


def _by_region(deals: list[asyncpg.Record]) -> Iterator[tuple[Any, ...]]:
    """Cube, dimension, day, member, bin and amounts, as the engine has it."""
    moments = [
        Moment(DEAL_WON, day, cut_of(region=region), 1, minor, cycle)
        if won
        else Moment(DEAL_LOST, day, cut_of(region=region))
        for day, region, won, minor, cycle in deals
    ]
    tally = Tally()
    tally.count(0, moments, 1)
    for (cube, dimension, day), page in pages_of([tally.batch()], layout=CATALOGUE.layout):
        if dimension == NUMBERS["region"]:
            for cell in zip(page.members, page.bins, *page.columns, strict=True):
                yield (cube, dimension, day, *cell)
