"""The consumer of the narrow views, telling for every event how long after its due time it counted.

Run as a process of its own. The fold notes the events of a batch; when the consumer
says that the batch is committed, their delays are known: `recordedtime` is the instant at
which the business transaction was due, by a schedule that was fixed in advance.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

import asyncpg
import uvloop

from bench.views import VIEWS_SQL, SaleMade, ViewSums
from chassis.process import quiet_collector
from events import Connection, Consumer, EventLike, Folding, Unobserved, open_log, schema_sql


class _Delays(Unobserved):
    """Delays in seconds, in the order of the commits."""

    def __init__(self) -> None:
        self._applied: deque[datetime] = deque()
        self.seconds: list[float] = []

    def begin(self) -> _TimedSums:
        return _TimedSums(self._applied)

    def batch_applied(self, consumer: str, *, applied: int, **_: object) -> None:  # noqa: ARG002
        now = datetime.now(UTC)
        for _number in range(applied):
            self.seconds.append((now - self._applied.popleft()).total_seconds())

    def retrying(self, consumer: str, *, error: Exception, seconds: float) -> None:  # noqa: ARG002
        print(f"bench.fresh_fold: {error!r}", file=sys.stderr)
        self._applied.clear()


class _TimedSums(ViewSums):
    """Tells the due times of its events when it is saved."""

    def __init__(self, applied: deque[datetime]) -> None:
        super().__init__(views=3)
        self._applied = applied
        self._due: list[datetime] = []

    def add(self, events: Sequence[EventLike]) -> None:
        super().add(events)
        self._due += [event.recordedtime for event in events]

    async def save(self, connection: Connection) -> None:
        await super().save(connection)
        self._applied.extend(self._due)


async def _run(arguments: argparse.Namespace) -> None:
    delays, stop = _Delays(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with (
        open_log(arguments.log) as log,
        asyncpg.create_pool(arguments.database, min_size=1, max_size=4) as pool,
    ):
        for statement in (VIEWS_SQL, *schema_sql.statements(schema_sql.CONSUMER_SQL)):
            await pool.execute(statement)
        consumer = Consumer(
            log,
            pool,
            name="views",
            topics=[arguments.topic],
            handler=Folding(partial(ViewSums, views=3) if arguments.untimed else delays.begin),
            reads=[SaleMade],
            versions="handler",
            observer=None if arguments.untimed else delays,
        )
        await consumer.run(stop)
    print("\n".join(f"{seconds:.6f}" for seconds in delays.seconds))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.fresh_fold")
    for name in ("log", "database", "topic"):
        parser.add_argument(name)
    parser.add_argument("--untimed", action="store_true", help="apply, and tell nothing")
    arguments = parser.parse_args()
    quiet_collector()
    uvloop.run(_run(arguments))


if __name__ == "__main__":
    main()
