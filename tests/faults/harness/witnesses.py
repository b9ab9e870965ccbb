"""What there is to see after a run: rows, the log and the figures, each read for itself.

Rows are read from the services' databases, figures through the gateway, and the log through the
product's own readers, whose records are taken apart here by hand.
"""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import asyncpg
import httpx

from events import open_log
from events.log import Record, TopicPartition
from faults.harness.commands import Names
from faults.harness.oracle import PARTS, Disagreement, Figures, Row
from faults.harness.stack import PATIENCE_SECONDS
from local.services import SERVICES
from local.stack import Stack

TOPICS: Final = ("customer", "pipeline", "ops", "partner")
CONSUMERS: Final = ("pipeline", "ops", "metrics")
ZONE: Final = ZoneInfo("Asia/Shanghai")
Positions = Mapping[TopicPartition, int]

_ROWS: Final = {
    "pipeline": "SELECT '/tandem/pipeline', coalesce(external_ref, ''), id, version FROM deals",
    "customer": """
        SELECT '/tandem/customer', coalesce(external_ref, ''), id, version FROM leads
        UNION ALL
        SELECT '/tandem/customer', coalesce(external_ref, ''), id, version FROM customers""",
    "ops": """
        SELECT '/tandem/ops', coalesce(external_ref, ''), id, version FROM projects
        UNION ALL SELECT '/tandem/ops', coalesce(external_ref, ''), id, version FROM costs""",
    "gateway": """
        SELECT source, subject, subject, max(sequence) FROM inbox
        WHERE verdict = 'accepted' GROUP BY source, subject""",
}


@dataclass(frozen=True)
class Seen:
    """An event as it stands on the log, in the order of its partition."""

    source: str
    subject: str
    sequence: int
    event_id: str
    content: bytes
    where: tuple[str, int, int]


def rows(stack: Stack) -> list[Row]:
    """All aggregates that the services keep, with the references that their maker gave them."""
    return asyncio.run(_rows(stack))


async def _rows(stack: Stack) -> list[Row]:
    found: list[Row] = []
    for service, query in _ROWS.items():
        connection = await asyncpg.connect(stack.database_url(service))
        try:
            found += [Row(*row) for row in await connection.fetch(query)]
        finally:
            await connection.close()
    return found


def parked(stack: Stack, *, since: datetime) -> list[str]:
    """What consumers have put aside since, in words."""
    return asyncio.run(_parked(stack, since))


async def _parked(stack: Stack, since: datetime) -> list[str]:
    found: list[str] = []
    for service in CONSUMERS:
        connection = await asyncpg.connect(stack.database_url(service))
        try:
            query = "SELECT topic, reason, detail FROM consumer_parked WHERE parked_at >= $1"
            found += [f"{service}: {tuple(row)}" for row in await connection.fetch(query, since)]
        finally:
            await connection.close()
    return found


def owners(stack: Stack) -> Counter[str]:
    """How many partitions each member of the consumer `metrics` has claimed last."""
    query = "SELECT owner FROM consumer_positions WHERE consumer = 'metrics'"
    return Counter(stack.plan.postgres.execute(query, database="metrics"))


def telemetry(stack: Stack, process: str, series: str) -> float:
    """The sum of the samples of a process whose name and labels begin so."""
    port = stack.ports[f"{process}_telemetry"]
    text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
    samples = (line.rpartition(" ") for line in text.splitlines() if line.startswith(series))
    return sum(float(value) for _, _, value in samples)


def everything(http: httpx.Client) -> dict[str, Any]:
    """All KPIs, whole and by each of their dimensions, over two years, or a month of days."""
    found: dict[str, Any] = {}
    for kpi in http.get("/v1/kpis").json()["items"]:
        query = _recent(kpi["grains"])
        for dimension in (None, *kpi["dimensions"]):
            by = {"by": dimension} if dimension else {}
            answer = http.get(f"/v1/kpis/{kpi['id']}", params=query | by)
            assert answer.status_code == httpx.codes.OK, answer.text
            found[f"{kpi['id']} by {dimension}"] = answer.json()["periods"]
    return found


def _recent(grains: list[str]) -> dict[str, str]:
    """The question for all that a run can have changed, by the widest grain that there is."""
    today = datetime.now(ZONE).date()
    for grain in ("year", "quarter", "month"):
        if grain in grains:
            first, end = today.replace(today.year - 1, 1, 1), today.replace(today.year + 1, 1, 1)
            return {"grain": grain, "from": f"{first}", "to": f"{end}"}
    first, end = today - timedelta(days=30), today + timedelta(days=1)
    return {"grain": "day", "from": f"{first}", "to": f"{end}"}


def ends(stack: Stack) -> dict[TopicPartition, int]:
    """Where the log ends now."""

    async def ask() -> dict[TopicPartition, int]:
        async with open_log(stack.event_log) as log:
            return await log.ends(await log.partitions(TOPICS))

    return asyncio.run(ask())


def records(stack: Stack, since: Positions) -> list[Seen]:
    """All events that came on the log since, up to its end now."""
    return asyncio.run(_records(stack, since))


