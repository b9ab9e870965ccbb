"""Deals that were closed on the days of three years, made by arithmetic that any SQL engine knows.

The same numbers come out in PostgreSQL and in DuckDB, so that nothing has to be carried over.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from events import Connection
from metrics.engine.catalogue import Catalogue
from metrics.engine.cell import NO_BIN, WIDTH, Address
from metrics.engine.company import day_number
from metrics.engine.dimension import NUMBERS
from metrics.engine.measure import COUNT_SCALE, Aspect, Measure
from metrics.engine.moment import MomentKind
from metrics.facts.deal import DEAL_LOST, DEAL_WON

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


async def fill(
    connection: Connection, catalogue: Catalogue, *, generation: int, deals: int
) -> None:
    """The deals as a table `closed_deals`, and the cells by region that the engine makes of them.

    Folding ten million deals would take an hour; that these are the cells which it makes
    is tested with fewer.
    """
    await connection.execute(f"CREATE TABLE closed_deals AS {CLOSED_DEALS.format(deals=deals)}")
    cells = _Cells(catalogue, generation)
    places = {
        _count(DEAL_WON): f"{COUNT_SCALE} * count(*) FILTER (WHERE won)",
        _count(DEAL_LOST): f"{COUNT_SCALE} * count(*) FILTER (WHERE NOT won)",
        Measure(kind=DEAL_WON, aspect=Aspect.MONEY): "coalesce(sum(minor) FILTER (WHERE won), 0)",
    }
    await connection.execute(cells.insert(places))
    cycles = {_count(DEAL_WON, binned=True): f"{COUNT_SCALE} * count(*)"}
    await connection.execute(cells.insert(cycles, bin_="cycle", where="won"))
    await connection.execute("VACUUM (ANALYZE) cells, closed_deals")


class _Cells:
    """Writes cells by region with statements."""

    def __init__(self, catalogue: Catalogue, generation: int) -> None:
        self._addresses = catalogue.layout.addresses
        self._generation = generation

    def insert(
        self, amounts: dict[Measure, str], *, bin_: str = f"{NO_BIN} + 0", where: str = "true"
    ) -> str:
        """The statement that makes cells of measures that lie in one cube."""
        (cube,) = {self._addresses[measure].cube for measure in amounts}
        vector = ["0"] * WIDTH
        for measure, amount in amounts.items():
            address: Address = self._addresses[measure]
            vector[address.place] = amount
        columns = ", ".join(f"a{place}" for place in range(WIDTH))
        return (
            f"INSERT INTO cells (generation, shard, cube, dimension, day, member, bin, {columns})"
            f" SELECT {self._generation}, 0, {cube}, {NUMBERS['region']}, day, region, {bin_},"
            f" {', '.join(vector)} FROM closed_deals WHERE {where} GROUP BY day, region, {bin_}"
        )


def _count(kind: MomentKind, *, binned: bool = False) -> Measure:
    return Measure(kind=kind, aspect=Aspect.COUNT, binned=binned)
