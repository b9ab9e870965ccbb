"""Cells that the benchmark writes by SQL are those that the engine makes."""

from __future__ import annotations

from collections.abc import Callable

import asyncpg
from bench.closed_deals import fill

from metrics.engine.catalogue import Catalogue
from metrics.engine.cell import CellRow, cells_of
from metrics.engine.dimension import NUMBERS, cut_of
from metrics.engine.moment import Moment
from metrics.facts.deal import DEAL_LOST, DEAL_WON
from metrics.kpis import CATALOGUE

DEALS = 3_000


async def test_cells_by_region_are_those_of_the_engine(new_database: Callable[[str], str]) -> None:
    connection = await asyncpg.connect(new_database("metrics"))
    try:
        await fill(connection, CATALOGUE, generation=1, deals=DEALS)
        deals = await connection.fetch("SELECT day, region, won, minor, cycle FROM closed_deals")
        cells = await connection.fetch(
            "SELECT cube, dimension, day, member, bin, a0, a1, a2, a3, a4, a5, a6, a7 FROM cells"
        )
    finally:
        await connection.close()
    assert len(deals) == DEALS
    assert sorted(map(tuple, cells)) == sorted(_by_region(_cells(CATALOGUE, deals)))


def _cells(catalogue: Catalogue, deals: list[asyncpg.Record]) -> list[CellRow]:
    moments = [
        Moment(DEAL_WON, day, cut_of(region=region), 1, minor, cycle)
        if won
        else Moment(DEAL_LOST, day, cut_of(region=region))
        for day, region, won, minor, cycle in deals
    ]
    return list(cells_of(((moment, 1) for moment in moments), layout=catalogue.layout))


def _by_region(cells: list[CellRow]) -> list[CellRow]:
    return [cell for cell in cells if cell[1] == NUMBERS["region"]]