async def _records(stack: Stack, since: Positions) -> list[Seen]:
    found: list[Seen] = []
    async with open_log(stack.event_log) as log:
        end = await log.ends(list(since))
        missing = {where for where, start in since.items() if start < end[where]}
        reader = await log.reader()
        reader.assign({where: since[where] for where in missing})
        while missing:
            batch = await reader.poll(max_records=5_000, timeout_seconds=PATIENCE_SECONDS)
            assert batch, f"the log does not give {missing} up to its end"
            for where, read in batch.items():
                found += [seen(where, record) for record in read if record.offset < end[where]]
                if read[-1].offset + 1 >= end[where]:
                    missing.discard(where)
        await reader.close()
    return found


def seen(where: TopicPartition, record: Record) -> Seen:
    """An event in either of the modes of CloudEvents on Kafka: all in the value, or in headers."""
    assert record.value is not None, f"an empty record at {where}, {record.offset}"
    headers = {name: (value or b"").decode() for name, value in record.headers}
    said = {name.removeprefix("ce_"): value for name, value in headers.items()}
    if headers["content-type"].startswith("application/cloudevents"):
        said = json.loads(record.value)
    return Seen(
        source=said["source"],
        subject=said["subject"],
        sequence=int(said["sequence"]),
        event_id=said["id"],
        content=record.value,
        where=(*where, record.offset),
    )


@dataclass
class Order:
    """What the log says of a run's subjects, by (source, subject)."""

    last: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    copies: int = 0
    late: int = 0
    """Copies that came after a newer event of their subject."""


def check_order(log: Iterable[Seen]) -> Order:
    """That each subject's events came in sequence, and on one partition.

    An event may come again as it was; what comes new must be the next one. Raises
    Disagreement.
    """
    order = Order()
    known: dict[tuple[str, str, int], Seen] = {}
    for event in log:
        key = (event.source, event.subject)
        first = known.setdefault((*key, event.sequence), event)
        if first is not event:
            order.copies += 1
            order.late += event.sequence < order.last[key]
            if (first.event_id, first.content) != (event.event_id, event.content):
                raise Disagreement(f"two events have one sequence: {first} and {event}")
        elif event.sequence != order.last[key] + 1:
            raise Disagreement(f"{event} came after sequence {order.last[key]} of its subject")
        else:
            order.last[key] = event.sequence
        if first.where[:2] != event.where[:2]:
            raise Disagreement(f"a subject is on two partitions: {first} and {event}")
    return order


def figures(http: httpx.Client, names: Names) -> Figures:
    """The KPIs of a run, as a reader at the front door sees them."""
    members = {"product": [*names.products, *names.probes], "process": names.processes}
    today = datetime.now(ZONE).date()
    since, until = (today - timedelta(days=2)).year, today.year + 1
    found: Figures = {}
    for kpi, (dimension, parts) in PARTS.items():
        query = {
            "grain": "year",
            "from": f"{since}-01-01",
            "to": f"{until}-01-01",
            "by": dimension,
            "filter": [f"{dimension}:{member}" for member in members[dimension]],
        }
        response = http.get(f"/v1/kpis/{kpi}", params=query)
        if response.status_code != httpx.codes.OK:
            raise Disagreement(f"{kpi} is not answered: {response.status_code} {response.text}")
        periods = response.json()["periods"]
        stock = kpi == "pipeline_open"
        for period in periods[-1:] if stock else periods:
            for row in period["rows"]:
                for part in parts:
                    key = (kpi, row["dimensions"][dimension], part)
                    number = int(row[part] or 0) + found.get(key, 0)
                    if number:
                        found[key] = number
    return found


async def _waiting(stack: Stack) -> str:
    async with open_log(stack.event_log) as log:
        for service in SERVICES:
            connection = await asyncpg.connect(stack.database_url(service), timeout=5)
            try:
                if await _has(connection, "outbox"):
                    left = await connection.fetchval("SELECT count(*) FROM outbox")
                    if left:
                        return f"{left} events in the outbox of {service}"
                if await _has(connection, "consumer_positions"):
                    behind = await _behind(connection, log)
                    if behind:
                        return f"{service} is behind on {behind}"
            finally:
                await connection.close()
    return ""


async def _has(connection: Any, table: str) -> bool:
    return bool(await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", table))


async def _behind(connection: Any, log: Any) -> list[str]:
    rows: Sequence[Any] = await connection.fetch(
        "SELECT consumer, topic, partition, next_offset FROM consumer_positions"
    )
    end = await log.ends([TopicPartition(row[1], row[2]) for row in rows])
    return [
        f"{topic}/{partition}"
        for _, topic, partition, position in rows
        if position < end[TopicPartition(topic, partition)]
    ]


def waiting(stack: Stack) -> str:
    """What is still on its way, in words; empty when everything has arrived."""
    running = stack.running
    if running is None or any(p.state != "ready" for p in running.processes.values()):
        return "a part is not ready"
    try:
        return asyncio.run(asyncio.wait_for(_waiting(stack), timeout=15))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
        return f"cannot be asked: {error!r}"
