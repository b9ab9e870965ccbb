"""Open loop: transactions are due at times fixed in advance, however late the last one was.

A closed loop waits for a slow system and so leaves out the delays that a customer would
have met (coordinated omission). Here a delay counts from the due time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_TRANSACTIONS_A_SECOND: Final = 200
"""Above it they carry several events, as imports and partners' batches do: a transaction costs the
driver and PostgreSQL some 0.7 ms, and what is measured is the path behind it.
"""

NOT_KEPT: Final = "the driver did not keep its schedule, so the rate was lower: the cores were full"
_LATE_SECONDS: Final = 0.5
_LATE_SHARE: Final = 0.01


@dataclass(frozen=True)
class Schedule:
    """So many events a second for so long, in transactions of equal size at equal distances."""

    events_a_second: int
    seconds: float

    @property
    def events_a_transaction(self) -> int:
        return max(1, self.events_a_second // _TRANSACTIONS_A_SECOND)

    @property
    def transactions(self) -> int:
        return int(self.events_a_second * self.seconds) // self.events_a_transaction

    @property
    def events(self) -> int:
        return self.transactions * self.events_a_transaction

    def offsets(self) -> Iterator[float]:
        """Seconds after the start at which each transaction is due."""
        distance = self.events_a_transaction / self.events_a_second
        return (number * distance for number in range(self.transactions))


def is_kept(taken: Sequence[float]) -> bool:
    """Whether the driver kept up. Where it did not, its rate was lower than the one asked for."""
    late = sum(seconds > _LATE_SECONDS for seconds in taken)
    return late <= _LATE_SHARE * len(taken)


async def keep(
    schedule: Schedule,
    transact: Callable[[int, float], Awaitable[None]],
    *,
    sessions: int,
    begun_at: float | None = None,
) -> list[float]:
    """Run `transact(number, due)` for each transaction, at its due time (of `time.time`) or as
    soon after it as a session is free. Gives the seconds from due to done of each.
    """
    start = time.time() + 0.1 if begun_at is None else begun_at
    due = enumerate(start + offset for offset in schedule.offsets())
    taken: list[float] = []

    async def work() -> None:
        for number, at in due:
            await asyncio.sleep(max(0.0, at - time.time()))
            await transact(number, at)
            taken.append(time.time() - at)

    await asyncio.gather(*(work() for _ in range(sessions)))
    return taken
