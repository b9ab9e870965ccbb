"""Reading KPIs from cells, beside those who work the answer out of the deals at each question.

Beside it, too, a statement on a table that holds exactly the answer: there is hardly a way
to do less.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import asyncpg
import msgspec
import uvloop

from bench.closed_deals import END, FIRST_DAY, fill
from bench.peers.duck import Duck
from bench.report import Figure, Goal, percentile, ratio
from bench.servers import Servers, migrate_in_own_process, servers
from chassis.process import quiet_collector
from events import Connection
from metrics.api.answer_body import answer_body
from metrics.api.views import head_of
from metrics.engine.calendar import Grain
from metrics.engine.company import Company, date_of
from metrics.engine.row import Row
from metrics.query.answer import answer
from metrics.query.opening import open_source
from metrics.query.question import Asked, Question, read_question
from metrics.query.source import Source
from metrics.rebuild import prepare
from metrics.store.pages import cells_in

SIZES: Final = (10_000, 100_000, 1_000_000)
COMPANY: Final = Company(time_zone="UTC", base_currency="USD")
AGAINST_SQL: Final = Goal(3, 1.5, at_most=True)
"""Of answers by day. Months are so few values that what any request costs decides."""
FLAT: Final = Goal(1.5, 1.1, at_most=True)
_READS: Final = 100
_SECONDS_OF_READING: Final = 3.0
"""Who is slow is read less often."""

Values = dict[tuple[date, str], float]
"""Of a KPI: by the first day of the period, and region."""


@dataclass(frozen=True)
class _Case:
    """A KPI by region over three years, and how SQL says it."""

    kpi: str
    grain: Grain
    period: str
    value: str
    where: str = "true"
    having: str = "true"

    @property
    def statement(self) -> str:
        return (
            f"SELECT {self.period} AS period, region, {self.value} AS value FROM closed_deals"
            f" WHERE {self.where} GROUP BY 1, 2 HAVING {self.having}"
        )


_DAY: Final = "DATE '1970-01-01' + day::integer"
_MONTH: Final = f"date_trunc('month', {_DAY})::date"
CASES: Final = (
    _Case("revenue_net", Grain.DAY, _DAY, "sum(minor)", "won"),
    _Case("win_rate", Grain.MONTH, _MONTH, "count(*) FILTER (WHERE won) / count(*)::float8"),
    _Case(
        *("sales_cycle_days", Grain.MONTH, _MONTH),
        *("percentile_cont(0.5) WITHIN GROUP (ORDER BY cycle)", "won", "count(*) >= 5"),
    ),
)


def measure(scale: float) -> Iterator[Figure]:
    """Each size in a database of its own; every answer is compared with those of the others."""
    found: dict[tuple[_Case, int], _Read] = {}
    with servers() as here:
        for size in SIZES:
            deals = int(size * scale)
            stored, reads = uvloop.run(_measure(here, deals))
            yield stored
            for read in reads:
                found[read.case, size] = read
                yield read.figure(deals)
    for case in CASES:
        middle, largest = found[case, SIZES[1]], found[case, SIZES[-1]]
        yield ratio(
            f"{case.kpi} by {case.grain}: p99 against SQL on a table of the answer",
            largest.ours.p99 / largest.table.p99,
            goal=AGAINST_SQL if case.grain is Grain.DAY else None,
            note=f"both as JSON, {len(largest.values):,} values",
        )
        yield ratio(
            f"{case.kpi} by {case.grain}: ten times the deals",
            largest.ours.p50 / middle.ours.p50,
            goal=FLAT,
            note=f"views {largest.view.p50 / middle.view.p50:.0f}x,"
            f" DuckDB {largest.duck.p50 / middle.duck.p50:.0f}x",
        )


@dataclass(frozen=True)
class _Times:
    """Seconds of several reads."""

    seconds: Sequence[float]

    @property
    def p50(self) -> float:
        return percentile(self.seconds, 0.5)

    @property
    def p99(self) -> float:
        return percentile(self.seconds, 0.99)

    def __str__(self) -> str:
        return f"{self.p50 * 1e3:,.1f} ms"


@dataclass(frozen=True)
class _Read:
    """What the same answer took, from cells, an exact table, a view and Parquet."""

    case: _Case
    values: Values
    ours: _Times
    table: _Times
    view: _Times
    duck: _Times

    def figure(self, deals: int) -> Figure:
        return Figure(
            f"{self.case.kpi} by region and {self.case.grain}, {deals:,} deals",
            str(self.ours),
            f"p99 {self.ours.p99 * 1e3:,.1f} ms; a table of the answer {self.table}; PostgreSQL"
            f" view {self.view} ({self.view.p50 / self.ours.p50:,.1f}x);"
            f" DuckDB on Parquet {self.duck} ({self.duck.p50 / self.ours.p50:,.1f}x)",
        )


async def _measure(here: Servers, deals: int) -> tuple[Figure, list[_Read]]:
    database = await asyncio.to_thread(here.new_database)
    await asyncio.to_thread(migrate_in_own_process, "metrics", database)
    async with asyncpg.create_pool(database, min_size=1, max_size=1) as pool:
        generation = await prepare(pool, company=COMPANY)
        assert generation is not None
        async with pool.acquire() as connection:
            source = await open_source(connection, company=COMPANY)
            await fill(connection, source.catalogue, generation=generation, deals=deals)
            quiet_collector()
            with Duck(here.folder / f"{deals}.parquet", deals=deals) as duck:
                reads = [await _read(source, case, duck) for case in CASES]
            pages = await connection.fetch("SELECT body FROM cells")
            cells = sum(1 for (body,) in pages for _ in cells_in(body))
            size = await connection.fetchval("SELECT pg_total_relation_size('cells')")
            await connection.execute("DROP TABLE closed_deals")
    stored = Figure(
        f"cells of {deals:,} deals by region",
        f"{cells:,}",
        f"in {len(pages):,} rows; {size / cells:.0f} bytes each, with indexes;"
        f" {cells / deals:.3f} a deal",
    )
    return stored, reads


async def _read(source: Source, case: _Case, duck: Duck) -> _Read:
    connection = source.connection
    asked = Asked(grain=case.grain, start=FIRST_DAY, end=END, by=["region"])
    question = read_question(
        case.kpi, asked, catalogue=source.catalogue, company=COMPANY, today=_last_day()
    )
    rows = (await answer(source, question)).rows
    values = {
        (date_of(row.period.start), row.members[0]): float(row.value) for row in rows if row.value
    }
    view = _values(await connection.fetch(case.statement))
    parquet = _values(duck.fetch(case.statement))
    if not values == view == parquet:
        raise AssertionError(f"{case.kpi}: cells, view and DuckDB do not agree")
    await _keep(connection, rows)
    return _Read(
        case=case,
        values=values,
        ours=await _time(lambda: _ours(source, question)),
        table=await _time(lambda: _from_table(connection)),
        view=await _time(lambda: connection.fetch(case.statement)),
        duck=await _time(lambda: asyncio.to_thread(duck.fetch, case.statement)),
    )


def _last_day() -> int:
    return COMPANY.day(0) + (END - date(1970, 1, 1)).days


def _values(rows: Sequence[Any]) -> Values:
    return {(period, region): float(value) for period, region, value in rows if value}


async def _ours(source: Source, question: Question) -> bytes:
    """As the API answers, in one page."""
    answered = await answer(source, question)
    head = head_of(answered, currency="USD", catalogue_version=source.catalogue.version)
    return answer_body(
        head, answered.rows, question, comparison=None, targets=None, next_cursor=None
    )


async def _keep(connection: Connection, rows: Sequence[Row]) -> None:
    """All that an answer says, in a table of its own."""
    await connection.execute(
        "DROP TABLE IF EXISTS answers; CREATE TABLE answers (period text, region text,"
        " value float8, numerator float8, denominator float8, n float8, low float8, high float8,"
        " unpriced float8, reason text, mature boolean, PRIMARY KEY (period, region))"
    )
    records = [
        (
            *(row.period.label, row.members[0]),
            *(row.value, row.numerator, row.denominator, row.n),
            *(row.interval or (None, None)),
            *(row.unpriced_count, row.reason, row.mature),
        )
        for row in rows
    ]
    await connection.copy_records_to_table("answers", records=records)
    await connection.execute("VACUUM (ANALYZE) answers")


async def _from_table(connection: Connection) -> bytes:
    rows = await connection.fetch(
        "SELECT * FROM answers WHERE period >= $1 ORDER BY period, region", "2000"
    )
    return msgspec.json.encode([dict(row) for row in rows])


async def _time(read: Callable[[], Awaitable[object]]) -> _Times:
    await read()
    seconds: list[float] = []
    while len(seconds) < _READS and sum(seconds) < _SECONDS_OF_READING:
        begun = time.perf_counter()
        await read()
        seconds.append(time.perf_counter() - begun)
    return _Times(seconds)
