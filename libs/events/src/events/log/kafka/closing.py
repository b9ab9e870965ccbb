"""How aiokafka's clients end: in bounded time, and never as if we had been told to stop.

With Kafka down their own stop can wait for ever, and it or a request under way can
end as cancelled though nobody cancelled it. Either would leave a process alive and deaf.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

from aiokafka.errors import KafkaError

_SECONDS: Final = 3.0


async def end_within(stop: Coroutine[Any, Any, None], seconds: float = _SECONDS) -> bool:
    """Run a client's stop; give it up after `seconds`. Whether it ended cleanly.

    Not `wait_for`: that waits for the cancelled stop, which may not answer either.
    """
    task = asyncio.ensure_future(stop)
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if not done:
        task.cancel()
        return False
    if task.cancelled():  # by something inside it that had ended so: to us that says nothing
        return False
    error = task.exception()
    if error is not None and not isinstance(error, KafkaError):
        raise error
    return error is None


def is_asked_to_end() -> bool:
    """Whether this task was cancelled by one of us, and not by the client inside it."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
