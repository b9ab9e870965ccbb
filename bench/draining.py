"""The product's consumer with the narrow views on a whole topic, and what it costs an event.

python -m bench.draining --log kafka://… --database postgresql://… --topic t --views 3
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Final, Literal

import asyncpg
import msgspec
import uvloop

from bench.views import VIEWS_SQL, Views, ViewSums, read_by
from chassis.process import quiet_collector
from events import Consumer, ConsumerSettings, Folding, Unobserved, open_log, schema_sql

_ROOT: Final = Path(__file__).parents[1]


class Drained(msgspec.Struct, frozen=True, kw_only=True):
    """What it took to apply so many events. CPU is user and system time together."""

    events: int
    batches: int
    wall_seconds: float
    python_cpu_seconds: float
    postgres_cpu_seconds: float
    peak_memory_bytes: int

    @property
    def events_a_second(self) -> float:
        return self.events / self.wall_seconds

    @property
    def cpu_microseconds_an_event(self) -> float:
        return (self.python_cpu_seconds + self.postgres_cpu_seconds) / self.events * 1e6


def drain(
    log: str,
    database: str,
    topic: str,
    *,
    views: Views = 3,
    versions: Literal["consumer", "handler"] = "consumer",
    **settings: float,
) -> Drained:
    """Apply the whole topic in a process of its own, from the log's URL to an empty database's.

    `settings` are those of ConsumerSettings; `max_records=1` gives a transaction to each event
    where the consumer checks versions.
    """
    arguments = [f"--log={log}", f"--database={database}", f"--topic={topic}", f"--views={views}"]
    arguments += [f"--versions={versions}"]
    arguments += [f"--set={name}={value}" for name, value in settings.items()]
    done = subprocess.run(
        [sys.executable, "-m", "bench.draining", *arguments],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    return msgspec.json.decode(done.stdout, type=Drained)


class _Meter(Unobserved):
    """Starts at the claim and stops at the last record."""

    def __init__(self, *, events: int, server: int) -> None:
        self._events = events
        self._server = server
        self._begun = (0.0, 0.0, 0.0)
        self._records = self._batches = 0
        self.done = asyncio.Event()
        self.result: Drained | None = None

    def claimed(self, consumer: str, *, partitions: int) -> None:  # noqa: ARG002 - an observer's
        if not self._records:
            self._begun = self._now()

    def retrying(self, consumer: str, *, error: Exception, seconds: float) -> None:  # noqa: ARG002
        print(f"bench.draining: {error!r}", file=sys.stderr)

    def batch_applied(self, consumer: str, *, records: int, **_: object) -> None:  # noqa: ARG002
        self._records += records
        self._batches += 1
        if self._records >= self._events and self.result is None:
            wall, python, postgres = map(float.__sub__, self._now(), self._begun)
            self.result = Drained(
                events=self._records,
                batches=self._batches,
                wall_seconds=wall,
                python_cpu_seconds=python,
                postgres_cpu_seconds=postgres,
                peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            )
            self.done.set()

    def _now(self) -> tuple[float, float, float]:
        return time.monotonic(), time.process_time(), _cpu_seconds_of_family(self._server)


def _cpu_seconds_of_family(process: int) -> float:
    """CPU of a process, its children of now, and those that it has seen end."""
    ticks = 0
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(") ")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(entry.name) == process:
            ticks += sum(map(int, fields[11:15]))
        elif int(fields[1]) == process:
            ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()[1])


async def _drain_here(arguments: argparse.Namespace) -> Drained:
    settings = dict(pair.split("=") for pair in arguments.set)
    async with (
        open_log(arguments.log) as log,
        asyncpg.create_pool(arguments.database, min_size=1, max_size=4) as pool,
    ):
        for statement in (VIEWS_SQL, *schema_sql.statements(schema_sql.CONSUMER_SQL)):
            await pool.execute(statement)
        ends = await log.ends(await log.partitions([arguments.topic]))
        backend = await pool.fetchval("SELECT pg_backend_pid()")
        meter = _Meter(
            events=min(arguments.most, sum(ends.values())),
            server=_parent(backend),
        )
        consumer = Consumer(
            log,
            pool,
            name="views",
            topics=[arguments.topic],
            handler=Folding(partial(ViewSums, views=arguments.views)),
            reads=[read_by(arguments.views)],
            versions=arguments.versions,
            observer=meter,
            settings=msgspec.convert(settings, ConsumerSettings, strict=False),
        )
        stop = asyncio.Event()
        running = asyncio.create_task(consumer.run(stop))
        await asyncio.wait(
            {running, asyncio.create_task(meter.done.wait())}, return_when=asyncio.FIRST_COMPLETED
        )
        stop.set()
        await running
    assert meter.result is not None
    return meter.result


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.draining")
    parser.add_argument("--log", required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--views", type=int, choices=(1, 3), default=3)
    parser.add_argument("--versions", choices=("consumer", "handler"), default="consumer")
    parser.add_argument("--most", type=int, default=sys.maxsize, help="stop after so many")
    parser.add_argument("--set", action="append", default=[], help="name=value of ConsumerSettings")
    arguments = parser.parse_args()
    quiet_collector()
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(_drain_here(arguments))) + b"\n")


if __name__ == "__main__":
    main()
