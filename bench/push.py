"""From a business transaction to the KPI pushed over SSE, through the whole product, open loop.

Partners' orders are committed to the gateway's outbox by a fixed schedule. Relay, broker,
metrics service with all KPIs, its outbox, relay and broker again, gateway, and a client that
listens: all on the same cores as the driver. A push carries the count of sales, so the
i-th order is on the client's screen with the first push whose count has reached i.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Self
from uuid import uuid4

import httpx
import uvloop

from bench.outbox_rows import promising
from bench.pushing import at_rest
from bench.report import Figure, milliseconds
from bench.schedule import NOT_KEPT, Schedule, is_kept, keep
from bench.servers import own_stack
from events import Event, Money
from events.types.partner import OrderPaid
from local.stack import Stack

RATES: Final = (100, 1_000, 5_000, 20_000)
SECONDS: Final = 8.0
_SOURCE: Final = "/partners/bench"
_SESSIONS: Final = 5
_PATIENCE_SECONDS: Final = 5.0
"""What is not pushed so long after the last order was not sustained."""


def measure(scale: float) -> Iterator[Figure]:
    with own_stack() as stack:
        yield at_rest(stack)
        with _Screen(stack) as screen:
            for rate in RATES:
                schedule = Schedule(rate, max(3.0, SECONDS * scale))
                figure, sustained = uvloop.run(_pushed(stack, screen, schedule))
                yield figure
                if not sustained:
                    return  # a higher rate would measure the backlog of this one


@dataclass
class _Screen:
    """A client that listens, and when it saw which count of sales."""

    stack: Stack
    seen: list[tuple[float, int]] = field(default_factory=list)
    _closing: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        threading.Thread(target=self._listen, daemon=True).start()
        deadline = time.monotonic() + 20
        while not self.seen:
            if time.monotonic() > deadline:
                raise TimeoutError("the stream of KPIs sent no first answer")
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()

    @property
    def count(self) -> int:
        return self.seen[-1][1]

    def delays(self, due: list[float], *, before: int) -> list[float]:
        """For each order, in the order of their due times, until the push that covers it."""
        pushes = iter(self.seen)
        at, count = next(pushes)
        found: list[float] = []
        for number, due_at in enumerate(due, start=before + 1):
            while count < number:
                pushed = next(pushes, None)
                if pushed is None:
                    return found
                at, count = pushed
            found.append(at - due_at)
        return found

    def _listen(self) -> None:
        headers = {"authorization": f"Bearer {self.stack.token('boss')}"}
        query = {"kpi": "revenue_net", "period": f"{datetime.now(UTC):%Y}"}
        url = f"{self.stack.url}/v1/kpis/stream"
        with httpx.stream("GET", url, params=query, headers=headers, timeout=None) as response:
            for line in response.iter_lines():
                if line.startswith("data:"):
                    answer = json.loads(line.removeprefix("data:"))
                    rows = answer["periods"][0]["rows"]
                    self.seen.append((time.time(), (rows[0]["n"] or 0) if rows else 0))
                if self._closing.is_set():
                    return


async def _pushed(stack: Stack, screen: _Screen, schedule: Schedule) -> tuple[Figure, bool]:
    before, size, outbox = (
        screen.count,
        schedule.events_a_transaction,
        stack.database_url("gateway"),
    )
    due: list[float] = []
    async with promising(outbox, topic="partner", sessions=_SESSIONS) as promise:

        async def transact(_number: int, at: float) -> None:
            due.extend([at] * size)
            await promise([_order(at) for _ in range(size)])

        commits = await keep(schedule, transact, sessions=_SESSIONS)
    pushed = await _until_pushed(screen, before + schedule.events)
    delays = screen.delays(sorted(due), before=before)
    note = (
        f"{schedule.events:,} orders, {size} a transaction; "
        f"the business transaction itself {milliseconds(commits)}"
    )
    if not pushed:
        note += (
            f"; only {screen.count - before:,} were pushed within {_PATIENCE_SECONDS:.0f} s of "
            "the last: more than the engine sustains; higher rates were not tried"
        )
    elif not is_kept(commits):
        note += f"; {NOT_KEPT}; higher rates were not tried"
    sustained = pushed and is_kept(commits)
    value = milliseconds(delays) if sustained else "not sustained"
    rate = schedule.events_a_second
    return Figure(f"due time to the pushed KPI at {rate:,} events/s", value, note), sustained


async def _until_pushed(screen: _Screen, count: int) -> bool:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while screen.count < count:
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.05)
    return True


def _order(at: float) -> Event:
    moment = datetime.fromtimestamp(at, UTC)
    order = OrderPaid(order_id=uuid4().hex, amount=Money(amount_minor=1999, currency="USD"))
    return Event.of(order, source=_SOURCE, sequence=1, occurred_at=moment, recorded_at=moment)
