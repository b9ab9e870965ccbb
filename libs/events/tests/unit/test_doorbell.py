"""Ringing is cheap under load, and never in the way."""

import asyncio
from typing import Any

from events.doorbell import RING, Doorbell


class Bell:
    """The connection that the doorbell sends its statement through."""

    def __init__(self, *, error: Exception | None = None) -> None:
        self.rings: list[str] = []
        self.heard = asyncio.Event()
        self._error = error

    async def connect(self) -> Any:
        return self

    def is_closed(self) -> bool:
        return self._error is not None

    def terminate(self) -> None: ...

    async def execute(self, statement: str) -> None:
        await asyncio.sleep(0)
        self.rings.append(statement)
        self.heard.set()
        if self._error is not None:
            raise self._error


async def test_it_rings_at_once_and_then_once_for_all_that_came_meanwhile() -> None:
    bell = Bell()
    doorbell = Doorbell(bell.connect)
    doorbell.ring()
    await asyncio.wait_for(bell.heard.wait(), 10)
    for _ in range(1_000):
        doorbell.ring()
    await asyncio.wait_for(doorbell.quiet(), 10)
    assert bell.rings == [RING, RING]


async def test_it_rings_again_after_a_rest() -> None:
    bell = Bell()
    doorbell = Doorbell(bell.connect)
    for _ in range(3):
        doorbell.ring()
        await asyncio.wait_for(doorbell.quiet(), 10)
    assert bell.rings == [RING, RING, RING]


async def test_a_database_that_is_away_is_no_error_of_whoever_rings() -> None:
    bell = Bell(error=OSError("away"))
    doorbell = Doorbell(bell.connect)
    doorbell.ring()
    await asyncio.wait_for(doorbell.quiet(), 10)
    doorbell.ring()
    await asyncio.wait_for(doorbell.quiet(), 10)
    assert len(bell.rings) == 2


async def test_nothing_is_left_running_after_it_is_closed() -> None:
    bell = Bell()
    doorbell = Doorbell(bell.connect)
    doorbell.ring()
    await doorbell.close()
    assert bell.rings == []
